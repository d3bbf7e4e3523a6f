"""The image network: rate + lambda * distortion over all qualities."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import ModelFileError, RequestError
from codec.model.config import ModelConfig
from codec.network.layers import Block
from codec.pixels.distortion import psnr
from codec.refine.descent import lagrange_multiplier
from codec.training.data.batches import Batches
from codec.training.data.pictures import open_pictures
from codec.training.data.pool import as_batch, as_crops
from codec.training.distortion import Distortion
from codec.training.distributed import Processes
from codec.training.image_network import QUALITY_STEPS, ImageNetwork, compute_in
from codec.training.recipe import Recipe
from codec.training.start import UNTRAINED, config_of, start_weights
from codec.training.task import Inputs, Pair, Validation, drop_out, generator, train_parts, uniform_noise

VALIDATED = (0, 9, 18, 27, 36, 45, 54, 63)  # qualities
ALIVE = 0.3  # standard deviation of a latent channel that says something
_AT_ONCE = 16  # validation pictures
_SHOWN, _SHOWN_QUALITY = 4, 36
_REFERENCE_LAMBDA = 0.01  # at which a loss counts fully


class ImageTask:
    """See Task. `validation`: crops (N, S, S, 3) uint8."""

    waiting = ("analysis", "synthesis")

    def __init__(self, recipe: Recipe, batches: Batches, validation: NDArray[np.uint8], processes: Processes) -> None:
        torch.manual_seed(recipe.seed)
        network = ImageNetwork(_config(recipe))
        start_weights(network, recipe.start)
        network.to(processes.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        train_parts(network, recipe.train)
        bf16 = recipe.precision == "bf16" or (recipe.precision == "auto" and processes.device.type == "cuda")
        compute_in(network, torch.bfloat16 if bf16 else None)
        drop_out(network, recipe.dropout, lambda module: isinstance(module, Block))
        self.network, self.epoch = network, len(batches)
        self._recipe, self._batches, self._validation, self._processes = recipe, batches, validation, processes
        self._share, self._distortion = processes.share(recipe.batch), Distortion(recipe)

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """-> pixels (B, 3, S, S) in 0..1, qualities (B,) 0..63."""
        recipe = self._recipe
        drawn = torch.rand(recipe.batch, generator=generator(recipe.seed, step), device="cpu")
        quality = (lowest_quality + drawn * (recipe.highest - lowest_quality))[self._share]
        return self._batches.batch(step), quality.to(self._processes.device)

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """See Task; bpp of both latents, and the distortion."""
        pixels, quality = inputs
        coded = self.network(pixels, quality, uniform_noise)
        count = pixels.shape[2] * pixels.shape[3]
        distortion = self._distortion(coded.pixels, pixels)
        weight = lagrange_multiplier(quality * QUALITY_STEPS)
        bpp = (coded.y_bits + coded.z_bits) / count
        loss = (bpp + weight * distortion) * (_REFERENCE_LAMBDA / weight) ** self._recipe.balance
        return {
            "loss": loss.mean(),
            "bpp": bpp.detach().mean(),
            "z_bpp": coded.z_bits.detach().mean() / count,
            "distortion": distortion.detach().mean(),
        }

    def validate(self) -> Validation:
        """The score is the mean over qualities of ln(bpp + lambda * distortion)."""
        rows, pairs = [], []
        for quality in VALIDATED:
            row, decoded = self._validate_at(quality)
            rows.append(row)
            if quality == _SHOWN_QUALITY:
                originals = self._validation[:_SHOWN]
                pairs = [Pair(f"{i}", a, b) for i, (a, b) in enumerate(zip(originals, decoded, strict=False))]
        score = sum(math.log(row.pop("lagrangian")) for row in rows) / len(rows)
        return Validation(score, rows, pairs)

    def _validate_at(self, quality: int) -> tuple[dict[str, float], list[NDArray[np.uint8]]]:
        bits, distortion, levels, spread = 0.0, 0.0, 0.0, torch.zeros(())
        shown: list[NDArray[np.uint8]] = []
        network, count = self.network, self._validation.shape[1] * self._validation.shape[2]
        for crops in _parts(self._validation):
            pixels = as_batch(torch.from_numpy(crops).to(self._processes.device))
            wanted = torch.full((len(crops),), float(quality), device=pixels.device)
            coded = network(pixels, wanted)
            bits += float((coded.y_bits + coded.z_bits).sum())
            distortion += float(self._distortion(coded.pixels, pixels).sum())
            decoded = as_crops(coded.pixels)
            shown += list(decoded)[: _SHOWN - len(shown)]
            levels += sum(min(psnr(a, b), 99.0) for a, b in zip(decoded, crops, strict=True))
            spread = spread + coded.latents.float().var((0, 2, 3)).cpu() * len(crops)
        total = len(self._validation)
        row = {
            "quality": float(quality),
            "bpp": bits / total / count,
            "psnr": levels / total,
            "alive": float(((spread / total).sqrt() > ALIVE).sum()),
        }
        weight = lagrange_multiplier(float(quality * QUALITY_STEPS))
        return {**row, "lagrangian": row["bpp"] + weight * distortion / total}, shown

    def metadata(self) -> dict[str, str]:
        """The configuration, as `read_checkpoint` wants it."""
        return {"config": self.network.config.canonical_json()}


def _config(recipe: Recipe) -> ModelConfig:
    """Of the recipe; where it states none, that of the weights that it starts from."""
    if not recipe.network and recipe.start not in UNTRAINED:
        return config_of(recipe.start)
    try:
        return ModelConfig(**recipe.network)
    except (TypeError, ModelFileError) as error:
        raise RequestError(f"recipe: network: {error}") from None


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, _: Path) -> ImageTask:
    """The image network on the pictures of `sources`."""
    batches, validation = open_pictures(recipe, sources, processes)
    return ImageTask(recipe, batches, validation, processes)


def _parts(pictures: NDArray[np.uint8]) -> Sequence[NDArray[np.uint8]]:
    return [pictures[i : i + _AT_ONCE] for i in range(0, len(pictures), _AT_ONCE)]
