"""What `wisp decode` does with a sequence."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bitstream.errors import RequestError
from cli.batch import Report
from cli.options import Arithmetic
from cli.plan import Job
from cli.progress import JobProgress
from cli.selection_options import listed
from cli.stop import Stop
from codec.files.output import Writing
from codec.files.source import ByteSource
from codec.jobs.settings import DecodeReport, DecodeSettings
from codec.still.salvage import DAMAGED_STATUS

_ENDINGS = {"png": "", "rgb24": ".rgb", "yuv420p": ".yuv"}  # where not the format's name; pictures are in a folder


@dataclass(frozen=True)
class DecodeVideoWork:
    """Decodes one sequence; `picture_options` are those given that count for stills."""

    arithmetic: Arithmetic
    model: Path | None
    settings: DecodeSettings
    writing: Writing
    picture_options: tuple[str, ...]

    def __call__(self, job: Job, source: ByteSource, progress: JobProgress) -> Report:
        """Do it. Raises what decoding raises, RequestError for options that count for pictures only."""
        from codec.jobs.decode_video import decode_video

        if self.picture_options:
            raise RequestError(f"is a sequence, and {listed(self.picture_options)} for still pictures")
        stop = Stop(lambda: progress.tell("interrupted: what was decoded is being finished"))
        with stop.listening():
            report = decode_video(
                self.arithmetic.codec(self.model),
                source,
                job.target,
                self.settings,
                self.writing,
                progress=progress.of_frames(),
                go_on=stop,
            )
        if stop.status:
            return Report((interrupted(report),), status=stop.status, last=True)
        lines = _damage(report)
        return Report(lines, (told(job.target, report),), DAMAGED_STATUS if lines else 0)


def sequence_ending(wanted: str | None) -> str:
    """Of an output that is not named, with its dot."""
    kind = wanted or "mp4"
    return _ENDINGS.get(kind, f".{kind}")


def _damage(report: DecodeReport) -> tuple[str, ...]:
    if report.whole:
        return ()
    if not report.lost:
        return (f"the file is damaged or cut off: {report.frames} frames were written, none is known to be lost",)
    lost = "1 frame is" if report.lost == 1 else f"{report.lost} frames are"
    return (f"the file is damaged: {lost} lost, {report.frames} were written",)


def interrupted(report: DecodeReport) -> str:
    """What is left of a video that was ended early."""
    if not report.frames:
        return "interrupted before the first frame: nothing was written"
    frames = "the first frame is" if report.frames == 1 else f"the first {report.frames} frames are"
    return f"interrupted: {frames} in {report.kept or 'the output'}"


def told(target: str, report: DecodeReport) -> str:
    """The line of --verbose about a video."""
    fps = report.frames / report.seconds if report.seconds else 0.0
    frames = f"{report.frames} {'frame' if report.frames == 1 else 'frames'}"
    return (
        f"{report.size[0]}x{report.size[1]} {report.mode} -> {target}: {frames}, {report.seconds:.2f} s, {fps:.2f} fps"
    )
