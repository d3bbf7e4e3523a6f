"""Outputs of the command line that fail: full disks, closed pipes and streams."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec
from tests.support.cli_runner import (
    COMMAND,
    SECONDS,
    environment,
    folder_content,
    only_line,
    run_wisp,
    start_wisp,
    start_without_reader,
    torch_trap,
)
from tests.support.goldens import golden_bytes
from tests.support.without_torch import WithoutTorch

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
def test_standard_output_on_a_full_disk(place: Path, without_torch: WithoutTorch, line: str) -> None:
    result = without_torch(*line.split(), cwd=place, stdout=FULL)
    message = only_line(result)
    assert message.startswith("wisp: ") and message.endswith(": No space left on device")
    assert result.returncode == 8


@needs_full
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_picture_on_standard_output_on_a_full_disk(place: Path, no_torch: dict[str, str], unbuffered: str) -> None:
    env = {**no_torch, "PYTHONUNBUFFERED": unbuffered}
    with FULL.open("wb") as full:
        result = run_wisp("encode", "picture.png", "--lossless", "-o", "-", cwd=place, env=env, stdout=full)
    assert only_line(result) == "wisp: picture.png: output -: No space left on device"
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
    """Close the reading end, where that is open -> exit status; stderr must be empty."""
    assert process.stderr
    if process.stdout:
        process.stdout.close()
    with process:
        assert process.stderr.read() == b""
        return process.wait(SECONDS)


def test_a_closed_pipe(place: Path, no_torch: dict[str, str]) -> None:
    assert ends_quietly_on_a_closed_pipe(start_without_reader("info", "small.wisp", cwd=place, env=no_torch)) == 141
    assert ends_quietly_on_a_closed_pipe(start_without_reader("decode", "small.wisp", "-o", "-", cwd=place)) == 141
    assert ends_quietly_on_a_closed_pipe(start_without_reader("--help", cwd=place, env=no_torch)) != 0


@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("command", ["encode large.png --lossless -o -", "decode large.wisp -o -"])
def test_a_pipe_that_is_closed_in_the_middle(
    place: Path, no_torch: dict[str, str], command: str, unbuffered: str
) -> None:
    """After more than nothing, and before more than the pipe itself holds."""
    Image.new("RGB", (9, 9)).save(place / "large.png", icc_profile=np.random.default_rng(1).bytes(300_000))
    (place / "large.wisp").write_bytes(codec.encode(place / "large.png", lossless=True))
    env = {**no_torch, "PYTHONUNBUFFERED": unbuffered}
    process = start_wisp(*command.split(), cwd=place, env=env)
    assert process.stdout and len(process.stdout.read(10)) == 10
    assert ends_quietly_on_a_closed_pipe(process) == 141


@pytest.mark.parametrize("options", [["--verbose"], ["--verbose", "--jobs", "2"], ["--progress", "json"]])
def test_standard_error_that_is_closed(place: Path, no_torch: dict[str, str], options: list[str]) -> None:
    """What is on the disk is whole."""
    command = [*COMMAND, "encode", "picture.png", "none.png", "-o", "out", "--lossless", *options]
    reader, writer = os.pipe()
    os.close(reader)
    try:
        status = subprocess.run(command, cwd=place, env=environment(no_torch), stderr=writer, check=False).returncode
    finally:
        os.close(writer)
    assert status == 141
    made = {name: data for name, data in folder_content(place).items() if name.startswith("out/")}
    assert all(data is not None and codec.probe(data).lossless for data in made.values())


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
