"""`wisp info`: what a file says of itself, without decoding it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitstream.errors import RequestError
from bitstream.metadata import NAMES
from cli import inputs as sources
from cli import options
from cli.command import WispCommand

if TYPE_CHECKING:
    from codec.jobs.describe_sequence import FrameDescription, SequenceDescription
    from codec.jobs.describe_still import FileDescription

EXAMPLES = """\b
Examples:
  wisp info --json photo.wisp
  wisp info --frames clip.wisp            a line for every frame of a sequence
"""
_COLUMNS = f"{'frame':>7} {'kind':<9} {'time':>11} {'duration':>9} {'bytes':>9} {'quality':>7} {'lossless':>8}"


def print_description(facts: FileDescription) -> None:
    """The same for people."""
    tiles = f"{facts.tiles} of at most {facts.tile} x {facts.tile} pixels, {facts.lossless_tiles} lossless"
    _print(
        ("picture", f"{facts.width} x {facts.height} {facts.mode}, {facts.bit_depth} bits"),
        ("quality", _quality(facts)),
        ("tiles", tiles),
        ("model", facts.model or "none is needed"),
        ("metadata", _kept(facts.metadata)),
        ("size", f"{facts.bytes} bytes, {facts.payload_bytes} of them pixels ({facts.bpp:.3f} bpp){_detail(facts)}"),
        ("format", f"version {facts.version}, {len(facts.chunks)} chunks"),
    )


def _print_sequence(facts: SequenceDescription) -> None:
    rate = "no nominal rate" if facts.rate is None else f"{facts.rate} frames a second"
    aspect = "" if facts.pixel_aspect == "1" else f", pixels of {facts.pixel_aspect}"
    sound = [f"{one['codec']} {one['sample_rate']} Hz {one['layout']}, {one['packets']} packets" for one in facts.audio]
    source = ", ".join(filter(None, (facts.colour_matrix, facts.colour_range and f"{facts.colour_range} range")))
    _print(
        ("sequence", f"{facts.width} x {facts.height} {facts.mode}, {facts.bit_depth} bits{aspect}"),
        ("frames", f"{facts.frames}, {facts.repeats} of them repeats; {facts.duration:.2f} s"),
        ("timing", f"{rate}, times in units of {facts.time_base} s"),
        ("source", source or "its colours are not stated"),
        ("sound", "; ".join(sound) or "none"),
        ("quality", _quality(facts)),
        ("tiles", f"at most {facts.tile} x {facts.tile} pixels"),
        ("model", facts.model or "none is needed"),
        ("metadata", _kept(facts.metadata)),
        ("size", f"{facts.bytes} bytes; frames {facts.kbps:.1f} kbit/s ({facts.bpp:.3f} bpp)"),
        ("format", f"version {facts.version}"),
        *([("damaged", " and ".join(facts.damaged))] if facts.damaged else []),
    )


def _print(*rows: tuple[str, str]) -> None:
    for name, value in rows:
        click.echo(f"{name:<10}{value}")


def _detail(facts: FileDescription) -> str:
    base = facts.payload_bytes - facts.detail_bytes
    return f": {base} of the base, {facts.detail_bytes} of detail" if facts.detail_bytes else ""


def _quality(facts: FileDescription | SequenceDescription) -> str:
    if facts.lossless:
        return "lossless"
    known = "unknown (its model is not here)" if facts.quality is None else facts.quality
    return f"{known} (model quality {facts.model_quality:g} of 63)"


def _kept(metadata: dict[str, int]) -> str:
    return ", ".join(f"{NAMES[kind]} {count} bytes" for kind, count in metadata.items()) or "none"


def _print_frames(rows: Iterator[FrameDescription]) -> None:
    click.echo(_COLUMNS)
    for row in rows:
        quality = "-" if row.quality is None else f"{row.quality:g}"
        click.echo(
            f"{row.number:>7} {row.kind:<9} {row.time:>11.6f} {row.duration:>9} {row.bytes:>9} {quality:>7}"
            f" {row.lossless_tiles:>8}"
        )


def _print_frames_as_json(rows: Iterator[FrameDescription]) -> None:
    """A whole list even where the file ends early: what comes before the fault."""
    before = "["
    try:
        for row in rows:
            click.echo(f"{before}\n  {json.dumps(asdict(row))}", nl=False)
            before = ","
    finally:
        click.echo("[]" if before == "[" else "\n]")


@click.command(cls=WispCommand, short_help="Show what a .wisp file holds, without decoding.", epilog=EXAMPLES)
@options.input_argument
@options.as_json
@click.option("--frames", is_flag=True, help="Of a sequence: print a line for every frame.")
@options.model
@options.debug
def info(input: str, as_json: bool, frames: bool, model: Path | None) -> None:
    """Show what the .wisp file INPUT holds; every checksum is tested, nothing is decoded."""
    from codec.jobs.describe_sequence import described_frames
    from codec.jobs.describe_still import FileDescription, probe

    with sources.opened(input) as source:
        if frames:
            if source.kind != "sequence":
                probe(source, model=model)  # which knows better, where it is no Wisp file
                raise RequestError("is a still picture: --frames is for sequences")
            (_print_frames_as_json if as_json else _print_frames)(described_frames(source, model))
            return
        facts = probe(source, model=model)
    if as_json:
        click.echo(json.dumps({"file": input, **facts.as_dict()}, indent=2))
    elif isinstance(facts, FileDescription):
        print_description(facts)
    else:
        _print_sequence(facts)
