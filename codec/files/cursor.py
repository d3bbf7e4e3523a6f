"""The file object of a source, and several places at once in one that can seek."""

from __future__ import annotations

import io
import os
import threading
from os import PathLike
from pathlib import Path
from typing import BinaryIO, TypeAlias

from bitstream.chunks import read_part
from bitstream.errors import FileAccessError

VideoSource: TypeAlias = "str | PathLike[str] | BinaryIO"


class Cursor(io.RawIOBase):
    """A place of its own in a file object, counted from where that stood when the first one was made.

    Any number of them may be read by any number of threads; nobody else may move the file object meanwhile.
    """

    def __init__(self, stream: BinaryIO, base: int, lock: threading.Lock) -> None:
        super().__init__()
        self._stream, self._base, self._lock, self._at = stream, base, lock, 0
        plain = isinstance(stream, io.FileIO) and hasattr(os, "pread")
        self._descriptor = stream.fileno() if plain else None

    @classmethod
    def where_possible(cls, stream: BinaryIO) -> Cursor | None:
        """None where the file object reads forward only."""
        try:
            able = stream.seekable()
        except (AttributeError, ValueError):
            return None
        return cls(stream, stream.tell(), threading.Lock()) if able else None

    def another(self) -> Cursor:
        """At the beginning."""
        return Cursor(self._stream, self._base, self._lock)

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def read(self, size: int = -1) -> bytes:
        """As of any file object, -1 being all that is left."""
        if size < 0:
            at = self._at
            size = max(self.seek(0, os.SEEK_END) - at, 0)
            self._at = at
        data = self._read_at(self._base + self._at, size)
        self._at += len(data)
        return data

    def _read_at(self, place: int, size: int) -> bytes:
        if self._descriptor is not None:  # which moves nothing that another thread or a forked process shares
            return os.pread(self._descriptor, size, place)
        with self._lock:
            self._stream.seek(place)
            return read_part(self._stream, size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To `offset` behind the beginning, the place or the end."""
        if whence == os.SEEK_END:
            with self._lock:
                end = self._stream.seek(0, os.SEEK_END) - self._base
            self._at = end + offset
        else:
            self._at = offset + (self._at if whence == os.SEEK_CUR else 0)
        return self._at

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._at


def opened(source: VideoSource) -> tuple[BinaryIO, bool]:
    """The file object, and whether it was opened here. Raises FileAccessError, TypeError."""
    if isinstance(source, (str, PathLike)):
        try:
            return Path(source).open("rb", buffering=0), True
        except (OSError, ValueError) as error:  # ValueError: a null byte in the name
            raise FileAccessError(getattr(error, "strerror", None) or str(error)) from error
    if not hasattr(source, "read"):
        raise TypeError(f"{type(source).__name__} is no path or binary file object")
    return source, False
