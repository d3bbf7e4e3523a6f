"""Frames with timestamps -> frames at a constant rate, for outputs that have no timestamps."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from bitstream.errors import LimitError
from codec.notes import note
from codec.pixels.frame import Frame

_MOST_REPEATS = 1_000_000  # a wrong timestamp must not fill the disk
_USUAL = Fraction(25)  # of a single frame of unknown duration


class ConstantRate:
    """Puts each frame at the tick nearest to its time, the first at tick 0, as ffmpeg's `-fps_mode cfr` does.

    A frame is repeated until the next one is due, and dropped if its tick is taken. If `rate` (frames per second) is
    None, it follows from the duration of the first frame, or else from the time of the second, before which nothing
    comes out.
    """

    def __init__(self, rate: Fraction | None) -> None:
        self.rate = rate
        self.repeated = self.dropped = 0
        self._first: Frame | None = None
        self._last: Frame | None = None  # written or held, to be repeated
        self._next = 0  # the tick that is free

    def take(self, frame: Frame) -> Iterator[Frame]:
        """The frames that are due now, with `pts` in units of 1 / rate. Raises LimitError after a million repeats."""
        if self._first is None:
            self._first = self._last = frame
            if self.rate is None and frame.duration > 0:
                self.rate = 1 / (frame.duration * frame.time_base)
            if self.rate is not None:
                yield self._at_tick(frame)
            return
        if self.rate is None:
            yield from self._settle_rate(frame)
        tick = self._tick(frame.pts * frame.time_base)
        if tick < self._next:
            self.dropped += 1
            return
        yield from self._repeat_until(tick)
        yield self._at_tick(frame)
        self._last = frame

    def rest(self) -> Iterator[Frame]:
        """The frames that are left at the end: the last one is repeated as long as it is shown."""
        if self._last is None:
            return
        if self.rate is None:
            self.rate = _USUAL
            yield self._at_tick(self._last)
        end = (self._last.pts + self._last.duration) * self._last.time_base
        yield from self._repeat_until(self._tick(end))

    def note_changes(self) -> None:
        """Note how many frames were repeated and dropped."""
        changes = [
            f"{count} {'frame' if count == 1 else 'frames'} {what}"
            for count, what in ((self.repeated, "repeated"), (self.dropped, "dropped"))
            if count
        ]
        if changes:
            note(f"written at {self.rate} frames a second: {', '.join(changes)}")

    def _settle_rate(self, second: Frame) -> Iterator[Frame]:
        assert self._first is not None
        step = second.pts * second.time_base - self._first.pts * self._first.time_base
        self.rate = 1 / step if step > 0 else _USUAL
        yield self._at_tick(self._first)

    def _tick(self, seconds: Fraction) -> int:
        """The nearest one, and the earlier of two, so that half the rate drops every second frame."""
        assert self._first is not None and self.rate is not None
        start = self._first.pts * self._first.time_base
        return math.ceil((seconds - start) * self.rate - Fraction(1, 2))

    def _repeat_until(self, tick: int) -> Iterator[Frame]:
        assert self._last is not None and self.rate is not None
        if (gap := tick - self._next) > _MOST_REPEATS:
            raise LimitError(f"frame {self._last.number} is shown for {gap} frames at {self.rate} frames a second")
        while self._next < tick:
            self.repeated += 1
            yield self._at_tick(self._last)

    def _at_tick(self, frame: Frame) -> Frame:
        assert self.rate is not None
        self._next += 1
        return replace(frame, pts=self._next - 1, duration=1, time_base=1 / self.rate)
