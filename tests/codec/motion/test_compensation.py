"""Motion compensation against plain NumPy, and what must hold of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.motion.compensation import TAPS, compensate, displaced, luma, mirrored

HEIGHT, WIDTH = 48, 64
Plane = NDArray[np.int64]


def picture(seed: int = 0, extremes: bool = False) -> Tensor:
    random = np.random.default_rng(seed)
    values = random.integers(0, 256, (3, HEIGHT, WIDTH))
    return torch.from_numpy((255 * (values > 127) if extremes else values).astype(np.uint8))


def field(seed: int = 0, most: int = 60) -> Tensor:
    random = np.random.default_rng(seed)
    return torch.from_numpy(random.integers(-most, most + 1, (HEIGHT // 16, WIDTH // 16, 2)))


def sample(plane: Plane, y4: int, x4: int) -> int:
    """One sample at a place in quarter pixels, edges repeated, times 4096."""
    row_taps, column_taps = TAPS[y4 % 4], TAPS[x4 % 4]
    total = 0
    for i, a in enumerate(row_taps):
        for j, b in enumerate(column_taps):
            y = min(max(y4 // 4 + i - 3, 0), plane.shape[0] - 1)
            x = min(max(x4 // 4 + j - 3, 0), plane.shape[1] - 1)
            total += a * b * int(plane[y, x])
    return total


def plain_prediction(plane: Plane, vectors: Plane) -> Plane:
    """Block by block and pixel by pixel, in Python's integers."""
    height, width = plane.shape
    total, weights = np.zeros((height, width), np.int64), np.zeros((height, width), np.int64)
    for row in range(vectors.shape[0]):
        for column in range(vectors.shape[1]):
            dy, dx = (int(v) for v in vectors[row, column])
            for i in range(32):
                for j in range(32):
                    y, x = 16 * row - 8 + i, 16 * column - 8 + j
                    if 0 <= y < height and 0 <= x < width:
                        weight = (4 * min(i, 31 - i) + 2) * (4 * min(j, 31 - j) + 2)
                        value = min(max((sample(plane, 4 * y + dy, 4 * x + dx) + 2048) // 4096, 0), 255)
                        total[y, x] += weight * value
                        weights[y, x] += weight
    return np.floor_divide(2 * total + weights, 2 * weights)


@pytest.mark.parametrize("extremes", [False, True])
def test_predictions_are_those_of_plain_integers(extremes: bool) -> None:
    """Black and white pixels drive the filters beyond both ends."""
    reference, vectors = picture(1, extremes)[:1, :32, :32], field(2, 200)[:2, :2]
    found = compensate(reference, vectors)[0]
    wanted = plain_prediction(reference[0].numpy().astype(np.int64), vectors.numpy())
    assert found.dtype == torch.uint8 and np.array_equal(found.numpy(), wanted)


def test_no_motion_predicts_the_reference() -> None:
    assert torch.equal(compensate(picture(), torch.zeros(3, 4, 2, dtype=torch.int64)), picture())


@pytest.mark.parametrize("shift", [(3, -5), (-16, 16), (0, 200)])
def test_whole_vectors_shift_the_picture(shift: tuple[int, int]) -> None:
    vectors = torch.tensor(shift).expand(3, 4, 2) * 4
    rows = (torch.arange(HEIGHT) + shift[0]).clamp(0, HEIGHT - 1)
    columns = (torch.arange(WIDTH) + shift[1]).clamp(0, WIDTH - 1)
    assert torch.equal(compensate(picture(), vectors), picture()[:, rows][:, :, columns])


def test_a_flat_reference_stays_flat() -> None:
    for level in (0, 77, 255):
        flat = torch.full((3, HEIGHT, WIDTH), level, dtype=torch.uint8)
        assert torch.equal(compensate(flat, field(3)), flat)


def test_sums_are_exact_in_float32() -> None:
    """The largest and the smallest that filters can make of 0..255, against float64."""
    reference = picture(4, extremes=True)
    top = left = torch.arange(0, 12)
    vectors = torch.from_numpy(np.random.default_rng(5).integers(-9, 10, (12, 2)))
    single, double = (displaced(kind, vectors, top, left, 32) for kind in (reference, reference.double()))
    assert torch.equal(single, double) and torch.equal(single, single.round())
    positive, negative = (sum(max(sign * tap, 0) for tap in TAPS[2]) for sign in (1, -1))
    assert 255 * max(positive, negative) * (positive + negative) + 2048 < 2**24


@pytest.mark.parametrize("axis", [0, 1])
def test_a_mirrored_picture_has_mirrored_predictions(axis: int) -> None:
    """The filter of a quarter is that of three quarters, turned round."""
    flipped = compensate(picture().flip(axis + 1), mirrored(field(6), axis)).flip(axis + 1)
    assert torch.equal(flipped, compensate(picture(), field(6)))


def test_luma_of_grey_is_its_level() -> None:
    assert luma(torch.full((3, 2, 2), 100, dtype=torch.uint8)).numpy() == pytest.approx(100)
