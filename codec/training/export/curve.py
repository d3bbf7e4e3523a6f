"""The quality curve: which of the model's qualities the user's 0..100 stand for."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from bitstream.limits import MAX_QUALITY
from codec.model.file import CURVE_POINTS
from codec.model.loaded import LoadedModel
from codec.still.trial import code_once

# Where the curve begins: row 0 of the entropy tables covers only half a step of quality, and within it files
# of some pictures grow less than the change to row 1 takes back.
LOWEST_QUALITY = 128


def mean_psnr(model: LoadedModel, crops: list[NDArray[np.uint8]], qualities: list[int]) -> NDArray[np.float64]:
    """Mean PSNR in dB over the crops at each quality (steps of 1/256)."""
    return np.array([np.mean([code_once(model, crop, q) for crop in crops]) for q in qualities])


def fit_curve(qualities: list[int], psnr: NDArray[np.float64]) -> NDArray[np.uint16]:
    """(101,) strictly rising steps of 1/256 at which PSNR rises evenly from the first to the last quality.

    `psnr` is made monotone first (running maximum), interpolated linearly in between.
    """
    rising = np.maximum.accumulate(psnr) + np.arange(len(psnr)) * 1e-9
    wanted = np.linspace(rising[0], rising[-1], CURVE_POINTS)
    curve = np.rint(np.interp(wanted, rising, qualities)).astype(np.int64)
    for i in range(1, CURVE_POINTS):  # strictly, also where the fit is steeper than 1/256
        curve[i] = max(curve[i], curve[i - 1] + 1)
    highest = MAX_QUALITY - np.arange(CURVE_POINTS)[::-1]  # room for those that follow
    return np.minimum(curve, highest).astype(np.uint16)


def sample_qualities(count: int) -> list[int]:
    """`count` qualities from the curve's lowest to the model's highest, evenly."""
    return [int(q) for q in torch.linspace(LOWEST_QUALITY, MAX_QUALITY, count, device="cpu").round()]
