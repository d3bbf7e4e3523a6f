"""`wisp verify`: read every byte, decode every unit, tell the hash of the latents."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import click

from bitstream.errors import CorruptError
from bitstream.metadata import named
from cli import inputs as sources
from cli import options
from cli.command import WispCommand
from cli.progress import JobProgress, shown
from codec.files.source import ByteSource, read_file
from codec.notes import WispNote

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
    """Check the .wisp file INPUT to the last byte and decode every unit of it, of every frame."""
    with sources.opened(input) as source:
        if source.kind == "sequence":
            facts, counted = _sequence(source, input, model, arithmetic), "frames"
        else:
            facts, counted = _still(source, model, arithmetic), "tiles"
    facts = {"file": input, "ok": True, **facts}
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        count = f"{facts[counted]} {'units' if counted == 'tiles' else counted}"
        click.echo(f"{input}: fine, {facts['bytes']} bytes, {count}, latents {facts['latents_sha256']}")


def _still(source: ByteSource, model: Path | None, arithmetic: options.Arithmetic) -> dict[str, Any]:
    from codec.jobs.describe_still import describe

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WispNote)  # bytes after the end are more than a note here
        still = read_file(source)
    if still.trailing:
        raise CorruptError(f"{still.trailing} bytes follow the end chunk at byte {still.size}")
    if still.damaged:
        raise CorruptError(f"{named(still.damaged)} damaged; the picture is not")
    codec, facts = arithmetic.codec(model), describe(still, model)
    return {
        **facts.as_dict(),
        "latents_sha256": codec.check(still),
        **codec.arithmetic_of(facts.model),
    }


def _sequence(source: ByteSource, name: str, model: Path | None, arithmetic: options.Arithmetic) -> dict[str, Any]:
    from codec.jobs.describe_sequence import verify_sequence

    codec = arithmetic.codec(model)
    with shown("auto", [1], quiet=False) as show:
        show.begin(0, name)
        frames = JobProgress(show).of_frames()
        facts, latents = verify_sequence(source, codec, model, lambda _: frames.add(1))
    return {**facts.as_dict(), "latents_sha256": latents, **codec.arithmetic_of(facts.model)}
