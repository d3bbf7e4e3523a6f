"""`wisp verify`: read every byte, decode every unit, tell the hash of the latents."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import click

from bitstream.metadata import named
from cli import options
from cli.command import WispCommand

EXAMPLES = """\b
Example:
  wisp verify --json photo.wisp           latents_sha256 is the same on every machine
"""


@click.command(cls=WispCommand, short_help="Check a .wisp file to the last byte.", epilog=EXAMPLES)
@options.input_argument
@options.as_json
@options.model
@options.arithmetic
@options.debug
def verify(
    input: str,
    as_json: bool,
    model: Path | None,
    arithmetic: options.Arithmetic,
) -> None:
    """Check the .wisp file INPUT to the last byte and decode every unit of it."""
    from bitstream.errors import CorruptError
    from codec.description import describe
    from codec.notes import WispNote
    from codec.sources import read_file

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WispNote)  # bytes after the end are more than a note here
        still = read_file(options.open_wisp(input))
    if still.trailing:
        raise CorruptError(f"{still.trailing} bytes follow the end chunk at byte {still.size}")
    if still.damaged:
        raise CorruptError(f"{named(still.damaged)} damaged; the picture is not")
    codec = arithmetic.codec(model)
    facts = {
        "file": input,
        "ok": True,
        **describe(still, model).as_dict(),
        "latents_sha256": codec.check(still),
        **codec.arithmetic_of(still),
    }
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        click.echo(f"{input}: fine, {still.size} bytes, {len(still.units)} units, latents {facts['latents_sha256']}")
