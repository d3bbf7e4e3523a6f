"""What the converter fits: integers for weights, frequencies for symbols, a curve for qualities."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bitstream.limits import MAX_QUALITY
from bitstream.tables import TOTAL, ideal_bits, unpack_tables
from codec.exact.tensors import LOG_SCALE_MIN, LOG_SCALE_STEP, prior_layers
from codec.model.config import ModelConfig
from codec.training.export.curve import LOWEST_QUALITY, fit_curve, sample_qualities
from codec.training.export.frequencies import (
    REACH,
    SymbolCounter,
    fit_tables,
    gaussian,
    held_out_saving,
    stored_frequencies,
)
from codec.training.export.quantise import hat_weights, quantise_prior
from tests.support.tiny import tiny_checkpoint, tiny_config

Floats = NDArray[np.floating[Any]]
QUICK = settings(max_examples=50, deadline=None, derandomize=True)


def float_prior(config: ModelConfig, seed: int) -> dict[str, torch.Tensor]:
    tensors = tiny_checkpoint(config, seed, torch.float32)
    return {name.removeprefix("prior."): t for name, t in tensors.items() if name.startswith("prior.")}


def quantised_by_the_rule(weight: Floats) -> tuple[NDArray[np.int64], int]:
    """One output channel: the largest shift in 0..14 that keeps its weights within +-127, then round half to even."""
    top = max(float(np.abs(weight).max()), 2.0**-10)
    shift = max(k for k in range(15) if k == 0 or top * 2**k <= 127)
    return np.clip(np.rint(weight.astype(np.float64) * 2**shift), -127, 127).astype(np.int64), shift


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 0.3, 1.0, 40.0, 5000.0])
def test_weights_are_quantised_by_the_rule(scale: float) -> None:
    config = tiny_config(9)
    prior = {name: t * scale for name, t in float_prior(config, 3).items()}
    exact = quantise_prior(config, prior)
    for layer in prior_layers(config):
        weight, bias = prior[f"{layer.name}.weight"].numpy(), prior[f"{layer.name}.bias"].numpy()
        for channel in range(layer.outputs):
            integers, shift = quantised_by_the_rule(weight[channel])
            assert (exact[f"prior.{layer.name}.weight"][channel].astype(int) == integers).all()
            assert int(exact[f"prior.{layer.name}.shift"][channel]) == shift
        assert (exact[f"prior.{layer.name}.bias"] == np.rint(bias.astype(np.float64) * 256)).all()


def test_quantisation_at_its_edges() -> None:
    """Ties go to even, 127 exactly still fits a shift, zero channels and huge ones stay within the grid."""
    config = tiny_config()
    prior = float_prior(config, 0)
    rows = prior["b1.a.weight"] = torch.zeros(8, 8, 1, 1)
    rows[0, :3, 0, 0] = torch.tensor([127.0, 2.5, -3.5])
    rows[1, :2, 0, 0] = torch.tensor([127 / 128, 0.5 / 128])
    rows[2, 0] = 127.0001 / 4
    rows[3, :2, 0, 0] = torch.tensor([1e4, 3.0])
    rows[5, 0] = 2.0**-20
    prior["b1.a.bias"] = torch.tensor([0.5, 1.5, 2.5, -0.5, -1.5, 0.49, 256.0, -3.0]) / 256
    exact = quantise_prior(config, prior)
    weight = exact["prior.b1.a.weight"].astype(int)[:, :, 0, 0]
    assert exact["prior.b1.a.shift"].tolist()[:6] == [0, 7, 1, 0, 14, 14]
    assert weight[0, :3].tolist() == [127, 2, -4] and weight[1, :2].tolist() == [127, 0]
    assert weight[2, 0] == 64 and weight[3, :2].tolist() == [127, 3]
    assert not weight[4].any() and weight[5, 0] == 0
    assert exact["prior.b1.a.bias"].tolist() == [0, 2, 2, 0, -2, 0, 256, -3]


def test_biases_by_quality_follow_the_anchors() -> None:
    config = tiny_config()
    prior = float_prior(config, 4)
    exact = quantise_prior(config, prior)
    for row in range(64):
        position = row * 7 / 63
        low, part = min(int(position), 6), position - min(int(position), 6)
        between = {
            n: (prior[n][low] * (1 - part) + prior[n][low + 1] * part).double().numpy() for n in ("q_bias", "z_bias")
        }
        bias = exact["prior.quality_bias"][row].astype(float)
        assert np.abs(bias - between["q_bias"] * 256).max() <= 0.5 + 1e-3
        wanted = ((between["z_bias"] - LOG_SCALE_MIN) / LOG_SCALE_STEP).clip(0, 63)
        assert np.abs(exact["z.table_index"][row].astype(float) - wanted).max() <= 0.5 + 1e-3
    assert (exact["prior.quality_bias"][::9] == np.rint(prior["q_bias"].numpy() * 256)).all()  # on the anchors
    assert len(np.unique(exact["z.table_index"])) > 5


def test_interpolation_weights() -> None:
    weights = hat_weights().numpy()
    assert np.allclose(weights.sum(1), 1, atol=1e-6)
    assert ((weights > 0).sum(1) <= 2).all()
    assert (weights[::9] == np.eye(8)).all()


@pytest.mark.parametrize("level", range(64))
def test_gaussians_are_whole(level: int) -> None:
    """The scale reaches 64 at most, so that the reach of +-1023 holds everything."""
    mass = gaussian(level)
    assert mass.shape == (2 * REACH + 1,)
    assert abs(mass.sum() - 1) < 1e-9
    assert (mass >= 0).all() and np.allclose(mass, mass[::-1], rtol=1e-9)
    assert np.diff(mass[REACH:]).max() < 1e-15
    scale = np.exp(LOG_SCALE_MIN + LOG_SCALE_STEP * level)
    if scale > 1:  # an integer Gaussian of a fair width has its variance and that of the rounding
        assert float((mass * np.arange(-REACH, REACH + 1) ** 2).sum()) == pytest.approx(scale**2 + 1 / 12, rel=1e-3)
    else:
        assert mass[REACH] > 0.35


def test_scales_go_from_the_smallest_to_the_largest() -> None:
    assert np.exp(LOG_SCALE_MIN) == pytest.approx(0.11)
    assert np.exp(LOG_SCALE_MIN + 63 * LOG_SCALE_STEP) == pytest.approx(64.0)


@QUICK
@given(st.integers(2, 3000), st.integers(0, 1000), st.sampled_from([0.0, 1.0, 30.0, 300.0]))
def test_frequencies_fill_the_table(n: int, seed: int, sharpness: float) -> None:
    rng = np.random.default_rng(seed)
    weights = rng.random(n) ** sharpness
    stored = stored_frequencies(weights)
    assert stored.dtype == np.uint32
    assert int((stored.astype(np.int64) + 1).sum()) == TOTAL
    wanted = weights / weights.sum() * TOTAL
    effective = stored.astype(np.float64) + 1
    error = np.sort(np.abs(effective - np.maximum(wanted, 1)))
    assert error[:-1].max() <= 0.5 + 1e-6
    assert error[-1] <= n  # one of the largest takes what rounding leaves


def counted(rng: np.random.Generator, scale_of: dict[int, float], count: int) -> SymbolCounter:
    counter = SymbolCounter()
    for level, scale in scale_of.items():
        symbols = np.rint(rng.normal(0, scale, count)).astype(np.int64)
        counter.encode("y", np.full(count, level), symbols)
    return counter


def test_counter_counts() -> None:
    counter = SymbolCounter()
    counter.encode("z", np.array([3, 3, 63, 0, 0]), np.array([5, 5, -REACH, REACH + 1, -32767]))
    counter.encode("y", np.zeros(0, np.int64), np.zeros(0, np.int64))
    counts = counter.counts["z"]
    assert counts.sum() == 5 and not counter.counts["y"].any()
    assert counts[3, REACH + 5] == 2 and counts[63, 0] == 1 and counts[0, -1] == 2


def test_fitted_tables_are_valid_and_code_what_they_were_fitted_to() -> None:
    """Symbols twice as wide as the scale says: fitting must pay, on symbols it has not seen, too."""
    rng = np.random.default_rng(7)
    scales = {level: 2 * float(np.exp(LOG_SCALE_MIN + LOG_SCALE_STEP * level)) for level in (20, 30, 45, 63)}
    halves = (counted(rng, scales, 4000), counted(rng, scales, 4000))
    tensors = fit_tables(halves, "y")
    tables = unpack_tables(*(tensors[f"tables.y.{part}"] for part in ("stored", "length", "lowest")))
    assert len(tables) == 64 and all(len(table.stored) >= 2 for table in tables)
    index = np.repeat(list(scales), 2000)
    fresh = np.rint(rng.normal(0, np.repeat(list(scales.values()), 2000))).astype(np.int64)
    plain = [stored_frequencies(np.append(gaussian(level), 1e-9)) for level in range(64)]
    plain_tables = unpack_tables(
        np.concatenate(plain), np.full(64, 2 * REACH + 2, np.uint16), np.full(64, -REACH, np.int16)
    )
    assert ideal_bits(tables, index, fresh) < 0.97 * ideal_bits(plain_tables, index, fresh)
    entropy = sum(2000 * np.log2(s * np.sqrt(2 * np.pi * np.e)) for s in scales.values())
    assert ideal_bits(tables, index, fresh) == pytest.approx(entropy, rel=0.03)
    assert 0.02 < held_out_saving(halves)["y"] < 0.9


def test_tables_never_seen_are_the_plain_gaussians() -> None:
    nothing = (SymbolCounter(), SymbolCounter())
    assert held_out_saving(nothing) == {"z": 0.0, "y": 0.0, "detail": 0.0}
    tensors = fit_tables(nothing, "z")
    tables = unpack_tables(*(tensors[f"tables.z.{part}"] for part in ("stored", "length", "lowest")))
    for level, table in enumerate(tables):
        scale = np.exp(LOG_SCALE_MIN + LOG_SCALE_STEP * level)
        assert table.lowest == -min(int(np.ceil(6 * scale)), REACH)
        zero = (table.stored[-table.lowest] + 1) / TOTAL
        assert 0.3 * gaussian(level)[REACH] < zero <= gaussian(level)[REACH] + 1e-6


@QUICK
@given(st.lists(st.integers(0, MAX_QUALITY), min_size=2, max_size=60, unique=True), st.integers(0, 1000))
def test_curves_rise_strictly(qualities: list[int], seed: int) -> None:
    """Whatever was measured: flat, falling, or one jump between two qualities that lie close."""
    rng = np.random.default_rng(seed)
    psnr = rng.choice([0.0, 1e-12, 1.0, 100.0], len(qualities)).cumsum() * rng.choice([-1, 1, 1])
    curve = fit_curve(sorted(qualities), psnr)
    assert curve.dtype == np.uint16 and curve.shape == (101,)
    assert (np.diff(curve.astype(np.int64)) > 0).all()
    assert curve[100] <= MAX_QUALITY


def test_a_jump_at_the_very_top() -> None:
    curve = fit_curve([0, 16100, MAX_QUALITY], np.array([30.0, 30.0, 40.0])).astype(np.int64)
    assert curve[0] == 0 and curve[100] == MAX_QUALITY and (np.diff(curve) > 0).all()


def test_curves_spread_psnr_evenly() -> None:
    qualities = sample_qualities(43)
    assert qualities[0] == LOWEST_QUALITY and qualities[-1] == MAX_QUALITY and len(set(qualities)) == 43
    psnr = 28 + 10 * (np.array(qualities) / MAX_QUALITY) ** 0.5
    curve = fit_curve(qualities, psnr)
    assert (curve[0], curve[100]) == (LOWEST_QUALITY, MAX_QUALITY)
    reached = np.interp(curve, qualities, psnr)
    assert np.abs(np.diff(reached) - (psnr[-1] - psnr[0]) / 100).max() < 0.01
