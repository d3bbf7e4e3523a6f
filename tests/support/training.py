"""Small runs: networks of a few channels, crops of 64 pixels, seconds at most."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from codec.training.recipe import Recipe
from tests.support.goldens import parrots

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


def weights_hash(network: nn.Module) -> str:
    digest = hashlib.sha256()
    for name, value in sorted(network.state_dict().items()):
        digest.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
