"""`wisp train image`: train the image network, or one of CompressAI's, on pictures."""

from __future__ import annotations

from pathlib import Path

import click

from cli import options, train_options
from cli.command import WispCommand
from cli.train_options import Changes
from cli.train_run import RunOptions, run_options, run_recipe

EPILOG = """\b
Examples:
  wisp train image --data photos --recipe tiny --steps 60 --out run
  wisp train image --data photos --data more.tar --recipe laptop --minutes 480 --out run
  wisp train image --data photos --loss l1 --dropout 0.1 --epochs 20 --patience 3 --out run
  wisp train image --data photos --out run --resume
  torchrun --nproc-per-node 4 -m cli.start train image --data packs --out run
"""


@click.command(cls=WispCommand, short_help="Train the image network.", epilog=EPILOG)
@train_options.data
@train_options.out
@click.option("--model", metavar="KIND", help="compressai:NAME trains one of CompressAI's networks instead.")
@train_options.changes()
@run_options
@options.debug
def image(data: tuple[Path, ...], out: Path, model: str | None, changes: Changes, run: RunOptions) -> None:
    """Train the image network on pictures, into the folder RUN.

    A recipe says how: image (for a GPU), laptop, tiny, or a .toml file. RUN keeps the recipe, the state to resume
    from, tables of the losses, sheets of pictures, the best weights, and a report. `wisp train export` makes a
    model file of it.
    """
    if model is None:
        recipe = changes.apply("image", run.resumed(out))
    elif model.startswith("compressai:"):
        recipe = changes.apply("compressai", run.resumed(out), task=model)
    else:
        raise click.UsageError(f"--model {model}: there is compressai:NAME; --start takes weights")
    run_recipe(recipe, data, out, run)
