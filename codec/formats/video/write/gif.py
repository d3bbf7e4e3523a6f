"""GIF animation: a palette for each frame by FFmpeg's palettegen and paletteuse, its encoder, and the frame delays.

Pillow keeps every frame until the end; FFmpeg's muxer cannot be told how long the last frame is shown. So the blocks
that the encoder makes are put together here (GIF89a, https://www.w3.org/Graphics/GIF/spec-gif89a.txt).
"""

from __future__ import annotations

import struct
from fractions import Fraction

import av
import numpy as np
from av.filter import Graph

from bitstream.errors import UnsupportedError
from codec.formats.video.write.file import FileSink, OutFile
from codec.formats.video.write.sink import SinkSettings
from codec.notes import note
from codec.pixels.frame import Frame
from codec.pixels.picture import as_rgb

_TICK = Fraction(1, 100)  # seconds
_LEAST = 2  # ticks that players keep to: they show shorter frames for ten
_USUAL, _MOST = 10, 0xFFFF
_SCREEN_END = 13  # signature and screen descriptor
_FOR_EVER = b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0\0"
_CONTROL, _CONTROL_BYTES = b"\x21\xf9\x04", 8
_TRAILER = b"\x3b"
_LONGEST_SIDE = 0xFFFF


class GifSink(FileSink):
    """Delays are in hundredths of a second and do not drift; frames that would last under two are dropped."""

    def __init__(self, file: OutFile, settings: SinkSettings, size: tuple[int, int], mode: str) -> None:
        super().__init__(file, size, mode)
        if max(size) > _LONGEST_SIDE:
            raise UnsupportedError(f"cannot be written as GIF: a side may have at most {_LONGEST_SIDE} pixels")
        self._graph = _palettes(size)
        self._encoder = av.CodecContext.create("gif", "w")
        self._encoder.width, self._encoder.height = size
        self._encoder.pix_fmt, self._encoder.time_base = "pal8", _TICK
        if mode in ("LA", "RGBA"):  # with it, FFmpeg 8 cuts off the last lines of some transparent frames
            self._encoder.options = {"gifflags": "-offsetting"}
        self._least = max(_LEAST, round(1 / settings.rate / _TICK)) if settings.rate else _LEAST
        self._held: bytes | None = None  # the last frame, until it is known for how long it is shown
        self._start = Fraction(0)
        self._tick = self._duration = 0
        self._dropped = 0
        self._told = False

    def _take(self, frame: Frame) -> None:
        seconds = frame.pts * frame.time_base
        if self._held is None:
            self._start = seconds
        tick = round((seconds - self._start) / _TICK)
        if self._held is not None and tick - self._tick < self._least:
            self._dropped += 1
            self._duration = max(self._duration, tick - self._tick + round(frame.duration * frame.time_base / _TICK))
            return
        block = self._encoded(frame, tick)
        if self._held is None:
            block = self._begin(block)
        else:
            self._put_held(tick - self._tick)
        self._held, self._tick = block, tick
        self._duration = round(frame.duration * frame.time_base / _TICK)

    def _finish(self) -> None:
        self._put_held(self._duration or _USUAL)
        self._file.write(_TRAILER)

    def _tell(self) -> None:
        if self._dropped:
            words = "1 frame that lasts" if self._dropped == 1 else f"{self._dropped} frames that last"
            note(f"{words} under {self._least}/100 s dropped, which GIF players would show for longer")

    def _encoded(self, frame: Frame, tick: int) -> bytes:
        pixels = frame.pixels
        channels = pixels.shape[2]
        if channels in (2, 4):
            alpha = pixels[:, :, -1:]
            if not self._told and ((alpha > 0) & (alpha < 255)).any():
                note("GIF holds no partial transparency: pixels are shown or not")
                self._told = True
            pixels = pixels[:, :, :-1]
        else:
            alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
        image = av.VideoFrame.from_ndarray(np.concatenate([as_rgb(pixels), alpha], axis=2), format="rgba")
        image.pts, image.time_base = tick, _TICK
        try:
            self._graph.push(image)
            (packet,) = self._encoder.encode(self._graph.vpull())
        except (av.FFmpegError, ValueError) as error:
            raise UnsupportedError(f"cannot be written as GIF: {error}") from error
        return bytes(packet)

    def _begin(self, block: bytes) -> bytes:
        """Write the screen's part of the first block, which may have a palette, and the wish to loop -> the rest."""
        end = _SCREEN_END
        if block[10] & 0x80:
            end += 3 << (block[10] & 7) + 1
        self._file.write(block[:end] + _FOR_EVER)
        return block[end:]

    def _put_held(self, delay: int) -> None:
        block = self._held
        if block is None or not block.startswith(_CONTROL):
            raise UnsupportedError("cannot be written as GIF: the encoder left out how long a frame is shown")
        control = bytearray(block[:_CONTROL_BYTES])
        struct.pack_into("<H", control, 4, min(delay, _MOST))
        self._file.write(bytes(control) + block[_CONTROL_BYTES:])


def _palettes(size: tuple[int, int]) -> Graph:
    """A filter of RGBA frames: each gets the best palette of its own."""
    graph = Graph()
    source = graph.add_buffer(width=size[0], height=size[1], format=av.VideoFormat("rgba"), time_base=_TICK)
    split = graph.add("split")
    found = graph.add("palettegen", "stats_mode=single")
    used = graph.add("paletteuse", "new=1:dither=sierra2_4a")
    sink = graph.add("buffersink")
    source.link_to(split)
    split.link_to(found, 0, 0)
    split.link_to(used, 1, 0)
    found.link_to(used, 0, 1)
    used.link_to(sink)
    graph.configure()
    return graph
