"""The training loop, the only one: steps, validation, best weights, early stopping, and a state to resume from."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from bitstream.errors import FileAccessError, RequestError
from codec.notes import note
from codec.training.distributed import Processes
from codec.training.log import STEPS, VALIDATION, Log
from codec.training.optimisers import Optimisers, make_optimisers
from codec.training.recipe import Recipe
from codec.training.run import Run
from codec.training.schedule import Schedule
from codec.training.sheet import png, sheet
from codec.training.step import Stepper
from codec.training.task import CarriesOn, Task, Validation

_ROW_STEPS = 20  # steps whose mean is a row of the table
_SAVE_SECONDS = 300.0  # between two saved states, at most
_MOST_FAILURES = 5  # times that weights are put back before a run is given up
Watch = Callable[["Status"], bool]


@dataclass(frozen=True)
class Status:
    """Where a run is: `step` of `steps` (0: as many as the time allows), and `share` 0..1 of the run's length.

    `values` are means of the last steps, `score` is the best of a validation.
    """

    step: int
    steps: int
    share: float
    values: Mapping[str, float]
    score: float


@dataclass(frozen=True)
class Outcome:
    """How a run ended: `ended` is "whole", "early" (no better score for `patience` validations) or "stopped"."""

    steps: int
    seconds: float
    score: float
    ended: str
    step_seconds: Mapping[str, float]  # mean of each part of a step in this process; none: no step was made


class TrainingError(RequestError):
    """The loss did not stay finite, whatever was tried."""


@dataclass
class _State:
    """What is saved beside weights and optimisers."""

    step: int = 0
    spent: float = 0.0
    best: float = math.inf
    since_best: int = 0
    failures: int = 0
    finished: bool = False


class Loop:
    """One run of one task. Weights and chance on a CPU depend on the recipe and the data alone, resumed or not."""

    def __init__(self, task: Task, recipe: Recipe, run: Run, processes: Processes) -> None:
        self._task, self._recipe, self._run, self._processes = task, recipe, run, processes
        self._schedule = Schedule.of(recipe, task.epoch)
        self._optimisers: Optimisers = make_optimisers(task, recipe, processes.device)
        self._stepper = Stepper(task, self._optimisers, recipe, processes)
        self._state = _State()
        resumed = self._resume()
        self._good = self._snapshot()
        self._log = Log(run.folder, self._state.step if resumed else -1) if processes.first else None
        self._values: dict[str, float] = {}
        self._sums: list[Tensor] = []

    def train(self, watch: Watch = lambda _: False) -> Outcome:
        """Train to the end, or until `watch`, which hears of the progress after each step, returns True.

        The network then has its best weights, unless it was stopped. Raises TrainingError.
        """
        state, schedule = self._state, self._schedule
        started = saved = time.perf_counter()
        before, begun = state.spent, state.step
        ended = "early" if state.finished and schedule.share(state.step, before) < 1 else "whole"
        self._task.network.train()
        if self._recipe.validate_first and state.best == math.inf:
            self._validate()
        while not state.finished:
            state.spent = before + time.perf_counter() - started
            share = self._processes.agreed(schedule.share(state.step, state.spent))
            if share >= 1:
                break
            self._optimisers.set_rates(schedule, state.step, share)
            values = self._stepper(state.step, schedule.lowest_quality(share))
            state.step += 1
            self._record(values)
            if state.step % (self._recipe.validate_every or self._task.epoch) == 0 and self._validate():
                ended, state.finished = "early", True
            elif time.perf_counter() - saved > _SAVE_SECONDS:
                self._save()
                saved = time.perf_counter()
            if watch(Status(state.step, schedule.steps, share, self._values, state.best)):
                ended = "stopped"
                break
        state.spent = before + time.perf_counter() - started
        if ended != "stopped":
            self._write_row()
        if ended == "whole" and not self._just_validated():
            self._validate()
        state.finished = ended != "stopped"
        self._save()
        if self._log is not None:
            self._log.close()
        if state.finished:
            self._restore_best()
        made = state.step - begun
        parts = {part: seconds / made for part, seconds in self._stepper.seconds.items()} if made else {}
        return Outcome(state.step, state.spent, state.best, ended, parts)

    def _record(self, values: Tensor) -> None:
        """Add up values; every _ROW_STEPS steps write their mean, and put the weights back where it is not finite."""
        self._sums.append(values.clone())
        if self._state.step % _ROW_STEPS == 0 or self._state.step == 1:
            self._write_row()

    def _write_row(self) -> None:
        if not self._sums:
            return
        means = torch.stack(self._sums).mean(0).tolist()
        self._sums = []
        if not all(map(math.isfinite, means)):
            self._put_back()
            return
        self._values = dict(zip(self._stepper.names, means, strict=True))
        if self._log is not None:
            row = {"step": float(self._state.step), "seconds": self._state.spent, **self._values}
            self._log.add(STEPS, row)

    def _put_back(self) -> None:
        """The weights of the last state, without momentum: the steps since then are lost."""
        self._state.failures += 1
        note(f"step {self._state.step}: the loss is not finite; the weights are put back to an earlier step's")
        if self._state.failures > _MOST_FAILURES:
            raise TrainingError(f"step {self._state.step}: the loss does not stay finite; lower the learning rates")
        self._task.network.load_state_dict(self._good)
        self._optimisers.forget()

    def _just_validated(self) -> bool:
        return self._state.step > 0 and self._state.step % (self._recipe.validate_every or self._task.epoch) == 0

    def _validate(self) -> bool:
        """Validate, keep the weights where they are the best, save the state -> whether patience has run out."""
        state, score = self._state, math.nan
        if self._processes.first:
            found = self._validation()
            score = found.score
            self._write(found)
        score = self._processes.agreed(score)
        better = score < state.best
        state.since_best = 0 if better else state.since_best + 1
        if better:
            state.best = score
            if self._processes.first:
                self._run.save_best(self._task.network.state_dict(), self._task.metadata())
        self._save()
        return bool(self._recipe.patience) and state.since_best >= self._recipe.patience

    def _validation(self) -> Validation:
        self._task.network.eval()
        try:
            with torch.no_grad():
                return self._task.validate()
        finally:
            self._task.network.train()

    def _write(self, found: Validation) -> None:
        if self._log is None:
            return
        for row in found.rows:
            self._log.add(VALIDATION, {"step": float(self._state.step), **row, "score": found.score})
        if found.pairs:
            pictures = sheet(found.pairs)
            self._run.save_sheet(self._state.step, png(pictures))
            self._log.add_sheet(self._state.step, pictures)

    def _snapshot(self) -> dict[str, Tensor]:
        return {name: value.detach().clone() for name, value in self._task.network.state_dict().items()}

    def _save(self) -> None:
        if all(bool(parameter.isfinite().all()) for parameter in self._task.network.parameters()):
            self._good = self._snapshot()
        if self._processes.first:
            optimisers = [optimiser.state_dict() for optimiser in self._optimisers.each]
            carried = self._task.carried() if isinstance(self._task, CarriesOn) else {}
            self._run.save_state(
                {"network": self._good, "optimisers": optimisers, "carried": carried, **vars(self._state)}
            )

    def _resume(self) -> bool:
        """Go on from the saved state, where there is one."""
        saved = self._run.read_state()
        if saved is None:
            return False
        try:
            self._task.network.load_state_dict(saved.pop("network"))
            for optimiser, values in zip(self._optimisers.each, saved.pop("optimisers"), strict=True):
                optimiser.load_state_dict(copy.deepcopy(values))
            carried = saved.pop("carried", {})
            self._state = _State(**saved)
            if isinstance(self._task, CarriesOn):
                self._task.carry_on(carried, self._state.step)
        except (AttributeError, KeyError, TypeError, ValueError, RuntimeError) as error:  # whatever it holds instead
            raise self._run.unresumable(error) from error
        return True

    def _restore_best(self) -> None:
        if self._run.weights.exists():
            try:
                best: dict[str, Any] = load_file(self._run.weights)
                self._task.network.load_state_dict(best)
            except (SafetensorError, RuntimeError) as error:
                raise FileAccessError(f"{self._run.weights} cannot be read: {error}") from error
