"""Files in: bytes, paths and file objects -> a parsed and checked file, without any network."""

from __future__ import annotations

import io
from os import PathLike
from pathlib import Path
from typing import BinaryIO, TypeAlias

from bitstream.errors import FileAccessError
from bitstream.still import Still, read_still
from codec.notes import note

Source: TypeAlias = "bytes | bytearray | memoryview | str | PathLike[str] | BinaryIO"


def read_file(data: Source) -> Still:
    """Read and check a whole file; a note tells of bytes after its end.

    Raises NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError or FileAccessError.
    """
    try:
        if isinstance(data, (bytes, bytearray, memoryview)):
            still = read_still(io.BytesIO(data))
        elif isinstance(data, (str, PathLike)):
            with _opened(Path(data)) as stream:
                still = read_still(stream)
        elif hasattr(data, "read"):
            still = read_still(data)
        else:
            raise TypeError(f"{type(data).__name__} is no bytes, path or binary file object")
    except OSError as error:
        raise error if isinstance(error, FileAccessError) else FileAccessError(error.strerror or str(error)) from error
    if still.trailing:
        note(f"{still.trailing} bytes after the end of the file are ignored")
    return still


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except ValueError as error:  # a null byte in the name
        raise FileAccessError(str(error)) from error
