"""Inputs as they are named on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from bitstream.errors import FileAccessError, WispError
from codec.files import source
from codec.files.source import ByteSource

STDIN = "-"


@contextmanager
def opened(name: str) -> Iterator[ByteSource]:
    """A file, pipe or device by its name, or standard input. Raises FileAccessError.

    The latter without the buffer of Python's own reader: a thread that waits in it keeps the interpreter from ending.
    """
    if name != STDIN:
        with source.opened(name) as found:
            yield found
        return
    if sys.stdin is None or sys.stdin.isatty():  # None where it is closed
        raise FileAccessError("nothing is piped into standard input")
    with source.opened(getattr(sys.stdin.buffer, "raw", sys.stdin.buffer), "standard input") as found:
        yield found


def names_sequence(name: str) -> bool:
    """Whether it is a file that holds a sequence of frames; False, too, where it cannot be read."""
    with suppress(OSError, ValueError, WispError):
        if Path(name).is_file():
            with opened(name) as found:
                return found.kind == "sequence"
    return False
