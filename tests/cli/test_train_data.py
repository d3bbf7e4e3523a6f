"""`wisp train data`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from codec.training.data.sources import find_pictures
from tests.codec.training.data.pictures import DAMAGED, png, smooth, write_folder
from tests.support.cli_runner import invoke, succeed
from tests.support.media_files import write_clip


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures, one that is damaged and one that is flat."""
    files = {"a.png": png(smooth(0, 64, 64)), "b.png": png(smooth(1, 64, 64)), "c.png": DAMAGED}
    return write_folder(tmp_path / "pictures", {**files, "d.png": png(np.zeros((64, 64, 3), np.uint8))})


def test_a_pack_is_made_and_told_of(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack.tar"
    result = succeed("train", "data", folder, "-o", pack, "--size", "32", "--per-picture", "1", "-j", "1")
    assert result.stdout.splitlines()[0].startswith(f"{pack}: 2 crops of 2 sources, ")
    assert "left out: " in result.stdout and "1 could not be read" in result.stdout and "1 flat" in result.stdout
    assert "c.png left out" in result.stderr and len(result.stderr.splitlines()) == 1
    assert len(find_pictures([pack])) == 2 and (tmp_path / "pack.csv").exists()
    again = invoke("train", "data", folder, "-o", pack, "--size", "32", "-j", "1")
    assert again.exit_code == 8 and "exists already" in again.stderr
    quiet = succeed("train", "data", folder, "-o", pack, "--overwrite", "--quiet", "--size", "32", "-j", "1")
    assert not quiet.stdout


def test_test_pictures_are_kept_out(folder: Path, tmp_path: Path) -> None:
    pack = tmp_path / "pack.tar"
    options = ("--size", "32", "-j", "1", "--exclude", folder / "a.png")
    result = succeed("train", "data", folder / "a.png", folder / "b.png", "-o", pack, *options)
    assert "crops of one source" in result.stdout and "1 to be tested with" in result.stdout


def test_clips_are_cut(tmp_path: Path) -> None:
    wide = smooth(0, 64, 128)
    write_clip(tmp_path / "v.mkv", [wide[:, 2 * i : 2 * i + 64] for i in range(6)], "ffv1", "bgr0")
    pack = tmp_path / "clips.tar"
    result = succeed(
        "train", "data", tmp_path / "v.mkv", "-o", pack, "--clips", "3x32", "--downscale", "1:2", "-j", "1"
    )
    assert "clips of one source" in result.stdout
    assert find_pictures([pack], clips=True)[0].name.startswith("clips.tar/v_")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--downscale", "0.5:2"), "the first number is 1 or more"),
        (("--downscale", "x"), "no range such as 1.5:3"),
        (("--clips", "9"), "such as 9x256"),
        (("--clips", "1x256"), "such as 9x256"),
        (("--clips", "9x256", "--size", "64"), "--clips and --size exclude each other"),
        (("--clips", "9x256", "--graphics"), "--clips and --graphics exclude each other"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path: Path, options: tuple[str, ...], words: str) -> None:
    result = invoke("train", "data", tmp_path, "-o", tmp_path / "pack.tar", *options)
    assert result.exit_code == 2 and words in result.stderr


def test_what_goes_wrong_is_one_line(tmp_path: Path) -> None:
    result = invoke("train", "data", tmp_path, "-o", tmp_path / "pack.tar")
    assert result.exit_code == 8 and result.stderr == f"wisp: train data: no pictures in {tmp_path}\n"
    write_folder(tmp_path, {"a.png": b""})
    result = invoke("train", "data", tmp_path, "-o", tmp_path / "pack.tar", "--exclude", tmp_path / "nowhere")
    assert result.exit_code == 8 and "nowhere: no such file or folder" in result.stderr
    result = invoke("train", "data", tmp_path, "-o", tmp_path / "pack.zip")
    assert result.exit_code == 2 and "ends in .tar" in result.stderr
