"""The pixel path on whole pictures, window by window: pixels -> latent field, latent field -> pixels.

Latent field and picture are defined as what the transforms make of the whole; a window with a halo as
wide as the receptive field gives the same values, so no seam can show.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from codec.model.loaded import LoadedModel
from codec.network.shapes import FOLD
from codec.pixels.geometry import LATENT, Area, field_size, pixels_under, windows


def _cut(quality: Tensor, area: Area, device: torch.device) -> Tensor:
    return (quality if quality.ndim == 0 else quality[area.index]).to(device)


def folded(picture: NDArray[np.uint8], area: Area) -> Tensor:
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
    squares = part.reshape(height, FOLD, width, FOLD, 3).transpose(0, 2, 4, 1, 3).reshape(1, height, width, -1)
    return torch.from_numpy(np.ascontiguousarray(squares)).permute(0, 3, 1, 2)


def _unfolded(pixels: Tensor) -> NDArray[np.uint8]:
    """(1, c * 64, 2h, 2w) uint8 -> (16h, 16w, c): the inverse of `folded` (pixel_shuffle's channel order)."""
    _, channels, height, width = pixels.shape
    squares = pixels.permute(0, 2, 3, 1).reshape(height, width, channels // FOLD**2, FOLD, FOLD)
    return squares.permute(0, 3, 1, 4, 2).reshape(height * FOLD, width * FOLD, -1).cpu().numpy()


def analyse(
    model: LoadedModel,
    picture: NDArray[np.uint8],
    quality: Tensor,
    on_window: Callable[[Area], None] = lambda _: None,
    features: dict[Area, Tensor] | None = None,
) -> Tensor:
    """Picture (H, W, 3) uint8 and quality field in steps of 1/256 -> latent field (1, cy, h, w) float32 (CPU).

    `on_window` hears of each area that is done. `features` is filled with what does not depend on the quality
    (16 bytes a pixel), and spares that part for the same picture at another one.
    """
    field = field_size(picture.shape[1], picture.shape[0])
    device = model.runtime.device
    shape = (1, model.config.cy, *field)
    latent = torch.empty(shape, dtype=torch.float32, device="cpu", memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        for core in windows(field):
            area = core.grown(model.config.analysis_halo, field)
            h = None if features is None else features.get(core)
            if h is None:
                h = model.analysis.begin(folded(picture, area).to(device, torch.float32).div_(255).sub_(0.5))
            if features is not None:
                features[core] = h
                h = h.clone(memory_format=torch.channels_last)
            y = model.analysis.finish(h, _cut(quality, area, device))
            inner = core.within(area)
            latent[(..., *core.index)] = y[(..., *inner.index)].cpu()
            on_window(core)
    return latent


@dataclass(frozen=True)
class LatentField:
    """A part of a picture's latent field: `y16` (1, cy, h, w) float32 is 16 * y_hat over `area`.

    `size` is that of the whole field (height, width), `quality` () or `size`, in steps of 1/256.
    """

    y16: Tensor
    quality: Tensor
    area: Area
    size: tuple[int, int]

    @classmethod
    def whole(cls, y16: Tensor, quality: Tensor) -> LatentField:
        """All of a picture's field."""
        size = (y16.shape[2], y16.shape[3])
        return cls(y16, quality, Area(0, size[0], 0, size[1]), size)


def synthesise_area(model: LoadedModel, field: LatentField, core: Area, *, grey: bool = False) -> NDArray[np.uint8]:
    """Pixels (16h, 16w, 3 or, as the mean of the three, 1) under `core`, halo included a part of `field.area`."""
    device = model.runtime.device
    area = core.grown(model.synthesis_halo, field.size)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        y_hat = field.y16[(..., *area.within(field.area).index)].to(device=device, dtype=torch.float32) / 16
        x = model.synthesis(y_hat, _cut(field.quality, area, device))
        inner = core.within(area)
        x = x[:, :, 2 * inner.top : 2 * inner.bottom, 2 * inner.left : 2 * inner.right]
        if grey:
            x = x.unflatten(1, (3, -1)).mean(1)
        return _unfolded(x.add(0.5).mul_(255).round_().clamp_(0, 255).to(torch.uint8))


def synthesise(model: LoadedModel, y16: Tensor, quality: Tensor, width: int, height: int) -> NDArray[np.uint8]:
    """Field of 16 * y_hat (1, cy, h, w) float32 and quality field -> picture (height, width, 3) uint8."""
    field = LatentField.whole(y16, quality)
    picture = np.empty((height, width, 3), np.uint8)
    for core in windows(field.size):
        box = pixels_under(core, width, height)
        picture[box.index] = synthesise_area(model, field, core)[: box.height, : box.width]
    return picture


def quality_field(tiles: list[Area], qualities: list[int], field: tuple[int, int]) -> Tensor:
    """Quality of every latent in steps of 1/256: () where all tiles agree, else (h, w). int64."""
    if len(set(qualities)) == 1:
        return torch.tensor(qualities[0], device="cpu")
    values = np.empty(field, np.int64)
    for area, quality in zip(tiles, qualities, strict=True):
        values[area.index] = quality
    return torch.from_numpy(values)
