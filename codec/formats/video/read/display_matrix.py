"""Display matrices of video: frames as they are stored -> upright frames."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import UnsupportedError

_ASKEW = 0.01  # of the larger coefficients: what rounding leaves


def display_matrix(frame: Any) -> tuple[int, int, int, int]:
    """(a, b, c, d) of an av.VideoFrame's display matrix: a pixel (x, y) is shown at (a x + c y, b x + d y).

    Source: FFmpeg's libavutil/display.h; the numbers are 16.16 fixed point. (1, 0, 0, 1) where there is none.
    """
    from av.sidedata.sidedata import Type

    try:
        found = frame.side_data.get(Type.DISPLAYMATRIX)
    except ValueError:  # side data of a kind that this PyAV does not know
        return _of_angle(frame.rotation)
    if found is None:
        return 1, 0, 0, 1
    a, b, _, c, d = np.frombuffer(found, np.int32)[:5].tolist()
    return a, b, c, d


def _of_angle(degrees: int) -> tuple[int, int, int, int]:
    """Of a turn counterclockwise."""
    cos, sin = {0: (1, 0), 90: (0, 1), 180: (-1, 0), -180: (-1, 0), -90: (0, -1)}.get(degrees, (1, 1))
    return cos, -sin, sin, cos


def is_sideways(matrix: tuple[int, int, int, int]) -> bool:
    """Whether width and height change places."""
    a, b, c, d = matrix
    return abs(b) + abs(c) > abs(a) + abs(d)


def upright(pixels: NDArray[np.uint8], matrix: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    """(H, W, C) turned and mirrored. Raises UnsupportedError for an angle that is no multiple of 90 degrees."""
    a, b, c, d = matrix
    sideways = is_sideways(matrix)
    off, on = ((a, d), (b, c)) if sideways else ((b, c), (a, d))
    if max(map(abs, off)) > _ASKEW * min(map(abs, on)):
        raise UnsupportedError("is to be shown at an angle that is no multiple of 90 degrees, which is not coded")
    if sideways:
        pixels = pixels.swapaxes(0, 1)
    to_x, to_y = (c, b) if sideways else (a, d)
    return np.ascontiguousarray(pixels[:: -1 if to_y < 0 else 1, :: -1 if to_x < 0 else 1])
