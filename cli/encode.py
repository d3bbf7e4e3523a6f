"""`wisp encode`: pictures -> `.wisp` files."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import click

from bitstream.limits import DEFAULT_TILE, MAX_TILE, MIN_TILE, TILE_STEP
from cli import options
from cli.batch import Report
from cli.batch_options import Batch, batch, ending_in
from cli.command import WispCommand
from cli.plan import Job
from codec import DEFAULT_QUALITY
from codec.files import EncodeReport, EncodeSettings, Writing
from codec.progress import Progress

ENDING = ".wisp"
_NO_PICTURES = {"BUFR", "GRIB", "HDF5", "MPEG", "PALM", "PDF"}  # Pillow knows the endings, but makes no pixels of them
EXAMPLES = """\b
Examples:
  wisp encode photo.png                        writes photo.wisp, quality 75
  wisp encode photo.jpg -q 40 -o small.wisp
  wisp encode --lossless logo.png              every visible pixel as it was
  wisp encode *.jpg -o coded/ --jobs 2         many inputs into a folder
  wisp encode --recursive photos -o coded/ --skip-existing
  wisp encode photo.png --verify --print-psnr
  cat photo.png | wisp encode - > photo.wisp
"""


def _checked_quality(_: click.Context, __: click.Parameter, value: float) -> float:
    if math.isnan(value):  # which FloatRange lets pass
        raise click.BadParameter(f"{value} is not a number.")
    return value


def _checked_tile(_: click.Context, __: click.Parameter, value: int) -> int:
    if value % TILE_STEP:
        raise click.BadParameter(f"{value} is not a multiple of {TILE_STEP}.")
    return value


@dataclass(frozen=True)
class EncodeWork:
    """Encodes one job."""

    arithmetic: options.Arithmetic
    model: Path | None
    settings: EncodeSettings
    writing: Writing

    def __call__(self, job: Job, progress: Progress) -> Report:
        """Do it. Raises what encoding raises."""
        from codec.files import encode_file

        source = options.open_input(job.source)
        codec = self.arithmetic.codec(self.model)
        report = encode_file(codec, source, job.target, self.settings, self.writing, progress)
        lines = (f"PSNR {report.psnr:.2f} dB",) if self.settings.measure else ()
        return Report(lines, (_told(job.target, report),))


def _told(target: str, report: EncodeReport) -> str:
    size = f"{report.size[0]}x{report.size[1]} {report.mode}"
    tiles = f"{report.tiles} {'tile' if report.tiles == 1 else 'tiles'}, {report.lossless_tiles} lossless"
    return f"{size} -> {target}: {report.bytes} bytes, {report.bpp:.3f} bpp, {tiles}, {report.seconds:.2f} s"


@click.command(cls=WispCommand, short_help="Encode pictures into .wisp files.", epilog=EXAMPLES)
@options.inputs_argument
@options.output
@click.option(
    "-q",
    "--quality",
    type=click.FloatRange(0, 100),
    default=DEFAULT_QUALITY,
    show_default=True,
    callback=_checked_quality,
    help="0 (smallest) to 100 (best); equal steps look like equal steps of PSNR.",
)
@click.option("--lossless", is_flag=True, help="Keep every pixel that can be seen; the quality does not count.")
@click.option(
    "--exact", is_flag=True, help="Code colours under full transparency as all others; else they are free to change."
)
@click.option(
    "--tile",
    type=click.IntRange(MIN_TILE, MAX_TILE),
    default=DEFAULT_TILE,
    show_default=True,
    callback=_checked_tile,
    metavar="N",
    help=f"Pixels a side of the tiles that are coded independently; a multiple of {TILE_STEP}.",
)
@click.option("--frame", type=click.IntRange(0), metavar="N", help="Of an animation, counted from 0.")
@click.option("--verify", is_flag=True, help="Decode what was written and compare before it gets its name.")
@click.option("--print-psnr", is_flag=True, help="Tell the PSNR of what was encoded, on standard error.")
@batch
@options.model
@options.arithmetic
@options.debug
def encode(
    inputs: tuple[str, ...],
    output: str | None,
    quality: float,
    lossless: bool,
    exact: bool,
    tile: int,
    frame: int | None,
    verify: bool,
    print_psnr: bool,
    batch: Batch,
    model: Path | None,
    arithmetic: options.Arithmetic,
) -> None:
    """Encode the pictures INPUT (- is standard input) into .wisp files.

    Without -o each result lies beside its input; several inputs and folders go into the folder -o DIR. PNG, JPEG,
    WebP, AVIF, TIFF, BMP, PPM and whatever else Pillow reads can be encoded, in grey, RGB, palette or CMYK, with
    transparency or without; what is not 8-bit grey or RGB is converted with a note. ICC profile, EXIF and XMP are
    kept. A tile that is smaller losslessly is stored so by itself: drawings, screenshots, flat areas.
    """
    settings = EncodeSettings(quality, tile, lossless, exact, frame, batch.strip, verify, print_psnr)
    batch.run(
        inputs,
        output,
        ENDING,
        _is_picture,
        arithmetic,
        lambda shared, writing: EncodeWork(shared, model, settings, writing),
    )


def _is_picture(path: Path) -> bool:
    """Whether a file in a folder looks like one: by its ending, for most files in a photo folder are none."""
    from PIL import Image

    endings = {ending for ending, kind in Image.registered_extensions().items() if kind not in _NO_PICTURES}
    return ending_in(frozenset(endings) - {ENDING})(path)
