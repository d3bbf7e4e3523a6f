"""`wisp decode --fast`, and what `wisp models` says of it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.api import Codec
from codec.model import registry
from codec.model.file import ModelInfo
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.clips import moving, written
from tests.support.tiny import write_tiny_model, write_tiny_synthesis


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learned_only: None) -> ModelInfo:
    """In a folder of its own; beside it a.wisp, and clip.wisp, coded with it."""
    for name in ("models", "fast", "work"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path / "work")
    found = write_tiny_model(tmp_path / "models")
    codec, frames = Codec(found.path, device="cpu", precision="fp32"), moving(2, (64, 48))
    Path("a.wisp").write_bytes(codec.encode(frames[0]))
    Path("clip.wisp").write_bytes(written(codec, frames))
    return found


def decode(model: ModelInfo, *arguments: str) -> tuple[str, ...]:
    return ("decode", "--model", str(model.path), "--device", "cpu", "--precision", "fp32", *arguments)


def test_pictures_and_sequences_are_decoded_fast(
    model: ModelInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny_synthesis(tmp_path / "fast" / "tiny-fast.safetensors", model)
    monkeypatch.setenv("WISP_MODEL_PATH", str(tmp_path / "fast"))
    succeed(*decode(model, "a.wisp", "-o", "full.png"))
    succeed(*decode(model, "--fast", "a.wisp", "-o", "fast.png"))
    succeed(*decode(model, "--fast", "clip.wisp", "-o", "%d.png"))
    full, fast, frame = (np.asarray(Image.open(f"{name}.png")).astype(int) for name in ("full", "fast", "0"))
    wanted = Codec(model.path, device="cpu", precision="fp32").decode_array("a.wisp", fast=True)
    assert np.abs(fast - wanted).max() <= 1 and np.abs(frame - wanted).max() <= 1 < np.abs(full - wanted).max()


@pytest.mark.parametrize("name", ["a.wisp", "clip.wisp"])
def test_without_one_it_is_a_line_and_no_output(model: ModelInfo, name: str) -> None:
    before = folder_content(Path())
    result = invoke(*decode(model, "--fast", name))
    assert result.exit_code == 6 and not result.stdout
    assert result.stderr.startswith(f"wisp: {name}: model {model.id} has no fast synthesis here: ")
    assert len(result.stderr.splitlines()) == 1
    assert folder_content(Path()) == before


def test_it_cannot_be_encoded_with(model: ModelInfo) -> None:
    fast = write_tiny_synthesis(model.path.with_name("tiny-fast.safetensors"), model)
    succeed(*decode(model, "a.wisp"))
    for command in (("encode", "a.png", "-o", "b.wisp"), ("decode", "a.wisp", "-o", "b.png")):
        result = invoke(*command, "--model", str(fast.path))
        assert result.exit_code == 6 and result.stderr.endswith("for the files of a model, not a model\n")


def test_models_are_listed_with_theirs(model: ModelInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "PACKAGED", tmp_path / "models")
    monkeypatch.setattr(registry, "DEFAULT_MODEL", "tiny")
    fast = write_tiny_synthesis(model.path.with_name("a-fast.safetensors"), model)
    other = write_tiny_model(tmp_path / "fast", name="other", seed=3)
    monkeypatch.setenv("WISP_MODEL_PATH", str(other.path))
    result = succeed("models")
    assert result.stdout.splitlines() == [
        f"* {model.id}  tiny         {model.path}",
        f"    fast: {fast.id}  {fast.path}",
        f"  {other.id}  other        {other.path}",
        "* encodes by default",
    ]
    assert not result.stderr
    rows = json.loads(succeed("models", "--json").stdout)
    assert [row["fast"] for row in rows] == [{"id": fast.id, "name": "a-fast", "path": str(fast.path)}, None]
    lonely = write_tiny_synthesis(tmp_path / "work" / "lonely.safetensors", other)
    monkeypatch.setenv("WISP_MODEL_PATH", str(lonely.path))
    assert f"{lonely.path} is for model {other.id}, which is not here" in succeed("models").stderr
