"""Colours that nobody sees: under full transparency the encoder is free to choose them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_GREY = 128


def cleared(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(H, W, C) with colours of 0 wherever there is an alpha of 0: what a lossless coder likes best."""
    if pixels.shape[2] in (1, 3) or pixels[:, :, -1].all():
        return pixels
    pixels = pixels.copy()
    pixels[:, :, :-1][pixels[:, :, -1] == 0] = 0
    return pixels


def filled(colours: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Colours (H, W, c) that go on smoothly where `alpha` (H, W) is 0: what the network likes best.

    Holes take the mean of what is seen around them, from the nearest scale that sees anything
    (pull-push, Gortler et al. 1996); all is grey where nothing is seen.
    """
    seen = alpha != 0
    if seen.all():
        return colours
    if not seen.any():
        return np.full_like(colours, _GREY)
    return np.where(seen[:, :, None], colours, np.rint(_spread(colours.astype(np.float32), seen)).astype(np.uint8))


def _spread(colours: NDArray[np.float32], weight: NDArray[np.bool_] | NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of the seen where something is, else of the next coarser scale."""
    if weight.all():
        return colours
    height, width = weight.shape
    padding = ((0, height % 2), (0, width % 2))
    known = (weight > 0).astype(np.float32)
    padded = np.pad(colours * known[:, :, None], (*padding, (0, 0)))
    counts = np.pad(known, padding).reshape(-(-height // 2), 2, -(-width // 2), 2).sum(axis=(1, 3))
    sums = padded.reshape(*counts.shape[:1], 2, counts.shape[1], 2, -1).sum(axis=(1, 3))
    coarse = _spread(sums / np.maximum(counts, 1)[:, :, None], counts)
    finer = coarse.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    return np.where(known[:, :, None] > 0, colours, finer)
