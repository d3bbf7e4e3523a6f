"""`wisp bench bd`, what `wisp bench rd` tells while it runs, and help."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.rd.results import FILE_NAME
from tests.support.bench_codecs import one_process, picture_folder
from tests.support.bench_runner import rd, tables
from tests.support.cli_runner import invoke, succeed


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Commands run in an empty folder, and the benchmark within this process."""
    monkeypatch.chdir(tmp_path)
    with one_process():
        yield


@pytest.fixture
def two_sets() -> str:
    """Results of two codecs on two sets -> the tables that the run printed."""
    for name in ("one", "two"):
        picture_folder(Path(name), "abc" if name == "one" else "de")
    status, out, _ = rd("--images", "two", "--measures", "psnr,psnr-yuv611", codecs="jpeg420,webp", images="one")
    assert status == 0
    return tables(out)


def test_bd_prints_the_runs_tables_from_a_file_or_folder(two_sets: str) -> None:
    for results_name in ("out", f"out/{FILE_NAME}"):
        assert tables(succeed("bench", "bd", results_name).stdout) == two_sets
    assert "against webp" in succeed("bench", "bd", "out", "--anchor", "webp").stdout
    less = succeed("bench", "bd", "out", "--measures", "psnr").stdout
    assert "YUV" in two_sets and "YUV" not in less and "PSNR" in less
    akima = tables(succeed("bench", "bd", "out", "--method", "akima").stdout)
    assert akima != two_sets


def test_points_in_another_order_are_the_same_table(two_sets: str) -> None:
    path = Path("out", FILE_NAME)
    first, *lines = path.read_text("utf-8").splitlines(keepends=True)
    for seed in range(3):
        random.Random(seed).shuffle(lines)
        path.write_text(first + "".join(lines), "utf-8")
        assert tables(succeed("bench", "bd", "out").stdout) == two_sets


def test_what_bd_refuses(two_sets: str) -> None:
    Path("letter").write_text("a letter\nto a friend\n")
    Path("none").mkdir()
    for arguments, status, words in (
        (["out", "--anchor", "jpeg444"], 2, "jpeg444 has no points in these results; there are jpeg420, webp"),
        (["letter"], 5, "letter, line 1: "),
        (["missing"], 8, "missing"),
        (["none"], 8, FILE_NAME),
        (["out", "--measures", "niqe"], 2, "no measure is called niqe; there are psnr, "),
        (["out", "--method", "linear"], 2, "'linear' is not one of"),
    ):
        done = invoke("bench", "bd", *arguments)
        assert (done.exit_code, done.stdout) == (status, "") and words in done.stderr.splitlines()[-1]
    none = invoke("bench", "bd", "out", "--measures", "lpips")
    assert (none.exit_code, none.stdout) == (2, "") and "no lpips in these results; there are psnr" in none.stderr


# How it goes, and help


def test_progress_as_json_is_json_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.progress._SECONDS_BETWEEN", 0.0)
    folder = picture_folder(Path("pictures"))
    (folder / "b.png").write_bytes(b"broken")
    _, _, err = rd("--progress", "json")
    events = [json.loads(line) for line in err]
    assert events[0]["event"] == "message" and events[0]["text"].startswith("left out: pictures/b.png: ")
    told = events[1:]
    assert [(e["event"], e["done"], e["total"], e["codec"]) for e in told] == [
        ("progress", number, 10, "jpeg420") for number in range(1, 11)
    ]
    assert told[0]["seconds_left"] is None and told[-1]["seconds_left"] == 0


def test_progress_in_words_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    picture_folder(Path("pictures"))
    assert rd("--progress", "auto")[2] == []  # done before the first 30 seconds
    monkeypatch.setattr("cli.progress._SECONDS_BETWEEN_LINES", 0.0)
    Path("out", FILE_NAME).unlink()
    _, _, err = rd("--progress", "auto")
    assert err[0] == "wisp: bench rd: 1/20 (jpeg420)" and len(err) == 20
    assert err[-1] == "wisp: bench rd: 20/20 (jpeg420), 0:00:00 left"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), ["rd ", "bd ", "speed ", "exactness "]),
        (("rd",), ["--images", "--live-root", "--resize", "--codecs", "--efforts", "--slow", "--measures", "--anchor",
                   "--curve", "--viewer-bpp", "--no-viewer", "--quick", "--keep", "--jobs", "--threads", "--progress",
                   "--model", "wisp-rd", "jpeg420", "report.html", "Examples:"]),
        (("bd",), ["RESULTS", "--anchor", "--measures", "--method", "pchip", "Examples:"]),
    ],
)  # fmt: skip
def test_help(command: tuple[str, ...], words: list[str]) -> None:
    text = succeed("bench", *command, "--help").stdout
    assert all(word in text for word in words)
    assert all(len(line) <= 120 for line in text.splitlines())
