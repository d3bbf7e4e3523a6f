"""The group `wisp study`: small studies of autoencoders, each of which ends in a page."""

from __future__ import annotations

import click

from cli.study_colorize import colorize
from cli.study_denoise import denoise
from cli.study_reconstruct import reconstruct

EPILOG = """\b
Examples:
  wisp study reconstruct --images photos --out study
  wisp study denoise --images cifar-10-batches-py --sigma 0.1 --out study
  wisp study colorize --images cifar-100-python.tar.gz --patience 3 --out study
"""


@click.group(short_help="Study autoencoders on small pictures.", epilog=EPILOG)
def study() -> None:
    """Train small autoencoders on pictures, and see what they can do.

    Each study trains a few networks side by side, and ends in a page with curves, pictures and figures.
    """


for command in (reconstruct, denoise, colorize):
    study.add_command(command)
