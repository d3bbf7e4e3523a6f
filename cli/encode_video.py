"""What `wisp encode` does with a video."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bitstream.errors import FileAccessError, RequestError
from cli.batch import Report
from cli.frame_progress import JobProgress
from cli.inputs import STDIN, Input
from cli.options import Arithmetic
from cli.plan import Job
from cli.stop import Stop
from cli.video_options import Coding
from codec.files.output import STDOUT, check_output, reason_of
from codec.jobs.picture_files import EncodeSettings, Writing

if TYPE_CHECKING:
    from codec.jobs.encode_video import EncodeVideoReport, EncodeVideoSettings
    from codec.jobs.log import FrameLog
    from codec.jobs.selection import Selection


@dataclass(frozen=True)
class EncodeVideoWork:
    """Encodes one video. `picture` are the settings of pictures, as far as they count here."""

    arithmetic: Arithmetic
    model: Path | None
    picture: EncodeSettings
    video: Coding
    selection: Selection
    writing: Writing
    print_psnr: bool
    as_json: bool

    def __call__(self, job: Job, source: Input, progress: JobProgress) -> Report:
        """Do it. Raises what encoding raises, RequestError for options that count for pictures only."""
        from codec.jobs.encode_video import encode_video

        settings = self._settings()
        self.writing.check(job.target, Path(source) if isinstance(source, str) else None)  # before there is a log
        stop = Stop(lambda: progress.tell("interrupted: the frame in work is being finished (once more drops all)"))
        with self._log(job) as log, stop.listening():
            report = encode_video(
                self.arithmetic.codec(self.model),
                source,
                job.target,
                settings,
                self.writing,
                progress=progress.of_frames(),
                log=log,
                go_on=stop,
            )
        lines = [] if report.psnr is None or not self.print_psnr else [f"PSNR {report.psnr:.2f} dB on average"]
        if stop.status:
            lines.append(_interrupted(job, report))
        output = json.dumps(self._facts(job, report)) if self.as_json else None
        return Report(tuple(lines), (_told(job.target, report),), stop.status, output, last=bool(stop.status))

    def _settings(self) -> EncodeVideoSettings:
        from codec.formats.video.read.rawvideo import RawVideo
        from codec.jobs.encode_video import EncodeVideoSettings
        from codec.sequence.frame_encoder import FrameSettings

        wanted, video = self.picture, self.video
        if wanted.target is not None:
            raise RequestError(f"--target-{wanted.target.kind} is for pictures: a video takes --target-bitrate")
        if wanted.verify:
            raise RequestError("--verify is for pictures: `wisp verify` checks the file of a video")
        return EncodeVideoSettings(
            quality=wanted.quality,
            coding=FrameSettings(wanted.coding, wanted.lossless),
            bitrate=video.bitrate,
            two_pass=video.two_pass,
            raw=None if video.format is None else RawVideo(video.format, video.size, video.rate),
            strict=video.strict,
            audio=video.audio,
            selection=self.selection,
            strip=wanted.strip,
        )

    @contextmanager
    def _log(self, job: Job) -> Iterator[FrameLog | None]:
        """Where every frame is told of; a log that nobody reads where only the PSNR is wanted. None: nothing is."""
        from codec.jobs.log import FrameLog

        kind, name = self.video.log, self.video.log_file
        if kind is None:
            yield FrameLog("json", lambda _: None) if self.print_psnr else None
        elif name is None:
            yield FrameLog(kind, lambda line: click.echo(line, err=job.target == STDOUT))
        else:
            path = Path(job.source) if job.source != STDIN else None
            with _opened_log(name, job.target, path, self.writing.overwrite) as put:
                yield FrameLog(kind, put)

    def _facts(self, job: Job, report: EncodeVideoReport) -> dict[str, Any]:
        still = self.picture
        return {
            "file": job.source,
            "output": job.target,
            "width": report.size[0],
            "height": report.size[1],
            "mode": report.mode,
            "frames": report.frames,
            "repeats": report.repeats,
            "duration": round(report.duration, 6),
            "quality": None if still.lossless or self.video.bitrate is not None else still.quality,
            "target_kbps": self.video.bitrate,
            "effort": still.coding.effort,
            "tune": still.coding.tune,
            "bytes": report.bytes,
            "kbps": round(report.kilobits, 2),
            "psnr": None if report.psnr is None else round(report.psnr, 4),
            "fps": round(_fps(report), 3),
            "seconds": round(report.seconds, 3),
            "interrupted": report.interrupted,
        }


@contextmanager
def _opened_log(name: str, target: str, source: Path | None, overwrite: bool) -> Iterator[Callable[[str], None]]:
    """What puts a line into the file, where it can be read at once."""
    check_output(name, overwrite=overwrite, source=source)
    if target != STDOUT and os.path.realpath(name) == os.path.realpath(target):
        raise RequestError(f"--log-file {name} is the output itself")

    def refused(error: OSError) -> FileAccessError:
        return FileAccessError(f"--log-file {name}: {reason_of(error)}")

    def put(line: str) -> None:
        try:
            file.write(f"{line}\n")
        except OSError as error:
            raise refused(error) from error

    try:
        file = Path(name).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115
    except OSError as error:
        raise refused(error) from error
    try:
        yield put
    finally:
        with suppress(OSError):  # what could not be written has been told
            file.close()


def _interrupted(job: Job, report: EncodeVideoReport) -> str:
    if not report.frames:
        return "interrupted before the first frame: nothing was written"
    frames = "the first frame is" if report.frames == 1 else f"the first {report.frames} frames are"
    return f"interrupted: {frames} in {'the output' if job.target == STDOUT else job.target}"


def _fps(report: EncodeVideoReport) -> float:
    return report.frames / report.seconds if report.seconds else 0.0


def _told(target: str, report: EncodeVideoReport) -> str:
    size = f"{report.size[0]}x{report.size[1]} {report.mode}"
    repeats = "" if not report.repeats else f" ({report.repeats} {'repeat' if report.repeats == 1 else 'repeats'})"
    frames = f"{report.frames} {'frame' if report.frames == 1 else 'frames'}{repeats}, {report.duration:.2f} s"
    work = f"{report.kilobits:.1f} kbit/s, coded at {_fps(report):.2f} fps"
    return f"{size} -> {target}: {report.bytes} bytes, {frames}, {work}"
