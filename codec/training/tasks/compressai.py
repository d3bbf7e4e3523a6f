"""CompressAI's architectures, trained and validated with the same pictures, logs and report: one network a quality.

The recipe's task is `compressai:NAME`; `network.quality` (from 1) chooses sizes and, unless `network.lambda` states it,
the Lagrange multiplier of CompressAI's zoo (table 3 of arXiv 2011.03029).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bitstream.errors import RequestError
from codec.pixels.distortion import psnr
from codec.training.compressai_package import untrained
from codec.training.data.batches import Batches
from codec.training.data.pictures import Crops, open_pictures
from codec.training.data.pool import as_batch, as_crops
from codec.training.distortion import Distortion
from codec.training.distributed import Processes
from codec.training.recipe import Recipe
from codec.training.start import start_weights
from codec.training.task import Inputs, Pair, Validation, train_parts

LAMBDAS = (0.0018, 0.0035, 0.0067, 0.0130, 0.0250, 0.0483, 0.0932, 0.1800)  # of qualities 1..8, for MSE * 255**2
USUAL_QUALITY = 3
_KEYS = {"quality", "lambda"}
_SHOWN = 4
# The tails of the entropy bottleneck learn by a loss of their own, which no other tensor gets a gradient of; as Adam
# takes no heed of a gradient's size, this one only has to stay out of the way when gradients are clipped.
_AUXILIARY = 1e-3


class CompressAiTask:
    """See Task."""

    waiting: tuple[str, ...] = ()

    def __init__(self, recipe: Recipe, batches: Batches, validation: Crops, processes: Processes) -> None:
        self.name = recipe.task.partition(":")[2]
        if strange := set(recipe.network) - _KEYS:
            raise RequestError(f"recipe: network: CompressAI's networks have no {', '.join(sorted(strange))}")
        self.quality = recipe.network.get("quality", USUAL_QUALITY)
        torch.manual_seed(recipe.seed)
        try:
            self.network = untrained(self.name, self.quality)
        except ValueError as error:
            raise RequestError(f"recipe: {error}") from error
        start_weights(self.network, recipe.start)
        self.network.to(processes.device)
        train_parts(self.network, recipe.train)
        self.multiplier = float(recipe.network.get("lambda", LAMBDAS[self.quality - 1]))
        self.epoch = len(batches)
        self._batches, self._validation, self._processes = batches, validation, processes
        self._distortion = Distortion(recipe)

    def draw(self, step: int, _: float) -> Inputs:
        """-> pixels (B, 3, S, S) in 0..1."""
        return (self._batches.batch(step).contiguous(),)

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Rate + lambda * distortion, and the auxiliary loss of the entropy bottleneck."""
        (pixels,) = inputs
        decoded, bpp = self._coded(pixels)
        distortion = self._distortion(decoded, pixels)
        auxiliary = self.network.aux_loss()
        return {
            "loss": bpp.mean() + self.multiplier * distortion.mean() + _AUXILIARY * auxiliary,
            "bpp": bpp.detach().mean(),
            "distortion": distortion.detach().mean(),
            "auxiliary": auxiliary.detach(),
        }

    def _coded(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """-> decoded pixels, bits a pixel (B,) by the network's own likelihoods."""
        out = self.network(pixels)
        bits = torch.stack([-torch.log2(part).flatten(1).sum(1) for part in out["likelihoods"].values()]).sum(0)
        return out["x_hat"], bits / (pixels.shape[2] * pixels.shape[3])

    def validate(self) -> Validation:
        """The score is ln(bpp + lambda * distortion)."""
        rates, distortions, levels, pairs = [], [], [], []
        for i, crop in enumerate(self._validation):
            pixels = as_batch(torch.from_numpy(crop[None]).to(self._processes.device)).contiguous()
            shown, rate = self._coded(pixels)
            rates.append(rate.item())
            distortions.append(self._distortion(shown, pixels).item())
            (decoded,) = as_crops(shown)
            levels.append(min(psnr(decoded, crop), 99.0))
            pairs += [Pair(str(i), crop, decoded)] if i < _SHOWN else []
        bpp, distortion = float(np.mean(rates)), float(np.mean(distortions))
        row = {"quality": float(self.quality), "bpp": bpp, "psnr": float(np.mean(levels))}
        return Validation(math.log(bpp + self.multiplier * distortion), [row], pairs)

    def metadata(self) -> dict[str, str]:
        """The architecture's name and quality."""
        return {"compressai": self.name, "quality": str(self.quality)}


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, _: Path) -> CompressAiTask:
    """One of CompressAI's networks on the pictures of `sources`."""
    batches, validation = open_pictures(recipe, sources, processes)
    return CompressAiTask(recipe, batches, validation, processes)
