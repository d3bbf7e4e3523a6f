"""Where the bytes of an output go: a temporary file until it is whole, stdout, or a device that is there already."""

from __future__ import annotations

import os
import sys
from abc import abstractmethod
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import BinaryIO

from bitstream.errors import FileAccessError, OutputExistsError, RequestError, WispError
from bitstream.sequence.audio import AudioPacket
from codec.files.output import (
    STDOUT,
    Buffer,
    check_output,
    is_special,
    open_new,
    reason_of,
    settle,
    temporary_beside,
)
from codec.formats.video.write.constant_rate import ConstantRate
from codec.formats.video.write.sink import Sink, check_frame
from codec.pixels.frame import Frame


class OutFile:
    """A file object for writers that must not see an error in the middle of their work.

    libavformat calls `write` from C, through which no exception passes: the first one is kept, later writes do
    nothing, and `check` raises it.
    """

    def __init__(self, target: str, *, overwrite: bool, source: Path | None = None, make_folders: bool = False) -> None:
        """Raises as codec.files.output.check_output, FileAccessError where nothing can be made there."""
        check_output(target, overwrite=overwrite, source=source, make_folders=make_folders)
        self.target = target
        self.closed = False
        self._overwrite = overwrite
        self._error: BaseException | None = None
        self._temporary: Path | None = None
        self._file: BinaryIO
        try:
            if target == STDOUT:
                self._file = sys.stdout.buffer
            elif is_special(Path(target)):
                self._file = Path(target).open("wb", buffering=0)  # noqa: SIM115
            else:
                self._path = Path(target).resolve()
                if make_folders:
                    self._path.parent.mkdir(parents=True, exist_ok=True)
                self._temporary = temporary_beside(self._path)
                self._file = open_new(self._temporary)
        except OSError as error:
            raise FileAccessError(f"output {target}: {reason_of(error)}") from error

    def seekable(self) -> bool:
        """Whether what was written can be gone back to."""
        return self._temporary is not None

    def write(self, data: Buffer) -> int:
        """Take all of `data`; an error is kept for `check`."""
        taken = len(data)
        if self._error is None and not self.closed:
            try:
                rest = memoryview(data)
                while rest:  # a pipe that is not buffered may take a part only
                    rest = rest[self._file.write(rest) :]
            except BaseException as error:  # an interrupt too
                self._error = error
        return taken

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """The new position. Only where `seekable`."""
        if self._error is not None or self.closed:
            return offset
        try:
            return self._file.seek(offset, whence)
        except BaseException as error:
            self._error = error
            return offset

    def tell(self) -> int:
        """The position."""
        return self._file.tell() if self._error is None and not self.closed else 0

    def flush(self) -> None:
        """Let a reader have what was written; raises as `check`."""
        if self._error is None:
            try:
                self._file.flush()
            except OSError as error:
                self._error = error
        self.check()

    def check(self) -> None:
        """Raises FileAccessError where a write failed; BrokenPipeError and interrupts as they came."""
        if self._error is None:
            return
        if isinstance(self._error, OSError) and not isinstance(self._error, BrokenPipeError):
            raise FileAccessError(f"output {self.target}: {reason_of(self._error)}") from self._error
        raise self._error

    def commit(self) -> None:
        """Give the whole file its name. Raises OutputExistsError or FileAccessError, and the file is gone then."""
        try:
            self.flush()
            if self._temporary is None:
                self._close()
                return
            os.fsync(self._file.fileno())
            self._close()
            settle(self._temporary, self._path, overwrite=self._overwrite)
        except FileExistsError as error:
            raise OutputExistsError(f"output {self.target} exists already (--overwrite replaces it)") from error
        except (FileAccessError, BrokenPipeError):
            raise
        except OSError as error:
            raise FileAccessError(f"output {self.target}: {reason_of(error)}") from error
        finally:
            self.discard()

    def keep_part(self) -> str | None:
        """Rename what is there to the target's name with `.part` before its ending, and return that name."""
        self.flush()
        self._close()
        if self._temporary is None:
            return None
        path = Path(self.target)
        names = (f"{path.stem}.part{f'-{n}' if n else ''}{path.suffix}" for n in count())
        part = next(place for name in names if not os.path.lexists(place := path.with_name(name)))
        try:
            settle(self._temporary, part.resolve(), overwrite=False)
        except OSError as error:
            raise FileAccessError(f"output {part}: {reason_of(error)}") from error
        return str(part)

    def discard(self) -> None:
        """Close, and remove what has no name yet."""
        self._close()
        if self._temporary is not None:
            with suppress(OSError):
                self._temporary.unlink(missing_ok=True)

    def _close(self) -> None:
        self.closed = True
        if self.target != STDOUT and not self._file.closed:
            # What cannot be flushed now has been told, or is thrown away.
            with suppress(OSError):
                self._file.close()


class FileSink(Sink):
    """A sink that writes one file; with a `rate` its frames come at that constant rate."""

    def __init__(self, file: OutFile, size: tuple[int, int], mode: str, rate: ConstantRate | None = None) -> None:
        self._file, self._size, self._mode, self._rate = file, size, mode, rate
        self._frames = 0

    def write(self, frame: Frame) -> None:
        check_frame(frame, self._size, self._mode)
        self._frames += 1
        for due in self._rate.take(frame) if self._rate else (frame,):
            self._take(due)
        self._file.check()

    def write_audio(self, packet: AudioPacket) -> None:
        """There is no room for sound."""

    def close(self) -> None:
        if self._file.closed:
            return
        if self._frames == 0:
            self._file.discard()
            raise RequestError("there is no frame to write")
        self._complete()
        self._file.check()
        self._file.commit()
        self._note()

    def abort(self, keep: bool) -> str | None:
        name = None
        if keep and self._frames and not self._file.closed:
            with suppress(WispError, OSError):
                self._complete()
                name = self._file.keep_part()
        self._file.discard()
        self._release()
        return name

    def _complete(self) -> None:
        for due in self._rate.rest() if self._rate else ():
            self._take(due)
        self._finish()

    @abstractmethod
    def _take(self, frame: Frame) -> None:
        """A frame of the right shape."""

    @abstractmethod
    def _finish(self) -> None:
        """Write what is still held, and the format's end."""

    def _release(self) -> None:
        """After the file has been given up: close what a library holds open."""

    def _note(self) -> None:
        """Notes about the whole."""
        if self._rate:
            self._rate.note_changes()
