"""Frames averaged with their neighbours along their motion, before the network takes out the noise that is left.

Each block of a neighbour is moved by whole pixels, so that noise stays white. Where frames then differ by more than
motion explains, the neighbour counts less or not at all, as in the temporal filter of libaom (Han et al., "A technical
overview of AV1", arXiv 2008.06091) and in VBM4D (Maggioni et al., IEEE Trans. Image Processing 21(9), 2012). Motion and
differences are those of frames from which the network has taken the noise one by one. An average with weights w that
sum to 1 leaves noise of sigma * sqrt(sum of w squared).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from codec.motion.compensation import BLOCK, block_corners, luma, squares
from codec.motion.search import search_whole
from codec.work.threads import mapped, working_threads

_PART = 8  # pixels a side of what has a weight of its own
_WIDTH = 4.0  # squared difference, in levels and in relation to sigma, at which a weight is 1/e
_NEAR, _FAR = 0.5, 1.5  # sigmas from 0 or 255 within which noise is cut off too much to be averaged, and at all
_SAME, _OTHER = 0.25, 0.75  # of the difference of independent noise: frames whose noise is the same gain nothing


@dataclass(frozen=True)
class Guided:
    """A frame: `noisy` and, with its noise taken out by itself, `guide`; (H, W, C) uint8, C = 1 or 3."""

    noisy: NDArray[np.uint8]
    guide: NDArray[np.uint8]


def averaged(frame: Guided, others: Sequence[Guided], sigma: float) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Average a frame with its neighbours in time.

    `sigma` of the noise of all of them is in levels, above 0. -> the average (H, W, C), in levels, and the sigma that
    is left (H, W).
    """
    now, guide = _planes(frame.noisy), _planes(frame.guide)
    total, weights, powers = now.clone(), torch.ones_like(now[:1]), torch.ones_like(now[:1])
    whole = _not_cut_off(guide, sigma)

    def found(other: Guided) -> tuple[Tensor, Tensor]:
        with working_threads(1):  # one for each neighbour: the steps are too small to be shared
            before, noisy = _planes(other.guide), _planes(other.noisy)
            vectors = search_whole(_luma(before), _luma(guide))
            there = moved(noisy, vectors)
            return there, _spread(whole * _likeness(moved(before, vectors) - guide, there - now, sigma))

    for there, weight in mapped(found, others):
        total += weight * there
        weights += weight
        powers += weight * weight
    height, width = frame.noisy.shape[:2]
    average, left = (total / weights)[:, :height, :width], (sigma * powers.sqrt() / weights)[0, :height, :width]
    return average.permute(1, 2, 0).numpy(), left.numpy()


def _planes(pixels: NDArray[np.uint8]) -> Tensor:
    """(H, W, C) -> (C, H', W') float32, sides multiples of blocks, by the pixels at the edges."""
    planes = torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)
    height, width = planes.shape[1:]
    return F.pad(planes[None], (0, -width % BLOCK, 0, -height % BLOCK), mode="replicate")[0]


def _luma(planes: Tensor) -> Tensor:
    return planes[0] if len(planes) == 1 else luma(planes)


def moved(other: Tensor, vectors: Tensor) -> Tensor:
    """Blocks of another frame (C, H, W) where the vectors (H/16, W/16, 2) have them."""
    channels, height, width = other.shape
    top, left = block_corners(height, width)
    flat = vectors.reshape(-1, 2)
    blocks = squares(other, top + flat[:, 0], left + flat[:, 1], BLOCK)
    grid = blocks.reshape(height // BLOCK, width // BLOCK, channels, BLOCK, BLOCK)
    return grid.permute(2, 0, 3, 1, 4).reshape(channels, height, width)


def _likeness(guides: Tensor, noisy: Tensor, sigma: float) -> Tensor:
    """Differences (C, H, W) of the guides and of the frames -> the weight of each part, 0..1, (1, h, w)."""
    like = torch.exp(-_mean(guides.square()) / (_WIDTH * sigma))
    independence = _mean(noisy.square()) / (2 * sigma * sigma)
    return like * ((independence - _SAME) / (_OTHER - _SAME)).clamp(0, 1)


def _not_cut_off(guide: Tensor, sigma: float) -> Tensor:
    """How far each part's noise is whole, 0..1, (1, h, w): an average of what was cut off at 0 is too bright."""
    spare = F.avg_pool2d(torch.minimum(guide, 255 - guide), _PART).amin(0, keepdim=True) / sigma
    return ((spare - _NEAR) / (_FAR - _NEAR)).clamp(0, 1)


def _mean(x: Tensor) -> Tensor:
    """Over the channels and each part."""
    return F.avg_pool2d(x.mean(0, keepdim=True), _PART)


def _spread(parts: Tensor) -> Tensor:
    return parts.repeat_interleave(_PART, 1).repeat_interleave(_PART, 2)
