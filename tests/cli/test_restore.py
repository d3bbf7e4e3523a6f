"""`wisp denoise` and `wisp colorize`: formats in and out, names, what is refused. Networks are small and random."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import wisp
from codec.model.registry import PACKAGED
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.cli_videos import shown, y4m_clip
from tests.support.media_files import read as read_video
from tests.support.restorers import write_tiny
from tests.support.scenes import photo


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with a denoiser and a colouriser."""
    monkeypatch.chdir(tmp_path)
    write_tiny(Path("d.safetensors"), "denoise")
    write_tiny(Path("c.safetensors"), "colorize")
    return tmp_path


DENOISE = ("denoise", "--model", "d.safetensors", "--sigma", "30")
COLORIZE = ("colorize", "--model", "c.safetensors")


def saved(name: str, mode: str = "RGB", **options: Any) -> NDArray[np.uint8]:
    pixels = photo(48, 64, mode)
    Image.fromarray(pixels.squeeze()).save(name, **options)
    return pixels


def read(name: str) -> NDArray[np.uint8]:
    image = wisp.decode(name) if name.endswith(".wisp") else Image.open(name)
    return np.asarray(image)


@pytest.mark.parametrize("name", ["b.png", "b.ppm", "b.tif", "b.jpg", "b.webp", "b.avif", "b.wisp"])
def test_every_format_of_pictures_comes_out(name: str) -> None:
    wanted = wisp.denoise(saved("a.png"), 30, model="d.safetensors")
    succeed(*DENOISE, "a.png", "-o", name)
    made = read(name)
    assert made.shape == wanted.shape
    if name.endswith((".png", ".ppm", ".tif")):
        assert (made == wanted).all()
    else:
        assert abs(made.astype(int) - wanted).mean() < 25  # random networks make noise, which does not compress


def test_a_wisp_picture_is_decoded_and_coded_again() -> None:
    pixels = saved("a.png", "LA", icc_profile=b"profile")
    succeed("encode", "--lossless", "a.png", "--exact")
    succeed(*COLORIZE, "a.wisp", "-o", "b.wisp", "-q", "90")
    made = wisp.decode("b.wisp")
    assert (made.mode, made.info["icc_profile"]) == ("RGBA", b"profile")
    assert (np.asarray(made)[:, :, 3] == pixels[:, :, 1]).all()


def test_outputs_lie_beside_inputs_and_keep_their_format() -> None:
    saved("a.jpg")
    saved("b.bmp")
    saved("c.png")
    succeed("encode", "c.png")
    succeed(*DENOISE, "a.jpg", "b.bmp", "c.wisp")
    succeed(*COLORIZE, "a.jpg", "b.bmp", "-o", "out/", "--format", "webp", "-v")
    names = folder_content(Path())
    assert {"a.denoised.jpg", "b.denoised.png", "c.denoised.wisp", "out/a.webp", "out/b.webp"} <= names.keys()
    assert Image.open("a.denoised.jpg").format == "JPEG"
    assert wisp.probe("c.denoised.wisp").mode == "RGB"


def test_a_pipe_to_a_pipe() -> None:
    pixels = saved("a.png", "L")
    result = succeed(*COLORIZE, "-", "-o", "-", "--format", "ppm", stdin=Path("a.png").read_bytes())
    Path("b.ppm").write_bytes(result.stdout_bytes)
    assert (read("b.ppm") == wisp.colorize(pixels, model="c.safetensors")).all()


def test_metadata_stays_unless_it_is_stripped() -> None:
    saved("a.png", icc_profile=b"profile")
    succeed(*DENOISE, "a.png", "-o", "b.png")
    succeed(*DENOISE, "a.png", "-o", "c.png", "--strip")
    assert Image.open("b.png").info["icc_profile"] == b"profile"
    assert "icc_profile" not in Image.open("c.png").info


@pytest.mark.parametrize(
    ("arguments", "message", "status"),
    [
        (("denoise", "a.png", "--sigma", "loud"), "is neither auto nor a number", 2),
        (("denoise", "a.png", "--sigma", "101"), "is not within 0..100", 2),
        (("denoise", "a.png", "--model", "c.safetensors"), "it is of kind colorize, not denoise", 6),
        (("denoise", "a.png", "--model", "no.safetensors"), "cannot be read", 8),
        ((*DENOISE, "a.png", "-o", "b.png"), "exists already (--overwrite replaces it)", 8),
        ((*DENOISE, "b.png", "-o", "b.mp4"), "is a still picture, which is written as", 2),
        ((*DENOISE, "b.png", "-o", "b.png", "--overwrite"), "is the input itself", 8),
        ((*DENOISE, "a.png", "--crf", "3"), "--crf is for videos", 2),
        ((*DENOISE, "a.png", "--raw-rate", "3"), "--raw-rate is for raw video: --raw says which", 2),
        ((*COLORIZE, "text.png"), "is not a picture that Pillow can read", 8),
    ],
)
def test_what_cannot_be_is_one_line_and_changes_nothing(arguments: tuple[str, ...], message: str, status: int) -> None:
    saved("a.png")
    saved("b.png")
    Path("text.png").write_text("no picture")
    before = folder_content(Path())
    result = invoke(*arguments)
    assert result.exit_code == status
    assert message in result.stderr.splitlines()[-1]
    assert folder_content(Path()) == before


def test_a_missing_network_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.model.registry.PACKAGED", tmp_path / "nothing")
    saved("a.png")
    result = invoke("colorize", "a.png")
    assert result.exit_code == 6
    assert result.stderr == "wisp: a.png: no colouriser is here: name its file, or put it in $WISP_MODEL_PATH\n"


def test_restorers_are_no_models(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("WISP_MODEL_PATH", str(tmp_path))
    assert "not" not in succeed("models").stderr


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The denoiser is found by itself, and no other."""
    folder = tmp_path / "models"
    folder.mkdir()
    for model in PACKAGED.glob("image-*.safetensors"):
        (folder / model.name).symlink_to(model)
    monkeypatch.setattr("codec.model.registry.PACKAGED", folder)
    return write_tiny(folder / "denoise-v1.safetensors", "denoise")


def test_encode_codes_the_restored_picture(found: Path) -> None:
    pixels = saved("a.png")
    saved("b.png")
    for arguments, sigma in ((("--denoise=30", "a.png"), 30.0), (("--denoise", "a.png", "b.png"), "auto")):
        succeed("encode", "--lossless", "--overwrite", *arguments)
        assert (wisp.decode_array("a.wisp") == wisp.denoise(pixels, sigma, model=found)).all()  # type: ignore[arg-type]
    wisp.encode_file("a.png", "c.wisp", lossless=True, denoise=30)
    assert (wisp.decode_array("c.wisp") == wisp.denoise(pixels, 30)).all()
    assert "'x' is neither auto nor a number" in invoke("encode", "--denoise=x", "a.png").stderr


def test_encode_codes_the_restored_video(found: Path) -> None:
    succeed("encode", "-", "-o", "a.wisp", "--lossless", "--denoise=20", stdin=y4m_clip(3))
    Path("a.y4m").write_bytes(y4m_clip(3))
    succeed("denoise", "--sigma", "20", "a.y4m", "-o", "b.y4m")
    assert (shown("a.wisp") == np.stack([frame.pixels for frame in read_video("b.y4m").frames])).all()
