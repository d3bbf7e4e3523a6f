"""Which frames of a clip are wanted, and how large."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.limits import check_dimensions
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.clip import Clip
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture, channels

_MOST_HELD = 256  # packets of sound before the first frame


@dataclass(frozen=True)
class Scale:
    """What frames are resized to.

    Args:
        width, height: in pixels; 0 for one of them follows from the other.
        factor: of both sides, instead of a size.
    """

    width: int = 0
    height: int = 0
    factor: Fraction | None = None

    def of(self, size: tuple[int, int]) -> tuple[int, int]:
        """The size (width, height) that a frame of `size` gets. Raises LimitError."""
        width, height = size
        if self.factor is not None:
            scaled = max(round(width * self.factor), 1), max(round(height * self.factor), 1)
        else:
            wide = self.width or max(round(Fraction(width * self.height, height)), 1)
            scaled = wide, self.height or max(round(Fraction(height * self.width, width)), 1)
        check_dimensions(*scaled)
        return scaled


@dataclass(frozen=True)
class Selection:
    """Which frames of a clip are taken, and how large.

    Args:
        first, last: numbers of frames, counted from 0; `last` is excluded, None goes to the end.
        start, duration: seconds, counted from the clip's first frame; None goes to the end.
        step: of the frames that are left every so many-th, from 1.
        scale: resizes them.

    Raises:
        ValueError: a negative number or time, a step below 1.
    """

    first: int = 0
    last: int | None = None
    start: Fraction = Fraction(0)
    duration: Fraction | None = None
    step: int = 1
    scale: Scale | None = None

    def __post_init__(self) -> None:
        if self.step < 1 or min(self.first, self.last or 0, self.start, self.duration or 0) < 0:
            raise ValueError(f"{self}: numbers and times begin at 0, steps at 1")

    @property
    def cuts(self) -> bool:
        """Whether anything is left out before the first frame or behind the last."""
        return self.first > 0 or self.start > 0 or self.last is not None or self.duration is not None

    @property
    def everything(self) -> bool:
        """Whether no frame is left out."""
        return not self.cuts and self.step == 1

    def expected(self, frames: int | None, rate: Fraction | None) -> int:
        """How many frames are gone through from the first that is taken on, of a clip of so many; 0: unknown."""
        left = frames if self.last is None else min(frames or self.last, self.last)
        if left is not None:
            left -= max(self.first, ceil(self.start * rate) if rate else 0)
        if self.duration is not None and rate:
            most = ceil(self.duration * rate)
            left = most if left is None else min(left, most)
        return max(left or 0, 0)

    def clip(self, clip: Clip) -> Clip:
        """Timing of what is left."""
        rate = None if clip.rate is None else clip.rate / self.step
        return Clip(
            clip.time_base,
            rate,
            clip.pixel_aspect,
            clip.colour_range,
            clip.colour_matrix,
            clip.frames if self.everything else 0,
        )

    def size(self, size: tuple[int, int]) -> tuple[int, int]:
        """What frames of `size` (width, height) are resized to."""
        return size if self.scale is None else self.scale.of(size)

    def resized(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """(H, W, C) uint8 at the selection's size, by Lanczos' filter, wide enough for what is left out."""
        size = pixels.shape[1], pixels.shape[0]
        wanted = self.size(size)
        if wanted == size:
            return pixels
        return channels(Picture(pixels).image().resize(wanted, Image.Resampling.LANCZOS))


class Chooser:
    """Goes through a clip's frames in order and says what to do with each."""

    def __init__(self, selection: Selection, clip: Clip, zero: int | None = None) -> None:
        self.selection = self._selection = selection
        self._base = clip.time_base
        self._zero = zero  # timestamp of the clip's first frame, from which `start` counts
        self._begun: int | None = None  # timestamp of the first frame that was taken
        self._passed, self._started = 0, False
        self._held: deque[tuple[AudioPacket, Fraction]] = deque(maxlen=_MOST_HELD)  # sound before the first frame
        self.over = False

    def takes(self, number: int, pts: int) -> bool:
        """Whether this frame is wanted; sets `over` where no later one can be."""
        chosen = self._selection
        if self._zero is None:
            self._zero = pts
        time = (pts - self._zero) * self._base
        ends = chosen.duration is not None and time >= chosen.start + chosen.duration
        self.over = ends or (chosen.last is not None and number >= chosen.last)
        if self.over or number < chosen.first or time < chosen.start:
            return False
        if self._begun is None:
            self._begun = pts
        self._passed += 1
        return (self._passed - 1) % chosen.step == 0

    def frame(self, frame: Frame) -> Frame:
        """A frame that was taken, as it goes on: resized, its time counted anew where the beginning was cut off."""
        chosen = self._selection
        pixels = chosen.resized(frame.pixels)
        first = 0 if self._late else frame.first
        pts, duration = frame.pts - self.shift, frame.duration * chosen.step
        return replace(frame, pixels=pixels, pts=pts, duration=duration, first=first)

    def packet(self, packet: AudioPacket, time_base: Fraction) -> AudioPacket | None:
        """Sound that is wanted, its time counted likewise; None for other, and for what `begin` may give out yet."""
        if not self._selection.cuts:
            return packet
        if self._late and not self._started:
            self._held.append((packet, time_base))
            return None
        return self._moved(packet, time_base)

    def begin(self) -> list[AudioPacket]:
        """A frame is about to go on: what is heard with the first one, though it came before that."""
        if self._started:
            return []
        self._started = True
        released = [moved for packet, base in self._held if (moved := self._moved(packet, base)) is not None]
        self._held.clear()
        return released

    def _moved(self, packet: AudioPacket, time_base: Fraction) -> AudioPacket | None:
        if packet.pts is None:
            return None
        time, duration = packet.pts * time_base, self._selection.duration
        if duration is not None and self._zero is not None and time >= self._start_time + duration:
            return None
        if self._late and self._begun is not None:
            heard_until = time + max(packet.duration, 1) * time_base
            if heard_until <= self._begun * self._base:
                return None
        moved = round(self.shift * self._base / time_base)
        dts = None if packet.dts is None else packet.dts - moved
        return replace(packet, pts=packet.pts - moved, dts=dts)

    @property
    def _start_time(self) -> Fraction:
        return (self._zero or 0) * self._base + self._selection.start

    @property
    def _late(self) -> bool:
        """Whether the beginning is cut off."""
        return self._selection.first > 0 or self._selection.start > 0

    @property
    def begun(self) -> bool:
        """Whether a frame has been taken."""
        return self._begun is not None

    @property
    def shift(self) -> int:
        """What is taken off every time, in units of the time base."""
        return (self._begun or 0) if self._late else 0
