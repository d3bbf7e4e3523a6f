"""From a run that trained a fast synthesis to its file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file
from safetensors.torch import save_file as save_weights
from torch import Tensor

from bitstream.errors import FileAccessError, ModelFileError, OutputExistsError
from codec.api import Codec
from codec.model.file import ModelInfo
from codec.model.synthesis import read_synthesis_file
from codec.training.export.synthesis import export_synthesis, is_synthesis
from codec.training.session import train
from tests.support.cli_runner import invoke, succeed
from tests.support.goldens import parrots
from tests.support.tiny import write_tiny_model
from tests.support.training import small_recipe, write_pictures


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> ModelInfo:
    """Of four blocks."""
    return write_tiny_model(tmp_path_factory.mktemp("model"), depth=4)


@pytest.fixture(scope="module")
def run(model: ModelInfo, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first block is left out, as is the last; three steps."""
    folder = tmp_path_factory.mktemp("run")
    recipe = small_recipe(
        task="synthesis", start=str(model.path), network={"leave_out": [0, 3], "crops": 4}, steps=3, adam=1e-3, batch=2
    )
    train(recipe, [write_pictures(folder / "pictures", 4)], folder / "run", device="cpu")
    return folder / "run"


def weights(run: Path) -> dict[str, Tensor]:
    return load_file(run / "best.safetensors")


def test_a_run_becomes_a_file_that_decodes(run: Path, model: ModelInfo, tmp_path: Path) -> None:
    out = model.path.with_name("tiny-fast.safetensors")
    result = succeed("train", "export", run, "-o", out)
    file = read_synthesis_file(out)
    assert result.stdout == f"fast synthesis {file.info.id} for the files of model {model.id} written to {out}\n"
    assert (file.info.model, file.info.name) == (model.id, "tiny-fast")
    assert (file.info.config.dec_depth, file.info.before) == (2, 1)
    trained = weights(run)
    assert set(file.tensors) == set(trained)
    assert all(np.array_equal(t, trained[name].half().numpy()) for name, t in file.tensors.items())
    codec = Codec(model.path, device="cpu", precision="fp32")
    data = codec.encode(parrots()[:64, :64], 90)
    assert codec.decode_array(data, fast=True).shape == (64, 64, 3)
    assert codec.load(model.id, fast=True).synthesis.before == 1
    again = invoke("train", "export", run, "-o", out)
    assert again.exit_code == OutputExistsError.exit_status


def test_weights_alone_will_do(run: Path, tmp_path: Path) -> None:
    assert is_synthesis(run / "best.safetensors")
    info = export_synthesis(run / "best.safetensors", tmp_path / "a", name="mine")
    assert info == read_synthesis_file(tmp_path / "a").info and info.name == "mine"
    assert info.id == export_synthesis(run, tmp_path / "b").id


def test_options_of_models_are_refused(run: Path, tmp_path: Path) -> None:
    result = invoke("train", "export", run, "-o", tmp_path / "a", "--data", tmp_path, "--skip-below", "2")
    assert result.exit_code == 2 and "--data and --skip-below are for whole models" in result.stderr
    assert not (tmp_path / "a").exists()


def test_what_cannot_be_exported(run: Path, model: ModelInfo, tmp_path: Path) -> None:
    metadata = {"config": model.config.canonical_json(), "start": str(model.path), "before": "1"}
    cases: list[tuple[dict[str, str], dict[str, Tensor], str]] = [
        (metadata, weights(run), "is missing"),  # the depth of the model, but two blocks fewer
        ({**metadata, "start": str(run)}, weights(run), "is not a Wisp model file"),
        ({"config": metadata["config"]}, weights(run), "are not those of a fast synthesis"),
        ({"start": "x"}, weights(run), "no configuration"),
    ]
    for i, (changed, tensors, message) in enumerate(cases):
        path = tmp_path / f"{i}.safetensors"
        save_weights(tensors, path, changed)
        with pytest.raises(ModelFileError, match=message):
            export_synthesis(path, tmp_path / "out")
    with pytest.raises(FileAccessError):
        export_synthesis(tmp_path / "missing", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_weights_beyond_fp16_are_refused(run: Path, tmp_path: Path) -> None:
    path = tmp_path / "large.safetensors"
    with safe_open(run / "best.safetensors", "pt") as file:
        metadata = file.metadata()
    large = {**weights(run), "synthesis.up.bias": torch.full((32,), 1e6)}
    save_weights(large, path, metadata)
    with pytest.raises(ModelFileError, match=r"synthesis\.up\.bias has values that are not finite"):
        export_synthesis(path, tmp_path / "out")
