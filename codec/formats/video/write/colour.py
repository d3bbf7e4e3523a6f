"""RGB or grey pixels -> the frames that FFmpeg's encoders take.

libswscale converts to YCbCr with accurate rounding: flat areas are within a level of the exact matrix. Chroma of 4:2:0
is the mean of 2 x 2 pixels, so it sits in their centre, as in JPEG and MPEG-1.
"""

from __future__ import annotations

from dataclasses import dataclass

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from bitstream.sequence.clip import FULL, UNKNOWN_MATRIX, Clip
from codec.formats.video.matrices import SWSCALE, assumed_matrix
from codec.notes import note
from codec.pixels.picture import as_rgb

_METHOD = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT | Interpolation.FULL_CHR_H_INP
# Matrix -> the primaries and transfer that go with it: the numbers of ITU-T H.273, tables 2 to 4.
_COMPANIONS = {1: (1, 1), 4: (4, 4), 5: (5, 6), 6: (6, 6), 7: (7, 7), 9: (9, 14)}
_RGB_MATRIX, _SRGB_PRIMARIES, _SRGB_TRANSFER = 0, 1, 13


@dataclass(frozen=True)
class Look:
    """The colours of YCbCr as numbers of ITU-T H.273; `full` range is 0..255, limited 16..235 (luma), 16..240."""

    matrix: int
    primaries: int
    transfer: int
    full: bool


RGB_LOOK = Look(_RGB_MATRIX, _SRGB_PRIMARIES, _SRGB_TRANSFER, full=True)
GREY_LOOK = Look(UNKNOWN_MATRIX, _SRGB_PRIMARIES, _SRGB_TRANSFER, full=True)


def look_of(clip: Clip, lines: int) -> Look:
    """The colours that the clip states; where it states none, those that players assume, in limited range."""
    matrix = clip.colour_matrix if clip.colour_matrix in SWSCALE else assumed_matrix(lines)
    return Look(matrix, *_COMPANIONS[matrix], clip.colour_range == FULL)


class Converter:
    """Pixels (H, W, C) uint8 -> av.VideoFrame of one pixel format, padded to `size` by repeating the last ones."""

    def __init__(self, pixel_format: str, look: Look, size: tuple[int, int], kind: str) -> None:
        self._format, self._look, self._size, self._kind = pixel_format, look, size, kind
        self._reformatter = VideoReformatter()
        self._noted = False

    def frame(self, pixels: NDArray[np.uint8]) -> av.VideoFrame:
        """The frame, without time."""
        if self._format == "bgra":
            return self._shuffled(_with_alpha(pixels), "rgba")
        colours = self._over_black(pixels) if pixels.shape[2] in (2, 4) else pixels
        if self._format == "gray":
            return av.VideoFrame.from_ndarray(np.ascontiguousarray(colours[:, :, 0]), format="gray")
        rgb = np.ascontiguousarray(self._padded(as_rgb(colours)))
        if self._format in ("rgb24", "bgr0"):
            return self._shuffled(rgb, "rgb24")
        frame = self._reformatter.reformat(
            av.VideoFrame.from_ndarray(rgb, format="rgb24"),
            format=self._format,
            dst_colorspace=SWSCALE[self._look.matrix],
            src_color_range=ColorRange.JPEG,
            dst_color_range=ColorRange.JPEG if self._look.full else ColorRange.MPEG,
            interpolation=_METHOD,
            threads=1,
        )
        frame.colorspace = self._look.matrix
        return frame

    def _shuffled(self, pixels: NDArray[np.uint8], layout: str) -> av.VideoFrame:
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=layout)
        if layout == self._format:
            return frame
        return self._reformatter.reformat(frame, format=self._format, interpolation=Interpolation.POINT, threads=1)

    def _padded(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        width, height = self._size
        missing = ((0, height - pixels.shape[0]), (0, width - pixels.shape[1]), (0, 0))
        return np.pad(pixels, missing, mode="edge") if any(count for _, count in missing) else pixels

    def _over_black(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        alpha = pixels[:, :, -1:]
        if alpha.min() == 255:
            return pixels[:, :, :-1]
        if not self._noted:
            note(f"{self._kind} holds no transparency: laid over black")
            self._noted = True
        return ((pixels[:, :, :-1].astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)


def _with_alpha(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """LA or RGBA -> RGBA."""
    return pixels if pixels.shape[2] == 4 else np.concatenate([as_rgb(pixels[:, :, :1]), pixels[:, :, 1:]], axis=2)
