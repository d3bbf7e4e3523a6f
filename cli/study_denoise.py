"""`wisp study denoise`: what autoencoders take out of noisy pictures."""

from __future__ import annotations

from typing import Any

import click

from benchmarks.studies.networks import DENOISE
from cli import options, study_options
from cli.command import WispCommand
from cli.study_options import Running

EPILOG = """\b
Examples:
  wisp study denoise --images cifar-10-batches-py --sigma 0.1 --epochs 20,50 --out study
  wisp study denoise --images t10k-images-idx3-ubyte.gz --networks dense,convolutional --patience 2 --out study
  wisp study denoise --images photos --size 32 --widths 16,32,64 --out study
  wisp study denoise --images photos --ablation --out study
"""


@click.command(cls=WispCommand, short_help="What autoencoders take out of noisy pictures.", epilog=EPILOG)
@click.option(
    "--sigma", type=click.FloatRange(0, 1), default=0.1, show_default=True, metavar="S",
    help="Deviation of the noise, of pixels within 0 to 1.",
)  # fmt: skip
@study_options.epochs("20,50")
@study_options.networks(DENOISE, "dense,convolutional,residual")
@click.option("--ablation", is_flag=True, help="Vary loss, dropout, augmentation and width, one at a time.")
@study_options.choices
@study_options.running
@options.debug
def denoise(
    sigma: float,
    epochs: tuple[int, ...],
    networks: tuple[str, ...],
    ablation: bool,
    choices: dict[str, Any],
    running: Running,
) -> None:
    """Train small networks to take Gaussian noise out of pictures, into the folder OUT.

    A dense and a convolutional autoencoder as they are published, and a network that says what is to be taken out.
    Batch, rate and decay are each network's own unless options set them; the page says what each had.
    """
    from benchmarks.studies.denoise import Denoise

    request = study_options.request_of(choices, sigma=sigma, epochs=epochs, networks=networks, ablation=ablation)
    study_options.run(Denoise(), request, running)
