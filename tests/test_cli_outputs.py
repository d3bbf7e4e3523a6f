"""Outputs of the command line that fail: full disks, closed pipes and streams, signals in the middle."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli_runner import (
    COMMAND,
    ROOT,
    SECONDS,
    environment,
    folder_content,
    only_line,
    run_wisp,
    start_wisp,
    torch_trap,
)
from tests.goldens import golden_bytes

FULL = Path("/dev/full")
needs_full = pytest.mark.skipif(not FULL.exists(), reason="no /dev/full here")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a picture, a file, and an output that is there already."""
    place = tmp_path / "place"
    place.mkdir()
    (place / "small.wisp").write_bytes(golden_bytes("small"))
    (place / "taken.wisp").write_bytes(b"another file")
    Image.fromarray(np.zeros((48, 64, 3), np.uint8)).save(place / "picture.png")
    return place


@pytest.fixture
def no_torch(tmp_path: Path) -> dict[str, str]:
    """An environment in which torch cannot be imported."""
    return torch_trap(tmp_path)


@needs_full
@pytest.mark.parametrize("line", ["info small.wisp", "info --json small.wisp", "models", "--help", "--version", ""])
def test_standard_output_on_a_full_disk(place: Path, no_torch: dict[str, str], line: str) -> None:
    with FULL.open("wb") as full:
        result = run_wisp(*line.split(), cwd=place, env=no_torch, stdout=full)
    message = only_line(result)
    assert message.startswith("wisp: ") and message.endswith(": No space left on device")
    assert result.returncode == 8


@needs_full
def test_an_output_on_a_full_disk(place: Path) -> None:
    before = folder_content(place)
    result = run_wisp("decode", "small.wisp", "-o", FULL, cwd=place)
    assert only_line(result) == "wisp: small.wisp: output /dev/full: No space left on device"
    assert result.returncode == 8
    assert FULL.is_char_device()  # not replaced by a file
    assert folder_content(place) == before


def ends_quietly_on_a_closed_pipe(process: subprocess.Popen[bytes]) -> int:
    """Close the reading end before anything is written -> exit status; stderr must be empty."""
    assert process.stdout and process.stderr
    process.stdout.close()
    with process:
        assert process.stderr.read() == b""
        return process.wait(SECONDS)


def test_a_closed_pipe(place: Path, no_torch: dict[str, str]) -> None:
    assert ends_quietly_on_a_closed_pipe(start_wisp("info", "small.wisp", cwd=place, env=no_torch)) == 141
    assert ends_quietly_on_a_closed_pipe(start_wisp("decode", "small.wisp", "-o", "-", cwd=place)) == 141
    assert ends_quietly_on_a_closed_pipe(start_wisp("--help", cwd=place, env=no_torch)) != 0


@pytest.mark.skipif(os.name != "posix", reason="needs a shell")
@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("decode small.wisp -o - >&-", 8, b"wisp: small.wisp: standard output is closed\n"),
        ("info - <&-", 8, b"wisp: -: nothing is piped into standard input\n"),
        ("info small.wisp >&-", 0, b""),
    ],
)
def test_closed_streams(place: Path, no_torch: dict[str, str], line: str, status: int, words: bytes) -> None:
    shell = ["sh", "-c", f'exec "$@" {line}', "sh", *COMMAND]
    result = subprocess.run(shell, cwd=place, env=environment(no_torch), capture_output=True, check=False)
    assert (result.returncode, result.stderr) == (status, words)


# Signals

# Stops the command for good once its temporary file is written, just before it would be renamed.
_STOP = """
import os, pathlib, signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what runs in the background
def fsync(_):
    pathlib.Path(os.environ["READY"]).touch()
    while True:
        time.sleep(0.01)
os.fsync = fsync
"""


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Poll, and fail where the process ends before, or never comes so far."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.skipif(os.name != "posix", reason="needs signals")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_leaves_nothing_behind(place: Path, tmp_path: Path, number: signal.Signals, status: int) -> None:
    hook, ready = tmp_path / "hook", tmp_path / "ready"
    hook.mkdir()
    (hook / "sitecustomize.py").write_text(_STOP)
    before = folder_content(place)
    env = {"PYTHONPATH": f"{hook}{os.pathsep}{ROOT}", "READY": str(ready)}
    with start_wisp("encode", "picture.png", "-o", "taken.wisp", "--overwrite", cwd=place, env=env) as process:
        try:
            wait_for(ready.exists, process)
            assert len(list(place.glob(".taken.wisp.*.part"))) == 1  # else there would be nothing to clean up
            process.send_signal(number)
            _, stderr = process.communicate(timeout=SECONDS)
        finally:
            process.kill()
    assert process.returncode == status
    assert stderr == (b"wisp: picture.png: interrupted\n" if number == signal.SIGINT else b"")
    assert folder_content(place) == before
