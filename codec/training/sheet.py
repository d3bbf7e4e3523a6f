"""Sheets of pictures: original, decoded, and the error eight times as large around grey."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from codec.training.task import Pair

_GAP = 4  # pixels
_ERROR_GAIN = 8


def sheet(pairs: Sequence[Pair]) -> NDArray[np.uint8]:
    """One row a picture: original, decoded, error -> (H, W, 3) uint8."""
    rows = [_row([pair.original, pair.decoded, _error(pair)]) for pair in pairs]
    width = max(row.shape[1] for row in rows)
    filled = [np.pad(row, ((0, _GAP), (0, width - row.shape[1]), (0, 0)), constant_values=255) for row in rows]
    return np.concatenate(filled)[:-_GAP]


def png(picture: NDArray[np.uint8]) -> bytes:
    """The picture as a PNG file."""
    data = BytesIO()
    Image.fromarray(picture).save(data, "PNG")
    return data.getvalue()


def _row(pictures: Sequence[NDArray[np.uint8]]) -> NDArray[np.uint8]:
    gap = np.full((pictures[0].shape[0], _GAP, 3), 255, np.uint8)
    return np.concatenate([part for picture in pictures for part in (picture, gap)][:-1], 1)


def _error(pair: Pair) -> NDArray[np.uint8]:
    difference = pair.decoded.astype(np.int16) - pair.original
    return (128 + _ERROR_GAIN * difference).clip(0, 255).astype(np.uint8)
