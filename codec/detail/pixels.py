"""Detail and pixels: what a base leaves as coefficients, and coefficients put onto a base."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from codec.detail.transform import SIDE, analysed, step_of, synthesised


def coefficients_of(left: NDArray[np.float32], height: int, width: int, device: torch.device) -> Tensor:
    """What a tile's base leaves, (h, w, 3) in levels -> (1, COEFFICIENTS, height, width), zero beyond the picture."""
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        field = torch.from_numpy(np.array(left)).permute(2, 0, 1)[None].to(device)
        missing = (0, width * SIDE - field.shape[3], 0, height * SIDE - field.shape[2])
        return analysed(F.pad(field, missing))


def left_of(symbols: NDArray[np.integer[Any]], step_code: int, device: torch.device) -> NDArray[np.float32]:
    """Symbols (COEFFICIENTS, h, w) of a tile, or some of its blocks -> (SIDE * h, SIDE * w, 3) in levels."""
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        values = torch.from_numpy(symbols.astype(np.float32)).to(device)[None]
        left: NDArray[np.float32] = synthesised(values * step_of(step_code))[0].permute(1, 2, 0).cpu().numpy()
        return left


def detailed(base: NDArray[np.uint8], left: NDArray[np.float32]) -> NDArray[np.uint8]:
    """A base (h, w, 1 or 3) and what it left (h, w, 3), of which the mean counts where it is grey."""
    added = left if base.shape[2] == 3 else left.mean(2, keepdims=True)
    return np.rint(base + added).clip(0, 255).astype(np.uint8)
