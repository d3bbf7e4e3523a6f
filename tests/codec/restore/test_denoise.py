"""The denoiser on whole pictures, by small networks with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import wisp
from bitstream.errors import ModelFileError, ModelNotFoundError
from codec.restore import denoise
from codec.restore.denoise import without_noise
from codec.restore.network import denoised
from tests.support.restorers import tiny_network, write_tiny
from tests.support.scenes import photo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("model") / "d.safetensors", "denoise")


def test_pixels_are_those_of_the_network() -> None:
    network, pixels = tiny_network("denoise"), photo(64, 96)
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    made = denoised(network, planes, torch.full((1, 1, 64, 96), 30 / 255))[0]
    wanted = (made * 255).round().clamp(0, 255).byte().permute(1, 2, 0).numpy()
    assert (without_noise(network, pixels, 30.0) == wanted).all()
    assert (wanted != pixels).any()


@pytest.mark.parametrize("size", [(130, 203), (64, 64), (1, 1), (3, 70)])
def test_windows_leave_no_trace(size: tuple[int, int], monkeypatch: pytest.MonkeyPatch) -> None:
    network, pixels = tiny_network("denoise"), photo(*size)
    sigma = np.random.default_rng(0).uniform(0, 60, size).astype(np.float32)
    whole = without_noise(network, pixels, sigma)
    monkeypatch.setattr(denoise, "_WINDOW", 40)
    parts = without_noise(network, pixels, sigma)
    assert whole.shape == pixels.shape
    assert abs(whole.astype(int) - parts).max() <= 1  # sums of other sizes round otherwise
    assert (whole != parts).mean() < 0.01


def test_no_noise_leaves_a_picture_as_it_is(model: Path) -> None:
    pixels = photo(20, 30)
    assert (wisp.denoise(pixels, 0, model=model) == pixels).all()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_a_pillow_image_comes_back_with_its_mode_alpha_and_metadata(mode: str, model: Path) -> None:
    pixels = photo(40, 50, mode)
    image = Image.fromarray(pixels.squeeze())
    image.info["icc_profile"] = b"profile"
    made = wisp.denoise(image, 25, model=model)
    assert (made.mode, made.size, made.info["icc_profile"]) == (mode, (50, 40), b"profile")
    if mode.endswith("A"):
        assert (np.asarray(made)[:, :, -1] == pixels[:, :, -1]).all()


def test_arrays_and_tensors_come_back_as_such(model: Path) -> None:
    grey = photo(40, 50, "L")
    made = wisp.denoise(grey[:, :, 0], 25, model=model)
    assert made.shape == (40, 50)
    assert made.dtype == np.uint8
    assert (wisp.denoise(grey, 25, model=model)[:, :, 0] == made).all()
    tensor = wisp.denoise(torch.from_numpy(grey.transpose(2, 0, 1).copy()), 25, model=model)
    assert (tensor[0].numpy() == made).all()


def test_auto_is_what_the_picture_tells(model: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 20, (160, 160, 3))
    pixels = (photo(160, 160) + noise).round().clip(0, 255).astype(np.uint8)
    sigma = denoise.estimated(wisp.Picture(pixels))
    assert (wisp.denoise(pixels, model=model) == wisp.denoise(pixels, sigma, model=model)).all()


def test_what_cannot_be_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = photo(8, 8)
    with pytest.raises(ValueError, match=r"not within 0\.\.100"):
        wisp.denoise(pixels, 101)
    other = write_tiny(tmp_path / "c.safetensors", "colorize")
    with pytest.raises(ModelFileError, match="of kind colorize, not denoise"):
        wisp.denoise(pixels, 5, model=other)
    monkeypatch.setattr("codec.model.registry.PACKAGED", tmp_path / "nothing")
    with pytest.raises(ModelNotFoundError, match="no denoiser is here"):
        wisp.denoise(pixels, 5)


def test_a_restorer_is_found_by_its_folder(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.model.registry.PACKAGED", tmp_path / "nothing")
    write_tiny(tmp_path / "c.safetensors", "colorize")
    write_tiny(tmp_path / "d.safetensors", "denoise")
    monkeypatch.setenv("WISP_MODEL_PATH", str(tmp_path))
    pixels = photo(16, 16)
    assert (wisp.denoise(pixels, 30) == wisp.denoise(pixels, 30, model=model)).all()
