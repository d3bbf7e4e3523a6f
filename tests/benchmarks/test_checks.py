"""`python -m benchmarks.checks`: its runner, and the checks themselves on very little."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner

from benchmarks.checks import __main__ as runner
from benchmarks.checks import fast, large, precision, seams, size, speed, video
from benchmarks.checks.check import Check, Run
from benchmarks.datasets import LIVE, read_picture
from benchmarks.mosaic import Size
from codec.api import Codec
from tests.support.tiny import write_tiny_model, write_tiny_synthesis


@dataclass(frozen=True)
class Figure:
    """A row."""

    picture: str
    value: float


def over(run: Run) -> None:
    """The mean of each picture, held to a limit that caps misses."""
    for name, picture in run.pictures(("caps", "house")):
        run.row(Figure(name, float(picture.mean())), name)
        run.hold(f"{name}: ", float(picture.mean()), 1 if name == "caps" else 255)


def test_the_runner_runs_what_is_named_or_the_usual_ones(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    within = Check("a limit that is met", 1, lambda run: run.hold("two: ", 2, 2), usual=True)
    monkeypatch.setattr(runner, "CHECKS", {"within": within, "over": Check("a limit that is not", 1, over)})
    result = CliRunner().invoke(runner.main, [])
    assert (result.exit_code, result.output) == (0, "within: a limit that is met\n  two: 2.000 (at most 2: met)\n")
    out = tmp_path / "found.json"
    monkeypatch.setattr(runner.main.params[0], "type", click.Choice(["within", "over"]))
    result = CliRunner().invoke(runner.main, ["over", "within", "--output", str(out)])
    assert result.exit_code == 1
    assert "(at most 1: MISSED)" in result.output and "(at most 255: met)" in result.output
    found = json.loads(out.read_text())
    assert [row["picture"] for row in found["over"]["rows"]] == ["caps", "house"]
    assert len(found["over"]["missed"]) == 1 and found["within"]["missed"] == [] and found["machine"]["cores"]
    result = CliRunner().invoke(runner.main, ["over", "--picture", "house"])
    assert result.exit_code == 0 and "caps" not in result.output


def test_help_names_every_check_and_how_long_it_takes() -> None:
    text = CliRunner().invoke(runner.main, ["--help"]).output
    for name, check in runner.CHECKS.items():
        assert any(line.split()[:1] == [name] and check.about in line for line in text.splitlines()), name
    assert CliRunner().invoke(runner.main, ["nothing"]).exit_code == 2
    assert {name for name, check in runner.CHECKS.items() if check.usual} >= {"speed", "cold", "large", "size"}


def checked(wisp: Codec, measure: Any, **options: Any) -> Run:
    """A check done on a part of one picture, with the model that is loaded already."""
    run = Run()
    run.codec = wisp
    run.pictures = lambda usual=(): iter([("caps", read_picture(LIVE / "caps.png")[:256, :320])])  # type: ignore[method-assign]
    measure(run, **options)
    return run


def test_real_bytes_are_within_the_estimate(wisp: Codec) -> None:
    run = checked(wisp, size.measure)
    assert len(run.rows) == len(size.QUALITIES) and run.missed == []
    assert all(0.9 < row["bytes"] / row["estimate"] < 1.1 for row in run.rows)


def test_seams_look_at_the_borders_of_small_tiles(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    mask = seams.bands(300, 600)
    assert mask[248:264].all() and mask[:, 504:520].all() and not mask[:248, :248].any() and not mask[264:, 520:].any()
    monkeypatch.setattr(seams, "QUALITIES", (30.0,))
    (row,) = checked(wisp, seams.measure).rows
    assert 0.9 < row["absolute"] < 1.1


@pytest.mark.slow
def test_speed_is_set_beside_its_floor(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speed, "REPEATS", 1)
    monkeypatch.setattr(speed, "read_picture", lambda path: read_picture(path)[:64, :128])
    (row,) = checked(wisp, speed.measure).rows
    assert row["timing"]["encode"] > row["timing"]["encode_floor"] > 0
    assert {"analysis", "prior", "synthesis"} < row["stages"].keys()


def test_the_fast_synthesis_is_set_beside_the_full_one(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path, depth=3)
    write_tiny_synthesis(tmp_path / "tiny-fast.safetensors", model, depth=1, before=0)
    for name, value in {"QUALITIES": (75, 100), "REPEATS": 1}.items():
        monkeypatch.setattr(fast, name, value)
    monkeypatch.setattr(fast, "read_picture", lambda path: read_picture(path)[:64, :128])
    monkeypatch.setattr("codec.still.lossless.may_be_smaller", lambda *_: False)
    run = checked(Codec(model.path, device="cpu", precision="fp32"), fast.measure)
    *rows, speed = run.rows
    assert [row["quality"] for row in rows] == [75, 100] and all(row["full"] != row["fast"] for row in rows)
    assert speed["full"] > 0 < speed["fast"]


@pytest.mark.slow
def test_precisions_are_compared(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "QUALITIES", (30,))
    (row,) = checked(wisp, precision.measure).rows
    assert row["psnr_fp32"] == pytest.approx(row["psnr_bf16"], abs=0.1) and row["psnr_fp32"] != row["psnr_bf16"]


@pytest.mark.slow
def test_a_clip_comes_back_as_the_encoder_saw_it(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"WIDTH": 128, "HEIGHT": 64, "SEEKS": 4}.items():
        monkeypatch.setattr(video, name, value)
    run = checked(wisp, video.measure, frames=4)
    (row,) = run.rows
    assert row["latents_equal"] and row["pixels_equal"] and row["seeks_equal"] == row["seeks_without_tail"] == 4


@pytest.mark.slow
def test_large_pictures_are_coded_by_processes(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "LARGE", Size(96, 64))
    rows = checked(wisp, large.measure_large).rows
    assert [row["command"] for row in rows] == ["encode", "decode"]
    assert rows[1]["bytes"] == np.prod((96, 64, 3)) + len("P6\n96 64\n255\n") and rows[0]["peak_mib"] > 50
