"""`wisp train predicted`: train the network of predicted frames."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options, train_options
from cli.command import WispCommand
from cli.train_options import Changes
from cli.train_run import RunOptions, run_options, run_recipe

EPILOG = """\b
Examples:
  wisp train predicted --data clips.tar --out run
  wisp train predicted --data clips.tar --vectors vectors.npz --start state.pt --minutes 600 --out run
"""


@click.command(cls=WispCommand, short_help="Train the network of predicted frames.", epilog=EPILOG)
@train_options.data
@train_options.out
@click.option(
    "--vectors",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The clips' vectors (.npz), not searched for then.",
)
@train_options.changes
@run_options
@options.debug
def predicted(data: tuple[Path, ...], out: Path, vectors: Path | None, changes: Changes, run: RunOptions) -> None:
    """Fine-tune the image model for frames that are predicted from others, into the folder RUN.

    DIR holds packs of clips of nine frames. Frames and vectors are kept in RUN (1.8 MB a clip); the search for
    vectors takes some seconds a clip.
    """
    fixed = {} if vectors is None else {"network.vectors": str(vectors)}
    run_recipe(changes.apply("predicted", run.resumed(out), **fixed), data, out, run)
