"""Files in: bytes, paths and file objects -> a parsed and checked file, without any network."""

from __future__ import annotations

import io
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import BinaryIO, TypeAlias, TypeVar

from bitstream.chunks import SIGNATURE
from bitstream.errors import FileAccessError, LimitError
from bitstream.header import KIND_SEQUENCE, KIND_STILL
from bitstream.limits import MAX_FILE_BYTES
from bitstream.still import Still, read_still
from codec.notes import note, note_damaged

Source: TypeAlias = "bytes | bytearray | memoryview | str | PathLike[str] | BinaryIO"
_Result = TypeVar("_Result")


def read_file(data: Source) -> Still:
    """Read and check a whole file; a note tells of damaged metadata and of bytes after its end.

    Raises NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError or FileAccessError.
    """
    still = on_stream(data, read_still)
    if still.damaged:
        note_damaged(still.damaged)
    if still.trailing:
        note(f"{still.trailing} bytes after the end of the file are ignored")
    return still


def read_bytes(data: Source) -> bytes:
    """A file's bytes as they are, no more than the first where they are none of ours.

    Raises FileAccessError or LimitError.
    """
    found = on_stream(data, _read_wisp)
    if len(found) >= MAX_FILE_BYTES:
        raise LimitError(f"more than {MAX_FILE_BYTES} bytes")
    return found


_KIND_AT = len(SIGNATURE) + 9  # behind length and type of the header, and the version


class LookAhead:
    """A stream whose first bytes have been looked at; it reads forward only."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._head = stream, b""
        while len(self._head) <= _KIND_AT and (part := stream.read(_KIND_AT + 1 - len(self._head))):
            self._head += part

    @property
    def holds_sequence(self) -> bool:
        """Whether it is a Wisp file with a sequence of frames, as far as its first bytes tell."""
        return self._head.startswith(SIGNATURE) and self._head[_KIND_AT:] == bytes([KIND_SEQUENCE])

    @property
    def holds_picture(self) -> bool:
        """Whether it is a Wisp file with a still picture, as far as its first bytes tell."""
        return self._head.startswith(SIGNATURE) and self._head[_KIND_AT:] == bytes([KIND_STILL])

    def read(self, size: int = -1) -> bytes:
        """As of any file object, but no more than what was looked at where that is not used up."""
        if not self._head:
            return self._stream.read(size)
        if size < 0:
            taken, self._head = self._head + self._stream.read(), b""
        else:
            taken, self._head = self._head[:size], self._head[size:]
        return taken


def on_stream(data: Source, use: Callable[[BinaryIO], _Result]) -> _Result:
    """What `use` makes of the data as a stream. Raises FileAccessError, and TypeError for what is no source."""
    try:
        if isinstance(data, (bytes, bytearray, memoryview)):
            return use(io.BytesIO(data))
        if isinstance(data, (str, PathLike)):
            with _opened(Path(data)) as stream:
                return use(stream)
        if hasattr(data, "read"):
            return use(data)
        raise TypeError(f"{type(data).__name__} is no bytes, path or binary file object")
    except OSError as error:
        raise error if isinstance(error, FileAccessError) else FileAccessError(error.strerror or str(error)) from error


def _read_wisp(stream: BinaryIO) -> bytes:
    head = stream.read(len(SIGNATURE))
    return head + stream.read(MAX_FILE_BYTES) if head == SIGNATURE else head


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except ValueError as error:  # a null byte in the name
        raise FileAccessError(str(error)) from error
