"""The denoiser: noise of every strength is added to pictures, and the network takes it out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.pixels.distortion import psnr
from codec.restore.network import denoised
from codec.training.data.pictures import Crops, open_pictures
from codec.training.data.pool import as_batch, as_crops
from codec.training.distortion import LEVELS, Distortion
from codec.training.distributed import Processes
from codec.training.recipe import Recipe
from codec.training.restore_network import restore_network
from codec.training.task import Inputs, Pair, Validation, generator

VALIDATED = (15.0, 25.0, 50.0)  # sigma in levels of 0..255
_LOWEST, _HIGHEST = 1.0, 75.0  # sigma, likewise
_UNEVEN = 0.4  # share of pictures whose noise differs from place to place, as behind a temporal filter
_WEAKEST = 0.4  # of their noise: the least in relation to sigma
_PATCH = 16  # pixels a side over which that is the same
_GREY = 0.1  # share of grey pictures, whose noise is the same in all colours
_SHOWN, _SHOWN_SIGMA = 4, 25.0


class DenoiseTask:
    """See Task. The score is the mean PSNR in dB that is missing to 100."""

    waiting: tuple[str, ...] = ()

    def __init__(self, recipe: Recipe, sources: Sequence[Path], processes: Processes) -> None:
        self.network = restore_network(recipe, processes)
        self._batches, self._validation = open_pictures(recipe, sources, processes)
        self.epoch = len(self._batches)
        self._recipe, self._processes, self._distortion = recipe, processes, Distortion(recipe)

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """-> noisy pixels (B, 3, S, S), sigma (B, 1, S, S), clean pixels, all in 0..1."""
        random = generator(self._recipe.seed, step, self._processes.rank)
        clean = self._batches.batch(step).cpu()
        grey = torch.rand(len(clean), 1, 1, 1, generator=random) < _GREY
        clean = torch.where(grey, clean.mean(1, keepdim=True), clean)
        noisy, sigma = noised(clean, _sigmas(len(clean), self._recipe.crop, random), grey, random)
        device = self._processes.device
        return noisy.to(device), sigma.to(device), clean.to(device)

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """The mean logarithm of the distortion: a decibel counts alike at every sigma."""
        noisy, sigma, clean = inputs
        distortion = self._distortion(denoised(self.network, noisy, sigma), clean)
        return {"loss": distortion.clamp_min(1e-2).log().mean(), "distortion": distortion.detach().mean()}

    def validate(self) -> Validation:
        """PSNR of the held-out pictures at three sigmas, before and after."""
        rows, pairs = [], []
        for wanted in VALIDATED:
            before, after = [], []
            for i, crop in enumerate(self._validation):
                noisy, decoded = self._restored(crop, wanted, i)
                before.append(psnr(noisy, crop))
                after.append(psnr(decoded, crop))
                if wanted == _SHOWN_SIGMA and i < _SHOWN:
                    pairs.append(Pair(str(i), noisy, decoded))
            level, restored = float(np.mean(before)), float(np.mean(after))
            rows.append({"sigma": wanted, "noisy": level, "restored": restored, "gain": restored - level})
        return Validation(100 - float(np.mean([row["restored"] for row in rows])), rows, pairs)

    def _restored(self, crop: Crops, wanted: float, number: int) -> tuple[Crops, Crops]:
        clean = as_batch(torch.from_numpy(crop[None]))
        sigma = torch.full((1, 1, *clean.shape[2:]), wanted / LEVELS)
        noisy, sigma = noised(clean, sigma, torch.zeros(1, 1, 1, 1, dtype=torch.bool), generator(0, number))
        device = self._processes.device
        (decoded,) = as_crops(denoised(self.network, noisy.to(device), sigma.to(device)))
        return as_crops(noisy)[0], decoded

    def metadata(self) -> dict[str, str]:
        """The configuration."""
        return {"config": self.network.config.canonical_json()}


def noised(clean: Tensor, sigma: Tensor, grey: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor]:
    """-> (clean + noise, as 8-bit pictures keep it, in 0..1; sigma). Where `grey`, all colours get the same noise."""
    noise = torch.randn(clean.shape, generator=random)
    noise = torch.where(grey, noise[:, :1], noise)
    return ((clean + sigma * noise).clamp(0, 1) * LEVELS).round() / LEVELS, sigma


def _sigmas(count: int, side: int, random: torch.Generator) -> Tensor:
    """(count, 1, side, side): low ones are drawn more often; some differ from place to place."""
    drawn = torch.rand(count, 1, 1, 1, generator=random)
    sigma = (_LOWEST + (_HIGHEST - _LOWEST) * drawn**1.5) / LEVELS
    shares = _WEAKEST + (1 - _WEAKEST) * torch.rand(count, 1, side // _PATCH, side // _PATCH, generator=random)
    uneven = torch.rand(count, 1, 1, 1, generator=random) < _UNEVEN
    return sigma * F.interpolate(torch.where(uneven, shares, torch.ones(())), scale_factor=_PATCH)


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, _: Path) -> DenoiseTask:
    """The denoiser on the pictures of `sources`."""
    return DenoiseTask(recipe, sources, processes)
