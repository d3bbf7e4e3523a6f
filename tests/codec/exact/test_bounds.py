"""Exactness at the edge: sums at 0.99 of 2**24 are right in float32, and models beyond are refused.

Everything is compared with int64 arithmetic: single layers with a plain statement of them here, the whole
prior with the integer decoder.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bitstream.errors import ModelFileError
from codec.exact.arithmetic import exact_arithmetic
from codec.exact.bounds import prove_exact
from codec.exact.layers import ExactConv
from codec.exact.prior import ExactPrior
from codec.exact.tensors import EXACT, Layer, prior_layers
from codec.model.config import ModelConfig
from codec.model.file import read_model_file, write_model_file
from codec.network.shapes import pixel_tensors
from tests.support import reference_decoder
from tests.support.tiny import Arrays, answered, as_reference, forge, tiny_config, tiny_tensors

Ints = NDArray[np.int64]
CPU = torch.device("cpu")
TOP = 511  # largest activation
MOST = (EXACT - 1) // TOP  # largest sum of |weights| of an output channel
LAYOUTS = (torch.contiguous_format, torch.channels_last)
WIDE = ModelConfig(c=8, cy=10, cz=264, cp=264, enc_depth=0, dec_depth=0, deep=0)  # 264 * 127 reaches 2**24


def weights_summing_to(total: int, shape: tuple[int, ...], rng: np.random.Generator) -> NDArray[np.int8]:
    """Random signs, |weight| <= 127, every output channel's magnitudes summing to `total` (or 127 everywhere)."""
    outputs, count = shape[0], int(np.prod(shape[1:]))
    whole, rest = divmod(min(total, 127 * count), count)
    magnitude = np.full((outputs, count), whole)
    magnitude[:, :rest] += 1
    return (rng.permuted(magnitude, axis=1) * rng.choice([-1, 1], (outputs, count))).reshape(shape).astype(np.int8)


def layer_tensors(layer: Layer, total: int, shift: int, rng: np.random.Generator) -> Arrays:
    return {
        f"prior.{layer.name}.weight": weights_summing_to(total, layer.weight_shape, rng),
        f"prior.{layer.name}.shift": np.full(layer.outputs, shift, np.uint8),
        f"prior.{layer.name}.bias": rng.integers(-9, 10, layer.outputs).astype(np.int32),
    }


def plain_conv(tensors: Arrays, layer: Layer, activations: Ints) -> Ints:
    """conv_L of FORMAT.md on (I, H, W), in int64."""
    weight = tensors[f"prior.{layer.name}.weight"].astype(np.int64)
    if layer.depthwise:
        _, height, width = activations.shape
        padded = np.pad(activations, ((0, 0), (1, 1), (1, 1)))
        taps = [weight[:, 0, j, k, None, None] * padded[:, j : j + height, k : k + width] for j, k in np.ndindex(3, 3)]
        total = np.sum(taps, axis=0)
    else:
        total = np.einsum("oi,ihw->ohw", weight[:, :, 0, 0], activations)
    shift = tensors[f"prior.{layer.name}.shift"].astype(np.int64)[:, None, None]
    quotient, rest = (16 * total) >> shift, (16 * total) & ((1 << shift) - 1)
    half = (1 << shift) >> 1
    up = (shift > 0) & ((rest > half) | ((rest == half) & (quotient & 1 == 1)))
    return quotient + up + tensors[f"prior.{layer.name}.bias"].astype(np.int64)[:, None, None]


def extreme_activations(layer: Layer, tensors: Arrays, rng: np.random.Generator) -> Ints:
    """(I, 6, 5) of +-511: position (0, 0) drives output 0 to its largest sum, (0, 1) to its smallest."""
    activations = rng.choice([-TOP, TOP], (layer.inputs, 6, 5))
    if not layer.depthwise:
        signs = np.sign(tensors[f"prior.{layer.name}.weight"][0, :, 0, 0].astype(np.int64))
        activations[:, 0, 0], activations[:, 0, 1] = TOP * signs, -TOP * signs
    activations[:, 5] = rng.integers(-TOP, TOP + 1, (layer.inputs, 5))
    return activations.astype(np.int64)


def in_float32(tensors: Arrays, layer: Layer, activations: Ints, layout: torch.memory_format) -> Ints:
    conv = ExactConv(layer, tensors, CPU, torch.float32)
    batch = torch.from_numpy(activations).float()[None].contiguous(memory_format=layout)
    with exact_arithmetic(CPU):
        found: Ints = conv(batch)[0].contiguous().numpy().astype(np.int64)
    return found


LAYERS = [Layer("wide", 300, 12), Layer("long", 4096, 5), Layer("deep", 16, 16, depthwise=True)]


@pytest.mark.parametrize("layout", LAYOUTS, ids=["NCHW", "channels last"])
@pytest.mark.parametrize("shift", range(15))
@pytest.mark.parametrize("layer", LAYERS, ids=lambda layer: layer.name)
def test_a_layer_near_the_bound_is_exact(layer: Layer, shift: int, layout: torch.memory_format) -> None:
    """Where a small shift would take the output beyond 2**24 units of 1/256, the sums are as large as that allows."""
    rng = np.random.default_rng(shift)
    most = min(MOST, (EXACT - 16) // (TOP << 4) << shift)
    tensors = layer_tensors(layer, int(0.99 * most), shift, rng)
    activations = extreme_activations(layer, tensors, rng)
    wanted = plain_conv(tensors, layer, activations)
    assert (in_float32(tensors, layer, activations, layout) == wanted).all()
    if not layer.depthwise:
        assert wanted.max() > 0.95 * ((TOP * int(0.99 * most) << 4) >> shift)  # the case is as extreme as it says


def test_beyond_the_bound_float32_does_go_wrong() -> None:
    """The bound is no formality: the comparison above fails for sums that it forbids."""
    rng = np.random.default_rng(0)
    layer = LAYERS[1]
    tensors = layer_tensors(layer, 3 * MOST | 1, 4, rng)  # odd sums above 2**24: no float32 is one
    tensors["prior.long.bias"][:] = 0
    activations = extreme_activations(layer, tensors, rng)
    wrong = in_float32(tensors, layer, activations, torch.contiguous_format) != plain_conv(tensors, layer, activations)
    assert wrong[0, 0, 0] and wrong[0, 0, 1]


def extreme_model(config: ModelConfig, fraction: float, seed: int = 0) -> Arrays:
    """A valid model whose 1x1 layers reach `fraction` of 2**24, shifts such that blocks saturate but never overflow."""
    rng = np.random.default_rng(seed)
    tensors = tiny_tensors(tiny_config(config.cy, config.context))
    tensors = {name: t for name, t in tensors.items() if not name.startswith(("prior.", "analysis", "synth", "hyper"))}
    for layer in prior_layers(config):
        into_stream = layer.name.endswith((".b", ".g"))
        shift = 4 if layer.depthwise else 9 if into_stream else 14 if layer.name.startswith("leave") else 7
        tensors |= layer_tensors(layer, int(fraction * EXACT) // TOP, shift, rng)
    tensors["prior.quality_bias"] = rng.integers(-4000, 4000, (64, config.cp)).astype(np.int32)
    tensors["z.table_index"] = rng.integers(0, 64, (64, config.cz)).astype(np.uint8)
    tensors["known_answer"] = np.zeros(32, np.uint8)
    return tensors


@pytest.mark.parametrize("context", ["clamp", "compand"])
def test_the_whole_prior_near_the_bound_is_exact(context: str) -> None:
    config = ModelConfig(**{**vars(WIDE), "context": context})
    tensors = extreme_model(config, 0.99)
    assert 0.985 < prove_exact(config, tensors) < 0.9901
    tensors = answered(config, tensors)
    reference = as_reference(config, tensors)
    assert reference_decoder.known_answer(reference) == tensors["known_answer"].tobytes()
    rng = np.random.default_rng(1)
    z = rng.choice([-32767, -32, 31, 32, 40], (2, config.cz, 1, 2))
    y16 = rng.choice([-524288, -2047, -1153, -511, -129, 0, 130, 511, 1152, 524287], (2, config.cy, 4, 8))
    rows = [0, 63]
    for layout in LAYOUTS:
        prior = ExactPrior(config, tensors, CPU, torch.float32, layout)
        with exact_arithmetic(CPU):
            features = prior.hyper(prior.tensor(z), rows)
            steps = [prior.step(k, features, prior.tensor(y16)) for k in range(4)]
        for tile, row in enumerate(rows):
            wanted = reference_decoder.hyper_synthesis(reference, z[tile], row)
            assert (features[tile].numpy() == wanted).all()
            assert (np.abs(wanted) == TOP).mean() > 0.2  # saturated, as the bound assumes
            for k, (mean, index) in enumerate(steps):
                mu, s = reference_decoder.step(reference, wanted, y16[tile], k)
                assert (mean[tile].numpy() == mu).all() and (index[tile].numpy() == s).all()
                assert len(np.unique(s)) > 10 and len(np.unique(mu)) > 30


Change = Callable[[Arrays], None]


def set_channel(name: str, total: int, shift: int = 14) -> Change:
    """The last output channel of a layer: magnitudes of its weights sum to `total`."""

    def change(tensors: Arrays) -> None:
        weight = tensors[f"prior.{name}.weight"]
        weight[-1:] = weights_summing_to(total, (1, *weight.shape[1:]), np.random.default_rng(0))
        assert int(np.abs(weight[-1].astype(int)).sum()) == total
        tensors[f"prior.{name}.shift"][-1] = shift

    return change


def set_value(name: str, value: int) -> Change:
    def change(tensors: Arrays) -> None:
        tensors[name].flat[-1] = value

    return change


def set_biases(value: int, *names: str) -> Change:
    def change(tensors: Arrays) -> None:
        for name in names:
            tensors[f"prior.{name}.bias"][-1] = value

    return change


def both(first: Change, second: Change) -> Change:
    def change(tensors: Arrays) -> None:
        first(tensors)
        second(tensors)

    return change


JUST_BEYOND, HALF = MOST + 1, EXACT // 2
BEYOND: dict[str, tuple[str, Change]] = {
    **{
        f"accumulator of {name} at {total / MOST:.3f}": (f"layer {name}:", set_channel(name, total))
        for name in ("up1", "up2", "b1.a", "b1.g", "b2.1.f", "enter.0", "enter.3", "trunk.2.1.b", "leave.0")
        for total in (JUST_BEYOND, int(1.01 * EXACT / TOP))
    },
    "output of a layer": ("b1.a", set_channel("b1.a", MOST // 4 + 1, 2)),
    "output of a depthwise layer": ("b2.0.dw", set_biases(EXACT - 1, "b2.0.dw")),
    "bias": ("trunk.3.0.f", set_biases(EXACT, "trunk.3.0.f")),
    "bias alone": ("b1.a", both(set_channel("b1.a", 0), set_biases(EXACT, "b1.a"))),
    "negative bias": ("enter.1", set_biases(-EXACT, "enter.1")),
    "smallest int32": ("up2", set_biases(-(2**31), "up2")),
    "bias of the means": ("leave.2", set_biases(EXACT, "leave.2")),
    "quality bias": ("quality bias", set_value("prior.quality_bias", -EXACT)),
    "first residual": ("b2.0, first", set_biases(HALF, "up2", "b2.0.b")),
    "second residual": ("trunk.1.1, second", set_biases(HALF, "enter.1", "trunk.1.1.g")),
    "both residuals": ("b2.1, second", set_biases(HALF, "b2.1.b", "b2.1.g")),
    "residuals of two blocks": ("trunk.3.1", set_biases(EXACT // 3, "enter.3", "trunk.3.0.g", "trunk.3.1.b")),
    "shift": ("up1: weights", set_value("prior.up1.shift", 15)),
    "weight": ("leave.3: weights", set_value("prior.leave.3.weight", -128)),
}


@pytest.fixture(scope="module")
def calm() -> Arrays:
    """A valid wide model far from every bound."""
    blank = {name: np.zeros(shape, np.float16) for name, shape in pixel_tensors(WIDE)}
    return {**extreme_model(WIDE, 0.05), **blank}


def copied(tensors: Arrays) -> Arrays:
    return {name: tensor.copy() for name, tensor in tensors.items()}


@pytest.mark.parametrize("what", BEYOND)
def test_models_beyond_a_bound_are_refused(calm: Arrays, tmp_path: Path, what: str) -> None:
    """By the proof, by the converter's writer, and by the reader of a forged file whose id is right."""
    message, change = BEYOND[what]
    tensors = copied(calm)
    change(tensors)
    with pytest.raises(ModelFileError, match=message):
        prove_exact(WIDE, tensors)
    path = tmp_path / "model.safetensors"
    with pytest.raises(ModelFileError, match=message):
        write_model_file(path, "beyond", WIDE, 1, tensors)
    assert not path.exists()
    with pytest.raises(ModelFileError, match=message):
        read_model_file(forge(path, WIDE, tensors))


WITHIN: dict[str, Change] = {
    "accumulator": set_channel("enter.2", MOST),
    "accumulator of a block": set_channel("b1.f", MOST),
    "output of a layer": set_channel("b1.a", MOST // 4, 2),
    "bias of a layer that adds to nothing": both(set_channel("b1.a", 0), set_biases(EXACT - 1, "b1.a")),
}


@pytest.mark.parametrize("what", WITHIN)
def test_models_just_within_are_accepted(calm: Arrays, tmp_path: Path, what: str) -> None:
    tensors = copied(calm)
    WITHIN[what](tensors)
    prove_exact(WIDE, tensors)
    written = write_model_file(tmp_path / "model.safetensors", "within", WIDE, 1, tensors)
    assert read_model_file(written.path).info.id == written.id


@given(st.integers(4, 4096))
def test_channel_groups_are_those_of_the_format(cy: int) -> None:
    bounds = ModelConfig(cy=cy).group_bounds
    groups = np.repeat(np.arange(4), np.diff(bounds))
    assert (groups == 4 * np.arange(cy) // cy).all()


@pytest.mark.parametrize("cy", [4, 5, 6, 7, 9, 10])
def test_placing_and_picking_cover_each_element_once(cy: int) -> None:
    config = tiny_config(cy)
    prior = ExactPrior(config, tiny_tensors(config), CPU)
    field = torch.zeros(1, cy, 8, 4)
    values = torch.arange(4 * cy * 8).reshape(4, 1, cy, 4, 2).float()
    for k in range(4):
        prior.place(k, values[k], field)
    assert sorted(field.flatten().tolist()) == sorted(values.flatten().tolist())
    assert all((prior.pick(k, field) == values[k]).all() for k in range(4))
