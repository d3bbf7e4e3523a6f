"""Bytes in: files, pipes and file objects as one object that FFmpeg and the readers of raw video read from."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias

from bitstream.errors import FileAccessError

Source: TypeAlias = "str | PathLike[str] | BinaryIO | Input"
_SPOOL_BYTES = 1 << 24  # of a pipe that are kept in memory where it has to be sought; more goes to disk
_COPY_BYTES = 1 << 18


class Input:
    """A source to read from the start on, which may be looked ahead into even where it cannot seek.

    What is read is never waited for longer than it takes to have one byte, so that a pipe's bytes go on as they
    come (of file objects that have only `read`, as that does it).
    """

    def __init__(self, file: BinaryIO, *, path: str = "", owned: bool = False) -> None:
        self._file = file
        self._some = getattr(file, "read1", None) or file.read
        self._owned = owned
        self.path = path
        self.name = ""  # what PyAV tells FFmpeg, which guesses by endings where it may
        self._ahead = b""  # of a pipe: read already, not yet handed out
        self._fault: BaseException | None = None
        self._seekable = bool(getattr(file, "seekable", bool)())
        if self._seekable:
            file.seek(0)

    # What PyAV calls. It swallows some exceptions raised here (KeyboardInterrupt among them): all are kept for
    # `check`, and FFmpeg sees an end of file.

    def read(self, count: int) -> bytes:
        """At least one byte and at most `count`; none at the end."""
        try:
            return self.read_some(count)
        except BaseException as error:
            self._fault = error
            return b""

    def seekable(self) -> bool:
        return self._seekable

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """As a file's."""
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    # What the readers of this package call.

    def check(self) -> None:
        """Raise what a `read` for PyAV has come upon; an OSError as FileAccessError."""
        if (fault := self._fault) is not None:
            self._fault = None
            raise fault

    def read_some(self, count: int) -> bytes:
        """As `read`. Raises FileAccessError."""
        if self._ahead:
            data, self._ahead = self._ahead[:count], self._ahead[count:]
            return data
        try:
            found: Any = self._some(count)
        except OSError as error:
            raise FileAccessError(error.strerror or str(error)) from error
        if found is None:
            raise FileAccessError("has no data at the moment, and does not wait for it")
        if isinstance(found, str):
            raise TypeError("a file object opened for bytes is expected, not for text")
        if len(found) > count:  # FFmpeg's buffer holds no more
            raise FileAccessError("is no binary file object: its read gives more bytes than were asked for")
        return bytes(found)

    def read_exactly(self, count: int) -> bytes:
        """`count` bytes, fewer only where the source ends. Raises FileAccessError."""
        parts, missing = [], count
        while missing and (part := self.read_some(missing)):
            parts.append(part)
            missing -= len(part)
        return b"".join(parts)

    def read_line(self, limit: int) -> bytes:
        """Up to and with the next line feed; without one where none comes within `limit` bytes or the source ends."""
        line = bytearray()
        while len(line) < limit and not line.endswith(b"\n") and (byte := self.read_some(1)):
            line += byte
        return bytes(line)

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, fewer only where the source ends, without reading on. Raises FileAccessError."""
        if self._seekable:
            place = self.tell()
            found = self.read_exactly(count)
            self.seek(place)
            return found
        if len(self._ahead) < count:
            ahead, self._ahead = self._ahead, b""
            self._ahead = ahead + self.read_exactly(count - len(ahead))
        return self._ahead[:count]

    @property
    def file(self) -> BinaryIO:
        """The file object itself, for libraries that seek in it."""
        return self._file

    def size(self) -> int | None:
        """Bytes in all, None where that is not known."""
        if not self._seekable:
            return None
        place = self.tell()
        end = self.seek(0, os.SEEK_END)
        self.seek(place)
        return end

    def make_seekable(self) -> None:
        """Read a pipe to its end, beyond a few megabytes into a temporary file, so that it can be sought."""
        if self._seekable:
            return
        spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - closed by `close`
        while data := self.read_some(_COPY_BYTES):
            spool.write(data)
        spool.seek(0)
        self.close()
        self._file, self._some, self._owned, self._seekable = spool, spool.read, True, True  # type: ignore[assignment]

    def close(self) -> None:
        """Close what was opened for this; a file object of the caller's stays open."""
        if self._owned:
            with suppress(OSError):
                self._file.close()


def open_input(source: Source) -> Input:
    """Open a path, or take a binary file object. Raises FileAccessError; TypeError for anything else."""
    if isinstance(source, Input):
        return source
    if isinstance(source, (str, PathLike)):
        path = Path(source)
        try:
            return Input(path.open("rb"), path=str(path), owned=True)
        except (OSError, ValueError) as error:  # a null byte in the name
            raise FileAccessError(getattr(error, "strerror", None) or str(error)) from error
    if not hasattr(source, "read"):
        raise TypeError(f"{type(source).__name__} is no path or binary file object")
    return Input(source)
