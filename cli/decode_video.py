"""What `wisp decode` does with a sequence."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from bitstream.errors import RequestError
from cli.batch import Report
from cli.frame_progress import JobProgress
from cli.inputs import Input
from cli.options import Arithmetic
from cli.plan import Job
from cli.selection_options import listed
from cli.stop import Stop
from cli.video_options import Output
from codec.files.output import STDOUT, is_special, times_of
from codec.formats.pictures.save import picture_format
from codec.formats.video.write.sink import VIDEO_FORMATS, Kind, video_format
from codec.jobs.picture_files import Writing
from codec.still.salvage import DAMAGED_STATUS
from codec.work.threads import thread_count

if TYPE_CHECKING:
    from codec.formats.video.write.sink import SinkSettings
    from codec.jobs.decode_video import DecodeVideoReport
    from codec.jobs.selection import Selection

_FILE: Kind = "mp4"  # where nothing says otherwise
_STREAM: Kind = "y4m"  # likewise into standard output
_ENDINGS = {"png": "", "rgb24": ".rgb", "yuv420p": ".yuv"}  # where not the format's name; pictures are in a folder


@dataclass(frozen=True)
class DecodeVideoWork:
    """Decodes one sequence; `format` is as it was asked for, `picture_options` those given that count for stills."""

    arithmetic: Arithmetic
    model: Path | None
    format: str | None
    video: Output
    selection: Selection
    salvage: bool
    writing: Writing
    picture_options: tuple[str, ...]

    def __call__(self, job: Job, source: Input, progress: JobProgress) -> Report:
        """Do it. Raises what decoding raises, RequestError for options that count for pictures only."""
        from codec.jobs.decode_video import DecodeVideoSettings, decode_video

        if self.picture_options:
            raise RequestError(f"is a sequence, and {listed(self.picture_options)} for still pictures")
        sink = self._sink(job.target)
        settings = DecodeVideoSettings(sink, self.selection, self.video.audio, self.salvage)
        stop = Stop(lambda: progress.tell("interrupted: what was decoded is being finished"))
        with stop.listening():
            report = decode_video(
                self.arithmetic.codec(self.model),
                cast("str", source),
                job.target,
                settings,
                self.writing,
                progress=progress.of_frames(),
                go_on=stop,
            )
        if stop.status:
            return Report((_interrupted(report),), status=stop.status, last=True)
        self._keep_times(job, sink)
        lines = _damage(report)
        return Report(lines, (_told(job.target, report),), DAMAGED_STATUS if lines else 0)

    def _sink(self, target: str) -> SinkSettings:
        from codec.formats.video.write.sink import SinkSettings

        kind, video = sequence_kind(self.format, target), self.video
        if video.chroma != "420" and kind != "y4m":
            raise RequestError(f"--chroma {video.chroma} is for y4m, not for {kind}")
        for name, value in (("--crf", video.crf), ("--preset", video.preset)):
            if value is not None and kind not in ("mp4", "mkv", "webp"):
                raise RequestError(f"{name} is for mp4, mkv and webp: {kind} has nothing to choose")
        return SinkSettings(
            kind,
            video.codec,
            video.crf,
            video.preset,
            video.rate,
            video.chroma,
            self.arithmetic.threads or thread_count(),
        )

    def _keep_times(self, job: Job, sink: SinkSettings) -> None:
        if self.writing.keep_times and STDOUT not in (job.target, job.source) and sink.kind != "png":
            os.utime(job.target, ns=times_of(Path(job.source)))


def sequence_kind(wanted: str | None, target: str) -> Kind:
    """The output's format: as wanted, else by the target's ending. Raises RequestError for one of stills only."""
    if wanted is not None:
        found: Kind | None = next((kind for kind in VIDEO_FORMATS if kind == wanted), None)
        if found is None:
            raise RequestError(f"is a sequence, which is written as {', '.join(VIDEO_FORMATS)}, not as {wanted}")
        return found
    if target == STDOUT:
        return _STREAM
    kind = video_format(target)
    unknown = Path(target).suffix and picture_format(target) is None and not is_special(Path(target))
    if kind is None and (unknown or picture_format(target) not in (None, "png")):
        raise RequestError(f"is a sequence, which is written as {', '.join(VIDEO_FORMATS)}, not into {target}")
    return kind or ("png" if picture_format(target) else _FILE)


def sequence_ending(wanted: str | None) -> str:
    """Of an output that is not named, with its dot."""
    kind = wanted or _FILE
    return _ENDINGS.get(kind, f".{kind}")


def _damage(report: DecodeVideoReport) -> tuple[str, ...]:
    if report.whole:
        return ()
    if not report.lost:
        return (f"the file is damaged or cut off: {report.frames} frames were written, none is known to be lost",)
    lost = "1 frame is" if report.lost == 1 else f"{report.lost} frames are"
    return (f"the file is damaged: {lost} lost, {report.frames} were written",)


def _interrupted(report: DecodeVideoReport) -> str:
    if not report.frames:
        return "interrupted before the first frame: nothing was written"
    frames = "the first frame is" if report.frames == 1 else f"the first {report.frames} frames are"
    return f"interrupted: {frames} in {report.kept or 'the output'}"


def _told(target: str, report: DecodeVideoReport) -> str:
    fps = report.frames / report.seconds if report.seconds else 0.0
    frames = f"{report.frames} {'frame' if report.frames == 1 else 'frames'}"
    return (
        f"{report.size[0]}x{report.size[1]} {report.mode} -> {target}: {frames}, {report.seconds:.2f} s, {fps:.2f} fps"
    )
