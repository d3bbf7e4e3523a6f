"""`wisp denoise`: noisy pictures and videos -> the same without their noise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from cli.restored import restoring, run
from cli.selection_options import VideoCommand
from codec.restore.settings import MAX_SIGMA, Denoising

EXAMPLES = """\b
Examples:
  wisp denoise noisy.png                       writes noisy.denoised.png
  wisp denoise noisy.jpg -o clean.png
  wisp denoise --sigma 25 noisy.png -o clean.webp
  wisp denoise noisy.wisp -o clean.wisp -q 60
  wisp denoise *.jpg -o clean/                 many inputs into a folder
  wisp denoise night.mp4 -o clean.mp4          neighbouring frames help; sound is kept
  wisp denoise night.mp4 -o - --format y4m | ffplay -
"""


def read_sigma(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    """A number, or auto -> None. Raises BadParameter."""
    if value is None or value == "auto":
        return None
    try:
        sigma = float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is neither auto nor a number.") from None
    if not 0 <= sigma <= MAX_SIGMA:
        raise click.BadParameter(f"{value} is not within 0..{MAX_SIGMA:g}.")
    return sigma


@click.command(cls=VideoCommand, short_help="Take the noise out of pictures and videos.", epilog=EXAMPLES)
@click.option(
    "--sigma",
    metavar="auto|N",
    default="auto",
    show_default=True,
    callback=read_sigma,
    help="Standard deviation of the noise, in levels of 0..255.",
)
@restoring
def denoise(sigma: float | None, model: Path | None, **values: Any) -> None:
    """Take the noise out of the pictures and videos INPUT (- is standard input).

    The noise is taken for white and Gaussian, as that of a sensor is; auto estimates how strong it is. Read and
    written is what `wisp encode` reads and `wisp decode` writes, and .wisp files. Alpha, ICC profile, EXIF and XMP are
    kept, grey pictures stay grey; what has more than 8 bits is converted with a note.

    Without -o each result lies beside its input; several inputs and folders go into the folder -o DIR. Of videos
    frames, timestamps and sound are kept, and neighbouring frames are averaged along their motion first.
    """
    run(Denoising(sigma, model), "denoised", **values)
