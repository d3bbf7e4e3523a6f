"""Small runs: networks of a few channels, crops of 64 pixels, seconds at most."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

from codec.training.image_network import ImageNetwork
from codec.training.recipe import Recipe
from codec.training.session import train
from codec.training.start import read_weights
from tests.support.goldens import parrots
from tests.support.tiny import tiny_config

NETWORK = {"c": 8, "cy": 8, "cz": 4, "cp": 8, "enc_depth": 2, "dec_depth": 1, "deep": 1, "context": "compand"}


def small_recipe(**changes: Any) -> Recipe:
    """A recipe for a network that takes a few milliseconds a step."""
    usual = {
        "network": NETWORK, "batch": 4, "crop": 64, "validation": 2, "steps": 4, "warmup": 0, "validate_every": 100,
        "adam": 3e-3, "workers": 0,
    }  # fmt: skip
    return Recipe(**{**usual, **changes})


def write_pictures(folder: Path, count: int = 10, side: int = 80) -> Path:
    """PNG files, parts of a photograph."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = parrots()
    for i in range(count):
        top, left = 13 * i % (whole.shape[0] - side), 29 * i % (whole.shape[1] - side)
        Image.fromarray(np.ascontiguousarray(whole[top : top + side, left : left + side])).save(folder / f"{i}.png")
    return folder


def write_base(folder: Path) -> Path:
    """Weights of a tiny image network, with random numbers, for tasks that begin with one."""
    torch.manual_seed(3)
    config, path = tiny_config(), folder / "base.safetensors"
    save_file(ImageNetwork(config).state_dict(), path, {"config": config.canonical_json()})
    return path


def resumed_exactly(recipe: Recipe, sources: list[Path], folder: Path, at: int) -> Path:
    """Check that a run that was stopped after `at` steps ends as an undisturbed one -> the latter's folder."""
    whole, parts = folder / "whole", folder / "parts"
    train(recipe, sources, whole, device="cpu")
    train(recipe, sources, parts, device="cpu", watch=lambda status: status.step == at)
    train(recipe, sources, parts, device="cpu", resume=True)
    wanted, found = read_weights(str(whole)), read_weights(str(parts))
    assert wanted and all(torch.equal(value, found[name]) for name, value in wanted.items())
    return whole


def assert_gradients_reach(network: nn.Module) -> None:
    """Every weight has a gradient, finite and not zero."""
    for name, value in network.named_parameters():
        assert value.grad is not None and value.grad.isfinite().all() and value.grad.abs().max() > 0, name


def weights_hash(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
