"""`wisp encode`: pictures and videos -> `.wisp` files."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bitstream.errors import RequestError
from bitstream.limits import DEFAULT_TILE, MAX_TILE, MIN_TILE, TILE_STEP
from cli import inputs as sources
from cli import options
from cli.batch import Report
from cli.batch_options import Batch, batch, ending_in
from cli.encode_video import EncodeVideoWork
from cli.frame_progress import JobProgress
from cli.plan import Job
from cli.rate_options import Rate, rate
from cli.selection_options import VideoCommand, given, listed, selection
from cli.video_options import Coding, coding
from codec import DEFAULT_QUALITY
from codec.files.output import STDOUT
from codec.jobs.picture_files import EncodeReport, EncodeSettings, Writing
from codec.still.regions import ROI_TILE
from codec.still.settings import still_settings

if TYPE_CHECKING:
    from codec.jobs.selection import Selection

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

\b
Videos:
  wisp encode clip.mp4                         writes clip.wisp, sound included
  wisp encode clip.mp4 --target-bitrate 800 --two-pass --log csv > frames.csv
  wisp encode clip.mkv --start 1:30 --duration 10 --scale 640:-1 -o part.wisp
  wisp encode clip.mp4 --frames 100:200 -o part.wisp
  wisp encode animation.gif                    a sequence; with --frame 0 a picture
  ffmpeg -i clip.mp4 -f yuv4mpegpipe - | wisp encode - -o clip.wisp
  wisp encode --format rgb24 --size 640x360 --rate 25 frames.rgb
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
    video: EncodeVideoWork

    def __call__(self, job: Job, progress: JobProgress) -> Report:
        """Do it. Raises what encoding raises."""
        with sources.opened(job.source) as piped:
            if not isinstance(piped, str):  # what is piped is not taken for nothing
                self.writing.check(job.target, None)
            source, is_video = self._recognised(piped)
            if not is_video and (names := self.video.video.names):
                if sources.is_picture(source):
                    raise RequestError(f"is a picture, and {listed(names)} for videos")
                is_video = True  # asked for: what is wrong with it as a video will be told
            return (self.video if is_video else self._picture)(job, source, progress)

    def _recognised(self, found: sources.Input) -> tuple[sources.Input, bool]:
        """What to read, and whether as a video: as it was said, else by the content."""
        if self.video.video.format is not None:
            return found, True
        source, is_video = sources.picture_or_video(found)
        if not is_video or self.settings.frame is None:
            return source, is_video
        if not sources.is_picture(source):
            raise RequestError("--frame takes a picture out of an animation; of a video --frames A:B takes a part")
        return source if isinstance(source, str) else sources.whole(source), False

    def _picture(self, job: Job, source: sources.Input, progress: JobProgress) -> Report:
        from codec.jobs.picture_files import encode_file

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


@click.command(cls=VideoCommand, short_help="Encode pictures and videos into .wisp files.", epilog=EXAMPLES)
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
@click.option("--frame", type=click.IntRange(0), metavar="N", help="Of an animation this one, from 0, as a picture.")
@click.option("--verify", is_flag=True, help="Decode what was written and compare before it gets its name.")
@click.option("--print-psnr", is_flag=True, help="Tell the PSNR of what was encoded, on standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done: a line of JSON for every input.")
@batch
@options.model
@options.arithmetic
@options.debug
@coding
@selection
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
    video: Coding,
    selection: Selection,
) -> None:
    """Encode the pictures and videos INPUT (- is standard input) into .wisp files.

    Without -o each result lies beside its input; several inputs and folders go into the folder -o DIR. PNG, JPEG,
    WebP, AVIF, TIFF, BMP, PPM and whatever else Pillow reads can be encoded, in grey, RGB, palette or CMYK, with
    transparency or without; what is not 8-bit grey or RGB is converted with a note. ICC profile, EXIF and XMP are
    kept. A tile that is smaller losslessly is stored so by itself: drawings, screenshots, flat areas.

    Videos are whatever FFmpeg reads, Y4M, and animations; sound is kept as it is. Frames go into the output as they
    come. Ctrl-C ends the video early and leaves a whole file.
    """
    to_stdout = STDOUT in (output, *(inputs if output is None else ()))
    if as_json and to_stdout:
        raise click.UsageError("--json and a result on standard output exclude each other.")
    _check_bitrate(video)
    _check_log(video, to_stdout, as_json, batch)
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
        _is_wanted,
        arithmetic,
        lambda shared, writing: EncodeWork(
            shared,
            model,
            settings,
            writing,
            print_psnr,
            as_json,
            EncodeVideoWork(shared, model, settings, video, selection, writing, print_psnr, as_json),
        ),
        check=lambda jobs: _check_one_log(video, len(jobs)),
    )


def _check_bitrate(video: Coding) -> None:
    others = given(("quality", "lossless", "target_size", "target_bpp", "target_psnr", "target_ms_ssim"))
    if video.bitrate is not None and others:
        raise click.UsageError(f"--target-bitrate and {' and '.join(others)} exclude each other.")


def _check_log(video: Coding, to_stdout: bool, as_json: bool, batch: Batch) -> None:
    """Raise UsageError where the log's lines would be mixed with others."""
    if video.log and not video.log_file and as_json and not to_stdout:
        raise click.UsageError("--log and --json both go to standard output: --log-file says where else.")
    if video.log and not video.log_file and to_stdout and batch.manners.progress == "json":
        raise click.UsageError("--log and --progress json both go to standard error: --log-file says where else.")


def _check_one_log(video: Coding, jobs: int) -> None:
    if video.log and jobs > 1:
        raise click.UsageError("--log tells of one video: several inputs would be mixed in it.")


def _is_wanted(path: Path) -> bool:
    """Whether a file in a folder looks like a picture or video: by its ending, for many files in a folder are none."""
    from PIL import Image

    endings = {ending for ending, kind in Image.registered_extensions().items() if kind not in _NO_PICTURES}
    return ending_in((frozenset(endings) | sources.VIDEO_ENDINGS) - {ENDING})(path)
