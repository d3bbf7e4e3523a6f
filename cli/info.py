"""`wisp info`: what a file says of itself, without decoding it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from cli import options
from cli.command import WispCommand


def describe(name: str, model: Path | None) -> dict[str, Any]:
    """What `wisp info --json` prints; `quality` is None where the file's model is not here."""
    from bitstream.errors import ModelNotFoundError
    from codec.model.file import read_quality_curve
    from codec.model.quality import to_user_quality
    from codec.model.registry import find_model
    from codec.sources import read_file

    still = read_file(options.open_input(name))
    header = still.header
    identity = header.model_ids[0].hex()
    try:
        curve = read_quality_curve(find_model(identity, model).path)
        quality = to_user_quality(curve, header.quality)
    except ModelNotFoundError:
        quality = None
    return {
        "file": name,
        "version": header.version,
        "width": header.width,
        "height": header.height,
        "mode": header.mode,
        "bit_depth": header.bit_depth,
        "quality": quality,
        "model_quality": header.quality / 256,
        "tile": header.tile,
        "tiles": len(still.units),
        "model": identity,
        "content_id": header.content_id.hex(),
        "bytes": still.size + still.trailing,
        "payload_bytes": still.payload_bytes,
        "bpp": round(8 * (still.size + still.trailing) / (header.width * header.height), 4),
        "chunks": [{"type": c.name, "offset": c.offset, "length": c.length} for c in still.chunks],
    }


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
    facts = describe(input, model)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        print_description(facts)
