"""The colouriser: chroma of pictures from their luma."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from codec.restore.colour import to_rgb, to_ycbcr
from codec.restore.network import colored
from codec.training.data.pictures import Crops, open_pictures
from codec.training.data.pool import as_batch, as_crops
from codec.training.distortion import LEVELS
from codec.training.distributed import Processes
from codec.training.recipe import Recipe
from codec.training.restore_network import restore_network
from codec.training.task import Inputs, Pair, Validation, generator

_SIDES = (5 / 12, 1 / 3, 1 / 4)  # of the crop's: pictures are seen whole, at several scales
_SHOWN = 4
_STRONG = 25.0  # levels: an error of which counts alike in both losses
_SMALLEST = 1e-3  # error below which it counts by its square


class ColorizeTask:
    """See Task. The score is the mean chroma error in relation to that of a grey picture."""

    waiting: tuple[str, ...] = ()

    def __init__(self, recipe: Recipe, sources: Sequence[Path], processes: Processes) -> None:
        self.network = restore_network(recipe, processes)
        self._batches, self._validation = open_pictures(recipe, sources, processes)
        self.epoch = len(self._batches)
        self._recipe, self._processes = recipe, processes

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """-> luma (B, 1, s, s) in 0..1, chroma (B, 2, s, s) in +-0.5."""
        random = generator(self._recipe.seed, step)
        chosen = _SIDES[int(torch.randint(len(_SIDES), (), generator=random, device="cpu"))]
        return _planes(self._smaller(self._batches.batch(step), chosen))

    def _smaller(self, pixels: Tensor, share: float) -> Tensor:
        multiple = self.network.config.multiple
        side = max(round(pixels.shape[-1] * share / multiple), 1) * multiple
        return F.interpolate(pixels, (side, side), mode="area")

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Of distances in the plane of Cb and Cr, in levels: means of squares and of themselves, as the recipe has it.

        Squares learn sooner, for they heed strong colours; distances are what the score is made of.
        """
        luma, chroma = inputs
        error = distance(colored(self.network, luma), chroma)
        loss = self._recipe.mse * error.square().mean() / _STRONG + self._recipe.l1 * error.mean()
        return {"loss": loss, "error": error.detach().mean()}

    def validate(self) -> Validation:
        """Mean chroma error in levels of the held-out pictures and of their grey versions."""
        rows, pairs = [], []
        for share in _SIDES:
            errors, grey = [], []
            for i, crop in enumerate(self._validation):
                pixels = self._smaller(as_batch(torch.from_numpy(crop[None]).to(self._processes.device)), share)
                luma, chroma = _planes(pixels)
                made = colored(self.network, luma)
                errors.append(float(distance(made, chroma).mean()))
                grey.append(float(distance(torch.zeros_like(chroma), chroma).mean()))
                if share == _SIDES[1] and i < _SHOWN:
                    pairs.append(Pair(str(i), *(_picture(luma, planes) for planes in (chroma, made))))
            error, whole = float(np.mean(errors)), float(np.mean(grey))
            rows.append({"side": share * self._recipe.crop, "error": error, "grey": whole, "share": error / whole})
        return Validation(float(np.mean([row["share"] for row in rows])), rows, pairs)

    def metadata(self) -> dict[str, str]:
        """The configuration."""
        return {"config": self.network.config.canonical_json()}


def distance(chroma: Tensor, wanted: Tensor) -> Tensor:
    """(B, 2, H, W) each -> (B, H, W): the Euclidean distance in levels."""
    return LEVELS * ((chroma - wanted).square().sum(1) + _SMALLEST**2).sqrt()


def _planes(pixels: Tensor) -> tuple[Tensor, Tensor]:
    ycbcr = to_ycbcr(pixels)
    return ycbcr[:, :1], ycbcr[:, 1:]


def _picture(luma: Tensor, chroma: Tensor) -> Crops:
    return as_crops(to_rgb(torch.cat([luma, chroma], 1)))[0]


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, _: Path) -> ColorizeTask:
    """The colouriser on the pictures of `sources`."""
    return ColorizeTask(recipe, sources, processes)
