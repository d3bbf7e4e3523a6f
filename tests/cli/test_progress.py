"""What is shown while a command works: JSON lines for programs, a bar on a terminal, else nothing."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from cli import batch, progress
from cli.progress import Count, Display, JsonLines, shown
from codec.work.progress import Progress
from tests.support.cli_runner import invoke, torch_trap
from tests.support.terminal import left_standing, needs_terminal, on_terminal
from tests.support.without_torch import WithoutTorch

LONG = "x" * 150  # more than a terminal's line
EMOJI = ":smile:"  # which rich would draw as one


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with pictures of 6 tiles."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(batch, "cores", lambda: 4)
    rng = np.random.default_rng(4)
    for name, height in (("a", 100), ("b", 160), ("c", 70)):
        Image.fromarray(rng.integers(0, 256, (height, 150, 3), dtype=np.uint8)).save(f"{name}.png")
    return tmp_path


def events(stderr: str) -> list[dict[str, Any]]:
    """Every line must be a JSON object."""
    return [json.loads(line) for line in stderr.splitlines()]


# For programs


@pytest.fixture
def every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    """No step is left out because the last one was a moment ago."""
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN", 0.0)


@pytest.mark.usefixtures("every_step")
def test_json_lines_of_one_file() -> None:
    result = invoke("encode", "a.png", "--lossless", "--tile", "64", "--progress", "json")
    assert (result.exit_code, result.stdout) == (0, "")
    told = events(result.stderr)
    assert [event["event"] for event in told] == ["begin", *["progress"] * 6, "end"]
    shares = [event["share"] for event in told[1:-1]]
    assert shares == pytest.approx([i / 6 for i in range(1, 7)], abs=1e-4)
    assert [event["whole"] for event in told[1:-1]] == shares
    assert told[0]["file"] == told[-1]["file"] == "a.png"
    assert (told[0]["whole"], told[0]["seconds_left"]) == (0.0, None)
    assert (told[-1]["status"], told[-1]["whole"], told[-1]["seconds_left"]) == (0, 1.0, 0.0)
    assert all(event["seconds_left"] >= 0 for event in told[1:])


@pytest.mark.usefixtures("every_step")
def test_json_lines_of_learned_tiles(photograph: NDArray[np.uint8]) -> None:
    Image.fromarray(photograph[:150, :200]).save("photo.png")
    for command in (["encode", "photo.png", "--tile", "64", "-q", "40"], ["decode", "photo.wisp", "-o", "back.ppm"]):
        told = events(invoke(*command, "--progress", "json").stderr)
        shares = [event["share"] for event in told if event["event"] == "progress"]
        assert len(shares) > 3 and shares[-1] == 1.0
        assert all(0 < a < b for a, b in pairwise(shares))


@pytest.mark.usefixtures("every_step", "warm_processes")
@pytest.mark.parametrize("jobs", [1, 2])
def test_json_lines_of_many_files(jobs: int) -> None:
    Image.new("P", (9, 9)).save("c.png")
    command = ("encode", "a.png", "none.png", "b.png", "c.png", "-o", "out", "--lossless", "--progress", "json", "-v")
    result = invoke(*command, "--jobs", str(jobs))
    assert result.exit_code == 8
    told = events(result.stderr)
    wholes = [event["whole"] for event in told if "whole" in event]
    assert wholes == sorted(wholes) and (wholes[0], wholes[-1]) == (0.0, 1.0)
    ends = {event["file"]: (event["job"], event["status"]) for event in told if event["event"] == "end"}
    assert ends == {"a.png": (0, 0), "none.png": (1, 8), "b.png": (2, 0), "c.png": (3, 0)}
    begun = [event["file"] for event in told if event["event"] == "begin"]
    assert begun == ["a.png", "none.png", "b.png", "c.png"]
    messages = [event["text"] for event in told if event["event"] == "message"]
    assert "wisp: none.png: No such file or directory" in messages
    assert "wisp: c.png: note: palette converted to RGB" in messages
    assert len(messages) == 5  # three files were written
    # Files count by their bytes: the missing one hardly moves the whole.
    sizes = {name: Path(name).stat().st_size for name in ("a.png", "b.png", "c.png")}
    if jobs == 1:
        first = next(event for event in told if event["event"] == "end")
        assert first["whole"] == pytest.approx(sizes["a.png"] / (sum(sizes.values()) + 1), abs=1e-3)


def test_few_json_lines_a_second(capsys: pytest.CaptureFixture[str]) -> None:
    show = JsonLines([1])
    for step in range(1000):
        show.advance(0, step / 1000)
    assert len(events(capsys.readouterr().err)) <= 3


@pytest.mark.usefixtures("every_step")
def test_the_librarys_callback_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """`progress=` of encode_file and decode_file: frames done, and in all where that is known."""
    with shown("json", [3, 1]) as show:
        heard = show.callback(0)
        heard(1, 4)
        heard(4, 4)
        show.callback(1)(7, None)
    told = events(capsys.readouterr().err)
    assert [(e["job"], e["share"], e["frames"], e["frames_total"]) for e in told] == [
        (0, 0.25, 1, 4),
        (0, 1.0, 4, 4),
        (1, None, 7, None),
    ]
    assert [event["whole"] for event in told] == [0.1875, 0.75, 0.75]
    assert Count(3, 9).words(2.0) == "3/9 frames, 2.0 fps"
    assert Count(3, 9, "steps").words(2.0) == "3/9 steps, 2.0 steps/s"
    assert Count(3, None, "steps").facts(None) == {"steps": 3, "steps_total": None, "steps_per_second": None}


def test_messages_of_any_kind_are_one_json_line() -> None:
    name = 'a"b\n\\é.png'
    result = invoke("encode", name, "--progress", "json", "--quiet")
    assert [event["event"] for event in events(result.stderr)] == ["begin", "message", "end"]
    assert events(result.stderr)[0]["file"] == name
    assert events(result.stderr)[1]["text"] == r'wisp: a"b\n\é.png: No such file or directory'


def test_progress_counts_up_to_its_total() -> None:
    heard: list[float] = []
    counting = Progress(heard.append)
    counting.add(1)  # before it is known how many there are
    counting.begin(4)
    for _ in range(5):
        counting.add(1)
    assert heard == [0.25, 0.5, 0.75, 1.0, 1.0]


# Where nobody looks


@pytest.mark.parametrize("kind", ["auto", "none"])
def test_nothing_is_shown_on_a_pipe(tmp_path: Path, without_torch: WithoutTorch, kind: str) -> None:
    result = without_torch("encode", "a.png", "b.png", "--lossless", "--progress", kind, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, b"", b"")


def test_what_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    assert type(shown("auto", [1], quiet=False)) is Display
    monkeypatch.setattr("sys.stderr", Terminal())
    assert type(shown("auto", [1], quiet=False)) is progress.Bar
    assert type(shown("auto", [1], quiet=True)) is Display
    assert type(shown("none", [1], quiet=False)) is Display
    assert type(shown("json", [1], quiet=True)) is JsonLines
    monkeypatch.setattr("sys.stderr", None)  # closed
    assert type(shown("auto", [1], quiet=False)) is Display


# On a terminal


@needs_terminal
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_bar_on_a_terminal(tmp_path: Path, jobs: str) -> None:
    """It shows share, files and time left, is gone in the end, and lines stay whole, however long."""
    missing = f"{EMOJI}[red]{LONG}.png"
    inputs = ("a.png", missing, "b.png")
    env = torch_trap(tmp_path)
    status, got, _ = on_terminal("encode", *inputs, "-o", "out", "--lossless", "-j", jobs, cwd=tmp_path, env=env)
    assert status == 8
    assert "━" in got and "100%" in got and "3/3" in got and re.search(r"\d:\d\d:\d\d", got)
    assert left_standing(got) == [f"wisp: {missing}: No such file or directory"]
    assert got.count("\x1b[?25l") == got.count("\x1b[?25h") == 1  # the cursor comes back
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"a.wisp", "b.wisp"}


@needs_terminal
@pytest.mark.parametrize("options", [["--quiet"], ["--progress", "none"]])
def test_no_bar_where_none_is_wanted(tmp_path: Path, options: list[str]) -> None:
    command = ("encode", "a.png", "none.png", "-o", "out", "--lossless", *options)
    status, got, _ = on_terminal(*command, cwd=tmp_path, env=torch_trap(tmp_path))
    assert (status, got) == (8, "wisp: none.png: No such file or directory\r\n")


@needs_terminal
def test_a_bar_beside_a_picture_on_standard_output(tmp_path: Path) -> None:
    env = torch_trap(tmp_path)
    status, got, data = on_terminal("encode", "a.png", "--lossless", "-o", "-", cwd=tmp_path, env=env)
    assert status == 0 and "100%" in got and left_standing(got) == []
    assert data == invoke("encode", "a.png", "--lossless", "-o", "-").stdout_bytes


@needs_terminal
def test_json_on_a_terminal_is_json(tmp_path: Path) -> None:
    command = ("encode", "a.png", "--lossless", "--progress", "json")
    status, got, _ = on_terminal(*command, cwd=tmp_path, env=torch_trap(tmp_path))
    assert status == 0 and events(got)[-1]["event"] == "end"
