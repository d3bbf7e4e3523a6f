"""GIF animation by FFmpeg: a palette of its own for each frame (palettegen, paletteuse), its encoder and its muxer.

Not by Pillow, whose `save_all` holds every frame until the last one has come (`_write_multiple_frames` in
PIL/GifImagePlugin.py): memory would grow with the length of the clip, and a pipe would get nothing before its end.
"""

from __future__ import annotations

from contextlib import suppress
from fractions import Fraction
from typing import Any

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
_LONGEST_SIDE = 0xFFFF


class GifSink(FileSink):
    """Delays are in hundredths of a second and do not drift; frames that would last under two are dropped."""

    def __init__(self, file: OutFile, settings: SinkSettings, size: tuple[int, int], mode: str) -> None:
        super().__init__(file, size, mode)
        if max(size) > _LONGEST_SIDE:
            raise UnsupportedError(f"cannot be written as GIF: a side may have at most {_LONGEST_SIDE} pixels")
        self._graph = _palettes(size)
        # With offsets FFmpeg 8 cuts off the last lines of some transparent frames.
        options = {"gifflags": "-offsetting"} if mode in ("LA", "RGBA") else {}
        self._container = av.open(file, "w", format="gif")
        self._stream: Any = self._container.add_stream("gif", rate=1 / _TICK, options=options)
        self._stream.width, self._stream.height, self._stream.pix_fmt = *size, "pal8"
        self._least = max(_LEAST, round(1 / settings.rate / _TICK)) if settings.rate else _LEAST
        self._held: av.Packet[Any] | None = None  # the last frame: the muxer needs to be given its duration
        self._start = Fraction(0)
        self._tick = self._duration = 0
        self._dropped = 0
        self._noted = False

    def _take(self, frame: Frame) -> None:
        seconds = frame.pts * frame.time_base
        if self._held is None:
            self._start = seconds
        tick = round((seconds - self._start) / _TICK)
        duration = round(frame.duration * frame.time_base / _TICK)
        if self._held is not None and tick - self._tick < self._least:
            self._dropped += 1
            self._duration = max(self._duration, tick - self._tick + duration)
            return
        try:
            self._mux(None if self._held is None else tick - self._tick)
            self._held, self._tick, self._duration = self._encoded(frame, tick), tick, duration
        except (av.FFmpegError, ValueError) as error:
            self._file.check()
            raise UnsupportedError(f"cannot be written as GIF: {error}") from error

    def _finish(self) -> None:
        self._mux(self._duration or _USUAL)
        self._container.close()

    def _release(self) -> None:
        with suppress(av.FFmpegError, OSError):
            self._container.close()

    def _note(self) -> None:
        if self._dropped:
            words = "1 frame that lasts" if self._dropped == 1 else f"{self._dropped} frames that last"
            note(f"{words} under {self._least}/100 s dropped, which GIF players would show for longer")

    def _mux(self, delay: int | None) -> None:
        if self._held is not None:
            self._held.duration = min(delay or 0, _MOST)
            self._container.mux(self._held)

    def _encoded(self, frame: Frame, tick: int) -> av.Packet[Any]:
        pixels = frame.pixels
        if pixels.shape[2] in (2, 4):
            alpha = pixels[:, :, -1:]
            if not self._noted and ((alpha > 0) & (alpha < 255)).any():
                note("GIF holds no partial transparency: pixels are shown or not")
                self._noted = True
            pixels = pixels[:, :, :-1]
        else:
            alpha = np.full((*pixels.shape[:2], 1), 255, np.uint8)
        image = av.VideoFrame.from_ndarray(np.concatenate([as_rgb(pixels), alpha], axis=2), format="rgba")
        image.pts, image.time_base = tick, _TICK
        self._graph.push(image)
        (packet,) = self._stream.encode(self._graph.vpull())
        return packet


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
