"""What `wisp denoise` and `wisp colorize` share: their options, and the work on one input."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bitstream.errors import RequestError
from cli import inputs as sources
from cli import options
from cli.batch import Batch, Report, run_batch
from cli.batch_options import batch, ending_in
from cli.decode_video import interrupted, sequence_ending, told
from cli.encode_options import quality_option
from cli.plan import Job
from cli.progress import JobProgress
from cli.selection_options import SELECTION, given, listed, selection
from cli.stop import Stop
from cli.video_options import FRAMES_OUT, RAW_IN, frames_out, raw_in
from codec.files.output import Writing
from codec.files.source import ByteSource
from codec.formats.pictures.endings import picture_endings
from codec.formats.pictures.save import DEFAULT_OUTPUT_QUALITY, LOSSY, PICTURE_FORMATS, ending_of, picture_format
from codec.formats.sniff import VIDEO_ENDINGS
from codec.formats.video.write.sink import VIDEO_FORMATS, video_format
from codec.jobs.settings import DecodeReport, DecodeSettings, InputSettings
from codec.restore.settings import Restoration
from codec.settings import EncodeSettings

if TYPE_CHECKING:
    from codec.jobs.selection import Selection

ENDING = ".wisp"
_WISP = "wisp"
_FORMATS = tuple(dict.fromkeys((_WISP, *PICTURE_FORMATS, *VIDEO_FORMATS)))
_OF_PICTURES = ("output_quality",)  # the options
_OUTPUT = (
    click.option(
        "--format",
        "format_",
        type=click.Choice(_FORMATS),
        help="Default: by the output's ending, else that of the input, else png; of videos mp4.",
    ),
    click.option(
        "--output-quality",
        type=click.IntRange(0, 100),
        default=DEFAULT_OUTPUT_QUALITY,
        show_default=True,
        help=f"Of the lossy output formats: {', '.join(LOSSY)}.",
    ),
    quality_option("Of .wisp outputs: 0 (smallest) to 100 (best)."),
)


@dataclass(frozen=True, kw_only=True)
class RestoreWork:
    """Restores one job; `picture_options` and `video_options` are those given that count for one of them only."""

    arithmetic: options.Arithmetic
    reading: InputSettings
    settings: DecodeSettings
    encoding: EncodeSettings
    writing: Writing
    picture_options: tuple[str, ...]
    video_options: tuple[str, ...]

    def __call__(self, job: Job, progress: JobProgress) -> Report:
        """Do it. Raises what restoring raises."""
        from codec.jobs.encode import becomes_sequence

        with sources.opened(job.source) as source:
            is_wisp = source.kind is not None
            if source.kind == "sequence" or (not is_wisp and becomes_sequence(source, self.reading)):
                return self._video(job, source, progress)
            if self.video_options:
                raise RequestError(f"is a picture, and {listed(self.video_options)} for videos")
            return self._picture(job, source, progress)

    def _picture(self, job: Job, source: ByteSource, progress: JobProgress) -> Report:
        from codec.jobs.restore import restore_picture

        codec = self.arithmetic.codec()
        report = restore_picture(
            codec, source, job.target, self.reading, self.settings, self.encoding, self.writing, progress=progress
        )
        return Report((), (_told(job.target, report),))

    def _video(self, job: Job, source: ByteSource, progress: JobProgress) -> Report:
        from codec.jobs.restore import restore_video

        if self.picture_options:
            raise RequestError(f"is a video, and {listed(self.picture_options)} for pictures")
        stop = Stop(lambda: progress.tell("interrupted: what was restored is being finished"))
        with stop.listening():
            report = restore_video(
                self.arithmetic.codec(),
                source,
                job.target,
                self.reading,
                self.settings,
                self.encoding,
                self.writing,
                progress=progress.of_frames(),
                go_on=stop,
            )
        if stop.status:
            return Report((interrupted(report),), status=stop.status, last=True)
        return Report((), (told(job.target, report),))


def _told(target: str, report: DecodeReport) -> str:
    return f"{report.size[0]}x{report.size[1]} {report.mode} -> {target}: {report.bytes} bytes, {report.seconds:.2f} s"


def restoring(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options of both commands; their values are for `run`."""
    wrappers = (options.inputs_argument, options.output, *_OUTPUT, batch, options.model, options.arithmetic)
    for wrap in reversed((*wrappers, options.debug, raw_in, frames_out, selection)):
        function = wrap(function)
    return function


def run(
    restoration: Restoration,
    addition: str,
    *,
    inputs: tuple[str, ...],
    output: str | None,
    format_: str | None,
    output_quality: int,
    quality: float,
    batch: Batch,
    arithmetic: options.Arithmetic,
    reading: InputSettings,
    video: DecodeSettings,
    selection: Selection,
) -> None:
    """Restore every input. `addition` comes into the name of an output that lies beside its input."""
    work = RestoreWork(
        arithmetic=arithmetic,
        reading=replace(reading, strip=batch.strip, selection=selection, audio=video.audio, restoration=restoration),
        settings=replace(video, format=format_, output_quality=output_quality, strip=batch.strip),
        encoding=EncodeSettings(quality=quality),
        writing=batch.writing,
        picture_options=given(_OF_PICTURES),
        video_options=given((*RAW_IN, *FRAMES_OUT, *SELECTION)),
    )
    beside = f".{addition}" if output is None else ""
    run_batch(
        batch,
        inputs,
        output,
        lambda source: f"{beside}{_ending(source, format_)}",
        _is_wanted,
        arithmetic,
        lambda shared, writing: replace(work, arithmetic=shared, writing=writing),
    )


def _ending(source: str, wanted: str | None) -> str:
    """Of an output that is not named: as wanted, else the input's where that can be written."""
    is_sequence = sources.names_sequence(source)
    ending = Path(source).suffix.lower()
    if wanted == _WISP or (wanted is None and ending == ENDING):
        return ENDING
    if is_sequence or ending in VIDEO_ENDINGS or ending == ".gif":
        return sequence_ending(wanted or video_format(source))
    return ending_of(wanted if wanted in PICTURE_FORMATS else picture_format(source) or PICTURE_FORMATS[0])


def _is_wanted(path: Path) -> bool:
    """Whether a file in a folder looks like a picture or video."""
    return ending_in(picture_endings() | VIDEO_ENDINGS | {ENDING})(path)
