"""Detail on the command line: high qualities, previews, what is told of it, and damage."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bitstream.still import UNIT
from codec.files.source import read_file
from codec.model.file import ModelInfo
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.goldens import parrots
from tests.support.tiny import write_tiny_detail, write_tiny_model

FP32 = ("--device", "cpu", "--precision", "fp32")


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, learned_only: None) -> ModelInfo:
    """With a detail layer beside it; a.wisp is of quality 95."""
    (tmp_path / "models").mkdir()
    found = write_tiny_model(tmp_path / "models")
    write_tiny_detail(tmp_path / "models" / "tiny-detail.safetensors", found)
    monkeypatch.chdir(tmp_path)
    Image.fromarray(parrots()[:64, :100]).save("a.png")
    succeed("encode", "a.png", "-q", "95", "--model", str(found.path), *FP32)
    return found


def decoded(model: ModelInfo, *arguments: str) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    succeed("decode", *arguments, "-o", "out.png", "--overwrite", "--model", str(model.path), *FP32)
    return np.asarray(Image.open("out.png")).astype(np.int64)


def test_info_tells_quality_and_bytes_of_both(model: ModelInfo) -> None:
    facts = json.loads(succeed("info", "--json", "a.wisp", "--model", str(model.path)).stdout)
    assert facts["quality"] == pytest.approx(95, abs=0.02) and 0 < facts["detail_bytes"] < facts["payload_bytes"]
    text = succeed("info", "a.wisp", "--model", str(model.path)).stdout
    base = facts["payload_bytes"] - facts["detail_bytes"]
    assert f": {base} of the base, {facts['detail_bytes']} of detail" in text
    succeed("verify", "a.wisp", "--model", str(model.path))
    rows = json.loads(succeed("models", "--json", "--model", str(model.path)).stdout)
    (layer,) = next(row["detail"] for row in rows if row["id"] == model.id)
    assert layer["name"] == "tiny-detail" and layer["id"] in succeed("models", "--model", str(model.path)).stdout


def test_preview_is_there_before_the_file_ends(model: ModelInfo) -> None:
    data = Path("a.wisp").read_bytes()
    last = max(chunk.offset + chunk.length + 12 for chunk in read_file(data).chunks if chunk.type == UNIT)
    Path("early.wisp").write_bytes(data[: last + 50])
    whole, preview = decoded(model, "a.wisp"), decoded(model, "--preview", "a.wisp")
    source = parrots()[:64, :100].astype(int)
    assert np.abs(whole - source).mean() < 5 < np.abs(preview - source).mean()
    assert np.array_equal(decoded(model, "--preview", "early.wisp"), preview)
    before = folder_content(Path())
    result = invoke("decode", "early.wisp", "-o", "x.png", "--model", str(model.path), *FP32)
    assert result.exit_code == 4 and folder_content(Path()) == before


def test_lost_detail_is_told_and_shown_without(model: ModelInfo) -> None:
    data = bytearray(Path("a.wisp").read_bytes())
    place = next(chunk.offset for chunk in read_file(bytes(data)).chunks if chunk.name == "DTAL")
    data[place + 60] ^= 1
    Path("broken.wisp").write_bytes(data)
    result = invoke("decode", "--salvage", "broken.wisp", "-o", "rest.png", "--model", str(model.path), *FP32)
    assert result.exit_code == 5
    assert result.stderr == "wisp: broken.wisp: 1 of 1 tiles are shown without their detail, which is lost\n"
    assert np.array_equal(np.asarray(Image.open("rest.png")), decoded(model, "--preview", "a.wisp"))
