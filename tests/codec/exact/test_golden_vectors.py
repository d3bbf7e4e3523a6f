"""The packaged model is the network that was trained: its golden vectors, step by step.

The vectors come from the training code's own network in float32: y, z, y_hat, residual symbols, scale indices
and reconstruction of a 256x320 crop at three qualities, everything coded (T = 0). Each step here is given the
golden inputs, so that one rounding cannot hide behind another.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.exact.arithmetic import exact_arithmetic
from codec.model.loaded import LoadedModel
from codec.still.entropy import emit_symbols
from codec.still.pixel_path import analyse, synthesise
from codec.still.trial import emit
from codec.training.export.frequencies import SymbolCounter
from tests.support.goldens import VECTORS, loaded, packaged, parrots

QUALITIES = (6, 30, 57)
each_quality = pytest.mark.parametrize("quality", QUALITIES)


@lru_cache(maxsize=1)
def model() -> LoadedModel:
    """The packaged model in fp32, with T = 0: every element is coded."""
    file = packaged()
    return LoadedModel(replace(file, info=replace(file.info, skip_below=0)), loaded().runtime)


@lru_cache(maxsize=1)
def vectors() -> dict[str, NDArray[np.generic]]:
    with np.load(VECTORS) as stored:
        return dict(stored)


def golden(quality: int, what: str) -> Tensor:
    """(1, C, H, W) float64."""
    return torch.from_numpy(vectors()[f"q{quality}_{what}"].astype(np.float64))[None]


def y16_golden(quality: int) -> Tensor:
    y16 = golden(quality, "y_hat") * 16
    assert bool((y16 == y16.round()).all())
    return y16


@each_quality
def test_latent(quality: int) -> None:
    y = analyse(model(), parrots(), torch.tensor(quality * 256)).double()
    assert (y - golden(quality, "y")).abs().max() < 1e-3


@each_quality
def test_hyper_latent(quality: int) -> None:
    z = model().hyper_analysis(golden(quality, "y").float().contiguous(memory_format=torch.channels_last)).round()
    assert (z.double() == golden(quality, "z")).all()


@each_quality
def test_each_step_of_the_prior(quality: int) -> None:
    prior = model().prior
    y16, residual = y16_golden(quality), golden(quality, "residual")
    index, seen = golden(quality, "scale_index"), torch.zeros_like(y16)
    with exact_arithmetic(prior.device):
        features = prior.hyper(prior.tensor(golden(quality, "z").numpy()), [quality])
        for k in range(4):
            mean, scale = prior.step(k, features, prior.tensor(seen.numpy()))
            assert (scale.double() == prior.pick(k, index)).all()
            assert (mean.double() == prior.pick(k, y16 - 16 * residual)).all()
            prior.place(k, prior.pick(k, y16), seen)  # the golden latent, whatever this step made of it
    assert (seen == y16).all()


@each_quality
def test_the_encoder_makes_the_golden_symbols(quality: int) -> None:
    """All at once from the golden y: latents, and the symbols that were counted."""
    counter = SymbolCounter()
    y = golden(quality, "y").float().contiguous(memory_format=torch.channels_last)
    (latent,) = emit_symbols(model(), y, [quality * 256], [counter])
    z, y16 = golden(quality, "z").numpy().astype("<i2"), y16_golden(quality).numpy().astype("<i4")
    assert latent == z.tobytes() + y16.tobytes()
    counts = counter.counts["y"]
    index, residual = golden(quality, "scale_index").numpy(), golden(quality, "residual").numpy()
    assert (counts.sum(1) == np.bincount(index.astype(int).ravel(), minlength=64)).all()
    assert counts[:, 1023].sum() == (residual == 0).sum()


@each_quality
def test_reconstruction(quality: int) -> None:
    y16 = y16_golden(quality).float().contiguous(memory_format=torch.channels_last)
    picture = synthesise(model(), y16, torch.tensor(quality * 256), 320, 256).astype(np.int64)
    assert np.abs(picture - vectors()[f"q{quality}_reconstruction"].astype(np.int64)).max() <= 1


@each_quality
def test_skipping_the_all_but_certain_changes_little(quality: int) -> None:
    """With the model's own T the latents differ only where the golden symbol is not zero and its index is below T."""
    y = analyse(model(), parrots(), torch.tensor(quality * 256))
    with_t = emit(loaded(), parrots(), quality * 256, SymbolCounter()) / 16
    skipped = golden(quality, "scale_index") < packaged().info.skip_below
    assert 0.3 < float(skipped.float().mean()) < 0.97
    assert float((with_t - y).abs().mean()) < 1.02 * float((golden(quality, "y_hat") - y).abs().mean())
