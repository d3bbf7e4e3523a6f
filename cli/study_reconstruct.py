"""`wisp study reconstruct`: what autoencoders keep of a picture, and at which rate."""

from __future__ import annotations

from typing import Any

import click

from benchmarks.studies.networks import RECONSTRUCT
from cli import options, study_options
from cli.command import WispCommand
from cli.study_options import Running

EPILOG = """\b
Examples:
  wisp study reconstruct --images photos --out study
  wisp study reconstruct --images photo.png --size 224 --epochs 10,100,500,1000,2000 --out study
  wisp study reconstruct --images live --size 224 --resize --epochs 20,100 --out study
  wisp study reconstruct --images cifar-10-python.tar.gz --networks convolutional,dense --out study
"""


@click.command(cls=WispCommand, short_help="What autoencoders keep of a picture.", epilog=EPILOG)
@study_options.epochs("5,20")
@study_options.networks(RECONSTRUCT, "all, without dense above 64 pixels a side")
@click.option(
    "--range", "range_", type=click.Choice(["signed", "standard"]), default="signed", show_default=True,
    help="The bottleneck network computes in -1 to 1, or by the training pictures' mean and deviation.",
)  # fmt: skip
@click.option(
    "--head", type=click.Choice(["sigmoid", "relu"]), default="sigmoid", show_default=True,
    help="What the other networks end in.",
)  # fmt: skip
@study_options.choices
@study_options.running
@options.debug
def reconstruct(
    epochs: tuple[int, ...],
    networks: tuple[str, ...],
    range_: str,
    head: str,
    choices: dict[str, Any],
    running: Running,
) -> None:
    """Train autoencoders to give back what they get, into the folder OUT.

    A convolutional one (64-32-16), one of two layers without padding, a dense one and one with a fully connected
    bottleneck. Their codes are quantised and entropy-coded, so that each has a rate, and Wisp's own network is
    measured at the same rate beside it.
    """
    from benchmarks.studies.reconstruct import Reconstruct

    request = study_options.request_of(choices, epochs=epochs, networks=networks, range=range_, head=head)
    study_options.run(Reconstruct(), request, running)
