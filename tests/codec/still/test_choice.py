"""Which tiles the encoder stores losslessly by itself: those that are smaller so, and no others."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bitstream.chunks import OVERHEAD
from bitstream.units import Unit
from codec.api import Codec
from codec.files.source import read_file
from codec.jobs.describe_still import probe
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from tests.support.scenes import MODES, Pixels, Scene, each_mode, encode_choosing, facts_of, in_mode, logo, noise, photo


def flat(height: int, width: int, mode: str) -> Pixels:
    return in_mode(np.full((height, width, 3), (12, 180, 90), np.uint8), mode, 255)


def checks(height: int, width: int, mode: str) -> Pixels:
    rows, columns = np.indices((height, width)) // 4
    return in_mode(np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[:, :, None], 3, axis=2), mode, 255)


def screenshot(height: int, width: int, mode: str) -> Pixels:
    """Windows with a frame and a title, and no alpha that is not 255."""
    pixels = np.full((height, width, 3), 235, np.uint8)
    pixels[:20] = (40, 80, 160)
    pixels[20:, :2] = pixels[20:, -2:] = pixels[-2:] = 90
    pixels[30:-10, 10:-10] = logo(height - 40, width - 20)
    return in_mode(pixels, mode, 255)


@each_mode
@pytest.mark.parametrize("scene", [flat, checks, logo, screenshot])
def test_what_is_drawn_comes_back_exactly(wisp: Codec, scene: Scene, mode: str) -> None:
    pixels = scene(130, 150, mode)
    data = wisp.encode(pixels, 75)
    decoded = wisp.decode_array(data)
    seen = pixels[:, :, -1] != 0 if mode.endswith("A") else np.ones(pixels.shape[:2], bool)
    assert np.array_equal(decoded[seen], pixels[seen])
    assert probe(data).lossless
    assert len(data) < len(encode_choosing(wisp, pixels, (), 75, 1024).data)


def test_a_photograph_has_no_lossless_tile(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    for mode in ("L", "RGB"):
        facts = facts_of(wisp.encode(in_mode(photograph[:256, :256], mode), 75, tile=128))
        assert (facts.tiles, facts.lossless_tiles, facts.lossless) == (4, 0, False)


def test_each_tile_has_its_own_choice(wisp: Codec) -> None:
    pixels = photo(128, 192)
    pixels[:64, 64:128] = checks(64, 64, "RGB")
    pixels[64:, 128:] = 255 - checks(64, 64, "RGB")
    data = wisp.encode(pixels, 75, tile=64)
    assert [unit.learned for unit in read_file(data).units] == [True, False, True, True, True, False]
    facts = facts_of(data)
    assert (facts.lossless, facts.lossless_tiles, facts.quality) == (False, 2, 75)
    decoded = wisp.decode_array(data)
    assert np.array_equal(decoded[:64, 64:128], pixels[:64, 64:128])
    assert np.array_equal(decoded[64:, 128:], pixels[64:, 128:])
    assert not np.array_equal(decoded[:64, :64], pixels[:64, :64])


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    left=st.sampled_from([photo, logo, noise, flat, checks]),
    right=st.sampled_from([photo, logo, noise, flat, checks]),
    mode=st.sampled_from(MODES),
    quality=st.sampled_from([0, 50, 75, 100]),
    width=st.integers(1, 120),
)
@pytest.mark.slow
def test_no_unit_is_larger_than_the_learned_one(
    wisp: Codec, left: Scene, right: Scene, mode: str, quality: float, width: int
) -> None:
    pixels = left(64, 130, mode)
    pixels[:, width:] = right(64, 130, mode)[:, width:]
    own = wisp.encode_picture(Picture(pixels), EncodeSettings(quality=quality, tile=64))
    learned = encode_choosing(wisp, pixels, (), quality)
    assert all(unit.learned for unit in learned.units)
    for unit, other in zip(own.units, learned.units, strict=True):
        if unit.learned:  # its detail is that of a base that lossless neighbours change
            assert replace(unit, detail=None) == replace(other, detail=None)
        else:
            assert packed(unit) < packed(other) + (other.detail.packed_size + OVERHEAD if other.detail else 0)
    assert len(own.data) <= len(learned.data) * (1.02 if any(unit.detail for unit in own.units) else 1)


def packed(unit: Unit) -> int:
    return len(unit.pack())
