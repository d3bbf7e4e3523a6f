"""A measure of the benchmark, opened, and pairs of pictures for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from benchmarks.measures.catalog import open_measures
from benchmarks.measures.interface import MeanOfFrames
from benchmarks.raw import Pixels

SHAPES = ((1, 1), (8, 8), (13, 29), (3, 70))


def opened(name: str, weights: Path | None = None) -> MeanOfFrames:
    """The measure of this id, which must not be absent."""
    measures, absent = open_measures([name], lpips_weights=weights)
    assert not absent, absent
    (measure,) = measures
    assert isinstance(measure, MeanOfFrames)
    return measure


def pair(height: int, width: int, strength: float = 20) -> tuple[Pixels, Pixels]:
    """A smooth picture, and itself with noise and a shade."""
    random = np.random.default_rng(height * 1000 + width)
    rows, columns = np.mgrid[:height, :width]
    waves = [120 + 60 * np.sin(rows / (5 + c)) + 50 * np.cos(columns / (4 + c)) for c in range(3)]
    reference = np.stack(waves, axis=-1)
    shown = reference + random.normal(strength / 4, strength, reference.shape)
    return reference.round().astype(np.uint8), shown.clip(0, 255).round().astype(np.uint8)


def tensor(pixels: Pixels) -> torch.Tensor:
    """(1, 3, H, W) float32 of the same values."""
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32))[None]
