"""One training step: loss, gradients, update; on a GPU replayed as one CUDA graph where that works."""

from __future__ import annotations

import time
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from codec.notes import note
from codec.training.distributed import Processes
from codec.training.optimisers import Optimisers
from codec.training.recipe import Recipe
from codec.training.task import Inputs, Task, seed_of

_WARM_UP = 4  # eager steps before a graph is captured, as torch.cuda.graphs asks for


class _Losses(nn.Module):
    """The task's loss as a module's forward, which is where DistributedDataParallel joins in."""

    def __init__(self, task: Task) -> None:
        super().__init__()
        self.network, self._task = task.network, task
        self.names: list[str] = []

    def forward(self, *inputs: Tensor) -> Tensor:
        """-> the loss and the other scalars, in the order of `names`."""
        losses = self._task.loss(*inputs)
        self.names = ["loss", *(name for name in losses if name != "loss")]
        return torch.stack([losses[name] for name in self.names])


class Stepper:
    """Makes steps of one task. `seconds` adds up where a CPU's time goes: inputs, forward, backward, update."""

    def __init__(self, task: Task, optimisers: Optimisers, recipe: Recipe, processes: Processes) -> None:
        self._task, self._optimisers, self._recipe, self._processes = task, optimisers, recipe, processes
        self._losses = _Losses(task)
        self._parameters = [p for p in task.network.parameters() if p.requires_grad]
        self._module: nn.Module = self._losses
        if processes.world > 1:
            self._module = DistributedDataParallel(self._losses)
        self._graph: Any = None
        self._inputs: Inputs = ()
        self._stats: Tensor | None = None
        self._graphs = recipe.graph and processes.device.type == "cuda" and processes.world == 1
        self.seconds = dict.fromkeys(("inputs", "forward", "backward", "update"), 0.0)

    @property
    def names(self) -> list[str]:
        """Of the values of a step."""
        return [*self._losses.names, "gradient"]

    def __call__(self, step: int, lowest_quality: float) -> Tensor:
        """Make step `step` -> its values (n,) in the order of `names`, still on the device."""
        start = time.perf_counter()
        inputs = self._task.draw(step, lowest_quality)
        self.seconds["inputs"] += time.perf_counter() - start
        if self._graphs:
            self._capture(inputs)
        if self._graph is not None and self._stats is not None:
            for place, value in zip(self._inputs, inputs, strict=True):
                place.copy_(value)
            self._graph.replay()
            return self._stats
        torch.manual_seed(seed_of(self._recipe.seed, step, self._processes.rank))
        return self._step(inputs)

    def _step(self, inputs: Inputs) -> Tensor:
        self._optimisers.zero_grad()
        times = [time.perf_counter()]
        stats = self._module(*inputs)
        times.append(time.perf_counter())
        stats[0].backward()
        times.append(time.perf_counter())
        norm = nn.utils.clip_grad_norm_(self._parameters, self._recipe.clip or float("inf"))
        self._optimisers.step()
        times.append(time.perf_counter())
        for part, begun, ended in zip(("forward", "backward", "update"), times, times[1:], strict=False):
            self.seconds[part] += ended - begun
        return torch.cat([stats.detach(), norm.detach()[None]])

    def _capture(self, inputs: Inputs) -> None:
        """Try once to make a graph of the whole step; what warming up did to the optimisers is undone."""
        if self._graph is not None:
            return
        self._graphs = False
        before = [
            {k: v.clone() for k, v in of_one.items() if isinstance(v, Tensor)}
            for state in self._optimisers.states()
            for of_one in state.values()
        ]
        rates = [group["lr"].clone() for optimiser in self._optimisers.each for group in optimiser.param_groups]
        try:
            self._inputs = tuple(value.clone() for value in inputs)
            stream = torch.cuda.Stream()
            stream.wait_stream(torch.cuda.current_stream())
            with torch.cuda.stream(stream):
                self._optimisers.stop()
                for _ in range(_WARM_UP):
                    self._step(self._inputs)
            torch.cuda.current_stream().wait_stream(stream)
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._stats = self._step(self._inputs)
            self._graph, self._graphs = graph, True
        except RuntimeError as error:
            note(f"the step is not replayed as a CUDA graph: {str(error).splitlines()[0]}")
            torch.cuda.synchronize()
        self._restore(before)
        for group, rate in zip(
            (g for optimiser in self._optimisers.each for g in optimiser.param_groups), rates, strict=True
        ):
            group["lr"].copy_(rate)

    def _restore(self, before: list[dict[str, Tensor]]) -> None:
        if not before:
            self._optimisers.forget()
        kept = iter(before)
        for state in self._optimisers.states() if before else ():
            for of_one in state.values():
                for name, value in next(kept).items():
                    of_one[name].copy_(value)
