"""Bytes in: a path, a pipe, a file object or bytes as one object to read from, which closes what it opened."""

from __future__ import annotations

import io
import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO, Literal, TypeAlias

from bitstream.chunks import SIGNATURE, read_part
from bitstream.errors import FileAccessError, LimitError
from bitstream.header import KIND_SEQUENCE, KIND_STILL
from bitstream.limits import MAX_FILE_BYTES
from bitstream.still import Still, read_still
from codec.files.paths import reason_of
from codec.notes import note, note_damaged
from codec.work.forks import ForkLock

Source: TypeAlias = "bytes | bytearray | memoryview | str | PathLike[str] | BinaryIO"
Kind: TypeAlias = 'Literal["still", "sequence"]'
_KINDS: dict[bytes, Kind] = {bytes([KIND_STILL]): "still", bytes([KIND_SEQUENCE]): "sequence"}
_KIND_AT = len(SIGNATURE) + 9  # behind length and type of the header, and the version
_BLOCK_BYTES = 1 << 20
_SPOOL_BYTES = 1 << 24  # of a pipe that are kept in memory where it has to be sought; more goes to disk


class ByteSource(io.RawIOBase, BinaryIO):
    """A binary file object to read from, which can be looked ahead into; `opened` makes it.

    Places are counted from where the file object below stood. Where that can seek there may be several `cursor`s in
    it, read by any number of threads; nobody else may move it meanwhile. Anything else is read forward only, and no
    further than is asked for. A read raises FileAccessError.

    Attributes:
        name: for messages, "" where there is none.
        path: of a file that was opened here, and can be opened again.
    """

    name = ""
    path: Path | None = None
    _owned = False

    def __init__(
        self,
        file: BinaryIO,
        name: str = "",
        *,
        owned: bool = False,
        base: int | None = None,
        lock: ForkLock | None = None,
    ) -> None:
        super().__init__()
        self.name, self._owned, self._lock = name, owned, lock or ForkLock()
        self._take_over(file, file.tell() if base is None and _can_seek(file) else base)

    def _take_over(self, file: BinaryIO, base: int | None) -> None:
        self._file, self._base, self._at = file, base, 0
        self._some = getattr(file, "read1", None) or file.read  # which does not wait for more than there is
        self._ahead = b""  # of what reads forward only: read already, not yet handed out
        self._positional = base is not None and isinstance(file, io.FileIO) and hasattr(os, "pread")

    def cursor(self) -> ByteSource:
        """Another place in a source that can seek, at the beginning; closing it closes nothing."""
        if self._base is None:
            raise io.UnsupportedOperation("reads forward only")
        return ByteSource(self._file, self.name, base=self._base, lock=self._lock)

    def buffered(self) -> io.BufferedReader:
        """A cursor for a library that reads a few bytes at a time."""
        return io.BufferedReader(self.cursor())

    @property
    def kind(self) -> Kind | None:
        """What a Wisp file holds, as its first bytes tell; None for anything else."""
        head = self.peek(_KIND_AT + 1)
        return _KINDS.get(head[_KIND_AT:]) if head.startswith(SIGNATURE) else None

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """Whether there are places to go to."""
        return self._base is not None

    def fileno(self) -> int:
        """Only of a whole file of the system, for libraries that open it once more."""
        return self._file.fileno() if self._positional and not self._base else super().fileno()

    def tell(self) -> int:
        """Bytes from the beginning."""
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To `offset` behind the beginning, the place or the end."""
        if whence == os.SEEK_END:
            offset += self.size() or 0
        if self._base is None:
            raise io.UnsupportedOperation("reads forward only")
        self._at = offset + (self._at if whence == os.SEEK_CUR else 0)
        return self._at

    def size(self) -> int | None:
        """Bytes from the beginning to the end, None where that is not known."""
        if self._base is None:
            return None
        if self._positional:
            return os.fstat(self._file.fileno()).st_size - self._base
        with self._lock:
            return self._file.seek(0, os.SEEK_END) - self._base

    def read(self, size: int | None = -1) -> bytes:
        """`size` bytes, fewer only at the end; all that are left where it is negative."""
        parts, left = [], sys.maxsize if size is None or size < 0 else size
        while left and (part := self.read1(min(left, _BLOCK_BYTES))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def read1(self, size: int) -> bytes:
        """At least one byte and at most `size`, none at the end: what there is without waiting for more."""
        if self._base is not None:
            part = self._read_at(self._base + self._at, size)
        elif self._ahead:
            part, self._ahead = self._ahead[:size], self._ahead[size:]
        else:
            part = read_part(self._some, size)
        self._at += len(part)
        return part

    def readinto(self, buffer: Any) -> int:
        """As of any raw file object."""
        view = memoryview(buffer).cast("B")
        part = self.read1(len(view))
        view[: len(part)] = part
        return len(part)

    def peek(self, size: int) -> bytes:
        """The next `size` bytes, fewer only at the end, which are still to be read."""
        if self._base is not None:
            place = self._at
            try:
                return self.read(size)
            finally:
                self._at = place
        while len(self._ahead) < size and (part := read_part(self._some, size - len(self._ahead))):
            self._ahead += part
        return self._ahead[:size]

    def _read_at(self, place: int, size: int) -> bytes:
        if self._positional:  # which moves nothing that another thread or a forked process shares
            return read_part(lambda count: os.pread(self._file.fileno(), count, place), size)
        with self._lock:
            self._file.seek(place)
            return read_part(self._file.read, size)

    def make_seekable(self, most: int = sys.maxsize) -> None:
        """Read what reads forward only to its end, beyond some megabytes into a temporary file, to be sought.

        What comes is the new beginning. Raises LimitError for more than `most` bytes.
        """
        if self._base is not None:
            return
        import tempfile  # which takes a while to be imported

        spool = tempfile.SpooledTemporaryFile(max_size=_SPOOL_BYTES)  # noqa: SIM115 - closed by `close`
        try:
            while part := self.read1(_BLOCK_BYTES):
                if spool.tell() + len(part) > most:
                    raise LimitError(f"{self.name or 'the input'} holds more than {most} bytes")
                spool.write(part)
        except BaseException:
            spool.close()
            raise
        self._close_file()
        self._owned = True
        self._take_over(spool, 0)  # type: ignore[arg-type]

    def close(self) -> None:
        """Close what was opened for this; a file object of the caller's stays open."""
        if not self.closed:
            self._close_file()
        super().close()

    def _close_file(self) -> None:
        if self._owned:
            with suppress(OSError):
                self._file.close()


@contextmanager
def opened(source: Source, name: str = "", *, rewound: bool = False) -> Iterator[ByteSource]:
    """A path, binary file object or bytes to read from, closed in the end if it was opened here.

    It begins where a file object stands; `rewound`, at its beginning, where it can seek. A ByteSource is handed on as
    it is. Raises FileAccessError, and TypeError for what is no source.
    """
    if isinstance(source, ByteSource):
        if rewound and source.seekable():
            source.seek(0)
        yield source
        return
    with _made(source, name, rewound) as made:
        yield made


def _made(source: Source, name: str, rewound: bool) -> ByteSource:
    if isinstance(source, (bytes, bytearray, memoryview)):
        return ByteSource(io.BytesIO(source), name, owned=True)
    if isinstance(source, io.TextIOBase):
        raise TypeError("a file object opened for bytes is expected, not for text")
    try:
        if isinstance(source, (str, PathLike)):
            path = Path(source)
            made = ByteSource(path.open("rb", buffering=0), name or str(path), owned=True)
            made.path = path if made.seekable() else None
            return made
        if hasattr(source, "read"):
            return ByteSource(source, name, base=0 if rewound and _can_seek(source) else None)
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name, or a file object that is closed
        raise FileAccessError(reason_of(error)) from error
    raise TypeError(f"{type(source).__name__} is no bytes, path or binary file object")


def _can_seek(file: BinaryIO) -> bool:
    """Whether it has places to go to; some devices say so, and have none."""
    if isinstance(file, io.FileIO) and not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        return False
    return hasattr(file, "seekable") and file.seekable()


def read_file(data: Source, *, preview: bool = False) -> Still:
    """Read and check a whole file; a note tells of damaged metadata and of bytes after its end.

    With `preview` as in `read_still`.

    Raises NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError or FileAccessError.
    """
    with opened(data) as source:
        still = read_still(source, preview=preview)
    if still.damaged:
        note_damaged(still.damaged)
    if still.trailing:
        note(f"{still.trailing} bytes after the end of the file are ignored")
    return still


def read_bytes(data: Source) -> bytes:
    """A file's bytes as they are, no more than the first where they are none of ours.

    Raises FileAccessError or LimitError.
    """
    with opened(data) as source:
        if source.peek(len(SIGNATURE)) != SIGNATURE:
            return source.read(len(SIGNATURE))
        found = source.read(MAX_FILE_BYTES + 1)
    if len(found) > MAX_FILE_BYTES:
        raise LimitError(f"more than {MAX_FILE_BYTES} bytes")
    return found
