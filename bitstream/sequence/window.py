"""A forward-only file object whose bytes can be looked at before they are taken."""

from __future__ import annotations

import re
from typing import BinaryIO

from bitstream.chunks import read_part

_BLOCK = 1 << 16  # bytes read at a time where nobody knows how many are needed
_MOST_AT_ONCE = 1 << 20  # a claimed length is believed one block at a time


class Window:
    """The bytes from the place that was reached on; `taken` counts those before it."""

    def __init__(self, stream: BinaryIO, taken: int = 0) -> None:
        self._stream, self._bytes, self._at = stream, bytearray(), 0
        self.taken = taken

    def peek(self, start: int, count: int) -> bytes | None:
        """`count` bytes from `start` behind the place on; None where the data ends before."""
        end = start + count
        while (missing := end - self._held) > 0:
            if not self._read(missing):
                return None
        return bytes(memoryview(self._bytes)[self._at + start : self._at + end])

    def take(self, count: int) -> None:
        """Move on by so many bytes, which were looked at."""
        self._at += count
        self.taken += count
        if self._at > max(len(self._bytes) // 2, _BLOCK):
            del self._bytes[: self._at]
            self._at = 0

    def find(self, pattern: re.Pattern[bytes], before: int, longest: int) -> bool:
        """Move on to `before` bytes before the next match, of `longest` bytes at most; to the end where there is none.

        A match that begins nearer to the place than that does not count.
        """
        while True:
            found = pattern.search(self._bytes, self._at + before)
            if found is not None:
                self.take(found.start() - before - self._at)
                return True
            self.take(max(self._held - before - longest + 1, 0))
            if not self._read(_BLOCK):
                self.take(self._held)
                return False

    @property
    def _held(self) -> int:
        return len(self._bytes) - self._at

    def _read(self, wanted: int) -> bool:
        part = read_part(self._stream.read, min(max(wanted, 1), _MOST_AT_ONCE))
        self._bytes += part
        return bool(part)
