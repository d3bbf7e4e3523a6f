"""The image network on what motion leaves of predicted frames, in closed loop: a step codes the next frame of clips."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from bitstream.errors import RequestError
from codec.motion.order import CHAIN, GROUP, HIERARCHY, Step
from codec.pixels.distortion import psnr
from codec.refine.descent import lagrange_multiplier
from codec.training.data.batches import split
from codec.training.data.clip_frames import Clips, read_vectors
from codec.training.data.kept import made_from
from codec.training.data.sources import find_pictures
from codec.training.distortion import Distortion
from codec.training.distributed import Processes
from codec.training.group import Group, Plan
from codec.training.image_network import QUALITY_STEPS, Coded, compute_in
from codec.training.predicted_network import Predicted, PredictedNetwork
from codec.training.recipe import Recipe
from codec.training.start import config_of, frozen_network, start_weights
from codec.training.task import Inputs, Pair, Validation, generator, sizes_of, train_parts, uniform_noise

VALIDATED = (6.0, 24.0, 42.0)  # qualities of key frames
_VALIDATED_STEPS = ((CHAIN, 2), (HIERARCHY, 5))  # how much of a group
_SHOWN_QUALITY, _SHOWN = 24.0, 4
_AT_ONCE = 4  # validation clips


@dataclass(frozen=True)
class Sizes:
    """The recipe's `[network]`, described there."""

    base: str = "image-v1"
    vectors: str = ""
    hierarchy: float = 0.7

    def __post_init__(self) -> None:
        if not 0 <= self.hierarchy <= 1:
            raise RequestError(f"recipe: network: hierarchy = {self.hierarchy!r} is no share of 0..1")


class PredictedTask:
    """See Task. The score is the mean of ln(bpp + lambda * distortion) over chains, hierarchies and qualities."""

    waiting: tuple[str, ...] = ()

    def __init__(self, recipe: Recipe, sources: Sequence[Path], processes: Processes, folder: Path) -> None:
        self._recipe, self._processes, self._sizes = recipe, processes, sizes_of(Sizes, recipe)
        torch.manual_seed(recipe.seed)
        self.network = PredictedNetwork(config_of(self._sizes.base))
        start_weights(self.network, recipe.start)
        self.network.to(processes.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        train_parts(self.network, recipe.train)
        bf16 = recipe.precision == "bf16" or (recipe.precision == "auto" and processes.device.type == "cuda")
        compute_in(self.network, torch.bfloat16 if bf16 else None)
        self._key_network = frozen_network(self._sizes.base, processes.device)
        self._clips, self._held_out = self._prepared(sources, folder)
        self._distortion = Distortion(recipe)
        self._number, self._step = -1, HIERARCHY[0]  # of the group under way, and where it is
        self._group: Group | None = None
        self._carried: tuple[int, Mapping[str, Tensor]] = (-1, {})
        self.epoch = max(1, len(self._clips) * processes.world * GROUP // recipe.batch)

    def _prepared(self, sources: Sequence[Path], folder: Path) -> tuple[Clips, Clips]:
        """This process's clips, and those held out."""
        recipe, processes = self._recipe, self._processes
        entries = find_pictures(sources, clips=True)
        places = {entry.name: place for place, entry in enumerate(entries)}
        vectors = read_vectors(Path(self._sizes.vectors), len(entries)) if self._sizes.vectors else {}
        training, held_out = split(entries, recipe.validation)
        key, made = made_from(recipe, sources, processes.world), []
        for name, some in (("clips", training[processes.rank :: processes.world]), ("clips-validation", held_out)):
            chosen = [places[entry.name] for entry in some]
            own = {pair: values[chosen] for pair, values in vectors.items()}
            made.append(Clips(folder / f"{name}-{processes.rank}", key, some, recipe.crop, own))
        return made[0], made[1]

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """-> frames (B, 3, S, S) in 0..1, their qualities (B,), and the tensors of `Predicted`."""
        number, position = divmod(step, GROUP)
        if self._group is None or number != self._number:
            self._number, self._group = number, self._begun(number, lowest_quality)
        group = self._group
        for earlier in group.plan.order[:position]:
            if earlier.frame not in group.decoded:  # of a run that was resumed by several processes
                group.keep(earlier.frame, self._coded(group, earlier))
        self._step = group.plan.order[position]
        frame = self._step.frame
        quality = group.plan.quality[frame].to(self._processes.device)
        return group.pixels(frame), quality, *vars(group.given(self._step)).values()

    def _begun(self, number: int, lowest_quality: float) -> Group:
        share = self._processes.share(self._recipe.batch)
        chance = generator(self._recipe.seed, number, self._processes.rank)
        plan = Plan.drawn(
            len(self._clips),
            share.stop - share.start,
            (lowest_quality, self._recipe.highest),
            self._sizes.hierarchy,
            chance,
        )
        group = Group(self._clips, plan, self._key_network, self._processes.device)
        if self._carried[0] == number:
            for name, values in self._carried[1].items():
                kind, frame = name.split(".")
                getattr(group, kind)[int(frame)] = values
        return group

    def carried(self) -> dict[str, Tensor]:
        """See CarriesOn: the frames and latents of the group under way, where one process trains."""
        if self._group is None or self._processes.world > 1:
            return {}
        kinds = {"decoded": self._group.decoded, "latents": self._group.latents}
        return {f"{kind}.{frame}": values for kind, of_kind in kinds.items() for frame, values in of_kind.items()}

    def carry_on(self, carried: Mapping[str, Tensor], step: int) -> None:
        """See CarriesOn."""
        self._carried = (step // GROUP, carried if step % GROUP else {})

    @torch.no_grad()
    def _coded(self, group: Group, step: Step) -> Coded:
        quality = group.plan.quality[step.frame].to(self._processes.device)
        return self.network.code(group.pixels(step.frame), group.given(step), quality)

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """ln(bpp + lambda * distortion), by how much of a frame is coded."""
        pixels, quality, *given = inputs
        predicted = Predicted(*given)
        coded = self.network.code(pixels, predicted, quality, uniform_noise)
        if self._group is not None:
            self._group.keep(self._step.frame, coded)
        bpp = (coded.y_bits + coded.z_bits) / (pixels.shape[2] * pixels.shape[3])
        distortion = self._distortion(coded.pixels, pixels)
        share = predicted.coded.mean((1, 2, 3))
        lagrangian = bpp + lagrange_multiplier(quality * QUALITY_STEPS) * distortion
        return {
            "loss": (lagrangian.clamp_min(1e-9).log() * share).mean(),
            "bpp": bpp.detach().mean(),
            "distortion": distortion.detach().mean(),
            "coded": share.mean(),
        }

    def validate(self) -> Validation:
        """Per order of frames and quality of the key frame: means over predicted frames."""
        rows, pairs = [], []
        for order, count in _VALIDATED_STEPS:
            for key_quality in VALIDATED:
                row, shown = self._validate_at(order, count, key_quality)
                rows.append(row)
                if order is HIERARCHY and key_quality == _SHOWN_QUALITY:
                    pairs = shown[:_SHOWN]
        return Validation(float(np.mean([row["lagrangian"] for row in rows])), rows, pairs)

    def _validate_at(
        self, order: tuple[Step, ...], count: int, key_quality: float
    ) -> tuple[dict[str, float], list[Pair]]:
        found: dict[str, list[float]] = {"bpp": [], "psnr": [], "coded": [], "lagrangian": []}
        shown: list[Pair] = []
        for first in range(0, len(self._held_out), _AT_ONCE):
            clips = range(first, min(first + _AT_ONCE, len(self._held_out)))
            group = Group(
                self._held_out, Plan.fixed(clips, order, key_quality), self._key_network, self._processes.device
            )
            for step in order[:count]:
                given, pixels = group.given(step), group.pixels(step.frame)
                quality = group.plan.quality[step.frame].to(pixels.device)
                coded = self.network.code(pixels, given, quality)
                group.keep(step.frame, coded)
                bpp = (coded.y_bits + coded.z_bits) / (pixels.shape[2] * pixels.shape[3])
                distortion = self._distortion(coded.pixels.clamp(0, 1), pixels)
                lagrangian = bpp + lagrange_multiplier(quality * QUALITY_STEPS) * distortion
                found["bpp"] += bpp.tolist()
                found["coded"] += given.coded.mean((1, 2, 3)).tolist()
                found["lagrangian"] += lagrangian.clamp_min(1e-9).log().tolist()
                for i, clip in enumerate(clips):
                    original, decoded = (
                        values[i].permute(1, 2, 0).numpy()
                        for values in (group.originals(step.frame), group.decoded[step.frame])
                    )
                    found["psnr"].append(min(psnr(decoded, original), 99.0))
                    shown.append(Pair(f"{clip}, frame {step.frame}", original, decoded))
        means = {name: float(np.mean(values)) for name, values in found.items()}
        return {"quality": key_quality, "hierarchy": float(order is HIERARCHY), **means}, shown

    def metadata(self) -> dict[str, str]:
        """The configuration of the image network, and which one it is."""
        return {"predicted": json.dumps({"base": self._sizes.base}), "network": self.network.config.canonical_json()}


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, folder: Path) -> PredictedTask:
    """The network of predicted frames on the clips of `sources`."""
    return PredictedTask(recipe, sources, processes, folder)
