"""`wisp info`: what a file says of itself, without decoding it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitstream.metadata import NAMES
from cli import options
from cli.command import WispCommand

if TYPE_CHECKING:
    from codec.description import FileDescription


def print_description(facts: FileDescription) -> None:
    """The same for people."""
    known = "unknown (its model is not here)" if facts.quality is None else facts.quality
    quality = "lossless" if facts.lossless else f"{known} (model quality {facts.model_quality:g} of 63)"
    tiles = f"{facts.tiles} of at most {facts.tile} x {facts.tile} pixels, {facts.lossless_tiles} lossless"
    kept = ", ".join(f"{NAMES[kind]} {count} bytes" for kind, count in facts.metadata.items())
    rows = [
        ("picture", f"{facts.width} x {facts.height} {facts.mode}, {facts.bit_depth} bits"),
        ("quality", quality),
        ("tiles", tiles),
        ("model", facts.model or "none is needed"),
        ("metadata", kept or "none"),
        ("size", f"{facts.bytes} bytes, {facts.payload_bytes} of them pixels ({facts.bpp:.3f} bpp)"),
        ("format", f"version {facts.version}, {len(facts.chunks)} chunks"),
    ]
    for name, value in rows:
        click.echo(f"{name:<10}{value}")


@click.command(
    cls=WispCommand,
    short_help="Show what a .wisp file holds, without decoding.",
    epilog="\b\nExample:\n  wisp info --json photo.wisp\n",
)
@options.input_argument
@options.as_json
@options.model
@options.debug
def info(input: str, as_json: bool, model: Path | None) -> None:
    """Show what the .wisp file INPUT holds; every checksum is tested, nothing is decoded."""
    from codec.description import probe

    facts = probe(options.open_wisp(input), model=model)
    if as_json:
        click.echo(json.dumps({"file": input, **facts.as_dict()}, indent=2))
    else:
        print_description(facts)
