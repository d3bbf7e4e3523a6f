"""A training run from its sources to its best weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

import torch

from bitstream.errors import RequestError
from codec.training.data.kept import forget
from codec.training.distributed import Processes, processes
from codec.training.loop import Loop, Outcome, Watch
from codec.training.recipe import Recipe
from codec.training.run import Run
from codec.training.task import Task

_TASKS = ("image", "compressai", "synthesis", "detail", "predicted", "denoise", "colorize", "autoencoder")


class _TaskModule(Protocol):
    """A module of codec/training/tasks."""

    def open_task(self, recipe: Recipe, sources: Sequence[Path], processes: Processes, folder: Path) -> Task:
        """Read the pictures, make the network; `folder` is the run's, for what is prepared once."""


def train(
    recipe: Recipe,
    sources: Sequence[Path],
    out: Path,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
    watch: Watch = lambda _: False,
) -> Outcome:
    """Train by a recipe on the pictures of `sources` (folders, tar files, pictures), into the folder `out`.

    Args:
        device: auto, cpu or cuda. Under torchrun every process calls this, and the first one writes.
        resume: go on with the run in `out`, which must be of the same recipe and sources.
        overwrite: begin anew where `out` holds a run.
        watch: hears of the progress after each step; returns True to stop, so that the run can be resumed.

    Raises RequestError (a recipe that does not work), OutputExistsError, FileAccessError (no pictures),
    TrainingError (the loss does not stay finite). The host's random state and threads are left as they were, and its
    default device and dtype change nothing.
    """
    recipe.length  # noqa: B018 - before anything is read
    run = Run(out)
    with _untouched(), processes(device) as group, run.locked() if group.first else nullcontext():
        group.share(recipe.batch)
        if group.first:
            run.check(recipe, sources, resume=resume, overwrite=overwrite)
            if not resume:
                forget(out)
        task = task_module(recipe.task).open_task(recipe, sources, group, out)
        if group.first:  # only now, so that a mistake above leaves no run behind, and loses none
            Run.begin(out, recipe, sources, resume=resume, overwrite=overwrite)
        group.agreed(0.0)  # the others wait until the folder is there
        return Loop(task, recipe, run, group).train(watch)


def task_module(task: str) -> _TaskModule:
    """The module of a task; `compressai:NAME` is one of CompressAI's networks. Raises RequestError."""
    kind = task.partition(":")[0]
    if kind not in _TASKS:
        raise RequestError(f"recipe: task {task!r} is none of {', '.join(_TASKS)}")
    return cast(_TaskModule, import_module(f"codec.training.tasks.{kind}"))


@contextmanager
def _untouched() -> Iterator[None]:
    """The host's random state and default dtype, as they were; inside, tensors are float32 and on the CPU."""
    dtype = torch.get_default_dtype()
    try:
        with torch.device("cpu"), torch.random.fork_rng(devices=range(torch.cuda.device_count())):
            torch.set_default_dtype(torch.float32)
            yield
    finally:
        torch.set_default_dtype(dtype)
