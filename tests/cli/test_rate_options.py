"""`wisp encode` to targets and with effort; the same from Python and Pillow."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec
import codec.pillow
from benchmarks.measures import psnr
from cli import progress
from codec.still import effort
from tests.support.cli_runner import folder_content
from tests.support.rate_runner import bikes, done, encode, error_of, facts, lay_out


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with pictures."""
    monkeypatch.chdir(tmp_path)
    lay_out()
    return tmp_path


@pytest.fixture
def two_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refinement in two steps, however hard it is to try."""
    monkeypatch.setattr(effort, "_REFINEMENT_STEPS", dict.fromkeys(range(5, 10), 2))


# Sizes and other targets


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("20000", 20_000),
        ("20k", 20_000),
        ("20K", 20_000),
        ("20kB", 20_000),
        ("1.5M", 1_500_000),
        ("2.5k", 2500),
        (".5k", 500),
        ("800b", 800),
        ("0.0012m", 1200),
        ("899.9", 899),
    ],
)
def test_sizes_as_people_write_them(words: str, size: int) -> None:
    """Drawings of 64 pixels a side become lossless: any size does, and it is no more than that."""
    told = done("a.png" if size < 3000 else "drawing.png", "--target-size", words)
    assert told["target"] == {"size": size}
    assert told["bytes"] <= size
    if size < 3000:
        assert told["bytes"] >= 0.98 * size


@pytest.mark.parametrize(
    ("option", "words"),
    [("--target-size", words) for words in ("", "0", "0.5", "-5", "1e5", "20 k", "20kk", "k", "nan", "inf", "2,5k")]
    + [("--target-bpp", words) for words in ("0", "-1", "nan", "inf", "x")]
    + [("--target-psnr", words) for words in ("0", "-3", "100", "nan", "inf", "34dB")]
    + [("--target-ms-ssim", words) for words in ("0", "1", "1.2", "nan", "-0.5")]
    + [("--effort", words) for words in ("0", "10", "4.5", "best")]
    + [("--tune", "vmaf")]
    + [("--target-size", "9" * 400)],
)
def test_values_that_make_no_sense_are_refused(place: Path, option: str, words: str) -> None:
    before = folder_content(place)
    line = error_of(encode("a.png", option, words), 2)
    assert line.startswith(f"Error: Invalid value for '{option}': ")
    assert words in line
    assert folder_content(place) == before


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--target-size", "1k", "--target-psnr", "30"], "--target-size and --target-psnr"),
        (["--target-bpp", "1", "--target-ms-ssim", "0.9"], "--target-bpp and --target-ms-ssim"),
        (["--target-size", "1k", "-q", "75"], "--target-size and --quality"),
        (["--target-psnr", "30", "--lossless"], "--target-psnr and --lossless"),
    ],
)
def test_options_that_exclude_each_other(place: Path, options: list[str], named: str) -> None:
    before = folder_content(place)
    assert error_of(encode("a.png", *options), 2) == f"Error: {named} exclude each other."
    assert folder_content(place) == before


@pytest.mark.parametrize("given", [[], ["--effort", "4"]])
def test_tune_needs_effort(given: list[str]) -> None:
    assert error_of(encode("a.png", "--tune", "ms-ssim", *given), 2).endswith(
        "--tune ms-ssim needs --effort 5 or more."
    )


@pytest.mark.parametrize(
    ("option", "value"), [("--target-bpp", 0.7), ("--target-psnr", 30.0), ("--target-ms-ssim", 0.97)]
)
def test_targets_are_met(option: str, value: float) -> None:
    told = done("a.png", option, value, "--tune", "psnr")
    kind = option.removeprefix("--target-")
    assert told["target"] == {kind: value}
    if kind == "bpp":
        assert 0.98 * value - 8 / (96 * 128) <= told["bpp"] <= value
    elif kind == "psnr":
        assert value <= told["psnr"] <= value + 0.05
        assert told["ms_ssim"] is None
    else:
        lacking = 10 * np.log10((1 - value) / (1 - told["ms_ssim"]))
        assert -1e-3 <= lacking <= 0.2  # small pictures move in coarse steps
    assert told["quality"] == facts("a.wisp")["quality"]


# Out of reach


def test_out_of_reach_writes_nothing(place: Path) -> None:
    Path("a.wisp").write_bytes(b"another file")
    before = folder_content(place)
    for options in (["--target-size", 100], ["--target-psnr", 5], ["--target-bpp", 8], ["--target-size", "15k"]):
        line = error_of(encode("a.png", *options, "--overwrite"), 1)
        assert re.fullmatch(r"wisp: a.png: \S+ \S+ is out of reach: this picture takes from .+ to .+", line)
        assert folder_content(place) == before


def test_out_of_reach_does_not_stop_the_others() -> None:
    result = encode("a.png", "drawing.png", "b.png", "-o", "out", "--target-size", 215, "--json")
    assert result.exit_code == 1
    assert [line.split(" is out of reach")[0] for line in result.stderr.splitlines()] == [
        f"wisp: {name}: 215 bytes" for name in ("a.png", "drawing.png")
    ]
    assert [json.loads(line)["file"] for line in result.stdout.splitlines()] == ["b.png"]
    assert [path.name for path in Path("out").iterdir()] == ["b.wisp"]


# Effort


@pytest.mark.usefixtures("two_steps")
@pytest.mark.parametrize(
    "options", [["-q", 60], ["--target-size", 900], pytest.param(["--target-psnr", 30], marks=pytest.mark.slow)]
)
def test_the_time_that_effort_takes_is_told_once_and_first(options: list[str | float]) -> None:
    result = encode("a.png", "--effort", 5, *options, "-v")
    time, *notes, done = result.stderr.splitlines()
    assert not any("effort" in each for each in notes)
    assert re.fullmatch(r"wisp: a.png: effort 5: about \d+(\.\d)? (s|min|h)", time)
    assert done.startswith("wisp: a.png: 128x96 RGB -> a.wisp: ")
    assert encode("a.png", "--effort", 5, *options, "--quiet", "--overwrite").output == ""
    assert encode("a.png", *options, "--overwrite").output == ""


@pytest.mark.usefixtures("two_steps")
def test_effort_and_tune_are_told_and_change_the_file() -> None:
    files, chosen = {}, ("--effort", "5", "--tune", "ms-ssim")
    for options in (chosen[:0], chosen[:2], chosen):
        told = done("a.png", "-q", 60, *options)
        assert (told["effort"], told["tune"]) == (5 if options else 4, "ms-ssim" if "--tune" in options else "psnr")
        assert (told["ms_ssim"] is not None) == ("--tune" in options)
        assert ("refinement" in told["stages"]) == bool(options)
        files[Path("a.wisp").read_bytes()] = told
    assert len(files) == 3


@pytest.mark.usefixtures("two_steps")
@pytest.mark.parametrize("options", [["-q", "60"], ["--target-size", "900"]])
def test_progress_of_effort_only_rises(monkeypatch: pytest.MonkeyPatch, options: list[str]) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)
    result = encode("a.png", "--effort", 5, *options, "--tile", 64, "--progress", "json")
    assert (result.exit_code, result.stdout) == (0, "")
    told = [json.loads(line) for line in result.stderr.splitlines()]
    assert (told[0]["event"], told[-1]["event"], told[-1]["whole"]) == ("begin", "end", 1.0)
    assert "message" in [event["event"] for event in told]
    shares = [event["share"] for event in told if event["event"] == "progress"]
    assert len(shares) > 4 and shares[0] > 0 and shares[-1] <= 1
    assert all(a <= b for a, b in pairwise(shares))


# Python and Pillow


@pytest.mark.usefixtures("two_steps")
def test_targets_effort_and_regions_from_python() -> None:
    region = codec.Region((0, 0, 64, 64), +15)
    data = codec.encode("a.png", target=codec.Target("size", 1000), effort=5, regions=[region], tile=64)
    assert 980 <= len(data) <= 1000
    assert len(codec.encode("a.png", target=codec.Target("size", 1000))) <= 1000
    assert psnr(codec.decode_array(codec.encode("a.png", target=codec.Target("psnr", 31))), bikes()) >= 31
    with pytest.raises(codec.TargetError, match=r"100 bytes is out of reach.* takes from \d+ bytes to \d+ bytes"):
        codec.encode("a.png", target=codec.Target("size", 100))
    with pytest.raises(ValueError, match="is out of reach"):
        codec.encode("a.png", target=codec.Target("psnr", 5))
    with pytest.raises(codec.RequestError):
        codec.encode("a.png", regions=[codec.Region((500, 0, 5, 5))])


@pytest.mark.usefixtures("two_steps")
@pytest.mark.slow
def test_targets_and_effort_through_pillow() -> None:
    with Image.open("a.png") as image:
        image.save("x.wisp", target=codec.Target("size", 2000))
        image.save("y.wisp", target=codec.Target("psnr", 30), effort=5, tune="ms-ssim", tile=64)
        with pytest.raises(OSError, match="100 bytes is out of reach"):
            image.save("z.wisp", target=codec.Target("size", 100))
        with pytest.raises(ValueError, match="exclude each other"):
            image.save("z.wisp", target=codec.Target("size", 2000), lossless=True)
    assert 1960 <= Path("x.wisp").stat().st_size <= 2000
    assert facts("y.wisp")["tiles"] == 4
    with Image.open("y.wisp") as again:
        assert psnr(np.asarray(again), bikes()) >= 30
    assert not Path("z.wisp").exists()
