"""The colouriser on whole pictures, by small networks with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import wisp
from codec.restore import colorize
from codec.restore.colorize import Chroma, chroma_of, in_colour, luma_of
from codec.restore.colour import to_ycbcr
from tests.support.restorers import tiny_network, write_tiny
from tests.support.scenes import noise, photo


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny(tmp_path_factory.mktemp("model") / "c.safetensors", "colorize", head=3.0)


@pytest.mark.parametrize("size", [(40, 60), (1, 1), (5, 300), (290, 270)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_luma_stays_within_two_levels(size: tuple[int, int], mode: str) -> None:
    network = tiny_network("colorize", head=5.0)  # colours that leave 0..255
    pixels = noise(*size, mode)
    luma = luma_of(pixels)
    made = in_colour(luma, chroma_of(network, luma))
    assert made.shape == (*size, 3)
    assert 255 * abs(luma_of(made) - luma).max() <= 1
    if size != (1, 1):
        assert np.ptp(made.astype(int), axis=2).max() > 20  # there is colour


def test_chroma_is_that_of_the_network() -> None:
    network, grey = tiny_network("colorize"), (photo(64, 96, "L") // 2 + 64).astype(np.uint8)  # no colour is cut
    chroma = chroma_of(network, luma_of(grey))
    made = to_ycbcr(colorize.planes(in_colour(luma_of(grey), chroma)))[:, 1:]
    assert (made - chroma.planes).abs().max() < 2.5 / 255  # rounded RGB
    assert chroma.planes.abs().max() > 0.02


def test_large_pictures_are_seen_small_and_rows_leave_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    network, grey = tiny_network("colorize"), photo(600, 700, "L")
    luma = luma_of(grey)
    chroma = chroma_of(network, luma)
    assert chroma.luma.shape == (1, 1, 128, 149)
    whole = in_colour(luma, chroma)
    monkeypatch.setattr(colorize, "_ROWS", 77)
    assert (in_colour(luma, chroma) == whole).all()


def test_colours_follow_the_edges_of_luma() -> None:
    """A red half beside a blue one: the border stays where it is, though chroma comes from a quarter of the size."""
    rgb = np.empty((64, 64, 3), np.uint8)
    rgb[:, :30], rgb[:, 30:] = (200, 60, 60), (20, 20, 90)
    planes = torch.nn.functional.interpolate(to_ycbcr(colorize.planes(rgb)), (16, 16), mode="area")
    luma = luma_of(rgb)
    made = in_colour(luma, Chroma(planes[:, :1], planes[:, 1:]))
    blurred = torch.nn.functional.interpolate(planes[:, 1:], (64, 64), mode="bilinear")
    wanted = to_ycbcr(colorize.planes(rgb))[:, 1:]
    error = (to_ycbcr(colorize.planes(made))[:, 1:] - wanted).abs().mean()
    assert error < 0.7 * (blurred - wanted).abs().mean()


def test_a_picture_in_colour_counts_as_grey(model: Path) -> None:
    pixels = photo(40, 50)
    grey = np.asarray(Image.fromarray(pixels).convert("L"))
    difference = wisp.colorize(pixels, model=model).astype(int) - wisp.colorize(grey, model=model)
    assert abs(difference).max() <= 6  # by the rounding of luma


@pytest.mark.parametrize(("mode", "wanted"), [("L", "RGB"), ("LA", "RGBA"), ("RGBA", "RGBA")])
def test_alpha_and_what_fits_of_the_metadata_stay(mode: str, wanted: str, model: Path) -> None:
    image = Image.fromarray(photo(30, 40, mode).squeeze())
    image.info["icc_profile"] = bytes(16) + b"GRAY" + bytes(108)
    image.info["xmp"] = b"<x/>"
    made = wisp.colorize(image, model=model)
    assert (made.mode, made.size, made.info.get("icc_profile"), made.info["xmp"]) == (wanted, (40, 30), None, b"<x/>")
    if mode.endswith("A"):
        assert (np.asarray(made)[:, :, -1] == np.asarray(image)[:, :, -1]).all()
