"""Whether the pixel path may be stored as fp16: only if it costs no more than 0.1 % of rate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import UnsupportedError
from bitstream.rangecoder import Kind
from codec.exact.tensors import SCALE_LEVELS
from codec.model.loaded import LoadedModel
from codec.notes import note
from codec.still.trial import code_once
from codec.training.bd import Point, bd_rate
from codec.training.export.frequencies import gaussian

MOST_BD_RATE = 0.1  # per cent
QUALITIES = tuple(256 * q for q in (4, 16, 30, 44, 56, 63))
Arrays = dict[str, NDArray[np.generic]]


class GaussianBits:
    """A sink that adds up code lengths under the plain Gaussians, before any table is fitted."""

    def __init__(self) -> None:
        self.bits = 0.0
        self._cost = np.array([-np.log2(np.maximum(gaussian(level), 2.0**-24)) for level in range(SCALE_LEVELS)])

    def encode(self, kind: Kind, index: NDArray[np.integer[Any]], symbols: NDArray[np.integer[Any]]) -> None:
        """See SymbolSink."""
        reach = self._cost.shape[1] // 2
        self.bits += float(self._cost[index, np.clip(symbols, -reach, reach) + reach].sum())


def stored(pixel_path: Mapping[str, Tensor], dtype: torch.dtype) -> Arrays:
    """The pixel path's tensors as arrays of `dtype`."""
    return {name: tensor.to(dtype).numpy() for name, tensor in pixel_path.items()}


def choose_pixel_path(
    pixel_path: Mapping[str, Tensor], load: Callable[[Arrays], LoadedModel], crops: list[NDArray[np.uint8]]
) -> tuple[Arrays, float]:
    """-> the tensors to store, and the BD-rate in per cent of fp16 against the source's own precision.

    Weights that are fp16 at their source stay so; others become fp16 where that costs at most MOST_BD_RATE on the
    crops, else fp32, also where there is no BD-rate.
    """
    half = stored(pixel_path, torch.float16)
    if all(t.dtype == torch.float16 for t in pixel_path.values()):
        return half, 0.0
    full = stored(pixel_path, torch.float32)
    try:
        cost = bd_rate(*(_curve(load(arrays), crops) for arrays in (full, half)))
    except UnsupportedError as error:
        note(f"weights stay in fp32, twice as large: what fp16 costs is not measured: {error}")
        cost = None
    if cost is None:
        return full, math.inf
    return (half if cost <= MOST_BD_RATE else full), cost


def _curve(model: LoadedModel, crops: list[NDArray[np.uint8]]) -> list[Point]:
    points = []
    for quality in QUALITIES:
        sink = GaussianBits()
        level = float(np.mean([code_once(model, crop, quality, sink) for crop in crops]))
        points.append((sink.bits, level))
    return points
