"""Clips of a batch under way, coded frame by frame in closed loop: each frame from what was decoded before.

Modes and copied blocks are chosen as an encoder does, from decoded references.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from codec.motion.compensation import compensate, mirrored
from codec.motion.cost import BlockCost
from codec.motion.features import vector_features
from codec.motion.modes import blended, choose_coded, choose_modes
from codec.motion.order import CHAIN, HIERARCHY, Step, quality_below_key
from codec.refine.descent import lagrange_multiplier
from codec.training.data.clip_frames import Clips
from codec.training.distortion import LEVELS
from codec.training.image_network import QUALITY_STEPS, Coded, ImageNetwork
from codec.training.predicted_network import Predicted

_TOP = 63.0  # the highest quality
_USUAL_DROP = 4.0  # qualities below the key frame that `quality_below_key` begins with
_LARGEST_DROP = 8.0


@dataclass(frozen=True)
class Plan:
    """What is coded: which clips, in which order, mirrored along which axes (0 rows, 1 columns).

    Qualities 0..63: of the key frames (B,), and of each frame (B,) by its number.
    """

    clips: tuple[int, ...]
    order: tuple[Step, ...]
    key_quality: Tensor
    quality: Mapping[int, Tensor]
    mirrored: tuple[int, ...] = ()

    @classmethod
    def fixed(cls, clips: Sequence[int], order: tuple[Step, ...], key_quality: float) -> Plan:
        """As an encoder would, all at one quality."""
        key = torch.full((len(clips),), key_quality, device="cpu")
        return cls(tuple(clips), order, key, {s.frame: _below(key, quality_below_key(s, order)) for s in order})

    @classmethod
    def drawn(
        cls, count: int, batch: int, qualities: tuple[float, float], hierarchy: float, chance: torch.Generator
    ) -> Plan:
        """Of `count` clips: key frames within `qualities`, lowest and highest; a hierarchy with that probability."""
        draw = lambda *shape: torch.rand(*shape, generator=chance, device="cpu")  # noqa: E731
        clips = tuple(torch.randint(count, (batch,), generator=chance, device="cpu").tolist())
        order = HIERARCHY if float(draw(1)) < hierarchy else CHAIN
        key = qualities[0] + (qualities[1] - qualities[0]) * draw(batch)
        drop = _LARGEST_DROP * draw(batch) - _USUAL_DROP
        waves = torch.randn(len(order), batch, generator=chance, device="cpu")
        quality = {
            step.frame: _below(key, quality_below_key(step, order) + drop + wave)
            for step, wave in zip(order, waves, strict=True)
        }
        return cls(clips, order, key, quality, tuple(axis for axis in (0, 1) if float(draw(1)) < 0.5))


def _below(key: Tensor, drop: Tensor | float) -> Tensor:
    return (key - drop).clamp(0, _TOP)


class Group:
    """The clips of a plan.

    By number of the frame, as far as they are coded: `decoded` (B, 3, H, W) uint8, `latents` (B, cy, H/16, W/16).
    """

    def __init__(self, clips: Clips, plan: Plan, key_network: ImageNetwork, device: torch.device) -> None:
        self.plan, self._device = plan, device
        self._frames = torch.stack([clips.frames(i) for i in plan.clips])
        fields = [clips.vectors(i) for i in plan.clips]
        self._vectors = {pair: torch.stack([field[pair] for field in fields]) for pair in fields[0]}
        for axis in plan.mirrored:
            self._frames = self._frames.flip(axis + 3)
            self._vectors = {pair: mirrored(vectors, axis) for pair, vectors in self._vectors.items()}
        self.decoded: dict[int, Tensor] = {}
        self.latents: dict[int, Tensor] = {}
        with torch.no_grad():
            self.keep(0, key_network(self.pixels(0), plan.key_quality.to(device)))

    def pixels(self, frame: int) -> Tensor:
        """The true frames, (B, 3, H, W) in 0..1, on the device."""
        values = self._frames[:, frame].to(self._device).float() / LEVELS
        return values.contiguous(memory_format=torch.channels_last)

    def originals(self, frame: int) -> Tensor:
        """The true frames as they are, uint8."""
        return self._frames[:, frame]

    def given(self, step: Step) -> Predicted:
        """What the frame of `step` is coded from."""
        predictions, differences, coded = [], [], []
        for i in range(len(self.plan.clips)):
            quality = float(self.plan.quality[step.frame][i])
            cost, picture = BlockCost.at(quality), self._frames[i, step.frame]
            first, second = (
                compensate(self.decoded[reference][i], self._vectors[(step.frame, reference)][i])
                for reference in (step.first, step.second)
            )
            one = step.first == step.second
            prediction = first if one else blended(first, second, choose_modes(first, second, picture, cost))
            predictions.append(prediction)
            differences.append(first.float() - second.float())
            coded.append(choose_coded(prediction, picture, cost, lagrange_multiplier(quality * QUALITY_STEPS)))
        references = step.references
        return Predicted(
            self._on_device(torch.stack(predictions)) / LEVELS,
            self._on_device(torch.stack(differences)) / LEVELS,
            torch.stack([self.latents[reference] for reference in references]).to(self._device),
            torch.tensor([float(reference == 0) for reference in references], device=self._device),
            self._on_device(vector_features(self._vectors[(step.frame, step.first)])),
            torch.stack(coded).to(self._device),
        )

    def keep(self, frame: int, coded: Coded) -> None:
        """What was decoded, for the frames to come; what is not finite becomes black."""
        pixels = coded.pixels.detach().nan_to_num(0.0).clamp(0, 1)
        self.decoded[frame] = (pixels * LEVELS).round().to(torch.uint8).cpu().contiguous()
        self.latents[frame] = coded.latents.detach().nan_to_num(0.0, 0.0, 0.0).cpu()

    def _on_device(self, values: Tensor) -> Tensor:
        return values.to(self._device).float().contiguous(memory_format=torch.channels_last)
