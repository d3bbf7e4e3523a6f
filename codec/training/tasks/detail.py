"""The prior of the detail layer, on what an image network leaves of the training crops."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bitstream.errors import RequestError
from codec.detail.quantise import cheapest
from codec.detail.transform import COEFFICIENTS, analysed, index_shift
from codec.exact.tensors import ACTIVATION_STEPS
from codec.model.config import ModelConfig
from codec.training.data.kept import KeptArrays, made_from
from codec.training.data.pictures import open_pictures
from codec.training.data.pool import as_batch
from codec.training.detail_prior import DetailPrior
from codec.training.distortion import LEVELS
from codec.training.distributed import Processes
from codec.training.grid import rounded, snapped
from codec.training.image_network import ImageNetwork
from codec.training.recipe import Recipe
from codec.training.start import config_of, frozen_network, start_weights
from codec.training.task import Inputs, Validation, generator, sizes_of, train_parts, uniform_noise

VALIDATED = (4.0, 8.0, 16.0, 30.0)  # quantiser steps in levels
_LATENT = 16  # pixels a side
_KNEE = 0.2  # bpp: above it a loss counts by its logarithm
_LARGEST = 32767  # of the integers that latents are kept as
_AT_ONCE = 8  # validation crops
Coded = tuple[Tensor, Tensor, Tensor]  # features, latents, coefficients in levels, each (B, C, h, w)


@dataclass(frozen=True)
class Sizes:
    """The recipe's `[network]`, described there."""

    base: str = "image-v1"
    channels: int = 128
    blocks: int = 2
    crops: int = 1400
    finest: float = 2.5
    coarsest: float = 35.0

    def __post_init__(self) -> None:
        if not 0 < self.finest <= self.coarsest or min(self.channels, self.blocks, self.crops) < 1:
            raise RequestError("recipe: network: sizes and steps are above 0, the finest step not above the coarsest")


class DetailTask:
    """See Task. The score is the mean of ln(bpp) over four quantiser steps."""

    waiting: tuple[str, ...] = ()

    def __init__(self, recipe: Recipe, sources: Sequence[Path], processes: Processes, folder: Path) -> None:
        self._recipe, self._processes, self._sizes = recipe, processes, sizes_of(Sizes, recipe)
        config = config_of(self._sizes.base)
        torch.manual_seed(recipe.seed)
        self.network = DetailPrior(config.cp, config.cy, self._sizes.channels, self._sizes.blocks)
        start_weights(self.network, recipe.start)
        self.network.to(processes.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        train_parts(self.network, recipe.train)
        self._kept, self._held_out = self._prepared(sources, folder, config)
        self.epoch = max(1, self._sizes.crops // recipe.batch)

    @torch.no_grad()
    def _prepared(self, sources: Sequence[Path], folder: Path, config: ModelConfig) -> tuple[KeptArrays, KeptArrays]:
        """Training crops at random qualities, those held out at evenly spread ones; coded unless they are there."""
        recipe, processes = self._recipe, self._processes
        batches, held_out = open_pictures(replace(recipe, batch=processes.world), sources, processes)
        count = self._sizes.crops // processes.world
        key = made_from(recipe, sources, processes.world)
        kept = _kept(folder / f"detail-{processes.rank}", key, count, recipe.crop, config)
        validation = _kept(folder / f"detail-validation-{processes.rank}", key, len(held_out), recipe.crop, config)
        if kept.ready and validation.ready:
            return kept, validation
        network, spread = frozen_network(self._sizes.base, processes.device), recipe.highest - recipe.lowest

        def drawn(i: int) -> tuple[Tensor, float]:
            chance = torch.rand(1, generator=generator(recipe.seed, i, processes.rank), device="cpu")
            return batches.batch(i), recipe.lowest + chance.item() * spread

        def spread_evenly(i: int) -> tuple[Tensor, float]:
            pixels = as_batch(torch.from_numpy(held_out[i : i + 1]).to(processes.device))
            return pixels, recipe.lowest + (i + 0.5) / len(held_out) * spread

        for arrays, source in ((kept, drawn), (validation, spread_evenly)):
            if not arrays.ready:
                _fill(arrays, network, source)
        batches.close()
        return kept, validation

    def _read(self, kept: KeptArrays, chosen: Any) -> Coded:
        device = self._processes.device
        features, latents = (kept.read(name, chosen, device) / ACTIVATION_STEPS for name in _WHOLE)
        return features, latents, kept.read("coefficients", chosen, device)

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """-> features, latents and coefficients in levels, each (B, C, h, w), quantiser steps in levels (B,)."""
        share = self._processes.share(self._recipe.batch)
        random = generator(self._recipe.seed, step, self._processes.rank)
        count = share.stop - share.start
        chosen = torch.randint(len(self._kept), (count,), generator=random, device="cpu").numpy()
        chance = torch.rand(count, generator=random, device="cpu")
        finest, coarsest = self._sizes.finest, self._sizes.coarsest
        steps = finest * torch.exp(chance * math.log(coarsest / finest))
        return *self._read(self._kept, chosen), steps.to(self._processes.device)

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """bpp / (knee + bpp), the latter without gradient, so that fine steps do not outweigh coarse ones."""
        features, latents, coefficients, steps = inputs
        values = coefficients / steps[:, None, None, None]
        bits, _ = self.network(features, latents, values, index_shift(steps), uniform_noise)
        bpp = bits / _pixels(coefficients)
        return {"loss": (bpp / (_KNEE + bpp.detach())).mean(), "bpp": bpp.detach().mean()}

    def validate(self) -> Validation:
        """Per step: bpp and PSNR of the layer under rate-distortion optimised quantisation, and PSNR without it."""
        rows = [self._validate_at(step) for step in VALIDATED]
        return Validation(float(np.mean([math.log(row["bpp"]) for row in rows])), rows)

    def _validate_at(self, step: float) -> dict[str, float]:
        found: dict[str, list[Tensor]] = {"bpp": [], "psnr": [], "base": []}
        for i in range(0, len(self._held_out), _AT_ONCE):
            features, latents, coefficients = self._read(self._held_out, slice(i, i + _AT_ONCE))
            steps = torch.full((len(features),), step, device=features.device)
            values = coefficients / step
            bits, whole = self.network(features, latents, values, index_shift(steps), None, cheapest)
            found["bpp"].append(bits / _pixels(coefficients))
            found["psnr"].append(_psnr(coefficients - whole * step))
            found["base"].append(_psnr(coefficients))
        return {"delta": step, **{name: float(torch.cat(values).mean()) for name, values in found.items()}}

    def metadata(self) -> dict[str, str]:
        """Sizes of the prior, and the image model whose features and latents it sees."""
        kept = ("base", "channels", "blocks")
        return {"detail": json.dumps({name: asdict(self._sizes)[name] for name in kept})}


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, folder: Path) -> DetailTask:
    """The prior of the detail layer over the recipe's image model."""
    return DetailTask(recipe, sources, processes, folder)


_WHOLE = ("features", "latents")  # kept in 16ths


def _kept(folder: Path, key: str, count: int, crop: int, config: ModelConfig) -> KeptArrays:
    place = (count, crop // _LATENT, crop // _LATENT)
    return KeptArrays(
        folder,
        key,
        features=((*place, config.cp), np.int16),
        latents=((*place, config.cy), np.int16),
        coefficients=((*place, COEFFICIENTS), np.float16),  # in levels
    )


def _fill(kept: KeptArrays, network: ImageNetwork, source: Callable[[int], tuple[Tensor, float]]) -> None:
    """Code a crop (1, 3, S, S) at a quality for every place."""
    for i in range(len(kept)):
        pixels, wanted = source(i)
        for name, values in _coded(network, pixels, torch.full((1,), wanted, device=pixels.device)).items():
            kept.write(name, i, values)
    kept.finish()


def _coded(network: ImageNetwork, pixels: Tensor, quality: Tensor) -> Mapping[str, Tensor]:
    """What a decoder of the image has, in 16ths, and the coefficients of what it leaves, in levels."""
    y = network.latents(pixels, quality)
    z = network.hyper_analysis(y)
    y_hat, _, _ = network.prior(y, z, quality, None)
    features = network.prior.hyper(rounded(z), quality)
    residual = pixels - network.pixels(y_hat, quality).clamp(0, 1)
    return {
        "features": snapped(features) * ACTIVATION_STEPS,
        "latents": (y_hat * ACTIVATION_STEPS).round().clamp(-_LARGEST, _LARGEST),
        "coefficients": analysed(residual * LEVELS),
    }


def _pixels(coefficients: Tensor) -> int:
    return coefficients.shape[2] * coefficients.shape[3] * _LATENT**2


def _psnr(error: Tensor) -> Tensor:
    """(B,) dB of errors of coefficients in levels: the transform is orthonormal."""
    mse = error.square().sum((1, 2, 3)) / (3 * _pixels(error))
    return 10 * torch.log10(LEVELS**2 / mse.clamp_min(1e-6))
