"""The prior that is trained against the exact one of the product: the same means and tables, bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.exact.known_answer import known_answer
from codec.exact.prior import ExactPrior
from codec.exact.tensors import ACTIVATION_MAX, ACTIVATION_STEPS, STEPS, WEIGHT_MAX
from codec.model.config import Context
from codec.refine.rounding import bits
from codec.training.export.quantise import quantise_prior
from codec.training.grid import rounded, snapped, weight_scale
from codec.training.prior import TrainedPrior
from codec.training.task import uniform_noise
from tests.support.tiny import tiny_checkpoint, tiny_config

each_context = pytest.mark.parametrize("context", ["clamp", "compand"])


def priors(context: Context, seed: int) -> tuple[TrainedPrior, ExactPrior]:
    config = tiny_config(9, context)
    tensors = tiny_checkpoint(config, seed, torch.float32)
    weights = {name.removeprefix("prior."): t for name, t in tensors.items() if name.startswith("prior.")}
    trained = TrainedPrior(config)
    trained.load_state_dict(weights)
    exact = ExactPrior(config, quantise_prior(config, weights), torch.device("cpu"), torch.float64)
    assert known_answer(exact)
    return trained, exact


@each_context
@pytest.mark.parametrize("seed", [0, 1])
def test_means_and_tables_are_those_of_the_product(context: Context, seed: int) -> None:
    """Every step, with latents beyond the ends of the activation grid, at whole qualities."""
    trained, exact = priors(context, seed)
    generator = torch.Generator().manual_seed(seed)
    z = (torch.randn(2, 8, 3, 2, generator=generator) * 20).round()
    y_hat = (torch.randn(2, 9, 12, 8, generator=generator) * 30 * 16).round() / 16
    rows = [3, 60]
    with torch.no_grad():
        features = trained.hyper(z, torch.tensor([float(row) for row in rows]))
        exact_features = exact.hyper(z.double(), rows)
        assert (snapped(features).double() * ACTIVATION_STEPS == exact_features).all()
        for k in range(STEPS):
            mean, index = trained.step(k, features, y_hat)
            mean16, table = exact.step(k, exact_features, y_hat.double() * ACTIVATION_STEPS)
            assert (mean.double() * ACTIVATION_STEPS == mean16).all()
            assert (index.round().clamp(0, 63).double() == table).all()


@each_context
def test_latents_are_rounded_around_their_means(context: Context) -> None:
    trained, _ = priors(context, 0)
    y = torch.randn(1, 9, 8, 8) * 3
    z = torch.randn(1, 8, 2, 2)
    y_hat, y_bits, z_bits = trained(y, z, torch.tensor([20.0]), None)
    assert ((y_hat - y).abs() <= 0.5 + 1e-4).all() and (y_hat != y).any()
    assert y_bits.shape == z_bits.shape == (1,) and y_bits.item() > 0 and z_bits.item() > 0


@each_context
def test_gradients_reach_everything(context: Context) -> None:
    trained, _ = priors(context, 0)
    y = (torch.randn(2, 9, 8, 8) * 3).requires_grad_()
    z = torch.randn(2, 8, 2, 2).requires_grad_()
    y_hat, y_bits, z_bits = trained(y, z, torch.tensor([20.0, 40.0]), uniform_noise)
    (y_hat.square().sum() + y_bits.sum() + z_bits.sum()).backward()
    for name, value in [*trained.named_parameters(), ("y", y), ("z", z)]:
        assert value.grad is not None and value.grad.isfinite().all() and value.grad.abs().max() > 0, name


def test_rates_are_those_of_the_tables() -> None:
    """Without noise the bits are the sum over rounded residuals under their rounded tables."""
    trained, exact = priors("clamp", 1)
    y, z = torch.randn(1, 9, 8, 8) * 4, torch.randn(1, 8, 2, 2) * 2
    with torch.no_grad():
        _, y_bits, z_bits = trained(y, z, torch.tensor([30.0]), None)
        features = exact.hyper(z.round().double(), [30])
        field, total = torch.zeros(1, 9, 8, 8, dtype=torch.float64), 0.0
        for k in range(STEPS):
            mean, index = exact.step(k, features, field)
            residual = (exact.pick(k, y.double()) - mean / 16).round()
            total += float(bits(residual, index).sum())
            exact.place(k, residual * 16 + mean, field)
        z_table = trained.z_index(torch.tensor([30.0])).round().clamp(0, 63)
    assert float(y_bits) == pytest.approx(total, rel=1e-4)
    assert float(z_bits) == pytest.approx(float(bits(z.round(), z_table.expand_as(z)).sum()), rel=1e-4)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.floats(-2000, 2000, width=32), min_size=1, max_size=40))
def test_grids(values: list[float]) -> None:
    x = torch.tensor(values, dtype=torch.float64, requires_grad=True)
    whole, grid = rounded(x, 256), snapped(x)
    wanted = np.rint(np.array(values) * 16).clip(-ACTIVATION_MAX, ACTIVATION_MAX) / 16
    assert (grid.detach().numpy() == wanted).all()
    assert (whole.detach().numpy() == np.rint(np.array(values) * 256) / 256).all()
    (grad,) = torch.autograd.grad(grid.sum(), x)
    assert (grad == (x.abs() <= ACTIVATION_MAX / 16)).all()
    (grad,) = torch.autograd.grad(whole.sum(), x)
    assert (grad == 1).all()


def test_weights_use_their_eight_bits() -> None:
    weight = torch.randn(50, 7, 1, 1) * torch.logspace(-6, 1, 50)[:, None, None, None]
    scaled = (weight * weight_scale(weight)).abs().amax((1, 2, 3))
    assert (scaled <= WEIGHT_MAX + 1e-3).all()
    assert (scaled[weight_scale(weight).flatten() < 2**14] > WEIGHT_MAX / 2 - 1e-3).all()
