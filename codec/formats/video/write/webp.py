"""WebP animation: each frame compressed as a still by Pillow, and put into the container here.

Not by Pillow's `save_all`, which makes a list of all frames and of their durations before it begins (`_save_all` in
PIL/WebPImagePlugin.py): memory would grow with the length of the clip. Only the rectangle that changed is stored.
Container: https://developers.google.com/speed/webp/docs/riff_container
"""

from __future__ import annotations

import shutil
import struct
import tempfile
from collections.abc import Iterator
from fractions import Fraction
from io import BytesIO
from typing import IO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import LimitError, RequestError, UnsupportedError
from codec.formats.pictures.save import DEFAULT_OUTPUT_QUALITY
from codec.formats.video.write.constant_rate import ConstantRate
from codec.formats.video.write.file import FileSink, OutFile
from codec.formats.video.write.sink import SinkSettings
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture

_LONGEST_SIDE = 16_383
_TICK = Fraction(1, 1000)  # seconds
_USUAL, _MOST = 100, (1 << 24) - 1  # ticks
_ALPHA, _ANIMATION = 0x10, 0x02
_OVERWRITE = 0x02  # blend nothing; what was there stays after the frame
_METHOD = 4  # of 0..6: effort
_MOST_BYTES = (1 << 32) - 2


class WebpSink(FileSink):
    """Durations are in milliseconds and do not drift; a frame equal to the one before makes that last longer."""

    def __init__(self, file: OutFile, settings: SinkSettings, size: tuple[int, int], mode: str) -> None:
        super().__init__(file, size, mode, ConstantRate(settings.rate) if settings.rate else None)
        if max(size) > _LONGEST_SIDE:
            raise UnsupportedError(f"cannot be written as WebP: a side may have at most {_LONGEST_SIDE} pixels")
        self._quality = DEFAULT_OUTPUT_QUALITY if settings.quality is None else settings.quality
        if not 0 <= self._quality <= 100:
            raise RequestError(f"the quality of WebP is 0..100, not {self._quality}")
        if settings.preset is not None and settings.preset not in ["0", "1", "2", "3", "4", "5", "6"]:
            raise RequestError(f"WebP has no preset {settings.preset}, but 0 to 6")
        self._method = int(settings.preset or _METHOD)
        # The size of the whole stands first: where it cannot be gone back for, the whole is collected on disk.
        self._spool: IO[bytes] | None = None if file.seekable() else tempfile.TemporaryFile()  # noqa: SIM115
        self._bytes = 0
        self._last: NDArray[np.uint8] | None = None
        self._held: tuple[bytes, tuple[int, int, int, int]] | None = None
        self._start: Fraction | None = None
        self._tick = self._end = 0
        self._put(b"RIFF\0\0\0\0WEBP")
        flags = _ANIMATION | (_ALPHA if mode in ("LA", "RGBA") else 0)
        self._put(_chunk(b"VP8X", struct.pack("<I", flags) + _three(size[0] - 1) + _three(size[1] - 1)))
        self._put(_chunk(b"ANIM", bytes(4) + bytes(2)))  # transparent behind; loop for ever

    def _take(self, frame: Frame) -> None:
        seconds = frame.pts * frame.time_base
        if self._start is None:
            self._start = seconds
        tick = round((seconds - self._start) / _TICK)
        end = round((seconds - self._start + frame.duration * frame.time_base) / _TICK)
        box = _changed(self._last, frame.pixels)
        if box is not None:
            self._put_held(tick - self._tick)
            x, y, width, height = box
            image = Picture(np.ascontiguousarray(frame.pixels[y : y + height, x : x + width])).image()
            self._held, self._tick = (self._compressed(image), box), tick
            self._last = frame.pixels.copy()
        self._end = end if end > tick else tick + (tick - self._tick or _USUAL)

    def _finish(self) -> None:
        self._put_held(self._end - self._tick)
        size = struct.pack("<I", self._bytes - 8)
        if self._spool is None:
            self._file.seek(4)
            self._file.write(size)
            self._file.check()
            return
        with self._spool as spool:
            spool.seek(4)
            spool.write(size)
            spool.seek(0)
            shutil.copyfileobj(spool, self._file)

    def _release(self) -> None:
        if self._spool is not None:
            self._spool.close()

    def _put_held(self, duration: int) -> None:
        if self._held is None:
            return
        data, (x, y, width, height) = self._held
        places = (x // 2, y // 2, width - 1, height - 1, min(max(duration, 0), _MOST))
        self._put(_chunk(b"ANMF", b"".join(map(_three, places)) + bytes([_OVERWRITE]) + data))

    def _put(self, data: bytes) -> None:
        self._bytes += len(data)
        if self._bytes > _MOST_BYTES:
            raise LimitError("a WebP file may have at most 4 GiB")
        if self._spool is None:
            self._file.write(data)
        else:
            self._spool.write(data)

    def _compressed(self, image: Image.Image) -> bytes:
        """The chunks of a still that hold its pixels."""
        file = BytesIO()
        image.save(file, "WEBP", quality=self._quality, method=self._method, exact=True)
        return b"".join(_chunk(name, data) for name, data in _chunks(file.getvalue()) if name in _PIXELS)


_PIXELS = (b"ALPH", b"VP8 ", b"VP8L")


def _changed(last: NDArray[np.uint8] | None, pixels: NDArray[np.uint8]) -> tuple[int, int, int, int] | None:
    """(x, y, width, height) of what differs, x and y even; None where nothing does."""
    height, width = pixels.shape[:2]
    if last is None:
        return 0, 0, width, height
    differs = (last != pixels).any(axis=2)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if not len(rows):
        return None
    x, y = int(columns[0]) & ~1, int(rows[0]) & ~1
    return x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y


def _three(value: int) -> bytes:
    return value.to_bytes(3, "little")


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 12
    while at + 8 <= len(file):
        name, size = file[at : at + 4], int.from_bytes(file[at + 4 : at + 8], "little")
        yield name, file[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
