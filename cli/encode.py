"""`wisp encode`: pictures -> `.wisp` files."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from bitstream.limits import DEFAULT_TILE, MAX_TILE, MIN_TILE, TILE_STEP
from cli import options
from cli.batch import Report
from cli.batch_options import Batch, batch, ending_in
from cli.command import WispCommand
from cli.plan import Job
from cli.rate_options import Rate, rate
from codec import DEFAULT_QUALITY
from codec.files import EncodeReport, EncodeSettings, Writing
from codec.outputs import STDOUT
from codec.progress import Progress
from codec.roi import ROI_TILE
from codec.still.settings import still_settings

ENDING = ".wisp"
_NO_PICTURES = {"BUFR", "GRIB", "HDF5", "MPEG", "PALM", "PDF"}  # Pillow knows the endings, but makes no pixels of them
EXAMPLES = """\b
Examples:
  wisp encode photo.png                        writes photo.wisp, quality 75
  wisp encode photo.jpg -q 40 -o small.wisp
  wisp encode photo.jpg --target-size 20k      at most 20,000 bytes
  wisp encode photo.jpg --target-psnr 36 --effort 7
  wisp encode photo.jpg --roi 300,80,200,240   this part 20 qualities higher
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


def _checked_tile(_: click.Context, __: click.Parameter, value: int | None) -> int | None:
    if value is not None and value % TILE_STEP:
        raise click.BadParameter(f"{value} is not a multiple of {TILE_STEP}.")
    return value


@dataclass(frozen=True)
class EncodeWork:
    """Encodes one job."""

    arithmetic: options.Arithmetic
    model: Path | None
    settings: EncodeSettings
    writing: Writing
    print_psnr: bool
    as_json: bool

    def __call__(self, job: Job, progress: Progress) -> Report:
        """Do it. Raises what encoding raises."""
        from codec.files import encode_file

        source = options.open_input(job.source)
        codec = self.arithmetic.codec(self.model)
        report = encode_file(codec, source, job.target, self.settings, self.writing, progress)
        lines = (f"PSNR {report.psnr:.2f} dB",) if self.print_psnr else ()
        output = json.dumps(self._facts(job, report)) if self.as_json else None
        return Report(lines, (_told(job.target, report),), output=output)

    def _facts(self, job: Job, report: EncodeReport) -> dict[str, Any]:
        target, coding = self.settings.target, self.settings.coding
        psnr = report.psnr
        return {
            "file": job.source,
            "output": job.target,
            "width": report.size[0],
            "height": report.size[1],
            "mode": report.mode,
            "target": None if target is None else {target.kind: target.value},
            "effort": coding.effort,
            "tune": coding.tune,
            "quality": report.quality,
            "model_quality": report.model_quality,
            "bytes": report.bytes,
            "bpp": round(report.bpp, 4),
            "psnr": None if psnr is None or math.isinf(psnr) else round(psnr, 4),  # null: every pixel is as it was
            "ms_ssim": None if report.ms_ssim is None else round(report.ms_ssim, 6),
            "tile": report.tile,
            "tiles": report.tiles,
            "lossless_tiles": report.lossless_tiles,
            "seconds": round(report.seconds, 3),
            "stages": {name: round(seconds, 3) for name, seconds in report.stages.items()},
        }


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
@rate
@click.option(
    "--tile",
    type=click.IntRange(MIN_TILE, MAX_TILE),
    callback=_checked_tile,
    metavar="N",
    help=f"Pixels a side of the tiles that are coded independently; a multiple of {TILE_STEP}. {DEFAULT_TILE}, or "
    f"{ROI_TILE} with --roi.",
)
@click.option("--frame", type=click.IntRange(0), metavar="N", help="Of an animation, counted from 0.")
@click.option("--verify", is_flag=True, help="Decode what was written and compare before it gets its name.")
@click.option("--print-psnr", is_flag=True, help="Tell the PSNR of what was encoded, on standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done: a line of JSON for every input.")
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
    rate: Rate,
    tile: int | None,
    frame: int | None,
    verify: bool,
    print_psnr: bool,
    as_json: bool,
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
    if as_json and STDOUT in (output, *(inputs if output is None else ())):
        raise click.UsageError("--json and a result on standard output exclude each other.")
    coding = still_settings(tile=tile, exact=exact, effort=rate.effort, tune=rate.tune, regions=rate.regions())
    settings = EncodeSettings(
        quality,
        rate.target,
        coding,
        lossless,
        frame,
        batch.strip,
        verify,
        measure=print_psnr or as_json,
        structure=as_json and "ms-ssim" in (rate.tune, rate.target and rate.target.kind),
    )
    batch.run(
        inputs,
        output,
        ENDING,
        _is_picture,
        arithmetic,
        lambda shared, writing: EncodeWork(shared, model, settings, writing, print_psnr, as_json),
    )


def _is_picture(path: Path) -> bool:
    """Whether a file in a folder looks like one: by its ending, for most files in a photo folder are none."""
    from PIL import Image

    endings = {ending for ending, kind in Image.registered_extensions().items() if kind not in _NO_PICTURES}
    return ending_in(frozenset(endings) - {ENDING})(path)
