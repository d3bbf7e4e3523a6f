"""Colours that nobody sees: what the encoder makes of them, and that nothing else depends on them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from codec.api import Codec
from codec.pixels.distortion import seen_psnr
from codec.pixels.picture import Picture
from codec.pixels.transparency import cleared, filled
from tests.support.picture_files import ALPHA, PIXELS, RGB, Pixels

SIZES = st.tuples(st.integers(1, 40), st.integers(1, 40))


def draw(size: tuple[int, int], channels: int, share: float, seed: int) -> tuple[Pixels, NDArray[np.bool_]]:
    """Noise of so many channels, the last alpha, and where it is not 0; `share` of it is."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (*size, channels), dtype=np.uint8)
    pixels[:, :, -1] = np.where(generator.random(size) < share, 0, np.maximum(pixels[:, :, -1], 1))
    return pixels, pixels[:, :, -1] != 0


# Cleared


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(SIZES, st.sampled_from([2, 4]), st.sampled_from([0.0, 0.1, 0.9, 1.0]), st.integers(0, 2**32 - 1))
def test_cleared(size: tuple[int, int], channels: int, share: float, seed: int) -> None:
    pixels, seen = draw(size, channels, share, seed)
    before = pixels.copy()
    result = cleared(pixels)
    assert np.array_equal(result[seen], pixels[seen]) and not result[~seen].any()
    assert np.array_equal(pixels, before)
    assert (result is pixels) == bool(seen.all())
    assert np.array_equal(cleared(result), result)


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_without_alpha_nothing_is_cleared(mode: str) -> None:
    pixels = Picture(PIXELS[mode]).pixels
    assert cleared(pixels) is pixels


# Filled


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(SIZES, st.sampled_from([1, 3]), st.sampled_from([0.05, 0.5, 0.95, 0.999]), st.integers(0, 2**32 - 1))
def test_filled(size: tuple[int, int], colours: int, share: float, seed: int) -> None:
    pixels, seen = draw(size, colours + 1, share, seed)
    if not seen.any():
        pixels[-1, -1, -1], seen[-1, -1] = 9, True
    visible = pixels[:, :, :-1]
    before = visible.copy()
    result = filled(visible, pixels[:, :, -1])
    assert result.dtype == np.uint8 and result.shape == visible.shape and np.array_equal(visible, before)
    assert np.array_equal(result[seen], visible[seen])
    for channel in range(colours):
        lowest, highest = visible[seen][:, channel].min(), visible[seen][:, channel].max()
        assert lowest <= result[:, :, channel].min() and result[:, :, channel].max() <= highest


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(SIZES, st.sampled_from([1, 3]), st.sampled_from([0.5, 0.95, 1.0]), st.integers(0, 2**32 - 1))
def test_holes_do_not_depend_on_what_is_in_them(size: tuple[int, int], colours: int, share: float, seed: int) -> None:
    pixels, seen = draw(size, colours + 1, share, seed)
    other = np.where(seen[:, :, None], pixels[:, :, :-1], 255 - pixels[:, :, :-1]).astype(np.uint8)
    assert np.array_equal(filled(pixels[:, :, :-1], pixels[:, :, -1]), filled(other, pixels[:, :, -1]))


def test_nothing_to_fill() -> None:
    assert filled(RGB, np.full((6, 10), 1, np.uint8)) is RGB
    assert (filled(RGB, np.zeros((6, 10), np.uint8)) == 128).all()
    one = np.full((1, 1, 3), 7, np.uint8)
    assert filled(one, np.full((1, 1), 255, np.uint8)) is one
    assert filled(one, np.zeros((1, 1), np.uint8)).tolist() == [[[128] * 3]]


def test_one_pixel_that_is_seen_spreads_everywhere() -> None:
    for height, width, y, x in ((33, 17, 32, 0), (1, 50, 0, 49), (50, 1, 3, 0), (64, 64, 20, 20)):
        colours = np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)
        alpha = np.zeros((height, width), np.uint8)
        alpha[y, x] = 1
        assert (filled(colours, alpha) == colours[y, x]).all()


def test_a_hole_takes_the_colours_at_its_edge() -> None:
    """Left of it all is dark, right of it light."""
    colours = np.zeros((64, 64, 1), np.uint8)
    colours[:, :24], colours[:, 40:] = 20, 220
    alpha = np.full((64, 64), 255, np.uint8)
    alpha[:, 24:40] = 0
    row = filled(colours, alpha)[32, :, 0].astype(int)
    assert row[24:32].max() < 130 < row[32:40].min() + 20
    assert (np.diff(row) >= 0).all()


def test_filling_is_smoother_than_clearing() -> None:
    y, x = np.mgrid[:64, :64]
    colours = (100 + x + y).astype(np.uint8)[:, :, None]
    alpha = np.where((x - 30) ** 2 + (y - 34) ** 2 < 300, 0, 255).astype(np.uint8)
    rough = np.where(alpha[:, :, None] == 0, 0, colours)
    steps = [np.abs(np.diff(picture.astype(int), axis=0)).max() for picture in (rough, filled(colours, alpha))]
    assert steps[1] * 3 < steps[0]


# In files


def hidden_pair(mode: str) -> tuple[Picture, Picture]:
    """Two pictures that look the same: noise under full transparency, in one of them another."""
    y, x = np.mgrid[:96, :150]
    generator = np.random.default_rng(6)
    shape = (96, 150, len(mode))
    pixels = (90 + 60 * np.sin(x / 20 + y / 31)[:, :, None] + np.zeros(shape)).astype(np.uint8)
    pixels[:, :, -1] = np.where(x < 70, 0, np.minimum(2 * x, 255))
    noise = [generator.integers(0, 256, shape, dtype=np.uint8) for _ in range(2)]
    hidden = (pixels[:, :, -1:] == 0) & (np.arange(len(mode)) < len(mode) - 1)
    return Picture(np.where(hidden, noise[0], pixels)), Picture(np.where(hidden, noise[1], pixels))


@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_a_file_does_not_depend_on_what_nobody_sees(wisp: Codec, mode: str, lossless: bool) -> None:
    """A whole tile of it among them."""
    one, other = hidden_pair(mode)
    data = wisp.encode(one, 60, tile=64, lossless=lossless)
    assert data == wisp.encode(other, 60, tile=64, lossless=lossless)
    kept = [wisp.encode(picture, 60, tile=64, lossless=True, exact=True) for picture in (one, other)]
    assert kept[0] != kept[1] and np.array_equal(wisp.decode_array(kept[0]), one.pixels)
    assert len(data) < len(kept[0]) / 2
    decoded = wisp.decode_array(data)
    assert np.array_equal(decoded[:, :, -1], one.alpha)
    assert seen_psnr(one, Picture(decoded)) > (30 if not lossless else 99)


def test_psnr_leaves_out_what_nobody_sees() -> None:
    pixels = PIXELS["RGBA"]
    other = np.where(ALPHA == 0, 255 - pixels, pixels).astype(np.uint8)
    other[:, :, -1] = ALPHA[:, :, 0]
    assert seen_psnr(Picture(pixels), Picture(other)) == float("inf")
    other[0, 9, 0] ^= 128
    assert 20 < seen_psnr(Picture(pixels), Picture(other)) < 50
