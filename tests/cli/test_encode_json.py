"""`wisp encode --json`: a line for every input, which agrees with the file that was written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.measures import psnr
from cli import batch
from tests.support.cli_runner import invoke
from tests.support.rate_runner import decoded, done, encode, error_of, facts, lay_out
from tests.support.scenes import photo

SHARED = {"width", "height", "mode", "quality", "model_quality", "bytes", "bpp", "tile", "tiles", "lossless_tiles"}
KEYS = SHARED | {"file", "output", "target", "effort", "tune", "psnr", "ms_ssim", "seconds", "stages"}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with pictures."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch, "cores", lambda: 4)
    lay_out()
    return tmp_path


def agrees(told: Mapping[str, Any]) -> None:
    """With the file that was written, as it is read and decoded."""
    assert set(told) == KEYS
    info = facts(told["output"])
    assert {key: told[key] for key in SHARED} == {key: info[key] for key in SHARED}
    assert told["bytes"] == Path(told["output"]).stat().st_size
    with Image.open(told["file"]) as image:
        expected = psnr(decoded(told["output"]), np.asarray(image))
    assert told["psnr"] is None if np.isinf(expected) else told["psnr"] == pytest.approx(expected, abs=1e-4)
    assert 0 <= sum(told["stages"].values()) <= told["seconds"] + 0.01


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.png", ["-q", 33.5]),
        ("a.png", ["--lossless"]),
        ("a.png", ["--target-bpp", 1, "--roi", "0,0,64,64", "--tile", 64]),
        ("a.png", ["--target-psnr", 45]),
        ("wide.png", ["--target-psnr", 40]),
        ("drawing.png", []),
    ],
)
def test_json_agrees_with_the_file(name: str, options: list[str | float]) -> None:
    Image.fromarray(np.concatenate([photo(64, 128), photo(64, 128)], axis=1)).save("wide.png")
    told = done(name, *options)
    agrees(told)
    assert (told["psnr"] is None) == (told["quality"] is None) == (told["lossless_tiles"] == told["tiles"])


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_json_has_a_line_for_every_input_that_was_encoded(jobs: int) -> None:
    Path("text.png").write_text("no picture")
    inputs = ("a.png", "none.png", "b.png", "text.png", "drawing.png")
    result = encode(*inputs, "-o", "out", "--json", "--jobs", jobs, "-q", 40)
    assert result.exit_code == 8
    told = [json.loads(line) for line in result.stdout.splitlines()]
    assert sorted(each["file"] for each in told) == ["a.png", "b.png", "drawing.png"]
    for each in told:
        agrees(each)
    assert sorted(line.split(": ")[1] for line in result.stderr.splitlines()) == ["none.png", "text.png"]


def test_json_goes_with_progress_and_input_from_a_pipe() -> None:
    result = invoke("encode", "-", "-o", "a.wisp", "--json", "--progress", "json", stdin=Path("a.png").read_bytes())
    (line,) = result.stdout.splitlines()
    assert json.loads(line)["file"] == "-" and json.loads(line)["output"] == "a.wisp"
    assert all("event" in json.loads(line) for line in result.stderr.splitlines())


@pytest.mark.parametrize("arguments", [["a.png", "-o", "-"], ["-"]])
def test_json_and_a_file_on_standard_output_exclude_each_other(arguments: list[str]) -> None:
    assert "--json" in error_of(encode(*arguments, "--json"), 2)
