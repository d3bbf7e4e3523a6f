"""`wisp concat`: sequences one after the other, their frames as they are coded."""

from __future__ import annotations

import click

from cli import options
from cli.command import WispCommand, say
from cli.edited import told
from cli.inputs import STDIN
from codec.files.output import Writing

EXAMPLES = """\b
Examples:
  wisp concat first.wisp second.wisp -o both.wisp
  wisp concat part-*.wisp -o - | wisp decode - -o whole.mp4
"""


@click.command(cls=WispCommand, short_help="Join sequences, without coding anew.", epilog=EXAMPLES)
@options.inputs_argument
@options.output_to
@options.overwrite
@options.verbose
@options.debug
def concat(inputs: tuple[str, ...], output: str, overwrite: bool, verbose: bool) -> None:
    """Join the sequences INPUT in this order; frames and sound are copied as they are.

    Size, channels and tiles must agree. Sound is kept where all have streams of the same kind.
    """
    from codec.jobs.edit import concat_files

    if STDIN in inputs:
        raise click.UsageError("standard input (-) cannot be joined: name files.")
    report = concat_files(inputs, output, Writing(overwrite))
    if verbose:
        say("concat", told(output, report))
