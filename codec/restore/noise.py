"""How strong the noise of a picture is: the standard deviation of white Gaussian noise, from the picture alone.

Patches of a natural picture lie near a space of few dimensions, noise fills all of them. So the smallest eigenvalues of
the patches' covariance are the variance of the noise (Chen, Zhu and Heng, "An efficient statistical method for image
noise level estimation", ICCV 2015). Only patches of weak texture count (as in Liu, Tanaka and Okutomi, IEEE Trans.
Image Processing 22(12), 2013), told by their low frequencies, and only their high frequencies are measured: noise is
independent in the two, so that the choice favours neither strong noise nor weak. Where noise meets 0 or 255 it is cut
off: patches too near to these do not count.
"""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray

_SIDE = 5  # pixels of a patch
_LOW = 4  # coefficients (row, column) of the cosine transform whose sum is below it tell of texture
_SHARES = {1: 0.12, 3: 0.25}  # of patches that count as weak, by channels: three tell more of one another
_MOST = 20_000  # patches
_FEWEST = 8  # patches for every number that is measured in one: fewer say nothing
_PASSES = 3  # each knows better than the one before how far the noise reaches
_MARGIN = 1.5  # standard deviations between a patch's mean and the nearer end of the range
_LEAST_MARGIN = 4.0  # levels
_SEED = 0


def noise_sigma(colours: NDArray[np.uint8], shown: NDArray[np.bool_] | None = None) -> float:
    """Estimate the noise of a picture.

    Args:
        colours: (H, W, 1 or 3) uint8.
        shown: (H, W), the pixels that count; None: all.

    Returns:
        The standard deviation in levels of 0..255; 0.0 of a picture without patches by which it could be told.
    """
    if min(colours.shape[:2]) < _SIDE:
        return 0.0
    patches = _patches(colours, shown)
    means = patches.mean((2, 3))
    spare = np.minimum(means, 255 - means).min(1)  # levels to the nearer end of the range
    texture, detail = _split(patches)
    fewest = _FEWEST * detail.shape[1]
    sigma = 0.0
    for _ in range(_PASSES):
        inside = np.flatnonzero(spare > max(_MARGIN * sigma, _LEAST_MARGIN))
        if len(inside) < fewest:
            break
        count = max(int(len(inside) * _SHARES[colours.shape[2]]), fewest)
        weak = inside[np.argsort(texture[inside])[:count]]
        sigma = _smallest_deviation(detail[weak])
    return sigma


def _patches(colours: NDArray[np.uint8], shown: NDArray[np.bool_] | None) -> NDArray[np.float32]:
    """(N, C, side, side), spread over the picture at random."""
    windows = np.lib.stride_tricks.sliding_window_view(colours, (_SIDE, _SIDE, colours.shape[2]))[:, :, 0]
    rows, columns = windows.shape[:2]
    random = np.random.default_rng(_SEED)
    places = random.choice(rows * columns, min(_MOST, rows * columns), replace=False)
    top, left = np.divmod(places, columns)
    if shown is not None:
        whole = np.lib.stride_tricks.sliding_window_view(shown, (_SIDE, _SIDE))[top, left].all((1, 2))
        top, left = top[whole], left[whole]
    return windows[top, left].transpose(0, 3, 1, 2).astype(np.float32)


def _split(patches: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Energy of the low frequencies (N,), the mean left out, and the coefficients of the high ones (N, D)."""
    transform = _cosines()
    coefficients = transform @ patches @ transform.T
    frequency = np.add.outer(np.arange(_SIDE), np.arange(_SIDE))
    low = coefficients[:, :, (frequency > 0) & (frequency < _LOW)]
    return np.square(low).sum((1, 2)), coefficients[:, :, frequency >= _LOW].reshape(len(patches), -1)


@functools.cache
def _cosines() -> NDArray[np.float32]:
    """The orthonormal cosine transform (DCT-II) as a matrix."""
    k = np.arange(_SIDE)
    matrix = np.cos(np.pi * (2 * k + 1) * k[:, None] / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


def _smallest_deviation(samples: NDArray[np.float32]) -> float:
    """(N, D) of mean 0 -> the root of the mean of the eigenvalues that are left once the largest ones are taken off.

    So many are taken off that mean and median of the rest agree, as they do of noise alone.
    """
    values = np.linalg.eigvalsh((samples.T @ samples).astype(np.float64) / len(samples))
    means = np.cumsum(values) / np.arange(1, len(values) + 1)
    for count in range(len(values), 0, -1):
        if means[count - 1] <= np.median(values[:count]):
            return float(np.sqrt(max(means[count - 1], 0.0)))
    return float(np.sqrt(max(values[0], 0.0)))
