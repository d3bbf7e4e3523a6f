"""The entropy path's integers from a checkpoint's float weights.

All arithmetic is float32 torch in the reference's own order of operations, so that the integers are those
that training saw: in float64 a single tie falls the other way and cascades through the prior.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import ModelFileError
from codec.exact.tensors import (
    DETAIL_SHIFT,
    FINE_STEPS,
    LOG_SCALE_MIN,
    LOG_SCALE_STEP,
    MAX_SHIFT,
    QUALITY_ROWS,
    SCALE_LEVELS,
    WEIGHT_MAX,
    Layer,
    detail_layers,
    prior_layers,
)
from codec.model.config import DetailConfig, ModelConfig
from codec.network.layers import anchor_weights
from codec.network.shapes import GAIN_ANCHORS
from codec.training.detail_prior import shift_weights

_SMALLEST_TOP = 2.0**-10


def hat_weights() -> Tensor:
    """(64, GAIN_ANCHORS) float32: linear interpolation between the anchors at each whole quality."""
    return anchor_weights(torch.arange(QUALITY_ROWS, dtype=torch.float32, device="cpu"))


def quantise_prior(config: ModelConfig, prior: Mapping[str, Tensor]) -> dict[str, NDArray[np.generic]]:
    """-> weights int8, shifts uint8, biases int32, quality biases int32 (64, cp), z table indices uint8 (64, cz)."""
    tensors = _quantise_layers(prior_layers(config), prior)
    weights = hat_weights()
    quality_bias = weights @ _tensor(prior, "q_bias", (GAIN_ANCHORS, config.cp))
    tensors["prior.quality_bias"] = (quality_bias * FINE_STEPS).round().to(torch.int32).numpy()
    log_scale = weights @ _tensor(prior, "z_bias", (GAIN_ANCHORS, config.cz))
    index = ((log_scale - LOG_SCALE_MIN) / LOG_SCALE_STEP).round().clamp(0, SCALE_LEVELS - 1)
    tensors["z.table_index"] = index.to(torch.uint8).numpy()
    return tensors


def quantise_detail(config: DetailConfig, prior: Mapping[str, Tensor]) -> dict[str, NDArray[np.generic]]:
    """-> weights, shifts and biases as above, biases int32 (33, channels) by the shift of the scale indices."""
    tensors = _quantise_layers(detail_layers(config), prior)
    shifts = torch.arange(-DETAIL_SHIFT, DETAIL_SHIFT + 1, dtype=torch.float32, device="cpu")
    bias = shift_weights(shifts) @ _tensor(prior, "q_bias", (GAIN_ANCHORS, config.channels))
    tensors["prior.shift_bias"] = (bias * FINE_STEPS).round().to(torch.int32).numpy()
    return tensors


def _quantise_layers(layers: Iterable[Layer], prior: Mapping[str, Tensor]) -> dict[str, NDArray[np.generic]]:
    tensors: dict[str, NDArray[np.generic]] = {}
    for layer in layers:
        for part, values in _quantise_layer(layer, prior).items():
            tensors[f"prior.{layer.name}.{part}"] = values
    return tensors


def _quantise_layer(layer: Layer, prior: Mapping[str, Tensor]) -> dict[str, NDArray[np.generic]]:
    weight = _tensor(prior, f"{layer.name}.weight", layer.weight_shape)
    bias = _tensor(prior, f"{layer.name}.bias", (layer.outputs,))
    top = weight.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(_SMALLEST_TOP)
    shift = torch.floor(torch.log2(WEIGHT_MAX / top)).clamp(0, MAX_SHIFT)
    integers = (weight * torch.exp2(shift)).round().clamp(-WEIGHT_MAX, WEIGHT_MAX)
    return {
        "weight": integers.to(torch.int8).numpy(),
        "shift": shift.flatten().to(torch.uint8).numpy(),
        "bias": (bias * FINE_STEPS).round().to(torch.int32).numpy(),
    }


def _tensor(prior: Mapping[str, Tensor], name: str, shape: tuple[int, ...]) -> Tensor:
    if name not in prior or prior[name].shape != shape:
        found = tuple(prior[name].shape) if name in prior else "missing"
        raise ModelFileError(f"checkpoint: prior.{name} is {found}, its configuration says {shape}")
    if not prior[name].isfinite().all():
        raise ModelFileError(f"checkpoint: prior.{name} has values that are not finite")
    return prior[name]
