"""Sheets of small pictures, enlarged without smoothing so that their pixels can be seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]  # (H, W, 1 or 3)
_GAP = 4  # pixels
_SIDE = 96  # what the side of a picture is enlarged to at least
_MARGIN = ((0, _GAP), (0, _GAP), (0, 0))


def sheet(lines: Sequence[Sequence[Picture]]) -> Picture:
    """Pictures of one size, line by line -> (H, W, 3), white between them."""
    height, width = lines[0][0].shape[:2]
    times = max(1, -(-_SIDE // max(height, width)))
    count = max(map(len, lines))
    empty = np.full((height * times, width * times, 3), 255, np.uint8)
    rows = []
    for line in lines:
        cells = [_enlarged(picture, times) for picture in line] + [empty] * (count - len(line))
        rows.append(np.concatenate([np.pad(cell, _MARGIN, constant_values=255) for cell in cells], 1))
    return np.concatenate(rows)[:-_GAP, :-_GAP]


def columns(*columns: Sequence[Picture]) -> Picture:
    """The same, column by column."""
    return sheet(list(zip(*columns, strict=True)))


def _enlarged(picture: Picture, times: int) -> Picture:
    coloured = np.repeat(picture, 3, 2) if picture.shape[2] == 1 else picture
    return coloured.repeat(times, 0).repeat(times, 1)
