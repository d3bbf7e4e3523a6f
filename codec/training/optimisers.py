"""Which weights Adam and Muon train, at which rates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bitstream.errors import RequestError
from codec.training.muon import Muon
from codec.training.recipe import Recipe
from codec.training.schedule import Schedule
from codec.training.task import Task

_GAINS = ("table", "q_bias", "z_bias", "quantiles")  # tensors that follow the quality, and CompressAI's tails


@dataclass(frozen=True)
class Optimisers:
    """Adam and, where the recipe has it, Muon, whose rates follow one schedule."""

    each: list[torch.optim.Optimizer]
    on_device: bool  # rates are tensors, as a CUDA graph needs them

    def set_rates(self, schedule: Schedule, step: int, share: float) -> None:
        """The rates of one step."""
        factor, held = schedule.factor(step, share), schedule.held(step)
        for group in self._groups():
            self._set(group, group["rate"] * factor * (held if group["waits"] else 1.0))

    def stop(self) -> None:
        """Rates of 0, so that a step changes no weight."""
        for group in self._groups():
            self._set(group, 0.0)

    def step(self) -> None:
        """One step of each."""
        for optimiser in self.each:
            optimiser.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for optimiser in self.each:
            optimiser.zero_grad(set_to_none=True)

    def states(self) -> list[dict[Any, dict[str, Any]]]:
        """Each optimiser's state by parameter."""
        return [optimiser.state for optimiser in self.each]

    def forget(self) -> None:
        """Momentum of 0, where the weights were put back."""
        for state in self.states():
            for of_one in state.values():
                for value in of_one.values():
                    if isinstance(value, Tensor):
                        value.zero_()

    def _groups(self) -> list[dict[str, Any]]:
        return [group for optimiser in self.each for group in optimiser.param_groups]

    def _set(self, group: dict[str, Any], rate: float) -> None:
        if self.on_device:
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def make_optimisers(task: Task, recipe: Recipe, device: torch.device) -> Optimisers:
    """Muon for 1x1 convolutions where the recipe has a rate for it, Adam for the rest, gains at a rate of their own.

    Parts that the recipe has `rates` for are Adam's, at the rate of the longest name that theirs begins with. Raises
    RequestError for a rate that nothing has.
    """
    cuda = device.type == "cuda"
    groups: dict[tuple[str, bool], list[Tensor]] = {}
    for name, parameter in task.network.named_parameters():
        if parameter.requires_grad:
            groups.setdefault((_kind(name, parameter, recipe), name.startswith(task.waiting)), []).append(parameter)
    rates = {"adam": recipe.adam, "gains": recipe.gains, "muon": recipe.muon, **recipe.rates}
    if strange := [part for part in recipe.rates if not any(kind == part for kind, _ in groups)]:
        raise RequestError(f"recipe: rates: nothing that is trained begins with {', '.join(strange)}")

    def made(*, by_muon: bool) -> list[dict[str, Any]]:
        return [
            {"params": params, "rate": rates[kind], "waits": waits, "lr": _rate(rates[kind], device)}
            for (kind, waits), params in sorted(groups.items(), key=lambda item: item[0])
            if (kind == "muon") == by_muon
        ]

    each: list[torch.optim.Optimizer] = []
    if adam := made(by_muon=False):
        each.append(torch.optim.Adam(adam, betas=(0.9, recipe.beta), eps=1e-8, fused=cuda, capturable=cuda))
    if muon := made(by_muon=True):
        each.append(Muon(muon, lr=_rate(recipe.muon, device)))
    return Optimisers(each, cuda)


def _rate(value: float, device: torch.device) -> float | Tensor:
    return torch.tensor(value, device=device) if device.type == "cuda" else value


def _kind(name: str, parameter: Tensor, recipe: Recipe) -> str:
    parts = [part for part in recipe.rates if name == part or name.startswith(f"{part}.")]
    if parts:
        return max(parts, key=len)
    if name.rsplit(".", 1)[-1] in _GAINS:
        return "gains"
    is_matrix = parameter.ndim == 4 and parameter.shape[1] > 1 and parameter.shape[2] == 1
    small = not recipe.muon_largest or parameter.numel() <= recipe.muon_largest
    return "muon" if recipe.muon and is_matrix and small else "adam"
