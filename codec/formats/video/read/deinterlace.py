"""Interlaced frames -> as many progressive ones, by FFmpeg's bwdif."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import av.filter

from bitstream.errors import UnsupportedError
from codec.notes import note

TOP_FIRST, BOTTOM_FIRST = "tff", "bff"
# AVFieldOrder: TT and TB, BB and BT; the second letter tells which field is shown first.
_ORDERS = {2: TOP_FIRST, 4: BOTTOM_FIRST, 3: BOTTOM_FIRST, 5: TOP_FIRST}


def field_order(number: int) -> str | None:
    """FFmpeg's number of a stream's field order -> the field that is shown first; None if progressive or unknown."""
    return _ORDERS.get(number)


class Deinterlacer:
    """Deinterlaces from the first frame that is marked as interlaced; frames before it pass unchanged.

    `order` says which field is shown first according to the stream, None for a progressive one. If there is an order
    and the first frame is not marked, all frames are taken for interlaced. As many frames go out as go in, some of
    them one frame later.
    """

    def __init__(self, order: str | None, *, strict: bool) -> None:
        self._order, self._strict = order, strict
        self._all: bool | None = None  # not known before the first frame
        self._graph: av.filter.Graph | None = None
        self._noted = False
        self._made_for: tuple[int, int, str] | None = None
        self._time_base = Fraction(1)

    def push(self, frame: av.VideoFrame) -> Iterator[av.VideoFrame]:
        """The frames that are ready. Raises UnsupportedError if `strict` and they are interlaced."""
        if self._all is None:
            self._all = self._order is not None and not frame.interlaced_frame
        if self._graph is None and not (self._all or frame.interlaced_frame):
            yield frame
            return
        made_for = frame.width, frame.height, frame.format.name
        if self._graph is None or made_for != self._made_for:
            yield from self.flush()
            self._graph = self._made(frame)
            self._made_for, self._time_base = made_for, frame.time_base or self._time_base
        self._graph.push(frame)
        yield from self._ready(self._graph)

    def flush(self) -> Iterator[av.VideoFrame]:
        """The frames that are left at the end."""
        if self._graph is not None:
            self._graph.push(None)
            yield from self._ready(self._graph)
            self._graph = None

    def _made(self, frame: av.VideoFrame) -> av.filter.Graph:
        if self._strict:
            raise UnsupportedError("is interlaced, which `strict` refuses to convert")
        if not self._noted:
            note("interlaced video is deinterlaced")
        self._noted = True
        graph = av.filter.Graph()
        graph.threads = 1
        options = {
            "video_size": f"{frame.width}x{frame.height}",
            "pix_fmt": frame.format.name,
            "time_base": f"{frame.time_base or 1}",
            "pixel_aspect": "1/1",
            "colorspace": str(int(frame.colorspace)),
            "range": str(int(frame.color_range)),
        }
        parity = self._order if self._all and self._order else "auto"
        nodes = [
            graph.add("buffer", ":".join(f"{key}={value}" for key, value in options.items())),
            graph.add("bwdif", f"mode=send_frame:parity={parity}:deint={'all' if self._all else 'interlaced'}"),
            graph.add("buffersink"),
        ]
        graph.link_nodes(*nodes)
        try:
            graph.configure()
        except (av.FFmpegError, ValueError) as error:
            name = f"{frame.width}x{frame.height} {frame.format.name}"
            raise UnsupportedError(f"is interlaced, and {name} cannot be deinterlaced") from error
        return graph

    def _ready(self, graph: av.filter.Graph) -> Iterator[av.VideoFrame]:
        time_base = self._time_base
        while True:
            try:
                frame = graph.vpull()
            except (av.BlockingIOError, av.EOFError):
                return
            if frame.time_base is not None and frame.time_base != time_base:  # bwdif counts in halves
                scale = frame.time_base / time_base
                frame.pts = None if frame.pts is None else round(frame.pts * scale)
                frame.duration = round(frame.duration * scale)
                frame.time_base = time_base
            yield frame
