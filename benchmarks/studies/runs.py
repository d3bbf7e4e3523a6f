"""The rows of a study, trained one after the other by the one training loop, and what they came to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from safetensors.torch import load_file
from safetensors.torch import save as safetensors_bytes

from benchmarks.studies.request import Row
from bitstream.errors import FileAccessError
from codec.files.output import Writing
from codec.training.data.picture_set import PictureSet
from codec.training.distributed import Processes
from codec.training.log import STEPS, VALIDATION, read_table
from codec.training.loop import Outcome, Status
from codec.training.run import BEST, Run
from codec.training.session import train
from codec.training.tasks.autoencoder import AutoencoderTask

EPOCHS = "epochs"  # in a row's folder, the weights after some epochs
Values = Mapping[str, float]


class Listener(Protocol):
    """Hears how a study goes."""

    def begin(self, title: str, row: int, rows: int) -> None:
        """A row is taken up, the first one is 0."""

    def advance(self, status: Status) -> bool:
        """After each step of it -> whether to stop, so that the study can be resumed."""


@dataclass(frozen=True)
class Trained:
    """A row that is trained: its run, how it ended, and its network's task with the best weights.

    `curves` are the validations by epoch, `losses` the training losses by epoch.
    """

    row: Row
    run: Run
    outcome: Outcome
    task: AutoencoderTask
    curves: Mapping[float, Values]
    losses: Mapping[float, Values]

    @property
    def best(self) -> tuple[float, Values]:
        """The epoch of the best weights, and its validation."""
        return min(self.curves.items(), key=lambda item: item[1]["score"])

    @property
    def weights(self) -> int:
        """How many the network has."""
        return sum(parameter.numel() for parameter in self.task.network.parameters())

    def after(self, epoch: int) -> AutoencoderTask | None:
        """The task with the weights after that epoch; None where the row had stopped before."""
        path = _kept(self.run, epoch)
        return self._with(path) if path.exists() else None

    def with_best(self) -> AutoencoderTask:
        """The task with the best weights."""
        return self._with(self.run.folder / BEST)

    def _with(self, path: Path) -> AutoencoderTask:
        self.task.network.load_state_dict(load_file(path))
        self.task.network.eval()
        return self.task


def train_rows(
    rows: Sequence[Row],
    pictures: PictureSet,
    sources: Sequence[Path],
    out: Path,
    epochs: Sequence[int],
    listener: Listener,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
) -> list[Trained] | None:
    """Train every row into a folder of its name in `out`, keeping the weights after `epochs`.

    -> None where it was stopped.

    Raises as `train`; that a folder holds another run before anything is trained.
    """
    for row in rows:
        Run(out / row.name).check(row.recipe, sources, resume=resume, overwrite=overwrite)
    trained = []
    for number, row in enumerate(rows):
        run, each = Run(out / row.name), _epoch(row, pictures)
        if not resume:
            for old in (run.folder / EPOCHS).glob("*.safetensors"):
                old.unlink()
        elif (state := run.read_state()) is not None and state["step"] % each == 0:  # killed before it was kept
            _keep(run, row, state["step"] // each, epochs)

        def watch(status: Status, row: Row = row, run: Run = run, each: int = each) -> bool:
            if status.step % each == 0:
                _keep(run, row, status.step // each, epochs)
            return listener.advance(status)

        listener.begin(row.title, number, len(rows))
        outcome = train(row.recipe, sources, run.folder, device=device, resume=resume, overwrite=overwrite, watch=watch)
        if outcome.ended == "stopped":
            return None
        trained.append(_trained(row, run, outcome, pictures, each))
    return trained


def _trained(row: Row, run: Run, outcome: Outcome, pictures: PictureSet, each: int) -> Trained:
    by_epoch = [
        {values["step"] / each: values for values in read_table(run.folder / name)} for name in (VALIDATION, STEPS)
    ]
    if not by_epoch[0]:
        raise FileAccessError(f"{run.folder / VALIDATION} has no rows")
    task = AutoencoderTask(row.recipe, pictures, Processes(0, 1, torch.device("cpu")))
    return Trained(row, run, outcome, task, *by_epoch)


def _epoch(row: Row, pictures: PictureSet) -> int:
    """Steps of an epoch."""
    count = len(pictures.training)
    return -(-count // min(row.recipe.batch, count))


def _keep(run: Run, row: Row, epoch: int, wanted: Sequence[int]) -> None:
    """The weights that were saved after this epoch, if they are wanted and not there yet."""
    path = _kept(run, epoch)
    if epoch not in wanted or path.exists():
        return
    state = run.read_state()
    if state is not None:
        tensors = {name: tensor.contiguous() for name, tensor in state["network"].items()}
        data = safetensors_bytes(tensors, {"autoencoder": row.recipe.toml(), "epoch": str(epoch)})
        Writing(overwrite=True, make_folders=True).write(str(path), data)


def _kept(run: Run, epoch: int) -> Path:
    return run.folder / EPOCHS / f"{epoch:05d}.safetensors"
