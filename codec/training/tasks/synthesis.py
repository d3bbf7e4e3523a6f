"""A faster synthesis for the latents of a model that is there: they are made once and kept on disk."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from bitstream.errors import RequestError
from codec.exact.tensors import ACTIVATION_STEPS
from codec.model.config import ModelConfig
from codec.network.shapes import FOLD
from codec.network.transforms import Synthesis
from codec.pixels.distortion import psnr
from codec.training.data.kept import KeptArrays, made_from
from codec.training.data.pictures import open_pictures
from codec.training.data.pool import as_batch, as_crops
from codec.training.distortion import LEVELS, Distortion
from codec.training.distributed import Processes
from codec.training.image_network import QUALITY_STEPS, load_tensors
from codec.training.recipe import Recipe
from codec.training.start import config_of, frozen_network, start_weights
from codec.training.task import Inputs, Pair, Validation, generator, train_parts

VALIDATED = (6, 18, 30, 42, 54)  # qualities
_OWN_KEYS = {"leave_out", "crops", "weights"}
_SHOWN = 4
_HIGHEST_PSNR = 10 * math.log10(LEVELS**2 / 1e-6)  # dB, of a picture that is as it was


class SynthesisTask:
    """See Task. The score is the mean loss of PSNR in dB against the full synthesis."""

    waiting: tuple[str, ...] = ()

    def __init__(self, recipe: Recipe, sources: Sequence[Path], processes: Processes, folder: Path) -> None:
        self._recipe, self._processes = recipe, processes
        config, self._left_out = _configuration(recipe)
        count = recipe.network.get("crops", 1500)
        if type(count) is not int or count < processes.world:
            raise RequestError(f"recipe: network: crops = {count!r} is not a whole number of at least 1")
        self._full = frozen_network(recipe.start, processes.device)
        self.config = replace(config, dec_depth=config.dec_depth - len(self._left_out))
        self._before = sum(i not in self._left_out for i in range(config.dec_depth // 2))
        self.network: nn.Module = nn.ModuleDict({"synthesis": Synthesis(self.config, self._before)})
        load_tensors(self.network, renumbered(self._full.state_dict(), config.dec_depth, self._left_out))
        if earlier := recipe.network.get("weights"):
            start_weights(self.network, str(earlier))
        self.network.requires_grad_(True).to(processes.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        train_parts(self.network, recipe.train)
        batches, self._validation = open_pictures(replace(recipe, batch=processes.world), sources, processes)
        own, side = count // processes.world, recipe.crop // 16
        self._kept = KeptArrays(
            folder / f"latents-{processes.rank}",
            made_from(recipe, sources, processes.world),
            pixels=((own, recipe.crop, recipe.crop, 3), np.uint8),
            latents=((own, side, side, config.cy), np.int16),  # in 16ths
            quality=((own,), np.float32),
        )
        if not self._kept.ready:
            self._prepare(batches.batch)
        self.epoch = max(1, count // recipe.batch)
        self._distortion = Distortion(recipe)

    @torch.no_grad()
    def _prepare(self, draw: object) -> None:
        """Code every crop once at a random quality."""
        recipe, kept = self._recipe, self._kept
        for i in range(len(kept)):
            pixels = draw(i)  # type: ignore[operator]
            drawn = torch.rand(1, generator=generator(recipe.seed, i, self._processes.rank), device="cpu")
            quality = recipe.lowest + drawn * (recipe.highest - recipe.lowest)
            y_hat = self._latents(pixels, quality.to(pixels.device))
            kept["pixels"][i] = as_crops(pixels)[0]
            kept.write("latents", i, (y_hat * ACTIVATION_STEPS).round().clamp(-32768, 32767))
            kept["quality"][i] = quality.item()
        kept.finish()

    def _latents(self, pixels: Tensor, quality: Tensor) -> Tensor:
        y = self._full.latents(pixels, quality)
        y_hat: Tensor = self._full.prior(y, self._full.hyper_analysis(y), quality, None)[0]
        return y_hat

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """-> latents (B, cy, h, w), qualities (B,) 0..63, pixels (B, 3, S, S)."""
        share = self._processes.share(self._recipe.batch)
        random = generator(self._recipe.seed, step, self._processes.rank)
        chosen = torch.randint(len(self._kept), (share.stop - share.start,), generator=random, device="cpu").numpy()
        device = self._processes.device
        latents = self._kept.read("latents", chosen, device) / ACTIVATION_STEPS
        pixels = self._kept.read("pixels", chosen, device) / LEVELS
        return latents, torch.from_numpy(self._kept["quality"][chosen]).to(device), pixels

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """The mean logarithm of the distortion: a decibel counts alike at every quality."""
        latents, quality, pixels = inputs
        distortion = self._distortion(self._decoded(self.network["synthesis"], latents, quality), pixels)  # type: ignore[index]
        return {"loss": distortion.clamp_min(1e-2).log().mean(), "distortion": distortion.detach().mean()}

    @staticmethod
    def _decoded(synthesis: nn.Module, latents: Tensor, quality: Tensor) -> Tensor:
        return F.pixel_shuffle(synthesis(latents, quality * QUALITY_STEPS), FOLD) + 0.5

    def validate(self) -> Validation:
        """PSNR of both by quality, on the mean of pictures."""
        rows, pairs = [], []
        for wanted in VALIDATED:
            levels = []
            references = self._references[wanted]
            for i, (crop, (latents, _)) in enumerate(zip(self._validation, references, strict=True)):
                decoded, level = self._compared(self.network["synthesis"], latents, wanted, crop)  # type: ignore[index]
                levels.append(level)
                if wanted == VALIDATED[2] and i < _SHOWN:
                    pairs.append(Pair(str(i), crop, decoded))
            full, own = float(np.mean([level for _, level in references])), float(np.mean(levels))
            rows.append({"quality": float(wanted), "psnr": own, "full": full, "below": full - own})
        return Validation(float(np.mean([row["below"] for row in rows])), rows, pairs)

    @cached_property
    def _references(self) -> dict[int, list[tuple[Tensor, float]]]:
        """By quality, of each validation crop: latents, and PSNR of the full synthesis. Neither is trained."""
        return {wanted: [self._reference(crop, wanted) for crop in self._validation] for wanted in VALIDATED}

    def _reference(self, crop: NDArray[np.uint8], wanted: int) -> tuple[Tensor, float]:
        pixels = as_batch(torch.from_numpy(crop[None]).to(self._processes.device))
        latents = self._latents(pixels, torch.full((1,), float(wanted), device=pixels.device))
        return latents, self._compared(self._full.synthesis, latents, wanted, crop)[1]

    def _compared(
        self, synthesis: nn.Module, latents: Tensor, wanted: int, crop: NDArray[np.uint8]
    ) -> tuple[NDArray[np.uint8], float]:
        """-> what is decoded, and its PSNR in dB."""
        quality = torch.full((1,), float(wanted), device=latents.device)
        (decoded,) = as_crops(self._decoded(synthesis, latents.clone(), quality))
        return decoded, min(psnr(decoded, crop), _HIGHEST_PSNR)

    def metadata(self) -> dict[str, str]:
        """The smaller configuration, and what was left out of which model."""
        return {"config": self.config.canonical_json(), "start": self._recipe.start, "before": str(self._before)}


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, folder: Path) -> SynthesisTask:
    """A smaller synthesis for the model that the recipe starts from."""
    return SynthesisTask(recipe, sources, processes, folder)


def _configuration(recipe: Recipe) -> tuple[ModelConfig, tuple[int, ...]]:
    config = config_of(recipe.start)
    if strange := set(recipe.network) - _OWN_KEYS:
        raise RequestError(f"recipe: network: a faster synthesis has no {', '.join(sorted(strange))}")
    left_out = recipe.network.get("leave_out", ())
    numbers = isinstance(left_out, (list, tuple)) and all(type(i) is int for i in left_out)
    if not numbers or not all(0 <= i < config.dec_depth for i in left_out):
        raise RequestError(f"recipe: leave_out: the blocks of the synthesis are 0..{config.dec_depth - 1}")
    return config, tuple(sorted(set(left_out)))


def renumbered(tensors: dict[str, Tensor], depth: int, left_out: Sequence[int]) -> dict[str, Tensor]:
    """The synthesis' tensors without some of its blocks, the others numbered anew."""
    kept = [i for i in range(depth) if i not in left_out]
    renamed = {f"synthesis.blocks.{old}.": f"synthesis.blocks.{new}." for new, old in enumerate(kept)}
    result = {}
    for name, tensor in tensors.items():
        if not name.startswith("synthesis."):
            continue
        if not name.startswith("synthesis.blocks."):
            result[name] = tensor
            continue
        prefix = ".".join(name.split(".")[:3]) + "."
        if prefix in renamed:
            result[renamed[prefix] + name.removeprefix(prefix)] = tensor
    return result
