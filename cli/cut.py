"""`wisp cut`: a part of a sequence, its frames as they are coded."""

from __future__ import annotations

from fractions import Fraction

import click

from cli import inputs as sources
from cli import options
from cli.command import WispCommand, say
from cli.edited import told
from cli.selection_options import DURATION, FRAMES, START, selected
from codec.files.output import Writing

EXAMPLES = """\b
Examples:
  wisp cut clip.wisp -o part.wisp --start 1:30 --duration 10
  wisp cut clip.wisp -o part.wisp --frames 100:200
  wisp cut --salvage clip.wisp.part -o clip.wisp      what a killed encoder left
  wisp cut - -o - --start 5 < clip.wisp | wisp decode - -o part.mp4
"""


@click.command(cls=WispCommand, short_help="Cut a part out of a sequence, without coding anew.", epilog=EXAMPLES)
@options.input_argument
@options.output_to
@FRAMES
@START
@DURATION
@click.option("--salvage", is_flag=True, help="Of a damaged or unfinished sequence take every intact frame.")
@options.overwrite
@options.verbose
@options.debug
def cut(
    input: str,
    output: str,
    span: tuple[int, int | None] | None,
    start: Fraction | None,
    duration: Fraction | None,
    salvage: bool,
    overwrite: bool,
    verbose: bool,
) -> None:
    """Cut a part out of the sequence INPUT (- is standard input); its frames and sound are copied as they are.

    The times of what is left are counted from its beginning.
    """
    from codec.jobs.edit import cut_file

    if span is None and start is None and duration is None and not salvage:
        raise click.UsageError("say what is to be left: --frames, or --start and --duration, or --salvage.")
    with sources.opened(input) as source:
        report = cut_file(source, output, selected(span, start, duration), Writing(overwrite), salvage=salvage)
    if report.lost:
        say(input, f"{report.lost} frames are lost, the rest was written")
    if verbose:
        say(input, told(output, report))
