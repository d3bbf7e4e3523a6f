"""The order of time: timestamps of frames, filled in and rising, and packets of sound that wait for their frames."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction

from bitstream.sequence.audio import AudioPacket
from codec.notes import note

_FASTEST = 1000  # frames a second; FFmpeg gives the time base's frequency where it has found no rate
_MANY = 1 << 32  # a header has 32 bits for either part of a rate
_MOST_BYTES = 1 << 23  # of packets that wait; beyond it the earliest go out, so that memory stays bounded
_PACKET_BYTES = 100  # what one costs besides its data


class Clock:
    """Makes the timestamps of a stream rise, and fills in missing ones by `rate`; they count `time_base` seconds."""

    def __init__(self, time_base: Fraction, rate: Fraction | None) -> None:
        self._step = max(round(1 / (rate * time_base)), 1) if rate else 1
        self._last: int | None = None
        self._before = 0  # the duration of the last
        self._moved = 0

    def time(self, pts: int | None, duration: int) -> int:
        """The timestamp of the next frame, given the decoder's `pts` (None: missing) and `duration` (0: unknown)."""
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

    def note_moved(self) -> None:
        """Note how many timestamps were changed."""
        if self._moved:
            note(f"{self._moved} timestamps were no later than those before them and are moved just after")


def nominal_rate(guessed: Fraction | None, average: Fraction | None, coded: Fraction | None) -> Fraction | None:
    """FFmpeg's guess, unless it is far above the average or the codec's rate; then one of these.

    The guess is the lowest rate that all timestamps fit: for variable timestamps it is often 1000 a second or so.
    """
    against = average or coded
    if guessed and against and guessed > against * Fraction(3, 2):
        guessed = None
    for rate in (guessed, average, coded):
        if rate and 0 < rate <= _FASTEST:
            return rate if max(rate.numerator, rate.denominator) < _MANY else rate.limit_denominator(1 << 20)
    return None


class WaitingPackets:
    """Packets of sound held back in the order of time, until the frames that decoding delays have caught up.

    `time_bases` are those of the streams, in seconds, by index.
    """

    def __init__(self, time_bases: tuple[Fraction, ...]) -> None:
        self._bases = time_bases
        self._last = [Fraction(0)] * len(time_bases)
        self._queue: list[tuple[Fraction, int, AudioPacket]] = []
        self._count = self._bytes = 0

    def push(self, packet: AudioPacket) -> Iterator[AudioPacket]:
        """Add a packet; gives the earliest ones if more than 8 MiB wait."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self._last[packet.stream] = stamp * self._bases[packet.stream]
        heapq.heappush(self._queue, (self._last[packet.stream], self._count, packet))
        self._count += 1
        self._bytes += len(packet.data) + _PACKET_BYTES
        while self._bytes > _MOST_BYTES:
            yield self._pop()

    def until(self, seconds: Fraction) -> Iterator[AudioPacket]:
        """The packets that are no later than a frame of this time."""
        while self._queue and self._queue[0][0] <= seconds:
            yield self._pop()

    def rest(self) -> Iterator[AudioPacket]:
        """All packets that are left."""
        while self._queue:
            yield self._pop()

    def _pop(self) -> AudioPacket:
        _, _, packet = heapq.heappop(self._queue)
        self._bytes -= len(packet.data) + _PACKET_BYTES
        return packet
