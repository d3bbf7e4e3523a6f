"""`wisp decode`: `.wisp` files -> pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from cli import options
from cli.batch import Report
from cli.batch_options import Batch, batch, ending_in
from cli.command import WispCommand
from cli.plan import Job, names_folder
from codec.files import DecodeReport, DecodeSettings, Writing
from codec.pictures.save import DEFAULT_OUTPUT_QUALITY, FORMATS, LOSSY, ending_of, format_of
from codec.progress import Progress
from codec.still.salvage import DAMAGED_STATUS

MAX_DOWNSCALE = 64
_MOST_LISTED = 100  # damaged tiles
# Endings that ask for what is not written.
_OTHERS = (".wisp", ".bmp", ".gif", ".heic", ".heif", ".jxl", ".jp2", ".tga", ".ico", ".exr", ".pdf")
EXAMPLES = """\b
Examples:
  wisp decode photo.wisp                       writes photo.png
  wisp decode photo.wisp -o photo.jpg --output-quality 85
  wisp decode *.wisp -o pictures/ --format webp
  wisp decode pano.wisp --crop 9000,400,800,600 -o detail.png
  wisp decode pano.wisp --downscale 8 -o thumbnail.jpg
  wisp decode --salvage broken.wisp -o rest.png
  wisp decode - -o - < photo.wisp | display
"""


def _crop(_: click.Context, __: click.Parameter, value: str | None) -> tuple[int, int, int, int] | None:
    if value is None:
        return None
    parts = value.split(",")
    if len(parts) != 4 or not all(part.strip().isdecimal() for part in parts):
        raise click.BadParameter(f"{value!r} is not X,Y,WIDTH,HEIGHT in pixels.")
    x, y, width, height = (int(part) for part in parts)
    if not width or not height:
        raise click.BadParameter(f"{value!r} holds no pixel.")
    return x, y, width, height


def _kind(given: str | None, output: str | None) -> str:
    """The output's format: as given, else by the output's ending, else PNG."""
    if given is not None:
        return given
    if output is None or names_folder(output):
        return FORMATS[0]
    if Path(output).suffix.lower() in _OTHERS:
        raise click.UsageError(f"{output}: written are {', '.join(FORMATS)} (--format says which).")
    return format_of(output) or FORMATS[0]


@dataclass(frozen=True)
class DecodeWork:
    """Decodes one job."""

    arithmetic: options.Arithmetic
    model: Path | None
    settings: DecodeSettings
    writing: Writing

    def __call__(self, job: Job, progress: Progress) -> Report:
        """Do it. Raises what decoding raises."""
        from codec.files import decode_file

        source = options.open_wisp(job.source)
        codec = self.arithmetic.codec(self.model)
        report = decode_file(codec, source, job.target, self.settings, self.writing, progress)
        return Report(tuple(_damage(report)), (_told(job.target, report),), 0 if report.whole else DAMAGED_STATUS)


def _damage(report: DecodeReport) -> list[str]:
    if report.whole:
        return []
    if not report.damaged:
        return ["the file is damaged, but every tile was found and written"]
    lines = [
        f"tile {tile.index} ({tile.box}): {tile.reason}; grey with its halo: {tile.shown_grey}"
        for tile in report.damaged[:_MOST_LISTED]
    ]
    if len(report.damaged) > _MOST_LISTED:
        lines.append(f"and {len(report.damaged) - _MOST_LISTED} more")
    if len(report.damaged) == report.tiles:
        return [*lines, "no tile is left"]
    return [*lines, f"{len(report.damaged)} of {report.tiles} tiles are lost, the rest was written"]


def _told(target: str, report: DecodeReport) -> str:
    size = f"{report.size[0]}x{report.size[1]} {report.mode}"
    tiles = f"{report.tiles_decoded} of {report.tiles} {'tile' if report.tiles == 1 else 'tiles'} decoded"
    return f"{size} -> {target}: {report.bytes} bytes, {tiles}, {report.seconds:.2f} s"


@click.command(cls=WispCommand, short_help="Decode .wisp files into pictures.", epilog=EXAMPLES)
@options.inputs_argument
@options.output
@click.option("--format", "format_", type=click.Choice(FORMATS), help="Default: by the output's ending, else png.")
@click.option(
    "--output-quality",
    type=click.IntRange(0, 100),
    default=DEFAULT_OUTPUT_QUALITY,
    show_default=True,
    help=f"Of the lossy output formats: {', '.join(LOSSY)}.",
)
@click.option("--crop", metavar="X,Y,W,H", callback=_crop, help="Decode these pixels only, and the tiles they need.")
@click.option(
    "--downscale",
    type=click.IntRange(1, MAX_DOWNSCALE),
    default=1,
    metavar="N",
    help="Write means of N x N pixels (every tile is decoded for it).",
)
@click.option("--salvage", is_flag=True, help="Of a damaged file show what is intact, the rest grey; exit status 5.")
@batch
@options.model
@options.arithmetic
@options.debug
def decode(
    inputs: tuple[str, ...],
    output: str | None,
    format_: str | None,
    output_quality: int,
    crop: tuple[int, int, int, int] | None,
    downscale: int,
    salvage: bool,
    batch: Batch,
    model: Path | None,
    arithmetic: options.Arithmetic,
) -> None:
    """Decode the .wisp files INPUT (- is standard input) into pictures.

    Without -o each result lies beside its input; several inputs and folders go into the folder -o DIR. Written are
    PNG, PPM, JPEG, WebP, AVIF and TIFF, with ICC profile, EXIF (orientation 1) and XMP where the format holds them.
    """
    kind = _kind(format_, output)
    settings = DecodeSettings(kind, output_quality, crop, downscale, salvage, batch.strip)
    batch.run(
        inputs,
        output,
        ending_of(kind),
        ending_in(frozenset({".wisp"})),
        arithmetic,
        lambda shared, writing: DecodeWork(shared, model, settings, writing),
    )
