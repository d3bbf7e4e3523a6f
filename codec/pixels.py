"""The pixel path on whole pictures, window by window: pixels -> latent field, latent field -> pixels.

Latent field and picture are defined as what the transforms make of the whole; a window with a halo as
wide as the receptive field gives the same values, so no seam can show.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.model.loaded import LoadedModel
from codec.network.layout import FOLD
from codec.tiles import LATENT, Area, field_size, windows


def _cut(quality: Tensor, area: Area, device: torch.device) -> Tensor:
    return (quality if quality.ndim == 0 else quality[area.index]).to(device)


def _folded(picture: NDArray[np.uint8], area: Area) -> Tensor:
    """Pixels under `area`, replicated beyond the picture's edge -> (1, 192, 2h, 2w) uint8, channels last.

    Channel order is pixel_unshuffle's: (colour, row, column) within each 8x8 square.
    """
    rows = np.arange(area.top * LATENT, area.bottom * LATENT).clip(max=picture.shape[0] - 1)
    columns = np.arange(area.left * LATENT, area.right * LATENT).clip(max=picture.shape[1] - 1)
    part = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    missing = (len(rows) - part.shape[0], len(columns) - part.shape[1])
    if any(missing):
        part = np.pad(part, ((0, missing[0]), (0, missing[1]), (0, 0)), mode="edge")
    height, width = 2 * area.height, 2 * area.width
    folded = part.reshape(height, FOLD, width, FOLD, 3).transpose(0, 2, 4, 1, 3).reshape(1, height, width, -1)
    return torch.from_numpy(np.ascontiguousarray(folded)).permute(0, 3, 1, 2)


def _unfolded(folded: Tensor) -> NDArray[np.uint8]:
    """(1, 192, 2h, 2w) uint8 -> (16h, 16w, 3): the inverse of `_folded` (pixel_shuffle's channel order)."""
    _, _, height, width = folded.shape
    squares = folded.permute(0, 2, 3, 1).reshape(height, width, 3, FOLD, FOLD)
    return squares.permute(0, 3, 1, 4, 2).reshape(height * FOLD, width * FOLD, 3).cpu().numpy()


def analyse(model: LoadedModel, picture: NDArray[np.uint8], quality: Tensor) -> Tensor:
    """Picture (H, W, 3) uint8 and quality field in steps of 1/256 -> latent field (1, cy, h, w) float32 (CPU)."""
    field = field_size(picture.shape[1], picture.shape[0])
    device = model.runtime.device
    latent = torch.empty(1, model.config.cy, *field, dtype=torch.float32, memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for core in windows(field):
            area = core.grown(model.config.analysis_halo, field)
            x = _folded(picture, area).to(device=device, dtype=torch.float32).div_(255).sub_(0.5)
            y = model.analysis(x, _cut(quality, area, device))
            inner = Area(core.top - area.top, core.bottom - area.top, core.left - area.left, core.right - area.left)
            latent[(..., *core.index)] = y[(..., *inner.index)].cpu()
    return latent


def synthesise(model: LoadedModel, y16: Tensor, quality: Tensor, width: int, height: int) -> NDArray[np.uint8]:
    """Field of 16 * y_hat (1, cy, h, w) float32 and quality field -> picture (height, width, 3) uint8."""
    field = (y16.shape[2], y16.shape[3])
    device = model.runtime.device
    picture = np.empty((height, width, 3), np.uint8)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for core in windows(field):
            area = core.grown(model.config.synthesis_halo, field)
            y_hat = y16[(..., *area.index)].to(device=device, dtype=torch.float32) / 16
            x = model.synthesis(y_hat, _cut(quality, area, device))
            top, left = 2 * (core.top - area.top), 2 * (core.left - area.left)
            x = x[:, :, top : top + 2 * core.height, left : left + 2 * core.width]
            pixels = _unfolded(x.add(0.5).mul_(255).round_().clamp_(0, 255).to(torch.uint8))
            rows = slice(core.top * LATENT, min(core.bottom * LATENT, height))
            columns = slice(core.left * LATENT, min(core.right * LATENT, width))
            picture[rows, columns] = pixels[: rows.stop - rows.start, : columns.stop - columns.start]
    return picture
