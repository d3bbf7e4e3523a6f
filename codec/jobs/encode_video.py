"""Video file or stream -> `.wisp` sequence."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bitstream.errors import RequestError
from bitstream.sequence.audio import AudioPacket
from codec.api import Codec
from codec.files.output import Output, Writing
from codec.files.source import ByteSource
from codec.jobs.log import MOST_DB, FrameLog
from codec.jobs.media import GoOn, chosen_items, open_media
from codec.jobs.settings import EncodeReport, InputSettings
from codec.notes import note
from codec.pixels.distortion import psnr
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.sequence.encoder import ASSUMED_SECONDS, EncodedFrame, SequenceEncoder
from codec.sequence.frame_encoder import FrameEncoder
from codec.sequence.pace import Pace, Survey
from codec.settings import EncodeSettings
from codec.work.progress import Progress

if TYPE_CHECKING:
    from codec.formats.video.read.source import MediaSource

_FAR = 0.1  # of the target bitrate: a note tells of more


def encode_video(
    codec: Codec,
    source: ByteSource,
    target: str,
    settings: EncodeSettings,
    reading: InputSettings,
    writing: Writing,
    *,
    bitrate: float | None = None,
    two_pass: bool = False,
    log: FrameLog | None = None,
    progress: Progress | None = None,
    go_on: GoOn = lambda: True,
) -> EncodeReport:
    """Encode a video file or stream into the sequence `target`; "-" is standard output.

    Args:
        bitrate: 1000 bits a second to meet instead of the quality; with `two_pass` in two passes over the input.
        log: takes a row for every frame.
        go_on: once it says no, the frame in work is finished, then index and end are written, and the file gets
            its name.

    Raises as codec.formats.video.read.open.open_source and SequenceEncoder; OutputExistsError, FileAccessError.
    """
    writing.check(target, source.path)
    encoder = FrameEncoder(codec, settings, keep_latents=log is not None)
    pace = None if bitrate is None else Pace(bitrate)
    share = progress or Progress()
    if two_pass:
        if not source.seekable() or bitrate is None:
            raise RequestError("two passes need a target bitrate, and an input that can be read twice")
        survey = _survey(codec, settings, source, reading, share.within(0.0, 0.5), go_on)
        if survey.seconds and go_on():
            pace = survey.pace(bitrate)
        share = share.within(0.5, 1.0)
    start, totals = time.perf_counter(), _Totals(codec, log)
    with ExitStack() as held:
        media = held.enter_context(open_media(codec, source, reading, sound=reading.audio))
        if pace is not None and media.duration and not reading.selection.cuts:
            pace.expect(media.duration)
        output = held.enter_context(Output(target, writing, sources=[source.path], part=True))
        sequence = SequenceEncoder(
            output,  # type: ignore[arg-type]  # as much of a file as is needed
            reading.selection.clip(media.clip),
            reading.selection.size(media.size),
            media.mode if reading.restoration is None else reading.restoration.mode(media.mode),
            encoder,
            pace=pace,
            metadata=replace(media.metadata, **dict.fromkeys(reading.strip, b"")),
            audio=media.audio,
        )
        for item in chosen_items(codec, media, reading, share, go_on):
            if isinstance(item, AudioPacket):
                sequence.write_audio(item)
            else:
                totals.add(sequence.write(item.pixels, item.pts, item.duration), item, _shown_seconds(item, media))
        if sequence.frames or go_on():
            sequence.finish()
            output.commit()
        else:
            output.discard()
    if log is not None:
        log.end()
    report = totals.report(sequence, time.perf_counter() - start, interrupted=not go_on())
    if bitrate is not None and pace is not None and report.frames:
        _note_bitrate(bitrate, report, pace)
    return report


def _survey(
    codec: Codec, settings: EncodeSettings, source: ByteSource, reading: InputSettings, progress: Progress, go_on: GoOn
) -> Survey:
    """The first of two passes."""
    survey, before = Survey(FrameEncoder(codec, settings)), None
    with open_media(codec, source, reading, sound=False) as media:
        for item in chosen_items(codec, media, reading, progress, go_on):
            if isinstance(item, AudioPacket):
                continue
            seconds = _shown_seconds(item, media)
            if before is not None and np.array_equal(before.pixels, item.pixels):
                survey.add_repeat(seconds)
            else:
                survey.add(Picture(item.pixels), seconds)
            before = item
    return survey


def _shown_seconds(frame: Frame, media: MediaSource) -> float:
    if frame.duration:
        return float(frame.duration * frame.time_base)
    return float(1 / media.clip.rate) if media.clip.rate else ASSUMED_SECONDS


@dataclass
class _Totals:
    """What adds up over the frames of a clip."""

    codec: Codec
    log: FrameLog | None
    repeats: int = 0
    bits: int = 0
    psnr: float = 0.0  # of all frames, added up
    begin: float | None = None  # seconds
    end: float = 0.0
    last_psnr: float = 0.0

    def add(self, written: EncodedFrame, frame: Frame, seconds: float) -> None:
        """A frame that is shown for so long."""
        self.repeats += written.coded is None
        self.bits += 8 * written.bytes
        self.begin = frame.seconds if self.begin is None else self.begin
        self.end = frame.seconds + seconds
        if self.log is not None:
            self.last_psnr = self._measured(written, frame)
            self.psnr += min(self.last_psnr, MOST_DB)
            self.log.frame(written, frame.seconds - self.begin, self.last_psnr)

    def _measured(self, written: EncodedFrame, frame: Frame) -> float:
        """PSNR of a frame against what its decoder will show; a repeat has its predecessor's."""
        if written.coded is None:
            return self.last_psnr
        from codec.still.check import decoded

        return psnr(frame.pixels, decoded(written.coded, self.codec.load).pixels)

    def report(self, sequence: SequenceEncoder, seconds: float, *, interrupted: bool) -> EncodeReport:
        duration, frames = self.end - (self.begin or 0.0), sequence.frames
        return EncodeReport(
            size=sequence.size,
            mode=sequence.mode,
            bytes=sequence.bytes,
            seconds=seconds,
            psnr=self.psnr / frames if self.log is not None and frames else None,
            frames=frames,
            repeats=self.repeats,
            duration=duration,
            kilobits=self.bits / duration / 1000 if duration else 0.0,
            interrupted=interrupted,
        )


def _note_bitrate(wanted: float, report: EncodeReport, pace: Pace) -> None:
    """A note where the bitrate was missed by far."""
    if abs(report.kilobits - wanted) > _FAR * wanted:
        other = "the clip is short, or changes much" if report.repeats == 0 else "much of the clip repeats"
        reason = "no quality gives that" if pace.out_of_reach else other
        note(f"{wanted:g} kbit/s were asked for, it came to {report.kilobits:.1f}: {reason}")
