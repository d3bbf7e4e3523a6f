"""Inputs as they are found: files, and pipes that must be looked into without losing or waiting for a byte more."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO, TypeAlias, cast

from bitstream.chunks import read_part
from bitstream.errors import FileAccessError, LimitError
from bitstream.limits import MAX_FILE_BYTES
from codec.files.paths import is_special
from codec.files.source import LookAhead

STDIN = "-"
VIDEO_ENDINGS = frozenset(
    ".3gp .asf .avi .flv .ivf .m2ts .m4v .mkv .mov .mp4 .mpeg .mpg .mts .mxf .nut .ogv .ts .vob .webm .wmv"  # noqa: SIM905
    " .y4m".split()
)
_SIGN_BYTES = 12  # of a pipe: enough for what streams well, and every producer has given them with its first frame
_HEAD_BYTES = 1 << 12
_KIND_BYTES = 18  # of a Wisp file: up to the kind in its header

Input: TypeAlias = "str | BinaryIO"


class Pipe:
    """A stream that reads forward only, and may be looked ahead into.

    Without the buffer of Python's own readers: a thread that waits in one of those keeps the interpreter from ending.
    """

    def __init__(self, raw: Any) -> None:
        self._raw, self._ahead = raw, b""

    def seekable(self) -> bool:
        """It is not."""
        return False

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, fewer only where the stream ends. Raises FileAccessError."""
        while len(self._ahead) < count and (part := self._part(count - len(self._ahead))):
            self._ahead += part
        return self._ahead[:count]

    def read1(self, count: int) -> bytes:
        """At least one byte and at most `count`, none at the end. Raises FileAccessError."""
        if not self._ahead:
            return self._part(count)
        taken, self._ahead = self._ahead[:count], self._ahead[count:]
        return taken

    def read(self, count: int = -1) -> bytes:
        """`count` bytes, fewer only where the stream ends; all that is left without `count`. Raises FileAccessError."""
        parts, left = [], MAX_FILE_BYTES if count < 0 else count
        while left and (part := self.read1(min(left, 1 << 20))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _part(self, count: int) -> bytes:
        return read_part(self._raw, count)


@contextmanager
def opened(name: str) -> Iterator[Input]:
    """A path as it is; standard input, and a pipe or device by its name, as a file object.

    That is a Pipe where it reads forward only. Raises FileAccessError.
    """
    if name == STDIN:
        if sys.stdin is None or sys.stdin.isatty():  # None where it is closed
            raise FileAccessError("nothing is piped into standard input")
        stream = sys.stdin.buffer
        yield stream if stream.seekable() else cast(BinaryIO, Pipe(getattr(stream, "raw", stream)))
    elif _is_pipe(name):
        try:
            raw = Path(name).open("rb", buffering=0)  # noqa: SIM115
        except OSError as error:
            raise FileAccessError(error.strerror or str(error)) from error
        try:
            yield cast(BinaryIO, Pipe(raw))
        finally:
            with suppress(OSError):
                raw.close()
    else:
        yield name


def holds_sequence(source: Input) -> bool:
    """Whether a `.wisp` input holds a sequence of frames, as its first bytes tell; nothing is taken out of it."""
    ahead = _look_ahead(source)
    return ahead is not None and ahead.holds_sequence


def holds_picture(source: Input) -> bool:
    """Whether it holds a still picture, likewise."""
    ahead = _look_ahead(source)
    return ahead is not None and ahead.holds_picture


def _look_ahead(source: Input) -> LookAhead | None:
    if isinstance(source, str):
        try:
            with Path(source).open("rb") as file:
                return LookAhead(file)
        except (OSError, ValueError):  # whoever opens it will say why
            return None
    if isinstance(source, Pipe):
        return LookAhead(BytesIO(source.peek(_KIND_BYTES)))
    place = source.tell()
    try:
        return LookAhead(source)
    finally:
        source.seek(place)


def picture_or_video(source: Input) -> tuple[Input, bool]:
    """What to read instead of the source, and whether it is a video or an animation.

    A pipe is looked into no further than it takes to know; where it is a picture, it is read to its end. Raises
    FileAccessError, LimitError.
    """
    from codec.formats.sniff import is_picture_head, is_video

    if isinstance(source, str):
        return source, is_video(source) or _fails_as_video(source)
    if isinstance(source, Pipe):
        head = source.peek(_SIGN_BYTES)
        if not is_picture_head(head) and (is_video(head) or is_video(source.peek(_HEAD_BYTES))):
            return source, True
        source = whole(source)
        return source, is_video(source)
    if is_video(source):
        return source, True
    return whole(source), False


def is_picture(source: Input) -> bool:
    """Whether an input begins as the common pictures and animations do."""
    from codec.formats.sniff import is_picture_head

    if isinstance(source, str):
        with suppress(OSError, ValueError), Path(source).open("rb") as file:
            return is_picture_head(file.read(_SIGN_BYTES))
        return False
    if isinstance(source, Pipe):
        return is_picture_head(source.peek(_SIGN_BYTES))
    place = source.tell()
    head = source.read(_SIGN_BYTES)
    source.seek(place)
    return is_picture_head(head)


def _fails_as_video(name: str) -> bool:
    """A file that is named like a video and holds something else: that it cannot be read is told of as one."""
    return Path(name).suffix.lower() in VIDEO_ENDINGS and not is_picture(name) and Path(name).is_file()


def whole(stream: BinaryIO) -> BinaryIO:
    """All of it in memory. Raises FileAccessError or LimitError."""
    try:
        data = stream.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise FileAccessError(error.strerror or str(error)) from error
    if len(data) > MAX_FILE_BYTES:
        raise LimitError(f"standard input holds more than {MAX_FILE_BYTES} bytes")
    return BytesIO(data)


def _is_pipe(name: str) -> bool:
    """A named pipe or a device, which must be opened once only."""
    try:
        return is_special(Path(name))
    except (OSError, ValueError):
        return False
