"""Proof that a model's entropy path is exact in float32, by interval arithmetic on its integers.

Two things are shown for every input whatever: each convolution's accumulator stays below 2**24 of its
units in any order of summation (511 * sum|w| < 2**24 per output channel), and so does every
element-wise value in units of 1/256. Run when a model file is written and again when it is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import ModelFileError
from bitstream.tables import MAX_VALUE
from codec.exact.tensors import (
    ACTIVATION_MAX,
    ACTIVATION_STEPS,
    DETAIL_HALVES,
    EXACT,
    FINE_PER_ACTIVATION,
    MAX_SHIFT,
    STEPS,
    WEIGHT_MAX,
    Layer,
    detail_block_names,
    detail_layers,
    hyper_block_names,
    prior_layers,
    trunk_block_names,
)
from codec.model.config import DetailConfig, ModelConfig

Arrays = Mapping[str, NDArray[np.generic]]


def prove_exact(config: ModelConfig, tensors: Arrays) -> float:
    """-> the largest accumulator seen as a fraction of 2**24. Raises ModelFileError where a bound fails."""
    worst, reach = _all_reach(prior_layers(config), tensors)
    quality_bias = int(np.abs(tensors["prior.quality_bias"].astype(np.int64)).max())
    hyper = _sum(reach["up1"], quality_bias, "up1 with its quality bias")
    hyper = _block(reach, "b1", hyper)
    hyper = _blocks(reach, hyper_block_names(), _sum(reach["up2"], 0, "up2"))
    for step in range(STEPS):
        _blocks(reach, trunk_block_names(step), _sum(reach[f"enter.{step}"], 0, f"enter.{step}"))
        mean = _sum(reach[f"leave.{step}"], 0, f"leave.{step}")
        _sum(MAX_VALUE * ACTIVATION_STEPS, mean // FINE_PER_ACTIVATION + 1, f"latent of step {step}")
    return worst


def prove_detail_exact(config: DetailConfig, tensors: Arrays) -> float:
    """The same for the prior of the detail layer."""
    worst, reach = _all_reach(detail_layers(config), tensors)
    shift_bias = int(np.abs(tensors["prior.shift_bias"].astype(np.int64)).max())
    x = _sum(_sum(reach["look_f"], reach["look_y"], "look_f and look_y"), shift_bias, "the bias by the shift")
    for half in range(DETAIL_HALVES):
        if half:
            x = _sum(x, reach["enter"], "enter")
        x = _blocks(reach, detail_block_names(config, half), x)
        _sum(reach[f"leave.{half}"], 0, f"leave.{half}")
    _sum(MAX_VALUE * ACTIVATION_STEPS, 0, "sizes of coefficients")
    return worst


def _all_reach(layers: Iterable[Layer], tensors: Arrays) -> tuple[float, dict[str, int]]:
    """-> the largest accumulator as a fraction of 2**24, each layer's largest output in units of 1/256."""
    worst, reach = 0.0, {}
    for layer in layers:
        accumulator, reach[layer.name] = _layer_reach(tensors, layer.name)
        worst = max(worst, accumulator / EXACT)
        if accumulator >= EXACT:
            raise ModelFileError(
                f"layer {layer.name}: its sums may reach {accumulator / EXACT:.3f} of 2**24, so float32 is not exact"
            )
    return worst, reach


def _layer_reach(tensors: Arrays, name: str) -> tuple[int, int]:
    """-> largest accumulator in its own units, largest output in units of 1/256."""
    weight = tensors[f"prior.{name}.weight"].astype(np.int64)
    shift = tensors[f"prior.{name}.shift"].astype(np.int64)
    bias = tensors[f"prior.{name}.bias"].astype(np.int64)
    if np.abs(weight).max() > WEIGHT_MAX or shift.max() > MAX_SHIFT or shift.min() < 0:
        raise ModelFileError(f"layer {name}: weights must lie within +-{WEIGHT_MAX}, shifts within 0..{MAX_SHIFT}")
    sums = np.abs(weight).sum((1, 2, 3)) * ACTIVATION_MAX
    fine = -(-(sums << 4) >> shift)  # accumulator units are 2**-(4 + shift): times 2**(4 - shift), rounded up
    return int(sums.max()), int((fine + np.abs(bias)).max())


def _sum(a: int, b: int, what: str) -> int:
    if a + b >= EXACT:
        raise ModelFileError(f"{what}: values may reach {(a + b) / EXACT:.3f} of 2**24, so float32 is not exact")
    return a + b


def _block(reach: Mapping[str, int], name: str, x: int) -> int:
    for layer in ("a", "dw", "f"):
        _sum(reach[f"{name}.{layer}"], 0, f"{name}.{layer}")
    x = _sum(x, reach[f"{name}.b"], f"{name}, first residual")
    return _sum(x, reach[f"{name}.g"], f"{name}, second residual")


def _blocks(reach: Mapping[str, int], names: Iterable[str], x: int) -> int:
    for name in names:
        x = _block(reach, name, x)
    return x
