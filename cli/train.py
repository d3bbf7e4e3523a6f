"""The group `wisp train`: from a folder of pictures to a model of one's own."""

from __future__ import annotations

import click

from cli.train_data import data
from cli.train_export import export
from cli.train_image import image
from cli.train_tasks import colorize, denoise, detail, predicted, synthesis
from cli.train_tune import tune

EPILOG = """\b
Examples:
  wisp train data photos -o pack.tar
  wisp train image --data photos --recipe tiny --steps 60 --out run
  wisp train export run -o my.model
"""


@click.group(short_help="Train a model of your own.", epilog=EPILOG)
def train() -> None:
    """Train networks on your own pictures, and make model files of them."""


for command in (data, image, tune, synthesis, detail, predicted, denoise, colorize, export):
    train.add_command(command)
