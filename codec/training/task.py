"""What the training loop asks of a task, and what the tasks share: how chance is drawn, and what validation found.

A task is a network, a loss and a validation. Everything random in a step is drawn from the run's seed and the number
of the step, so that a run that is resumed draws what it would have drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from bitstream.errors import RequestError
from codec.training.recipe import Recipe

_RANKS = 4096  # processes that a step's chance can be split among
Inputs = tuple[Tensor, ...]
_Sizes = TypeVar("_Sizes")


@dataclass(frozen=True)
class Pair:
    """A validation picture and what the network makes of it, (H, W, 3) uint8 both."""

    name: str
    original: NDArray[np.uint8]
    decoded: NDArray[np.uint8]


@dataclass(frozen=True)
class Validation:
    """`score`: the lower the better. `rows`: one table row each; `pairs`: pictures for the sheet."""

    score: float
    rows: Sequence[Mapping[str, float]]
    pairs: Sequence[Pair] = field(default=(), repr=False)


class Task(Protocol):
    """What is trained.

    `network` holds the weights by the names that they are saved under; tensors whose names begin with one of
    `waiting` wait for the recipe's `hold` steps. `epoch` is the number of steps that go once through the data.
    """

    @property
    def network(self) -> nn.Module: ...

    @property
    def waiting(self) -> tuple[str, ...]: ...

    @property
    def epoch(self) -> int: ...

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """The inputs of a step, on the device: this process's part of the batch."""

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """Scalars of a batch, the one called `loss` with gradients. No value may be read, so that it can be a graph."""

    def validate(self) -> Validation:
        """On pictures that are never trained on, without gradients."""

    def metadata(self) -> dict[str, str]:
        """What is saved beside the weights, so that they can be read without the recipe."""


@runtime_checkable
class CarriesOn(Protocol):
    """A task that carries something from step to step beside the weights, which is saved with them."""

    def carried(self) -> dict[str, Tensor]:
        """What the next step needs of the last one, by name."""

    def carry_on(self, carried: Mapping[str, Tensor], step: int) -> None:
        """Go on with step `step` from what was saved."""


def seed_of(seed: int, step: int, rank: int = 0) -> int:
    """The seed of all chance in a step of one process."""
    return (seed * 1_000_003 + step) * _RANKS + rank


def generator(seed: int, step: int, rank: int = 0) -> torch.Generator:
    """For what is drawn on the CPU."""
    return torch.Generator("cpu").manual_seed(seed_of(seed, step, rank))


def uniform_noise(like: Tensor) -> Tensor:
    """Within +-0.5, in the shape of `like`."""
    return torch.rand_like(like) - 0.5


def sizes_of(kind: type[_Sizes], recipe: Recipe) -> _Sizes:
    """The recipe's `[network]` as a task's dataclass of text and numbers, all of which have defaults.

    Raises RequestError for a key that it has not, or a value of another type.
    """
    usual = vars(kind())
    for name, value in recipe.network.items():
        if name not in usual:
            raise RequestError(f"recipe: network: {recipe.task} has no {name}, but {', '.join(usual)}")
        if not isinstance(value, (int, float) if isinstance(usual[name], float) else type(usual[name])):
            raise RequestError(f"recipe: network: {name} = {value!r} is no {type(usual[name]).__name__}")
    return kind(**recipe.network)


def train_parts(network: nn.Module, parts: Sequence[str]) -> None:
    """Let only tensors learn whose names begin with one of `parts`, all where there are none. Raises RequestError."""
    for part in parts:
        if not any(_belongs(name, (part,)) for name, _ in network.named_parameters()):
            known = sorted({name.split(".")[0] for name, _ in network.named_parameters()})
            raise RequestError(f"the network has no part {part!r}; it has {', '.join(known)}")
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not parts or _belongs(name, parts))


def _belongs(name: str, parts: Iterable[str]) -> bool:
    return any(name == part or name.startswith(f"{part}.") for part in parts)


def drop_out(network: nn.Module, share: float, blocks: Callable[[nn.Module], bool]) -> None:
    """Drop channels of the outputs of `blocks` at random in training (Srivastava et al., JMLR 2014; Tompson et al.)."""
    for module in network.modules():
        if share and blocks(module):
            module.register_forward_hook(lambda m, _, out: nn.functional.dropout2d(out, share, m.training))
