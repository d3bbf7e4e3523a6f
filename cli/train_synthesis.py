"""`wisp train synthesis`: train a faster decoder for the files of a model."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options, train_options
from cli.command import WispCommand
from cli.train_options import Changes
from cli.train_run import RunOptions, run_options, run_recipe

EPILOG = """\b
Examples:
  wisp train synthesis --data photos --out run
  wisp train synthesis --data photos --minutes 300 --set network.leave_out=[0,1,4,5] --out run
"""


@click.command(cls=WispCommand, short_help="Train a faster decoder for a model's files.", epilog=EPILOG)
@train_options.data
@train_options.out
@train_options.changes
@run_options
@options.debug
def synthesis(data: tuple[Path, ...], out: Path, changes: Changes, run: RunOptions) -> None:
    """Train a smaller synthesis for the latents of a model, into the folder RUN.

    The latents are made once and kept in RUN (0.3 MB a crop). Files, latents and checks stay as they are:
    `wisp decode --fast` shows the same files sooner and a little worse, once `wisp train export` has made its file.
    """
    run_recipe(changes.apply("synthesis", run.resumed(out)), data, out, run)
