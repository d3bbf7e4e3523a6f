"""Frames and sound -> the records of a sequence, frame by frame, in constant memory."""

from __future__ import annotations

import operator
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import BinaryIO

import numpy as np

from bitstream.errors import RequestError
from bitstream.limits import check_dimensions
from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from bitstream.sequence.record import Record
from bitstream.sequence.writer import SequenceWriter
from codec.formats.pictures.load import PictureSource, load_picture
from codec.pixels.picture import MODES, Picture
from codec.sequence.frame_encoder import FrameEncoder, units_under
from codec.sequence.pace import Pace
from codec.still.encode import CodedPicture

ASSUMED_SECONDS = 0.04  # that a frame is shown for where nothing tells


@dataclass(frozen=True)
class WrittenFrame:
    """What became of a frame.

    Attributes:
        record: its number, kind, timestamp and duration, as they are in the file.
        bytes: that it takes in the file.
        quality: 0..100; None where it is lossless, or a repeat.
        seconds: of work.
    """

    record: Record
    bytes: int
    quality: float | None
    seconds: float


@dataclass(frozen=True)
class EncodedFrame(WrittenFrame):
    """With the units of the frame, None for a repeat."""

    coded: CodedPicture | None = field(repr=False)


class SequenceEncoder:
    """Frames and sound -> the records of a sequence, written to `output` as they come; `VideoWriter` lies above it.

    Args:
        output: takes the bytes, forward only, and is flushed with every frame.
        clip: timing and colours; its number of frames is not known yet and does not count.
        size: (width, height) in pixels of every frame. mode: "RGB", "RGBA", "L" or "LA", its channels.
        encoder: codes the frames.
        pace: keeps a bitrate; without one every frame has the encoder's quality.
        metadata, audio: ICC profile, EXIF and XMP of the whole; the streams of sound.

    Raises:
        LimitError: the size. ValueError: the mode.
    """

    def __init__(
        self,
        output: BinaryIO,
        clip: Clip,
        size: tuple[int, int],
        mode: str,
        encoder: FrameEncoder,
        *,
        pace: Pace | None = None,
        metadata: Metadata | None = None,
        audio: Sequence[AudioStream] = (),
    ) -> None:
        if mode not in MODES.values():
            raise ValueError(f"mode {mode!r} is none of {', '.join(MODES.values())}")
        check_dimensions(*size)
        if min(size) < 1:
            raise ValueError(f"a frame of {size[0]} x {size[1]} holds no pixel")
        self.clip, self.size, self.mode, self.pace = replace(clip, frames=0), size, mode, pace
        self.frames = 0  # written so far
        self._output, self._encoder, self._steps = output, encoder, encoder.steps
        self._metadata, self._audio = metadata or Metadata(), tuple(audio)
        self._writer: SequenceWriter | None = None
        self._waiting: list[AudioPacket] = []  # sound that comes before the first frame
        self._before: Picture | None = None
        self._pts, self._step = 0, 0  # of the last frame: its timestamp, and how long after its predecessor
        self._given = (0, 0)  # number and timestamp of the last frame that came with one

    @property
    def bytes(self) -> int:
        """Written so far."""
        return 0 if self._writer is None else self._writer.offset

    def write(self, frame: PictureSource, pts: int | None = None, duration: int | None = None) -> EncodedFrame:
        """See `VideoWriter.write`."""
        start = time.perf_counter()
        picture = self._checked(load_picture(frame))
        given, pts = pts is not None, self._default_pts() if pts is None else operator.index(pts)
        if duration is None:
            duration = round(1 / self.clip.rate / self.clip.time_base) if self.clip.rate else 0
        duration = operator.index(duration)
        self._check_times(pts, duration)
        step = pts - self._pts if self.frames else 0
        before, seconds = self.bytes, self._shown_seconds(duration, step)
        coded, quality = None, None
        if self._writer is not None and self._repeats(picture):
            record = self._writer.repeat(pts, duration)
            if self.pace is not None:
                self.pace.repeated(seconds)
        else:
            coded, steps = self._coded(picture, seconds)
            quality = self._encoder.quality(steps)
            writer = self._begun(coded)
            before = self.bytes  # the header is no part of the first frame
            record = writer.frame(units_under(writer.header, coded), pts, duration)
        # A copy: the caller may fill the same array anew.
        self._given = (self.frames, pts) if given else self._given
        self._before, self._pts, self._step = Picture(picture.pixels.copy()), pts, step
        self.frames += 1
        return EncodedFrame(record, self.bytes - before, quality, time.perf_counter() - start, coded)

    def write_audio(self, packet: AudioPacket) -> None:
        """A packet of one of the streams of sound, between the frames where it belongs by its time."""
        if self._writer is None:
            self._waiting.append(packet)
        else:
            self._writer.packet(packet)

    def finish(self) -> None:
        """Write index and end. Raises RequestError where no frame came."""
        if self._writer is None:
            raise RequestError("there is no frame to write")
        self._writer.finish()

    def _check_times(self, pts: int, duration: int) -> None:
        if self.frames and pts <= self._pts:
            raise RequestError(f"frame {self.frames} at {pts} is not later than its predecessor at {self._pts}")
        if not -(1 << 63) <= pts < 1 << 63 or not 0 <= duration < 1 << 32:
            raise RequestError(f"frame {self.frames}: time {pts} or duration {duration} cannot be written")

    def _checked(self, picture: Picture) -> Picture:
        if picture.size != self.size or picture.mode != self.mode:
            width, height = self.size
            raise RequestError(
                f"frame {self.frames} is {picture.size[0]} x {picture.size[1]} {picture.mode},"
                f" not {width} x {height} {self.mode}"
            )
        return Picture(picture.pixels)

    def _default_pts(self) -> int:
        """One frame after the last, counted from the last timestamp that was given, so that rounding never adds up."""
        if self.clip.rate is None:
            raise ValueError("without a rate every frame needs its timestamp")
        number, pts = self._given
        return pts + round((self.frames - number) / self.clip.rate / self.clip.time_base)

    def _shown_seconds(self, duration: int, step: int) -> float:
        """How long a frame is shown, by the best that is known: its duration, the rate, the step before it."""
        units = duration or (0 if self.clip.rate else step or self._step)
        return float(units * self.clip.time_base) or float(1 / self.clip.rate if self.clip.rate else ASSUMED_SECONDS)

    def _repeats(self, picture: Picture) -> bool:
        return self._before is not None and np.array_equal(picture.pixels, self._before.pixels)

    def _coded(self, picture: Picture, seconds: float) -> tuple[CodedPicture, int]:
        if self.pace is None:
            return self._encoder.encode(picture, self._steps), self._steps
        return self.pace.encode(self._encoder, picture, seconds)

    def _begun(self, first: CodedPicture) -> SequenceWriter:
        if self._writer is None:
            header = replace(first.header, clip=self.clip)
            self._writer = SequenceWriter(self._output, header, self._metadata, self._audio)
            for packet in self._waiting:
                self._writer.packet(packet)
            self._waiting = []
        return self._writer
