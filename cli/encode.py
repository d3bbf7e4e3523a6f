"""`wisp encode`: pictures and videos -> `.wisp` files."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bitstream.errors import RequestError
from cli import inputs as sources
from cli import options
from cli.batch import Batch, Report, run_batch
from cli.batch_options import batch, ending_in
from cli.denoise import read_sigma
from cli.encode_options import TARGETS, encode_settings
from cli.encode_report import interrupted_line, picture_facts, picture_line, video_facts, video_line
from cli.frame_log import frame_log
from cli.plan import Job
from cli.progress import JobProgress
from cli.selection_options import SELECTION, VideoCommand, given, listed, selection
from cli.stop import Stop
from cli.video_options import VIDEO_IN, video_in
from codec.files.output import STDOUT, Writing
from codec.files.source import ByteSource
from codec.jobs.settings import InputSettings
from codec.restore.settings import Denoising
from codec.settings import EncodeSettings

if TYPE_CHECKING:
    from codec.jobs.log import LogKind
    from codec.jobs.selection import Selection

ENDING = ".wisp"
DENOISE = "--denoise"
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
  wisp encode --denoise night.jpg              without its noise; --denoise=25 says how strong it is
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


@dataclass(frozen=True, kw_only=True)
class EncodeWork:
    """Encodes one job; `video_options` are the names of those given that are for videos only."""

    arithmetic: options.Arithmetic
    model: Path | None
    settings: EncodeSettings
    reading: InputSettings
    writing: Writing
    verify: bool
    print_psnr: bool
    as_json: bool
    bitrate: float | None
    two_pass: bool
    log: LogKind | None
    log_file: str | None
    video_options: tuple[str, ...]

    def __call__(self, job: Job, progress: JobProgress) -> Report:
        """Do it. Raises what encoding raises."""
        from codec.formats.sniff import SIGN_BYTES, is_picture_head
        from codec.jobs.encode import becomes_sequence
        from codec.jobs.encode_picture import encode_picture

        with sources.opened(job.source) as source:
            if source.path is None:  # what is piped is not read for nothing
                self.writing.check(job.target, None)
            try:
                is_video = becomes_sequence(source, self.reading)
            except RequestError as error:
                raise RequestError(f"{error}; of a video --frames A:B takes a part") from error
            if not is_video and self.video_options:
                if is_picture_head(source.peek(SIGN_BYTES)):
                    raise RequestError(f"is a picture, and {listed(self.video_options)} for videos")
                is_video = True  # asked for: reading it says what is wrong with it as a video
            if is_video:
                return self._video(job, source, progress)
            report = encode_picture(
                self.arithmetic.codec(self.model),
                source,
                job.target,
                self.settings,
                self.reading,
                self.writing,
                verify=self.verify,
                measure=self.print_psnr or self.as_json,
                ms_ssim=self.as_json and self.settings.is_for_ms_ssim,
                progress=progress,
            )
        lines = (f"PSNR {report.psnr:.2f} dB",) if self.print_psnr else ()
        output = json.dumps(picture_facts(job, self.settings, report)) if self.as_json else None
        return Report(lines, (picture_line(job.target, report),), output=output)

    def _video(self, job: Job, source: ByteSource, progress: JobProgress) -> Report:
        from codec.jobs.encode_video import encode_video

        if self.settings.target is not None:
            raise RequestError(f"--target-{self.settings.target.kind} is for pictures: a video takes --target-bitrate")
        if self.verify:
            raise RequestError("--verify is for pictures: `wisp verify` checks the file of a video")
        self.writing.check(job.target, source.path)  # before there is a log
        stop = Stop(lambda: progress.tell("interrupted: the frame in work is being finished (once more drops all)"))
        with frame_log(job, self.log, self.log_file, self.print_psnr, self.writing) as log, stop.listening():
            report = encode_video(
                self.arithmetic.codec(self.model),
                source,
                job.target,
                self.settings,
                self.reading,
                self.writing,
                bitrate=self.bitrate,
                two_pass=self.two_pass,
                log=log,
                progress=progress.of_frames(),
                go_on=stop,
            )
        lines = [] if report.psnr is None or not self.print_psnr else [f"PSNR {report.psnr:.2f} dB on average"]
        if stop.status:
            lines.append(interrupted_line(job, report))
        output = json.dumps(video_facts(job, self.settings, self.bitrate, report)) if self.as_json else None
        return Report(tuple(lines), (video_line(job.target, report),), stop.status, output, last=bool(stop.status))


def _denoising(ctx: click.Context, parameter: click.Parameter, value: str | None) -> Denoising | None:
    return None if value is None else Denoising(read_sigma(ctx, parameter, value))


class EncodeCommand(VideoCommand):
    """A value of --denoise comes behind "=" only, for what follows may be an input."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As of any command."""
        end = args.index("--") if "--" in args else len(args)
        options = [f"{word}=auto" if word == DENOISE else word for word in args[:end]]
        return super().parse_args(ctx, options + args[end:])


@click.command(cls=EncodeCommand, short_help="Encode pictures and videos into .wisp files.", epilog=EXAMPLES)
@options.inputs_argument
@options.output
@encode_settings
@click.option("--frame", type=click.IntRange(0), metavar="N", help="Of an animation this one, from 0, as a picture.")
@click.option(
    DENOISE,
    "restoration",
    metavar="[=auto|N]",
    callback=_denoising,
    help="Take noise out first, of this standard deviation in levels of 0..255; auto, or no value, estimates it.",
)
@click.option("--verify", is_flag=True, help="Decode what was written and compare before it gets its name.")
@click.option("--print-psnr", is_flag=True, help="Tell the PSNR of what was encoded, on standard error.")
@click.option("--json", "as_json", is_flag=True, help="Print what was done: a line of JSON for every input.")
@batch
@options.model
@options.arithmetic
@options.debug
@video_in
@selection
def encode(
    inputs: tuple[str, ...],
    output: str | None,
    settings: EncodeSettings,
    frame: int | None,
    restoration: Denoising | None,
    verify: bool,
    print_psnr: bool,
    as_json: bool,
    batch: Batch,
    model: Path | None,
    arithmetic: options.Arithmetic,
    reading: InputSettings,
    bitrate: float | None,
    two_pass: bool,
    log: LogKind | None,
    log_file: str | None,
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
    if bitrate is not None and (others := given((*TARGETS, "quality", "lossless"))):
        raise click.UsageError(f"--target-bitrate and {' and '.join(others)} exclude each other.")
    _check_log(log, log_file, to_stdout, as_json, batch)
    work = EncodeWork(
        arithmetic=arithmetic,
        model=model,
        settings=settings,
        reading=replace(reading, frame=frame, strip=batch.strip, selection=selection, restoration=restoration),
        writing=batch.writing,
        verify=verify,
        print_psnr=print_psnr,
        as_json=as_json,
        bitrate=bitrate,
        two_pass=two_pass,
        log=log,
        log_file=log_file,
        video_options=given((*VIDEO_IN, *SELECTION)),
    )

    def check(jobs: list[Job]) -> None:
        if log and len(jobs) > 1:
            raise click.UsageError("--log tells of one video: several inputs would be mixed in it.")

    run_batch(
        batch,
        inputs,
        output,
        ENDING,
        _is_wanted,
        arithmetic,
        lambda shared, writing: replace(work, arithmetic=shared, writing=writing),
        check=check,
    )


def _check_log(log: LogKind | None, log_file: str | None, to_stdout: bool, as_json: bool, batch: Batch) -> None:
    """Raise UsageError where the log's lines would be mixed with others."""
    if log and not log_file and as_json and not to_stdout:
        raise click.UsageError("--log and --json both go to standard output: --log-file says where else.")
    if log and not log_file and to_stdout and batch.progress == "json":
        raise click.UsageError("--log and --progress json both go to standard error: --log-file says where else.")


def _is_wanted(path: Path) -> bool:
    """Whether a file in a folder looks like a picture or video: by its ending, for many files in a folder are none."""
    from codec.formats.pictures.endings import picture_endings
    from codec.formats.sniff import VIDEO_ENDINGS

    return ending_in(picture_endings() | VIDEO_ENDINGS)(path)
