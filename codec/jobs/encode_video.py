"""Files to files: what `wisp encode` does with a video."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from bitstream.errors import RequestError
from bitstream.sequence.audio import AudioPacket
from codec import DEFAULT_QUALITY
from codec.files.output import STDOUT, times_of
from codec.jobs.log import FrameLog
from codec.jobs.picture_files import Writing
from codec.jobs.selection import Chooser, Selection
from codec.notes import note
from codec.pixels.distortion import psnr as measure_psnr
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.sequence.frame_encoder import FrameEncoder, FrameSettings
from codec.sequence.pace import Pace, Survey
from codec.sequence.writer import VideoWriter, WrittenFrame
from codec.still.settings import StillSettings
from codec.work.prefetch import drawn_ahead
from codec.work.progress import Progress

if TYPE_CHECKING:
    from codec.api import Codec
    from codec.formats.video.read.rawvideo import RawVideo
    from codec.formats.video.read.source import MediaSource

_READ_AHEAD = 4  # frames of the source
_FAR = 0.1  # of the target bitrate: a note tells of more


@dataclass(frozen=True)
class EncodeVideoSettings:
    """`quality` 0..100 or `bitrate` in 1000 bits a second, found in two passes over the input with `two_pass`.

    `raw` describes an input that says nothing of itself; `strict` refuses what would be converted with a note;
    `strip` names the kinds of an animation's metadata to leave out.
    """

    quality: float = DEFAULT_QUALITY
    coding: FrameSettings = field(default_factory=lambda: FrameSettings(StillSettings()))
    bitrate: float | None = None
    two_pass: bool = False
    raw: RawVideo | None = None
    strict: bool = False
    audio: bool = True
    selection: Selection = field(default_factory=Selection)
    strip: frozenset[str] = frozenset()


@dataclass(frozen=True)
class EncodeVideoReport:
    """What was written. `kilobits` are 1000 bits a second of frames, sound not counted; `psnr` the mean where measured.

    `interrupted`: it was asked to stop, and ended the file early.
    """

    size: tuple[int, int]
    mode: str
    frames: int
    repeats: int
    duration: float
    bytes: int
    kilobits: float
    psnr: float | None
    seconds: float
    interrupted: bool


def encode_video(
    codec: Codec,
    source: str | BinaryIO,
    target: str,
    settings: EncodeVideoSettings,
    writing: Writing,
    *,
    progress: Progress | None = None,
    log: FrameLog | None = None,
    go_on: Callable[[], bool] = lambda: True,
) -> EncodeVideoReport:
    """Video file or stream -> `.wisp` sequence; `target` "-" is stdout.

    Once `go_on` says no, the frame in work is finished, then index and end are written and the file gets its name.
    Raises as codec.formats.video.read.open.open_source and VideoWriter.
    """
    path = Path(source) if isinstance(source, str) else None
    writing.check(target, path)
    pace: Pace | None = None if settings.bitrate is None else Pace(settings.bitrate)
    share = progress or Progress()
    if settings.two_pass:
        if path is None or settings.bitrate is None:
            raise RequestError("two passes need a target bitrate, and an input that can be read twice")
        survey = _survey(codec, source, settings, share.within(0.0, 0.5), go_on)
        if survey.seconds and go_on():
            pace = survey.pace(settings.bitrate)
        share = share.within(0.5, 1.0)
    return _Encoding(codec, settings, target, writing, path, share, log, go_on).run(source, pace)


def _survey(
    codec: Codec, source: str | BinaryIO, settings: EncodeVideoSettings, progress: Progress, go_on: Callable[[], bool]
) -> Survey:
    import numpy as np

    encoder = FrameEncoder(codec, settings.coding)
    survey = Survey(encoder.steps(settings.quality))
    before: Frame | None = None
    with _open(source, settings, sound=False) as media:
        chooser = Chooser(settings.selection, media.clip)
        for item in _chosen(media, chooser, progress, go_on):
            if isinstance(item, AudioPacket):
                continue
            seconds = _shown_seconds(item, media)
            if before is not None and np.array_equal(before.pixels, item.pixels):
                survey.add_repeat(seconds)
            else:
                survey.add(encoder, Picture(item.pixels), seconds)
            before = item
    return survey


def _open(source: str | BinaryIO, settings: EncodeVideoSettings, *, sound: bool) -> MediaSource:
    from codec.formats.video.read.open import open_source

    return open_source(source, raw=settings.raw, strict=settings.strict, audio=sound)


def _chosen(
    media: MediaSource, chooser: Chooser, progress: Progress, go_on: Callable[[], bool]
) -> Iterator[Frame | AudioPacket]:
    """What is to be encoded, read ahead."""
    bases = {stream.index: stream.time_base for stream in media.audio}
    progress.begin(chooser.selection.expected(media.frames, media.clip.rate))
    items = drawn_ahead(iter(media), _READ_AHEAD, go_on)
    try:
        for item in items:
            if isinstance(item, AudioPacket):
                packet = chooser.packet(item, bases[item.stream])
                if packet is not None:
                    yield packet
                continue
            if chooser.takes(item.number, item.pts):
                yield from chooser.begin()
                yield chooser.frame(item)
            elif chooser.over:
                return
            if chooser.begun:
                progress.add(1)
    finally:
        items.close()


def _shown_seconds(frame: Frame, media: MediaSource) -> float:
    if frame.duration:
        return float(frame.duration * frame.time_base)
    return float(1 / media.clip.rate) if media.clip.rate else 0.04


class _Encoding:
    """One clip being encoded."""

    def __init__(
        self,
        codec: Codec,
        settings: EncodeVideoSettings,
        target: str,
        writing: Writing,
        path: Path | None,
        progress: Progress,
        log: FrameLog | None,
        go_on: Callable[[], bool],
    ) -> None:
        self._codec, self._settings, self._target, self._writing = codec, settings, target, writing
        self._path, self._progress, self._log, self._go_on = path, progress, log, go_on
        self._frames, self._repeats, self._bits, self._psnr, self._last_psnr = 0, 0, 0, 0.0, 0.0
        self._begin: float | None = None
        self._end, self._out_of_reach = 0.0, False

    def run(self, source: str | BinaryIO, pace: Pace | None) -> EncodeVideoReport:
        start = time.perf_counter()
        settings, writing = self._settings, self._writing
        with ExitStack() as held:
            media = held.enter_context(_open(source, settings, sound=settings.audio))
            if pace is not None and media.duration and not settings.selection.cuts:
                pace.expect(media.duration)
            chooser = Chooser(settings.selection, media.clip)
            writer = VideoWriter(
                self._destination(),
                settings.selection.size(media.size),
                quality=settings.quality,
                target_bitrate=pace,
                clip=settings.selection.clip(media.clip),
                mode=media.mode,
                settings=settings.coding,
                metadata=replace(media.metadata, **dict.fromkeys(settings.strip, b"")),
                audio=media.audio,
                overwrite=writing.overwrite,
                make_folders=writing.make_folders,
                source=self._path,
                keep_latents=self._log is not None,
                codec=self._codec,
            )
            held.push(lambda kind, *_: writer.abort() if kind is not None else None)
            for item in _chosen(media, chooser, self._progress, self._go_on):
                if isinstance(item, AudioPacket):
                    writer.write_audio(item)
                else:
                    self._write(writer, item)
            if self._frames or self._go_on():
                writer.close(times_of(self._path) if writing.keep_times and self._path is not None else None)
            else:
                writer.abort()
        self._out_of_reach = pace is not None and pace.out_of_reach
        if self._log is not None:
            self._log.end()
        duration = self._end - (self._begin or 0.0)
        report = EncodeVideoReport(
            size=writer.size,
            mode=writer.mode,
            frames=self._frames,
            repeats=self._repeats,
            duration=duration,
            bytes=writer.bytes,
            kilobits=self._bits / duration / 1000 if duration else 0.0,
            psnr=self._psnr / self._frames if self._log is not None and self._frames else None,
            seconds=time.perf_counter() - start,
            interrupted=not self._go_on(),
        )
        self._tell_of_bitrate(report)
        return report

    def _destination(self) -> str | BinaryIO:
        return sys.stdout.buffer if self._target == STDOUT else self._target

    def _write(self, writer: VideoWriter, frame: Frame) -> None:
        written = writer.write(frame.pixels, frame.pts, frame.duration)
        self._frames += 1
        self._repeats += written.encoded is None
        self._bits += 8 * written.bytes
        self._begin = frame.seconds if self._begin is None else self._begin
        length = frame.duration * frame.time_base or (1 / writer.clip.rate if writer.clip.rate else 0)
        self._end = frame.seconds + float(length)
        if self._log is not None:
            self._last_psnr = self._measured(written, frame)
            self._psnr += min(self._last_psnr, 100.0)
            self._log.frame(written, frame.seconds - self._begin, self._last_psnr)

    def _measured(self, written: WrittenFrame, frame: Frame) -> float:
        """PSNR of a frame against what its decoder will show; a repeat has its predecessor's."""
        if written.encoded is None:
            return self._last_psnr
        from codec.still.measure import decoded  # which needs torch, as lossless frames do not

        shown = decoded(written.encoded, self._codec.load)
        return measure_psnr(frame.pixels, shown.pixels)

    def _tell_of_bitrate(self, report: EncodeVideoReport) -> None:
        wanted = self._settings.bitrate
        if wanted is not None and report.frames and abs(report.kilobits - wanted) > _FAR * wanted:
            other = "the clip is short, or changes much" if report.repeats == 0 else "much of the clip repeats"
            reason = "no quality gives that" if self._out_of_reach else other
            note(f"{wanted:g} kbit/s were asked for, it came to {report.kilobits:.1f}: {reason}")
