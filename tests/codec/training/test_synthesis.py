"""The task of a faster synthesis: nothing left out is the full one, what is left out costs, training goes on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bitstream.errors import RequestError
from codec.model.file import write_model_file
from codec.training.log import VALIDATION, read_table
from codec.training.recipe import Recipe, read_recipe
from codec.training.session import train
from codec.training.start import read_weights
from codec.training.tasks.synthesis import renumbered
from tests.support.tiny import tiny_config, tiny_tensors
from tests.support.training import write_pictures


@pytest.fixture
def start(tmp_path: Path) -> Path:
    path = tmp_path / "start.safetensors"
    write_model_file(path, "start", tiny_config(), 1, tiny_tensors(tiny_config()))
    return path


def recipe(start: Path, **changes: Any) -> Recipe:
    usual = {
        "start": str(start),
        "batch": 2,
        "crop": 64,
        "validation": 1,
        "warmup": 0,
        "network.crops": 3,
        "adam": 1e-3,
    }
    return read_recipe("synthesis").lasting(steps=2).changed({**usual, **changes})


def below(run: Path, step: int) -> list[float]:
    return [row["below"] for row in read_table(run / VALIDATION) if row["step"] == step]


def test_a_synthesis_of_all_blocks_loses_nothing(start: Path, tmp_path: Path) -> None:
    pictures = write_pictures(tmp_path / "pictures", 4)
    train(recipe(start, **{"network.leave_out": []}), [pictures], tmp_path / "run", device="cpu")
    assert below(tmp_path / "run", 0) == [0.0] * 5


def test_training_goes_on_from_an_earlier_run(start: Path, tmp_path: Path) -> None:
    """Its last validation is the first one of the next run."""
    pictures, first, second = write_pictures(tmp_path / "pictures", 4), tmp_path / "first", tmp_path / "second"
    left_out = {"network.leave_out": [0]}
    train(recipe(start, validate_first=False, **left_out), [pictures], first, device="cpu")
    train(recipe(start, **{"network.weights": str(first), **left_out}), [pictures], second, device="cpu")
    assert below(second, 0) == below(first, 2)
    assert any(value != 0 for value in below(second, 0))


def test_blocks_that_are_kept_are_numbered_anew(start: Path) -> None:
    tensors = {f"synthesis.blocks.{i}.a.bias": read_weights(str(start))["synthesis.stem.bias"] + i for i in range(4)}
    kept = renumbered({**tensors, "analysis.stem.bias": tensors["synthesis.blocks.0.a.bias"]}, 4, [0, 2])
    assert {name: float(t[0] - tensors["synthesis.blocks.0.a.bias"][0]) for name, t in kept.items()} == {
        "synthesis.blocks.0.a.bias": pytest.approx(1, abs=1e-4),
        "synthesis.blocks.1.a.bias": pytest.approx(3, abs=1e-4),
    }


@pytest.mark.parametrize("left_out", [[1], [-1], "0", [0.0]])
def test_blocks_that_are_not_there(start: Path, tmp_path: Path, left_out: object) -> None:
    pictures = write_pictures(tmp_path / "pictures", 2)
    with pytest.raises(RequestError, match=r"the blocks of the synthesis are 0\.\.0"):
        train(recipe(start, **{"network.leave_out": left_out}), [pictures], tmp_path / "run", device="cpu")
