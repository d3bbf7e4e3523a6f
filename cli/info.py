"""`wisp info`: what a file says of itself, without decoding it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.command import WispCommand


def print_description(facts: dict[str, Any]) -> None:
    """The same for people."""
    quality = "unknown (its model is not here)" if facts["quality"] is None else facts["quality"]
    rows = [
        ("picture", f"{facts['width']} x {facts['height']} {facts['mode']}, {facts['bit_depth']} bits"),
        ("quality", f"{quality} (model quality {facts['model_quality']:g} of 63)"),
        ("tiles", f"{facts['tiles']} of at most {facts['tile']} x {facts['tile']} pixels"),
        ("model", facts["model"]),
        ("size", f"{facts['bytes']} bytes, {facts['payload_bytes']} of them range-coded ({facts['bpp']:.3f} bpp)"),
        ("format", f"version {facts['version']}, {len(facts['chunks'])} chunks"),
    ]
    for name, value in rows:
        click.echo(f"{name:<9}{value}")


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
    from codec.description import describe
    from codec.sources import read_file

    facts = {"file": input, **describe(read_file(options.open_wisp(input)), model)}
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        print_description(facts)
