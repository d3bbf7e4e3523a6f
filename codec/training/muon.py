"""Muon: orthogonalised momentum, for weights that are matrices (Jordan et al., github.com/KellerJordan/Muon, 2024)."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration that Muon's authors found
_ITERATIONS = 5
_ADAM_SIZE = 0.2  # an update's root mean square, as large as Adam's (Liu et al., arXiv 2502.16982)


@torch.no_grad()
def orthogonalised(matrices: Tensor) -> Tensor:
    """(n, a, b) -> the same with singular values near 1, by Newton and Schulz; in bf16 on a GPU, fp32 on a CPU."""
    x = matrices.bfloat16() if matrices.is_cuda else matrices
    tall = x.shape[-2] > x.shape[-1]
    x = x.mT if tall else x
    x = x / (x.norm(dim=(-2, -1), keepdim=True) + 1e-7)
    a, b, c = _COEFFICIENTS
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return (x.mT if tall else x).to(matrices.dtype)


class Muon(torch.optim.Optimizer):
    """For 1x1 convolutions (O, I, 1, 1); weights of equal shape are updated together."""

    def __init__(self, params: Iterable[Any], lr: float | Tensor, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update by Nesterov's momentum; `closure` as in torch.optim."""
        loss = None if closure is None else closure()
        for group in self.param_groups:
            shapes: dict[torch.Size, list[Tensor]] = {}
            for parameter in group["params"]:
                if parameter.grad is not None:
                    shapes.setdefault(parameter.shape, []).append(parameter)
            for same in shapes.values():
                self._update(same, group["lr"], group["momentum"])
        return loss

    def _update(self, weights: list[Tensor], rate: float | Tensor, momentum: float) -> None:
        gradients = [weight.grad for weight in weights if weight.grad is not None]
        averages = []
        for weight, gradient in zip(weights, gradients, strict=True):
            state = self.state[weight]
            if "average" not in state:
                state["average"] = torch.zeros_like(gradient)
            averages.append(state["average"])
        torch._foreach_lerp_(averages, gradients, 1 - momentum)
        ahead = torch._foreach_lerp(gradients, averages, momentum)
        outputs, inputs = weights[0].shape[:2]
        update = orthogonalised(torch.stack([part.reshape(outputs, inputs) for part in ahead]))
        update = update * (-rate * _ADAM_SIZE * math.sqrt(max(outputs, inputs)))
        torch._foreach_add_(weights, [part.reshape(weights[0].shape) for part in update])
