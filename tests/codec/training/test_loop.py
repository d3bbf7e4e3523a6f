"""The loop: losses fall, resuming is exact, stopping early, weights put back, two processes agree with one."""

from __future__ import annotations

import math
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from bitstream.errors import FileAccessError, OutputExistsError, RequestError
from codec.notes import WispNote
from codec.training.distributed import Processes
from codec.training.log import STEPS, VALIDATION, read_table
from codec.training.loop import Loop, Outcome, Status, TrainingError
from codec.training.recipe import Recipe
from codec.training.run import BEST, STATE, Run
from codec.training.session import train
from codec.training.start import read_weights
from codec.training.task import Inputs, Validation, generator
from tests.support.training import small_recipe, write_pictures

ALONE = Processes(0, 1, torch.device("cpu"))


class Line:
    """A task of two weights: fit a line to random points. Validation scores come from a list where there is one."""

    waiting = ("late",)

    def __init__(self, seed: int = 1, scores: list[float] | None = None, epoch: int = 5) -> None:
        torch.manual_seed(seed)
        self.network = nn.ModuleDict({"early": nn.Linear(1, 1), "late": nn.Linear(1, 1)})
        self.epoch, self.scores, self.seed = epoch, scores, seed
        self.spoil: Callable[[int], bool] = lambda step: False

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        x = torch.randn(16, 1, generator=generator(self.seed, step))
        return (x * math.inf if self.spoil(step) else x,)

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        (x,) = inputs
        noise = torch.randn(()) * 1e-3  # chance that the loop seeds
        return {"loss": (self.network["late"](self.network["early"](x)) - 3 * x - 1 + noise).square().mean()}

    def validate(self) -> Validation:
        x = torch.linspace(-1, 1, 32)[:, None]
        error = float((self.network["late"](self.network["early"](x)) - 3 * x - 1).square().mean())
        score = self.scores.pop(0) if self.scores else error
        return Validation(score, [{"quality": 0.0, "error": error}])

    def metadata(self) -> dict[str, str]:
        return {"config": "{}"}


def line_recipe(**changes: Any) -> Recipe:
    return Recipe(**{"steps": 40, "warmup": 0, "adam": 0.05, "validate_every": 10, **changes})


def run_line(
    folder: Path, recipe: Recipe, task: Line | None = None, watch: Callable[[Status], bool] = lambda _: False
) -> tuple[Line, Outcome]:
    task = task or Line()
    run = Run.begin(folder, recipe, [], resume=True, overwrite=False)
    return task, Loop(task, recipe, run, ALONE).train(watch)


def same(a: nn.Module, b: nn.Module) -> bool:
    return all(torch.equal(x, y) for x, y in zip(a.state_dict().values(), b.state_dict().values(), strict=True))


@pytest.mark.parametrize("killed_at", [1, 10, 13, 39])
@pytest.mark.parametrize("decay", ["linear", "cosine", "constant"])
def test_a_run_that_was_stopped_ends_as_if_it_had_not_been(tmp_path: Path, killed_at: int, decay: str) -> None:
    recipe = line_recipe(decay=decay, muon=0.0, hold=5)
    whole, outcome = run_line(tmp_path / "whole", recipe)
    _, stopped = run_line(tmp_path / "parts", recipe, watch=lambda status: status.step == killed_at)
    assert (stopped.ended, stopped.steps) == ("stopped", killed_at)
    parts, resumed = run_line(tmp_path / "parts", recipe)
    assert (resumed.ended, resumed.steps, resumed.score) == ("whole", 40, outcome.score)
    assert same(whole.network, parts.network)
    tables = [[row["step"] for row in read_table(tmp_path / name / VALIDATION)] for name in ("whole", "parts")]
    assert tables[0] == tables[1] == [10, 20, 30, 40]


def test_a_run_that_was_killed_goes_on_from_its_last_state(tmp_path: Path) -> None:
    """Rows that were written after that state are made again, not twice."""
    recipe = line_recipe(validate_every=15)
    whole, _ = run_line(tmp_path / "whole", recipe)

    def kill(status: Status) -> bool:
        if status.step == 25:
            raise KeyboardInterrupt
        return False

    with pytest.raises(KeyboardInterrupt):
        run_line(tmp_path / "parts", recipe, watch=kill)
    parts, _ = run_line(tmp_path / "parts", recipe)
    assert same(whole.network, parts.network)
    assert [row["step"] for row in read_table(tmp_path / "parts" / STEPS)] == [1, 20, 40]


def test_a_run_that_ended_trains_no_further(tmp_path: Path) -> None:
    recipe = line_recipe()
    first, outcome = run_line(tmp_path, recipe)
    again, resumed = run_line(tmp_path, recipe)
    assert same(first.network, again.network) and resumed.steps == outcome.steps == 40
    assert len(read_table(tmp_path / VALIDATION)) == 4


def test_no_gain_for_two_validations_stops_at_the_third_epoch(tmp_path: Path) -> None:
    task = Line(scores=[1.0] * 9, epoch=5)
    _, outcome = run_line(tmp_path, line_recipe(patience=2, validate_every=0), task)
    assert (outcome.ended, outcome.steps) == ("early", 15)


def test_the_best_weights_are_kept_and_restored(tmp_path: Path) -> None:
    seen: list[dict[str, Tensor]] = []
    task = Line(scores=[3.0, 1.0, 2.0, 2.0])
    validate = task.validate

    def remembered() -> Validation:
        seen.append({name: value.clone() for name, value in task.network.state_dict().items()})
        return validate()

    task.validate = remembered  # type: ignore[method-assign]
    _, outcome = run_line(tmp_path, line_recipe(), task)
    assert outcome.score == 1.0 and len(seen) == 4
    best, kept = seen[1], read_weights(str(tmp_path))
    assert all(torch.equal(best[name], kept[name]) for name in best)
    assert all(torch.equal(best[name], value) for name, value in task.network.state_dict().items())


def test_what_waits_keeps_its_weights_until_then(tmp_path: Path) -> None:
    task = Line()
    before = {name: value.clone() for name, value in task.network.state_dict().items()}
    run_line(tmp_path, line_recipe(hold=100), task)
    after = task.network.state_dict()
    assert torch.equal(before["late.weight"], after["late.weight"])
    assert not torch.equal(before["early.weight"], after["early.weight"])


def test_weights_are_put_back_where_the_loss_is_not_finite(tmp_path: Path) -> None:
    task = Line()
    task.spoil = lambda step: step == 17
    with pytest.warns(WispNote, match="step 20: the loss is not finite"):
        _, outcome = run_line(tmp_path, line_recipe(), task)
    assert outcome.steps == 40 and all(value.isfinite().all() for value in task.network.state_dict().values())


@pytest.mark.filterwarnings("ignore:step")
def test_a_loss_that_is_never_finite_is_an_error(tmp_path: Path) -> None:
    task = Line()
    task.spoil = lambda step: step > 10
    with pytest.raises(TrainingError, match="does not stay finite"):
        run_line(tmp_path, line_recipe(steps=500, validate_every=10_000), task)


def test_tensorboard_shows_what_the_tables_hold(tmp_path: Path) -> None:
    """Also of a run that was resumed: no step twice."""
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run_line(tmp_path, line_recipe(), watch=lambda status: status.step == 25)
    run_line(tmp_path, line_recipe())
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    losses = {event.step: event.value for event in events.Scalars("steps/loss")}
    assert losses == pytest.approx({row["step"]: row["loss"] for row in read_table(tmp_path / STEPS)})
    assert [event.step for event in events.Scalars("validation/error/q0")] == [10, 20, 30, 40]


def test_a_folder_holds_one_run(tmp_path: Path) -> None:
    recipe = line_recipe(steps=2)
    run_line(tmp_path, recipe)
    with pytest.raises(OutputExistsError, match="holds a run already"):
        Run.begin(tmp_path, recipe, [], resume=False, overwrite=False)
    with pytest.raises(RequestError, match="another recipe"):
        Run.begin(tmp_path, line_recipe(steps=3), [], resume=True, overwrite=False)
    Run.begin(tmp_path, line_recipe(steps=3), [], resume=False, overwrite=True)
    assert Run.open(tmp_path).read_state() is None


def test_training_leaves_the_hosts_chance_alone(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 4)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(small_recipe(steps=1), [pictures], tmp_path / "run", device="cpu")
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("kind", ["mse", pytest.param("mixture", marks=pytest.mark.slow)])
def test_the_loss_of_the_image_network_falls(tmp_path: Path, kind: str) -> None:
    weights = {"mse": {}, "mixture": {"mse": 0.5, "l1": 0.5, "dropout": 0.05}}[kind]
    pictures = write_pictures(tmp_path / "pictures")
    recipe = small_recipe(steps=40, adam=1e-2, begin_at=63.0, lowest=40.0, **weights)
    train(recipe, [pictures], tmp_path / "run", device="cpu")
    rows = read_table(tmp_path / "run" / STEPS)
    assert rows[-1]["loss"] < 0.7 * rows[0]["loss"]


def test_the_image_network_resumes_exactly_with_muon(tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 6)
    recipe = small_recipe(steps=6, muon=1e-3, begin_at=40.0, widen=0.5, validate_every=3)
    train(recipe, [pictures], tmp_path / "whole", device="cpu")
    train(recipe, [pictures], tmp_path / "parts", device="cpu", watch=lambda status: status.step == 4)
    train(recipe, [pictures], tmp_path / "parts", device="cpu", resume=True)
    whole, parts = (torch.load(tmp_path / name / "state.pt", weights_only=True) for name in ("whole", "parts"))
    assert all(torch.equal(value, parts["network"][name]) for name, value in whole["network"].items())
    best = [(tmp_path / name / "best.safetensors").read_bytes() for name in ("whole", "parts")]
    assert best[0] == best[1]


_WORKER = """
import sys
from pathlib import Path
from codec.training.session import train
from tests.support.training import small_recipe
train(small_recipe(steps=6, adam=2e-3), [Path(sys.argv[1])], Path(sys.argv[2]), device="cpu")
"""


@pytest.mark.slow
def test_two_processes_agree_with_one(tmp_path: Path) -> None:
    """Half of the batch each: the mean of the last losses differs by the noise alone."""
    pictures = write_pictures(tmp_path / "pictures", 8)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", _WORKER, str(pictures), str(tmp_path / "two")],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in range(2)
    ]
    train(small_recipe(steps=6, adam=2e-3), [pictures], tmp_path / "one", device="cpu")
    assert [process.wait(timeout=300) for process in started] == [0, 0]
    one, two = (read_table(tmp_path / name / VALIDATION) for name in ("one", "two"))
    assert len(one) == len(two) == 8
    for a, b in zip(one, two, strict=True):
        assert b["bpp"] == pytest.approx(a["bpp"], rel=0.05) and b["psnr"] == pytest.approx(a["psnr"], rel=0.05)
        assert b["score"] == pytest.approx(a["score"], rel=0.05)


def test_a_batch_must_be_split_evenly() -> None:
    with pytest.raises(RequestError, match="a batch of 5 cannot be split among 2 processes"):
        Processes(0, 2, torch.device("cpu")).share(5)


def test_weights_that_are_not_finite_are_not_kept_to_go_back_to(tmp_path: Path) -> None:
    """A validation between two rows of the table saves the state before the loss is looked at."""
    task = Line()
    task.spoil = lambda step: step == 11
    with pytest.warns(WispNote, match="step 20: the loss is not finite"):
        _, outcome = run_line(tmp_path, line_recipe(validate_every=14), task)
    assert outcome.steps == 40 and all(value.isfinite().all() for value in task.network.state_dict().values())


def test_a_whole_run_that_is_resumed_is_whole(tmp_path: Path) -> None:
    run_line(tmp_path, line_recipe())
    assert run_line(tmp_path, line_recipe())[1].ended == "whole"


@pytest.mark.parametrize("setting", ["meta", "float64"])
def test_the_hosts_defaults_change_nothing(tmp_path: Path, setting: str) -> None:
    pictures, dtype = write_pictures(tmp_path / "pictures", 4), torch.get_default_dtype()
    train(small_recipe(steps=2), [pictures], tmp_path / "plain", device="cpu")
    try:
        if setting == "meta":
            torch.set_default_device("meta")
        else:
            torch.set_default_dtype(torch.float64)
        train(small_recipe(steps=2), [pictures], tmp_path / "odd", device="cpu")
        if setting == "float64":
            assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_device(None)
        torch.set_default_dtype(dtype)
    assert (tmp_path / "plain" / BEST).read_bytes() == (tmp_path / "odd" / BEST).read_bytes()


def test_a_run_that_is_replaced_leaves_no_rows_and_sheets(tmp_path: Path) -> None:
    first, second = (line_recipe(steps=steps, validate_first=True) for steps in (2, 1))
    run_line(tmp_path, first)
    Run(tmp_path).save_sheet(2, b"")
    Run.begin(tmp_path, second, [], resume=False, overwrite=True)
    run_line(tmp_path, second)
    assert [row["step"] for row in read_table(tmp_path / VALIDATION)] == [0, 1]
    assert not Run(tmp_path).sheets()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 garbage", None, [1, 2], {"network": {}}])
def test_a_state_that_is_damaged_or_of_something_else(tmp_path: Path, content: object) -> None:
    Run.begin(tmp_path, line_recipe(), [], resume=False, overwrite=False)
    if isinstance(content, bytes):
        (tmp_path / STATE).write_bytes(content)
    else:
        torch.save(content, tmp_path / STATE)
    with pytest.raises(FileAccessError, match="cannot be resumed from"):
        run_line(tmp_path, line_recipe())


def test_damaged_best_weights_are_named(tmp_path: Path) -> None:
    run_line(tmp_path, line_recipe())
    (tmp_path / BEST).write_bytes(b"x")
    with pytest.raises(FileAccessError, match=r"best\.safetensors cannot be read"):
        run_line(tmp_path, line_recipe())
