"""`wisp study colorize`: what colours autoencoders give to grey pictures."""

from __future__ import annotations

from typing import Any

import click

from benchmarks.studies.networks import COLORIZE
from cli import options, study_options
from cli.command import WispCommand
from cli.study_options import Running

EPILOG = """\b
Examples:
  wisp study colorize --images cifar-100-python.tar.gz --patience 3 --out study
  wisp study colorize --images photos --size 32 --networks skip --flip --out study
"""


@click.command(cls=WispCommand, short_help="What colours autoencoders give to grey pictures.", epilog=EPILOG)
@study_options.epochs("20,50")
@study_options.networks(COLORIZE, "both")
@study_options.choices
@study_options.running
@options.debug
def colorize(epochs: tuple[int, ...], networks: tuple[str, ...], choices: dict[str, Any], running: Running) -> None:
    """Train small networks to give colours to grey pictures, into the folder OUT.

    They get the luma of a picture and say its chroma. The luma stays as it is.
    """
    from benchmarks.studies.colorize import Colorize

    request = study_options.request_of(choices, epochs=epochs, networks=networks)
    study_options.run(Colorize(), request, running)
