"""`wisp decode`: `.wisp` files -> pictures and videos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitstream.errors import RequestError
from cli import inputs as sources
from cli import options
from cli.batch import Batch, Report, run_batch
from cli.batch_options import batch, ending_in
from cli.decode_video import DecodeVideoWork, sequence_ending
from cli.plan import Job, names_folder
from cli.progress import JobProgress
from cli.selection_options import SELECTION, VideoCommand, given, listed, selection
from cli.video_options import FRAMES_OUT, frames_out
from codec.files.output import Writing
from codec.files.source import ByteSource
from codec.formats.pictures.save import DEFAULT_OUTPUT_QUALITY, LOSSY, PICTURE_FORMATS, ending_of
from codec.formats.video.write.sink import VIDEO_FORMATS
from codec.jobs.settings import MAX_DOWNSCALE, DecodeReport, DecodeSettings
from codec.still.salvage import DAMAGED_STATUS

if TYPE_CHECKING:
    from codec.jobs.selection import Selection

_MOST_LISTED = 100  # damaged tiles
# Endings that ask for what is not written.
_OTHERS = (".wisp", ".bmp", ".heic", ".heif", ".jxl", ".jp2", ".tga", ".ico", ".exr", ".pdf", ".webm", ".avi", ".ts")
_OF_PICTURES = ("output_quality", "crop", "downscale", "preview")  # the options
EXAMPLES = """\b
Examples:
  wisp decode photo.wisp                       writes photo.png
  wisp decode photo.wisp -o photo.jpg --output-quality 85
  wisp decode *.wisp -o pictures/ --format webp
  wisp decode pano.wisp --crop 9000,400,800,600 -o detail.png
  wisp decode pano.wisp --downscale 8 -o thumbnail.jpg
  wisp decode --salvage broken.wisp -o rest.png
  wisp decode --fast photo.wisp
  wisp decode --preview photo.wisp -o small.jpg
  wisp decode - -o - < photo.wisp | display

\b
Sequences:
  wisp decode clip.wisp                        writes clip.mp4, sound included
  wisp decode clip.wisp -o clip.mkv            FFV1: no further loss
  wisp decode clip.wisp -o clip.mp4 --video-codec h265 --crf 22 --preset slow
  wisp decode clip.wisp -o - --format y4m | ffplay -
  wisp decode clip.wisp -o - | ffmpeg -i - clip.webm
  wisp decode clip.wisp -o frame-%04d.png --start 0:10 --duration 2
  wisp decode clip.wisp -o frames/ --format png --every 25
  wisp decode clip.wisp -o - --format rgb24 --frames 100:200 > frames.rgb
  wisp decode --salvage broken.wisp -o rest.mp4
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


def _check_ending(wanted: str | None, output: str | None) -> None:
    """Raise UsageError where nothing is written as the output's ending says."""
    if wanted is None and output is not None and Path(output).suffix.lower() in _OTHERS and not names_folder(output):
        written = f"written are {', '.join(PICTURE_FORMATS)}; of sequences {', '.join(VIDEO_FORMATS)}"
        raise click.UsageError(f"{output}: {written} (--format says which).")


@dataclass(frozen=True)
class DecodeWork:
    """Decodes one job."""

    arithmetic: options.Arithmetic
    model: Path | None
    settings: DecodeSettings
    writing: Writing
    video: DecodeVideoWork
    video_options: tuple[str, ...]

    def __call__(self, job: Job, progress: JobProgress) -> Report:
        """Do it. Raises what decoding raises."""
        with sources.opened(job.source) as source:
            if source.kind == "sequence":
                return self.video(job, source, progress)
            if self.video_options and source.kind == "still":  # else reading it says what is wrong
                raise RequestError(f"is a still picture, and {listed(self.video_options)} for sequences")
            return self._still(job, source, progress)

    def _still(self, job: Job, source: ByteSource, progress: JobProgress) -> Report:
        from codec.jobs.decode_picture import decode_picture

        codec = self.arithmetic.codec(self.model)
        report = decode_picture(codec, source, job.target, self.settings, self.writing, progress=progress)
        return Report(tuple(_damage(report)), (_told(job.target, report),), 0 if report.whole else DAMAGED_STATUS)


def _damage(report: DecodeReport) -> list[str]:
    if report.whole:
        return []
    if report.without_detail and not report.damaged:
        return [f"{len(report.without_detail)} of {report.tiles} tiles are shown without their detail, which is lost"]
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


@click.command(cls=VideoCommand, short_help="Decode .wisp files into pictures and videos.", epilog=EXAMPLES)
@options.inputs_argument
@options.output
@click.option(
    "--format",
    "format_",
    type=click.Choice(tuple(dict.fromkeys((*PICTURE_FORMATS, *VIDEO_FORMATS)))),
    help=f"Default: by the output's ending, else png; of sequences {', '.join(VIDEO_FORMATS)}, else mp4.",
)
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
@click.option("--fast", is_flag=True, help="Make pixels sooner, a little worse; where the model has a fast synthesis.")
@click.option("--preview", is_flag=True, help="Leave out the detail, most of a file of high quality.")
@batch
@options.model
@options.arithmetic
@options.debug
@frames_out
@selection
def decode(
    inputs: tuple[str, ...],
    output: str | None,
    format_: str | None,
    output_quality: int,
    crop: tuple[int, int, int, int] | None,
    downscale: int,
    salvage: bool,
    fast: bool,
    preview: bool,
    batch: Batch,
    model: Path | None,
    arithmetic: options.Arithmetic,
    video: DecodeSettings,
    selection: Selection,
) -> None:
    """Decode the .wisp files INPUT (- is standard input) into pictures and videos.

    Without -o each result lies beside its input; several inputs and folders go into the folder -o DIR. Written are
    PNG, PPM, JPEG, WebP, AVIF and TIFF, with ICC profile, EXIF (orientation 1) and XMP where the format holds them.

    Sequences become MP4, Matroska, numbered PNG pictures (a pattern such as frame-%05d.png, or --format png and a
    folder), GIF or WebP animations, or a stream of y4m or raw frames; into standard output y4m. Sound is copied.
    With --salvage the frames that are damaged are left out.
    """
    _check_ending(format_, output)
    settings = replace(
        video,
        format=format_,
        output_quality=output_quality,
        crop=crop,
        downscale=downscale,
        strip=batch.strip,
        selection=selection,
        salvage=salvage,
        fast=fast,
        preview=preview,
    )
    picture_options, video_options = given(_OF_PICTURES), given((*FRAMES_OUT, *SELECTION))
    run_batch(
        batch,
        inputs,
        _pattern(inputs, output, format_),
        lambda source: _ending(source, format_),
        ending_in(frozenset({".wisp"})),
        arithmetic,
        lambda shared, writing: DecodeWork(
            shared,
            model,
            settings,
            writing,
            DecodeVideoWork(shared, model, settings, writing, picture_options),
            video_options,
        ),
    )


def _ending(source: str, wanted: str | None) -> str:
    """Of an output that is not named; of a sequence's pictures none, for they are in a folder."""
    if sources.names_sequence(source):
        return sequence_ending(wanted)
    return ending_of(wanted if wanted in PICTURE_FORMATS else PICTURE_FORMATS[0])


def _pattern(inputs: tuple[str, ...], output: str | None, wanted: str | None) -> str | None:
    """The output; where the pictures of one sequence go into a folder, their pattern in it."""
    if output is None or len(inputs) > 1 or wanted != "png" or not names_folder(output):
        return output
    return str(Path(output, "%05d.png")) if sources.names_sequence(inputs[0]) else output
