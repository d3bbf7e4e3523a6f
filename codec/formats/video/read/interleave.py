"""Packets of sound held back until the frames that decoding delays have caught up with them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from fractions import Fraction

from bitstream.sequence.audio import AudioPacket

_MOST_BYTES = 1 << 23  # held back at a time; beyond it the earliest go out, so that memory stays bounded
_PACKET_BYTES = 100  # what one costs besides its data


class WaitingPackets:
    """A queue in the order of time; `time_bases` are those of the streams, in seconds, by index."""

    def __init__(self, time_bases: tuple[Fraction, ...]) -> None:
        self._bases = time_bases
        self._last = [Fraction(0)] * len(time_bases)
        self._queue: list[tuple[Fraction, int, AudioPacket]] = []
        self._count = self._bytes = 0

    def push(self, packet: AudioPacket) -> Iterator[AudioPacket]:
        """Add one; gives those that there is no room for."""
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None:
            self._last[packet.stream] = stamp * self._bases[packet.stream]
        heapq.heappush(self._queue, (self._last[packet.stream], self._count, packet))
        self._count += 1
        self._bytes += len(packet.data) + _PACKET_BYTES
        while self._bytes > _MOST_BYTES:
            yield self._pop()

    def until(self, seconds: Fraction) -> Iterator[AudioPacket]:
        """Those no later than a frame of this time."""
        while self._queue and self._queue[0][0] <= seconds:
            yield self._pop()

    def rest(self) -> Iterator[AudioPacket]:
        """All of them."""
        while self._queue:
            yield self._pop()

    def _pop(self) -> AudioPacket:
        _, _, packet = heapq.heappop(self._queue)
        self._bytes -= len(packet.data) + _PACKET_BYTES
        return packet
