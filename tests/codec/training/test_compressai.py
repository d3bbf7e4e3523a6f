"""CompressAI's networks through the trainer: a step, a checkpoint that the benchmark reads, refusals."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmarks.codecs.compressai_models import CompressAiModel
from bitstream.errors import RequestError, UnsupportedError
from cli.main import cli
from codec.training.data.batches import open_batches, validation_crops
from codec.training.data.sources import find_pictures
from codec.training.distributed import Processes
from codec.training.log import VALIDATION, read_table
from codec.training.recipe import Recipe, read_recipe
from codec.training.tasks.compressai import CompressAiTask
from tests.support.compressai_import import compressai_imports
from tests.support.training import write_pictures

ALONE = Processes(0, 1, torch.device("cpu"))


@pytest.fixture
def compressai() -> None:
    if not compressai_imports():
        pytest.skip("CompressAI is not installed")


def recipe(name: str, **changes: Any) -> Recipe:
    usual = {"task": f"compressai:{name}", "network.quality": 1, "batch": 2, "crop": 64, "validation": 1}
    return read_recipe("compressai").changed({**usual, **changes})


def open_task(name: str, folder: Path, **changes: Any) -> CompressAiTask:
    entries = find_pictures([write_pictures(folder, 3)])
    wanted = recipe(name, **changes)
    batches = open_batches(entries, batch=2, size=64, seed=1)
    return CompressAiTask(wanted, batches, validation_crops(entries[:1], 64), ALONE)


@pytest.mark.usefixtures("compressai")
@pytest.mark.parametrize("name", ["bmshj2018-hyperprior", "mbt2018-mean", "cheng2020-anchor"])
def test_gradients_reach_every_tensor(name: str, tmp_path: Path) -> None:
    """The tails by the auxiliary loss, all else by rate and distortion."""
    task = open_task(name, tmp_path)
    losses = task.loss(*task.draw(0, 0.0))
    losses["loss"].backward()
    for parameter, value in task.network.named_parameters():
        assert value.grad is not None and value.grad.isfinite().all(), parameter
    assert set(losses) == {"loss", "bpp", "distortion", "auxiliary"}
    expected = losses["bpp"] + 0.0018 * losses["distortion"] + 1e-3 * losses["auxiliary"]
    assert losses["loss"].item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.usefixtures("compressai")
def test_from_pictures_to_the_benchmark(tmp_path: Path) -> None:
    """Train, export in CompressAI's layout, and code by the benchmark's own path."""
    pictures, run = write_pictures(tmp_path / "pictures", 4), tmp_path / "run"
    shown = CliRunner().invoke(
        cli,
        [
            "train", "image", "--model", "compressai:bmshj2018-hyperprior",
            "--data", str(pictures), "-o", str(run), "--steps", "2", "--batch", "2", "--crop", "64",
            "--set", "network.quality=1", "--no-report",
        ],
    )  # fmt: skip
    assert shown.exit_code == 0, shown.output
    assert [row["quality"] for row in read_table(run / VALIDATION)][-1] == 1
    made = tmp_path / "zoo" / "bmshj2018-hyperprior-1.pth.tar"
    made.parent.mkdir()
    exported = CliRunner().invoke(cli, ["train", "export", str(run), "-o", str(made)])
    assert exported.exit_code == 0, exported.output
    codec = CompressAiModel("bmshj2018-hyperprior", made.parent)
    codec.open(1)
    picture = np.full((64, 64, 3), 128, np.uint8)
    assert codec.decode(codec.encode(picture, 1)).shape == picture.shape


@pytest.mark.usefixtures("compressai")
@pytest.mark.parametrize(
    "name, changes, message",
    [
        ("vvc", {}, "'vvc' is none of CompressAI's bmshj2018-hyperprior"),
        ("mbt2018", {"network.quality": 9}, "the qualities of mbt2018 are 1..8, not 9"),
        ("mbt2018", {"network.c": 9}, "CompressAI's networks have no c"),
    ],
)
def test_what_is_refused(name: str, changes: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=message):
        open_task(name, tmp_path, **changes)


def test_without_the_package(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    really = builtins.__import__

    def absent(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("compressai"):
            raise ImportError("No module named 'compressai'")
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UnsupportedError, match=r"pip install 'wisp-codec\[compressai\]'"):
        open_task("mbt2018", tmp_path)
