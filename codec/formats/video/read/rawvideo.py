"""Raw video: Y4M, and frames one after the other without any header. One frame's bytes are enough for a frame.

FFmpeg's decoder unpacks the samples. Headers are read here, because FFmpeg's own reader passes over an end within a
frame in silence, takes no header of more than 96 bytes, and says "Device or resource busy" of one that is damaged.
Source of Y4M: the manual page yuv4mpeg(5) of mjpegtools, with the tags that FFmpeg adds (XCOLORRANGE, C...p10).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from bitstream.errors import FileAccessError, RequestError, UnsupportedError
from bitstream.limits import check_dimensions
from bitstream.sequence.audio import AudioStream
from bitstream.sequence.clip import FULL, LIMITED, UNKNOWN_RANGE
from codec.files.source import ByteSource
from codec.notes import note

if TYPE_CHECKING:
    import av

Y4M = "y4m"
Y4M_SIGNATURE = b"YUV4MPEG2"
RAW_FORMATS = (
    *("rgb24", "bgr24", "rgba", "bgra", "gray", "gray10le", "gray16le"),
    *("yuv420p", "yuv422p", "yuv444p", "nv12", "yuv420p10le", "yuv422p10le", "yuv444p10le"),
)
DEFAULT_RATE = Fraction(25)
_LINE_BYTES = 1024  # of a header; FFmpeg takes 80
_FRAME = b"FRAME"
_RANGES = {"FULL": FULL, "LIMITED": LIMITED}
_CHROMA = re.compile(r"(420|422|444|mono)(?:p?(9|10|12|14|16))?")
_EIGHT_BIT = {
    "420jpeg": "yuv420p",
    "420mpeg2": "yuv420p",
    "420paldv": "yuv420p",
    "411": "yuv411p",
    "444alpha": "yuva444p",
}


@dataclass(frozen=True)
class RawVideo:
    """What raw video is, which does not say so itself: its pixel format, its size, and frames per second.

    `format` is one of RAW_FORMATS, or "y4m", whose header has the rest. Raises RequestError for an unknown format or a
    missing size.
    """

    format: str
    size: tuple[int, int] | None = None
    rate: Fraction | None = None

    def __post_init__(self) -> None:
        if self.format not in (Y4M, *RAW_FORMATS):
            raise RequestError(f"raw video of {self.format} is not known: one of {', '.join((Y4M, *RAW_FORMATS))}")
        if self.format != Y4M and self.size is None:
            raise RequestError(f"raw video of {self.format} needs its size")
        if self.size is not None and min(self.size) < 1:
            raise RequestError("raw video needs a size of at least 1x1")
        if self.rate is not None and self.rate <= 0:
            raise RequestError("raw video needs a rate above 0")


class RawFrames:
    """The frames of raw video, as `Decoded` of `frames.py` describes them.

    Raises FileAccessError (no Y4M header), UnsupportedError, LimitError (before memory is taken).
    """

    audio: tuple[AudioStream, ...] = ()
    matrix = 2  # H.273's "unspecified": there is no tag for it

    def __init__(self, source: ByteSource, raw: RawVideo, *, strict: bool) -> None:
        self._source, self._strict = source, strict
        self._with_headers = raw.format == Y4M
        header = _Header.read(source) if self._with_headers else _Header(raw.size or (0, 0), raw.format)
        check_dimensions(*header.size)
        rate = raw.rate or header.rate or DEFAULT_RATE
        self.rate: Fraction | None = rate
        self.time_base = 1 / rate
        self.aspect, self.colour_range, self.field_order = header.aspect, header.colour_range, header.field_order
        self._size, self._format = header.size, header.format
        self._bytes = frame_bytes(header.format, *header.size)
        size = source.size()
        left = None if size is None else size - source.tell()
        overhead = len(_FRAME) + 1 if self._with_headers else 0
        self.frames = None if left is None else left // (self._bytes + overhead)
        self.duration = None if self.frames is None else float(self.frames / rate)

    def events(self) -> Iterator[av.VideoFrame]:
        """The frames. Raises FileAccessError if the source fails, or if it ends within a frame and `strict`."""
        import av

        decoder = av.CodecContext.create("rawvideo", "r")
        decoder.width, decoder.height = self._size
        decoder.pix_fmt = self._format
        number = 0
        while (data := self._next(number)) is not None:
            for frame in decoder.decode(av.Packet(data)):
                frame.pts, frame.duration, frame.time_base = number, 1, self.time_base
                yield frame
            number += 1

    def note_damage(self) -> None:
        """There is nothing to note at the end."""

    def _next(self, number: int) -> bytes | None:
        if self._with_headers:
            line = self._source.readline(_LINE_BYTES)
            if not line:
                return None
            if not line.endswith(b"\n"):
                return self._ends(f"ends within the header of frame {number}, which is left out")
            if line.split()[:1] != [_FRAME]:
                return self._ends(f"frame {number} does not begin with FRAME: what follows is left out")
        data = self._source.read(self._bytes)
        if len(data) == self._bytes:
            return data
        if not data and not self._with_headers:
            return None
        return self._ends(f"ends within frame {number}, which is left out: {len(data)} of {self._bytes} bytes")

    def _ends(self, message: str) -> bytes | None:
        if self._strict:
            raise FileAccessError(message)
        note(message)
        return None


def frame_bytes(pixel_format: str, width: int, height: int) -> int:
    """Bytes of a frame without padding."""
    import av

    parts = av.VideoFormat(pixel_format, width, height).components
    return sum(part.width * part.height * -(-part.bits // 8) for part in parts)


@dataclass(frozen=True)
class _Header:
    """The stream header of Y4M; `format` is FFmpeg's name of the pixels."""

    size: tuple[int, int]
    format: str
    rate: Fraction | None = None
    aspect: Fraction = Fraction(1)
    field_order: str | None = None
    colour_range: int = UNKNOWN_RANGE

    @classmethod
    def read(cls, source: ByteSource) -> _Header:
        line = source.readline(_LINE_BYTES)
        words = line.decode("ascii", "replace").split()
        if not words or words[0] != Y4M_SIGNATURE.decode() or not line.endswith(b"\n"):
            raise FileAccessError("is no Y4M video: its header is missing or cut off")
        tags = {word[0]: word[1:] for word in words[1:] if word[0] != "X"}
        extra = dict(word[1:].partition("=")[::2] for word in words[1:] if word[0] == "X")
        size = _number(tags, "W"), _number(tags, "H")
        return cls(
            size,
            _pixel_format(tags.get("C") or extra.get("YSCSS", "").lower() or "420jpeg"),
            _ratio(tags, "F"),
            _ratio(tags, "A") or Fraction(1),
            _field_order(tags.get("I", "p")),
            _RANGES.get(extra.get("COLORRANGE", ""), UNKNOWN_RANGE),
        )


def _number(tags: dict[str, str], tag: str) -> int:
    text = tags.get(tag, "")
    if not (text.isdecimal() and len(text) < 10 and int(text)):
        raise FileAccessError(f"Y4M header: {tag}{text} is no number of pixels")
    return int(text)


def _ratio(tags: dict[str, str], tag: str) -> Fraction | None:
    """None where it is not stated, or 0:0, which says that it is not known."""
    found = re.fullmatch(r"(\d{1,9}):(\d{1,9})", tags.get(tag, "0:0"))
    if found is None:
        raise FileAccessError(f"Y4M header: {tag}{tags[tag]} is no ratio")
    above, below = map(int, found.groups())
    return Fraction(above, below) if above and below else None


def _field_order(tag: str) -> str | None:
    if tag in ("p", "?", ""):
        return None
    if tag in ("t", "b"):
        return {"t": "tff", "b": "bff"}[tag]
    raise UnsupportedError(f"Y4M header: I{tag}, interlaced and progressive frames mixed, is not coded")


def _pixel_format(chroma: str) -> str:
    if chroma in _EIGHT_BIT:
        return _EIGHT_BIT[chroma]
    found = _CHROMA.fullmatch(chroma)
    if found is None:
        raise UnsupportedError(f"Y4M header: pixels of C{chroma} are not coded")
    name = "gray" if found[1] == "mono" else f"yuv{found[1]}p"
    return f"{name}{found[2]}le" if found[2] else name
