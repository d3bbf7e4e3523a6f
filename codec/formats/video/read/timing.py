"""Timestamps of decoded frames: missing ones filled in, and each later than the one before."""

from __future__ import annotations

from fractions import Fraction

from codec.notes import note

_FASTEST = 1000  # frames a second; FFmpeg gives the time base's frequency where it has found no rate
_MANY = 1 << 32  # a header has 32 bits for either part of a rate


class Clock:
    """Gives each frame of a stream its timestamp in units of `time_base` seconds; `rate` fills in missing ones."""

    def __init__(self, time_base: Fraction, rate: Fraction | None) -> None:
        self._step = max(round(1 / (rate * time_base)), 1) if rate else 1
        self._last: int | None = None
        self._before = 0  # the duration of the last
        self._moved = 0

    def time(self, pts: int | None, duration: int) -> int:
        """The timestamp of the next frame; `pts` and `duration` (0: unknown) are what the decoder says."""
        if self._last is None:
            found = 0 if pts is None else pts
        elif pts is None:
            found = self._last + (self._before or self._step)
        elif pts <= self._last:
            found = self._last + 1
            self._moved += 1
        else:
            found = pts
        self._last, self._before = found, duration
        return found

    def tell(self) -> None:
        """A note where timestamps had to be changed."""
        if self._moved:
            note(f"{self._moved} timestamps were no later than those before them and are moved just after")


def nominal_rate(guessed: Fraction | None, average: Fraction | None, coded: Fraction | None) -> Fraction | None:
    """FFmpeg's guess where the average (else what the codec says) does not speak against it, else one of these.

    The guess is the lowest rate that all timestamps fit: for variable timestamps often 1000 a second and the like.
    """
    against = average or coded
    if guessed and against and guessed > against * Fraction(3, 2):
        guessed = None
    for rate in (guessed, average, coded):
        if rate and 0 < rate <= _FASTEST:
            return rate if max(rate.numerator, rate.denominator) < _MANY else rate.limit_denominator(1 << 20)
    return None
