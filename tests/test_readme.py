"""What the README shows works as shown."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import codec
from tests.support.clips import moving
from tests.support.media_files import write_clip
from tests.support.restorers import write_tiny

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


def block(marker: str) -> str:
    """The code block that holds `marker`."""
    (found,) = [text for text in re.findall(r"```\w*\n(.*?)```", README, re.S) if marker in text]
    return found


@pytest.mark.slow
def test_the_commands_run(tmp_path: Path, photograph: NDArray[np.uint8]) -> None:
    picture = Image.fromarray(photograph[:90, :120])
    for name in ("photo.png", "other.jpg", "logo.png"):
        picture.save(tmp_path / name)
    Image.fromarray(photograph).save(tmp_path / "photo.jpg", quality=95)  # large enough for the size that is wanted
    (tmp_path / "pano.wisp").write_bytes(codec.encode(np.zeros((700, 1800), np.uint8), lossless=True))
    script = f'set -e\nwisp() {{ "{sys.executable}" -m cli.main "$@"; }}\n' + block("wisp info --json")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    given = {"photo.png", "photo.jpg", "other.jpg", "logo.png", "pano.wisp"}
    coded = {"photo.wisp", "small.wisp", "fit.wisp", "good.wisp", "logo.wisp", "coded/photo.wisp", "coded/other.wisp"}
    assert made == given | coded | {"small.png", "detail.png", "copy.png"}
    assert Image.open(tmp_path / "copy.png").size == (120, 90)
    assert Image.open(tmp_path / "detail.png").size == (800, 600)
    assert codec.probe(tmp_path / "logo.wisp").lossless


@pytest.mark.slow
def test_the_commands_for_video_run(tmp_path: Path) -> None:
    write_clip(tmp_path / "clip.mp4", moving(20), sound=("aac",))
    script = f'set -e\nwisp() {{ "{sys.executable}" -m cli.main "$@"; }}\n' + block("wisp concat")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    run = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    made = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    coded = {"clip.wisp", "small.wisp", "part.wisp", "long.wisp", "again.wisp"}
    assert made == {"clip.mp4", "copy.mp4", "frames/00000.png", "frames/00001.png"} | coded
    counts = [len(codec.open_video(tmp_path / name)) for name in ("clip.wisp", "part.wisp", "long.wisp", "again.wisp")]
    assert counts == [20, 10, 30, 20]


@pytest.mark.slow
def test_the_commands_that_restore_run(tmp_path: Path, photograph: NDArray[np.uint8]) -> None:
    picture = Image.fromarray(photograph[:64, :80])
    for name in ("noisy.png", "noisy.jpg", "other.jpg", "grey.png"):
        picture.save(tmp_path / name)
    write_clip(tmp_path / "night.mp4", moving(3), sound=("aac",))
    (tmp_path / "models").mkdir()
    write_tiny(tmp_path / "models" / "colorize.safetensors", "colorize")  # where the package has none
    script = f'set -e\nwisp() {{ "{sys.executable}" -m cli.main "$@"; }}\n' + block("wisp denoise noisy.png")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "WISP_MODEL_PATH": str(tmp_path / "models")}
    run = subprocess.run(["sh", "-c", script], cwd=tmp_path, env=environment, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr.decode()
    made = {"clean.png", "clean/noisy.jpg", "clean/other.jpg", "clean.mp4", "noisy.wisp", "coloured.png"}
    assert made <= {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    with codec.open_video(tmp_path / "coloured.wisp") as video:
        assert (len(video), len(video.audio)) == (3, 1)


def test_the_python_example_that_restores_runs(
    tmp_path: Path, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_tiny(tmp_path / "colorize.safetensors", "colorize")
    Image.fromarray(photograph[:32, :40]).save(tmp_path / "noisy.png")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WISP_MODEL_PATH", str(tmp_path))
    names = {"noisy": photograph[:32, :40], "grey": photograph[:32, :40, 0]}
    exec(block("wisp.colorize"), names)
    assert np.asarray(names["clean"]).shape == np.asarray(names["coloured"]).shape == (32, 40, 3)


def test_the_python_example_for_video_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"arrays": moving(6)}
    exec(block("wisp.open_video"), names)
    assert (names["frame"].number, names["last"].number, len(names["every_other"])) == (2, 5, 3)
    assert tuple(names["batch"].shape) == (2, 3, 64, 96)  # the last two of six


def test_the_python_example_runs(
    tmp_path: Path, photograph: NDArray[np.uint8], monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.fromarray(photograph[:64, :80]).save(tmp_path / "photo.png")
    monkeypatch.chdir(tmp_path)
    names = {"pictures": [photograph[:64, :64], photograph[:30, :40]]}
    exec(block("wisp.encode("), names)
    assert np.asarray(names["array"]).shape == (64, 64, 3)
    exec(block("import wisp.pillow"), names)
    assert np.asarray(names["again"]).shape == (64, 80, 3)


def test_the_exit_statuses_are_those_of_the_errors() -> None:
    rows = re.findall(r"^\| (\d) \| [^|]* \|(.*)\|$", README, re.M)
    assert [status for status, _ in rows] == list("012345678")
    for status, cell in rows:
        for name in re.findall(r"`(\w+Error)`", cell):
            error = getattr(codec, name, None) or __builtins__[name]  # type: ignore[index]
            if issubclass(error, codec.WispError):
                assert error.exit_status == int(status), name
    named = set(re.findall(r"\w+Error", " ".join(cell for _, cell in rows)))
    assert {n for n in codec.__all__ if n.endswith("Error")} <= named


def test_options_named_are_there() -> None:
    """In the text; the commands in code blocks are run, or do not come with the package."""
    from cli.bench import bench
    from cli.main import cli
    from cli.study import study
    from cli.train import train

    commands = [c for group in (cli, bench, study, train) for c in group.commands.values()]
    known = {option for command in commands for p in command.params for option in p.opts} | {"--help"}
    text = re.sub(r"```.*?```", "", README, flags=re.S)
    named = set(re.findall(r"`(?:wisp \w+ )?(--[a-z-]+)", text))
    assert len(named) > 5 and named <= known


def test_folders_named_are_there() -> None:
    for name in re.findall(r"^\| `(\w+)/` \|", README, re.M):
        assert (ROOT / name).is_dir()
    for name in re.findall(r"`((?:benchmarks|tests|bitstream|codec)/[\w./]+)`", README):
        assert (ROOT / name).exists(), name
