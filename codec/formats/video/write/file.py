"""Sinks that write one file, and the file as libavformat needs it."""

from __future__ import annotations

import os
from abc import abstractmethod
from contextlib import suppress

from bitstream.errors import RequestError, WispError
from bitstream.sequence.audio import AudioPacket
from codec.files.output import Buffer, Output
from codec.formats.video.write.constant_rate import ConstantRate
from codec.formats.video.write.sink import Sink, check_frame
from codec.pixels.frame import Frame


class OutFile(Output):
    """An output for writers that must not see an error in the middle of their work.

    libavformat calls `write` from C, through which no exception passes: the first one is kept, later writes do
    nothing, and `check` raises it.
    """

    _error: BaseException | None = None

    def write(self, data: Buffer) -> int:
        """Take all of `data`; an error, or an interrupt, is kept for `check`."""
        if self._error is None and not self.closed:
            try:
                super().write(data)
            except BaseException as error:
                self._error = error
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """-> the new position. Only where `seekable`."""
        if self._error is None and not self.closed:
            try:
                return super().seek(offset, whence)
            except BaseException as error:
                self._error = error
        return offset

    def tell(self) -> int:
        """The position."""
        return super().tell() if self._error is None and not self.closed else 0

    def flush(self) -> None:
        """Let a reader have what was written; raises as `check`."""
        self.check()
        super().flush()

    def check(self) -> None:
        """Raises FileAccessError where a write failed; BrokenPipeError and interrupts as they came."""
        if self._error is not None:
            raise self._error


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
                name = self._file.keep()
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
