"""`wisp train detail`: train the prior of the detail layer."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options, train_options
from cli.command import WispCommand
from cli.train_options import Changes
from cli.train_run import RunOptions, run_options, run_recipe

EPILOG = """\b
Examples:
  wisp train detail --data photos --out run
  wisp train detail --data photos --start detail.pt --minutes 60 --out run
"""


@click.command(cls=WispCommand, short_help="Train the prior of the detail layer.", epilog=EPILOG)
@train_options.data
@train_options.out
@train_options.changes
@run_options
@options.debug
def detail(data: tuple[Path, ...], out: Path, changes: Changes, run: RunOptions) -> None:
    """Train the prior of the detail layer, which codes what the image model leaves, into the folder RUN.

    Crops are coded by the image model once and kept in RUN (0.7 MB a crop). The table of the validation gives
    bits and PSNR by quantiser step.
    """
    run_recipe(changes.apply("detail", run.resumed(out)), data, out, run)
