"""Decoded frames of FFmpeg's pixel formats -> 8-bit RGB of full range or grey, with alpha if they have it.

YCbCr is converted by the matrix and range that the frame or its stream states. If they state none, limited range is
assumed, and the matrix of BT.601 below 720 lines, of BT.709 from 720 lines on, as players do. Grey has full range
unless limited range is stated.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorTrc, Interpolation, VideoReformatter
from numpy.typing import NDArray

from bitstream.errors import UnsupportedError
from bitstream.sequence.clip import FULL, LIMITED, UNKNOWN_MATRIX, UNKNOWN_RANGE
from codec.formats.video.matrices import SWSCALE, assumed_matrix
from codec.notes import note
from codec.pixels.picture import MODES

_UNSTATED = (0, 2, 3)  # matrices of H.273 that state none of YCbCr, 0 among them: RGB
_HDR = {ColorTrc.SMPTE2084: "PQ, SMPTE ST 2084", ColorTrc.ARIB_STD_B67: "HLG, ARIB STD-B67"}
# Exact to a level: chroma is interpolated at full resolution, sums are rounded and not cut off.
_FLAGS = Interpolation.BICUBIC | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


def check_dynamic_range(transfer: int) -> None:
    """Raise UnsupportedError for a transfer characteristic (H.273, table 3) of HDR video."""
    if transfer in _HDR:
        raise UnsupportedError(f"is HDR video (transfer {_HDR[ColorTrc(transfer)]}), which is not coded: map it to SDR")


@dataclass
class PixelReader:
    """Converts the av.VideoFrames of one stream to pixels; the first of them sets `mode`.

    `colour_range` (FFmpeg's number) and `matrix` (H.273's) are those of the stream; a frame's own take precedence.
    """

    strict: bool
    colour_range: int = UNKNOWN_RANGE
    matrix: int = UNKNOWN_MATRIX
    mode: str = ""
    _reformatter: VideoReformatter = field(default_factory=VideoReformatter)
    _noted: set[str] = field(default_factory=set)

    def pixels(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        """(H, W, C) uint8, as stored. Raises UnsupportedError for a format or colours that 8-bit RGB cannot hold."""
        check_dynamic_range(frame.color_trc)
        kind = _Kind.of(frame.format)
        if kind.bits > 8:
            self._note_once("depth", f"{kind.bits} bits a channel", f"{kind.bits} bits a channel reduced to 8")
        if frame.color_primaries == ColorPrimaries.BT2020:
            self._note_once("primaries", "BT.2020 primaries", "BT.2020 primaries are taken for those of BT.709")
        self.mode = self.mode or MODES[kind.channels]
        channels = len(self.mode)
        if kind.is_grey and channels < 3:
            found = self._grey(frame, kind)
        elif channels < 3:
            raise UnsupportedError("changes from grey to colour in mid-stream, which is not coded")
        else:
            found = self._colours(frame, kind, channels)
        if found.shape[2] > channels:
            return found[:, :, :channels]
        return _with_alpha(found) if found.shape[2] < channels else found

    def stated(self, frame: av.VideoFrame) -> tuple[int, int]:
        """(range, matrix) of the frame, or else of its stream; unknown for RGB, which has none."""
        if frame.format.is_rgb or frame.format.has_palette:
            return UNKNOWN_RANGE, UNKNOWN_MATRIX
        stated_range = FULL if frame.format.name.startswith("yuvj") else frame.color_range or self.colour_range
        matrix = self.matrix if frame.colorspace in _UNSTATED else frame.colorspace
        known = stated_range if stated_range in (LIMITED, FULL) else UNKNOWN_RANGE
        return known, UNKNOWN_MATRIX if matrix in _UNSTATED else matrix

    def _note_once(self, what: str, refused: str, noted: str) -> None:
        if self.strict:
            raise UnsupportedError(f"has {refused}, which `strict` refuses to convert")
        if what not in self._noted:
            self._noted.add(what)
            note(noted)

    def _grey(self, frame: av.VideoFrame, kind: _Kind) -> NDArray[np.uint8]:
        if kind.bits < 8:
            return self._reformatted(frame, "gray")[:, :, None]
        stated_range, _ = self.stated(frame)
        table = _to_eight_bits(kind.bits, limited=stated_range == LIMITED)
        values = _plane(frame, kind)
        grey = table[values[:, :, :1]]
        if not kind.has_alpha:
            return grey
        return np.concatenate([grey, _to_eight_bits(kind.bits, limited=False)[values[:, :, 1:]]], axis=2)

    def _colours(self, frame: av.VideoFrame, kind: _Kind, channels: int) -> NDArray[np.uint8]:
        if kind.is_grey:
            grey = self._grey(frame, kind)
            return np.concatenate([np.repeat(grey[:, :, :1], 3, axis=2), grey[:, :, 1:]], axis=2)
        if frame.format.is_rgb and kind.bits > 8:
            deep = self._reformatted(frame, "rgba64le" if channels == 4 else "rgb48le")
            return _to_eight_bits(16, limited=False)[deep]
        return self._reformatted(frame, "rgba" if channels == 4 else "rgb24")

    def _reformatted(self, frame: av.VideoFrame, name: str) -> NDArray[np.uint8]:
        stated_range, matrix = self.stated(frame)
        options: dict[str, int] = {}
        if not (frame.format.is_rgb or frame.format.has_palette):
            if matrix == UNKNOWN_MATRIX:
                matrix = assumed_matrix(frame.height)
            if matrix not in SWSCALE:
                raise UnsupportedError(f"has colours of matrix {matrix} of ITU-T H.273, which are not coded")
            options = {
                "src_colorspace": SWSCALE[matrix],
                "src_color_range": stated_range or LIMITED,
                "dst_color_range": FULL,
            }
        try:
            turned = self._reformatter.reformat(frame, format=name, interpolation=_FLAGS, threads=1, **options)
        except (av.FFmpegError, ValueError) as error:
            raise UnsupportedError(f"has frames of the format {frame.format.name}, which are not coded") from error
        return cast("NDArray[np.uint8]", turned.to_ndarray())  # of 16 bits where `name` has them


@dataclass(frozen=True)
class _Kind:
    """The properties of a pixel format that matter here; `bits` are those of its deepest channel."""

    bits: int
    is_grey: bool
    has_alpha: bool

    @classmethod
    def of(cls, format_: av.VideoFormat) -> _Kind:
        components = format_.components
        if not components or "f16" in format_.name or "f32" in format_.name:
            raise UnsupportedError(f"has frames of the format {format_.name}, which are not coded")
        if format_.has_palette:  # an alpha of the palette is never used in video
            return cls(8, False, False)
        alpha = any(part.is_alpha for part in components)
        grey = not format_.is_rgb and len(components) - alpha == 1
        return cls(max(part.bits for part in components), grey, alpha)

    @property
    def channels(self) -> int:
        return (1 if self.is_grey else 3) + self.has_alpha


def _plane(frame: av.VideoFrame, kind: _Kind) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The samples of a grey format's one plane, (H, W, 1 or 2)."""
    plane, channels = frame.planes[0], 1 + kind.has_alpha
    sample: np.dtype[Any] = np.dtype(
        np.uint8 if kind.bits == 8 else ">u2" if frame.format.name.endswith("be") else "<u2"
    )
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)[: frame.height]
    used = np.ascontiguousarray(rows[:, : frame.width * channels * sample.itemsize]).view(sample)
    return used.reshape(frame.height, frame.width, channels)


@lru_cache(maxsize=8)
def _to_eight_bits(bits: int, *, limited: bool) -> NDArray[np.uint8]:
    """A table: each code of so many bits -> the nearest of 8 bits in full range."""
    codes = np.arange(1 << bits, dtype=np.float64)
    unit = 1 << (bits - 8)
    shown = (codes - 16 * unit) / (219 * unit) if limited else codes / ((1 << bits) - 1)
    return np.rint(shown.clip(0, 1) * 255).astype(np.uint8)


def _with_alpha(colours: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same, opaque."""
    return np.concatenate([colours, np.full_like(colours[:, :, :1], 255)], axis=2)
