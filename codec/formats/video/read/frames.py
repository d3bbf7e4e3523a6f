"""Decoded frames and packets of sound -> upright 8-bit frames with rising timestamps, interleaved in time."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from itertools import chain
from typing import Protocol

import av
import numpy as np
from numpy.typing import NDArray

from bitstream.errors import FileAccessError, UnsupportedError
from bitstream.limits import check_dimensions
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from codec.formats.video.read.colour import PixelReader
from codec.formats.video.read.deinterlace import Deinterlacer
from codec.formats.video.read.display_matrix import display_matrix, is_sideways, upright
from codec.formats.video.read.source import MediaSource
from codec.formats.video.read.timing import Clock, WaitingPackets
from codec.pixels.frame import Frame

_MOST_BEFORE_FIRST = 1 << 27  # bytes of sound
_MOST_PARTS = 1 << 32  # a header has 32 bits for either part of an aspect


class Decoded(Protocol):
    """Decoded video and its sound, from `demuxer.py` or `rawvideo.py`.

    Times count `time_base` seconds, those of sound the time base of its stream. `field_order`, `colour_range` and
    `matrix` are what the stream states, `rate` is its nominal rate, `aspect` the width of a pixel by its height, known
    at the latest with the first frame; `frames` and `duration` (seconds) are expected.
    """

    audio: tuple[AudioStream, ...]
    time_base: Fraction
    rate: Fraction | None
    field_order: str | None
    colour_range: int
    matrix: int
    frames: int | None
    duration: float | None

    @property
    def aspect(self) -> Fraction: ...

    def events(self) -> Iterator[av.VideoFrame | AudioPacket]: ...

    def note_damage(self) -> None: ...


def open_decoded(decoded: Decoded, *, strict: bool) -> MediaSource:
    """Read up to the first frame. Raises FileAccessError if there is none."""
    frames = _Frames(decoded, strict)
    items = frames.items()
    before: list[Frame | AudioPacket] = []
    held = 0
    for item in items:
        before.append(item)
        if isinstance(item, Frame):
            break
        held += len(item.data)
        if held > _MOST_BEFORE_FIRST:
            raise FileAccessError("has too much sound before its first frame")
    first = before[-1] if before else None
    if not isinstance(first, Frame):
        raise FileAccessError("has no frame that can be decoded")
    stated_range, matrix = frames.stated
    clip = Clip(decoded.time_base, decoded.rate, frames.aspect, stated_range, matrix)
    items = chain(before, items)
    return MediaSource(clip, first.size, frames.mode, items, decoded.audio, decoded.frames, decoded.duration)


class _Frames:
    def __init__(self, decoded: Decoded, strict: bool) -> None:
        self._decoded = decoded
        self._deinterlacer = Deinterlacer(decoded.field_order, strict=strict)
        self._reader = PixelReader(strict, decoded.colour_range, decoded.matrix)
        self._clock = Clock(decoded.time_base, decoded.rate)
        self._number = 0
        self._size = (0, 0)
        self.stated = (0, 0)  # colour range and matrix of the first frame
        self.aspect = Fraction(1)

    @property
    def mode(self) -> str:
        return self._reader.mode

    def items(self) -> Iterator[Frame | AudioPacket]:
        """Frames, and each packet of sound before the first frame that is later."""
        waiting = WaitingPackets(tuple(stream.time_base for stream in self._decoded.audio))
        for item in self._progressive(waiting):
            if isinstance(item, AudioPacket):
                yield item
                continue
            frame = self._frame(item)
            yield from waiting.until(frame.pts * frame.time_base)
            yield frame
        yield from waiting.rest()
        self._clock.note_moved()
        self._decoded.note_damage()

    def _progressive(self, waiting: WaitingPackets) -> Iterator[av.VideoFrame | AudioPacket]:
        """Frames as the deinterlacer gives them, and the sound that can wait no longer."""
        for event in self._decoded.events():
            if isinstance(event, AudioPacket):
                yield from waiting.push(event)
            else:
                yield from self._deinterlacer.push(event)
        yield from self._deinterlacer.flush()

    def _frame(self, picture: av.VideoFrame) -> Frame:
        check_dimensions(picture.width, picture.height)
        matrix = display_matrix(picture)
        pixels = upright(self._reader.pixels(picture), matrix)
        if not self._number:
            self._size = picture.width, picture.height
            self.stated = self._reader.stated(picture)
            self.aspect = _aspect(self._decoded.aspect, is_sideways(matrix))
        self._check_size(picture, pixels)
        frame = Frame(
            pixels,
            self._clock.time(picture.pts if picture.pts is not None else picture.dts, picture.duration),
            max(picture.duration, 0),
            self._decoded.time_base,
            self._number,
        )
        self._number += 1
        self._shape = pixels.shape
        return frame

    def _check_size(self, picture: av.VideoFrame, pixels: NDArray[np.uint8]) -> None:
        size = picture.width, picture.height
        if size != self._size or (self._number and pixels.shape != self._shape):
            was, now = ("x".join(map(str, part)) for part in (self._size, size))
            how = f"changes from {was} to {now}" if size != self._size else "is turned to the side"
            raise UnsupportedError(f"frame {self._number} {how}: a change of size in mid-stream is not coded")


def _aspect(aspect: Fraction, sideways: bool) -> Fraction:
    if aspect <= 0 or max(aspect.numerator, aspect.denominator) >= _MOST_PARTS:
        return Fraction(1)
    return 1 / aspect if sideways else aspect
