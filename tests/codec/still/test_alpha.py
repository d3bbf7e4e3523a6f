"""Alpha of learned tiles: it is lossless, costs a byte where it is constant, and hidden colours cost nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codec.api import Codec
from codec.files.source import read_file
from codec.pixels.distortion import seen_psnr
from codec.pixels.transparency import filled
from codec.still.vp8l import encode as vp8l
from tests.support.damage import split, stream_of
from tests.support.scenes import Pixels, each_alpha_mode, encode_choosing, in_mode, noise, photo, ramp

KINDS = ("opaque", "half", "hidden", "ramp", "noise", "mask", "one pixel")


def plane(kind: str, height: int, width: int) -> Pixels:
    """(H, W)."""
    constant = {"opaque": 255, "half": 128, "hidden": 0}
    if kind in constant:
        return np.full((height, width), constant[kind], np.uint8)
    if kind == "ramp":
        return ramp(height, width)
    if kind == "noise":
        return noise(height, width, "LA")[:, :, 1]
    if kind == "mask":
        rows, columns = np.indices((height, width))
        inside = (rows - height / 2) ** 2 + (columns - width / 2) ** 2 < (min(height, width) / 2) ** 2
        return np.where(inside, 255, 0).astype(np.uint8)
    single = np.full((height, width), 255, np.uint8)
    single[height // 2, width // 2] = 0
    return single


@settings(max_examples=25, deadline=None, derandomize=True, database=None)
@given(
    kind=st.sampled_from(KINDS),
    mode=st.sampled_from(["LA", "RGBA"]),
    height=st.integers(1, 100),
    width=st.integers(1, 140),
    quality=st.sampled_from([0, 50, 89]),
    exact=st.booleans(),
)
def test_alpha_of_learned_tiles_comes_back(
    wisp: Codec, kind: str, mode: str, height: int, width: int, quality: int, exact: bool
) -> None:
    alpha = plane(kind, height, width)
    encoded = encode_choosing(wisp, in_mode(photo(height, width), mode, alpha), (), quality, exact=exact)
    decoded = wisp.decode_array(encoded.data)
    assert encoded.lossless_tiles == 0
    assert np.array_equal(decoded[:, :, -1], alpha)
    assert decoded.shape == (height, width, len(mode))


@pytest.mark.parametrize("value", [1, 128, 255])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_constant_alpha_costs_one_byte_a_tile(wisp: Codec, mode: str, value: int) -> None:
    rgb = photo(100, 130)
    without = encode_choosing(wisp, in_mode(rgb, mode), ())
    with_alpha = encode_choosing(wisp, in_mode(rgb, f"{mode}A", value), ())
    assert len(with_alpha.data) == len(without.data) + 6
    assert [unit.alpha for unit in with_alpha.units] == [value] * 6
    colours = wisp.decode_array(with_alpha.data)[:, :, :-1]
    assert np.array_equal(colours, wisp.decode_array(without.data))


def test_varying_alpha_costs_its_vp8l_picture_and_four_bytes(wisp: Codec) -> None:
    rgb, alpha = photo(64, 64), plane("one pixel", 64, 64)
    without = encode_choosing(wisp, rgb, ())
    encoded = encode_choosing(wisp, in_mode(rgb, "RGBA", np.maximum(alpha, 1)), ())
    coded = vp8l(np.maximum(alpha, 1)[:, :, None])
    assert encoded.units[0].alpha == coded
    assert len(encoded.data) == len(without.data) + 4 + len(coded)
    # As FORMAT.md has it: bit 7, the length, the picture, then what is there without alpha.
    payload = split(encoded.data)[1].payload
    assert payload[0] == 0x80
    assert stream_of(encoded.data) == len(coded).to_bytes(4, "little") + coded + stream_of(without.data)


def test_each_tile_has_its_own_kind_of_alpha(wisp: Codec) -> None:
    alpha = np.zeros((64, 192), np.uint8)
    alpha[:, :64] = 255
    alpha[:, 128:] = plane("ramp", 64, 64)
    pixels = in_mode(photo(64, 192), "RGBA", alpha)
    encoded = encode_choosing(wisp, pixels, ())
    assert [type(unit.alpha) for unit in read_file(encoded.data).units] == [int, int, bytes]
    assert np.array_equal(wisp.decode_array(encoded.data)[:, :, 3], alpha)


@each_alpha_mode
@pytest.mark.parametrize("lossless", [False, True])
@pytest.mark.parametrize("kind", ["mask", "hidden", "half a tile"])
def test_colours_that_nobody_sees_leave_no_trace(wisp: Codec, mode: str, lossless: bool, kind: str) -> None:
    """Not in the content id either: what is cut out of a picture must not be told from the file."""
    alpha = plane("opaque" if kind == "half a tile" else kind, 90, 80)
    if kind == "half a tile":
        alpha[:, 32:] = 0  # the tile beside it is wholly hidden
    secret = in_mode(photo(90, 80), mode, alpha)
    files = {wisp.encode(secret, 60, lossless=lossless, tile=64)}
    for hidden in (0, 255, noise(90, 80, mode)):
        other = np.where(alpha[:, :, None] == 0, hidden, secret).astype(np.uint8)
        other[:, :, -1] = alpha
        files.add(wisp.encode(other, 60, lossless=lossless, tile=64))
    assert len(files) == 1


@each_alpha_mode
def test_a_wholly_transparent_picture_is_tiny(wisp: Codec, mode: str) -> None:
    data = wisp.encode(in_mode(photo(120, 120), mode, 0), 75)
    assert len(data) < 120
    assert not wisp.decode_array(data).any()


@each_alpha_mode
def test_what_is_seen_beside_a_hole_is_as_good_as_without(wisp: Codec, mode: str) -> None:
    """The network sees smooth colours in the hole, not an edge to black, which would cost bits or quality."""
    alpha = plane("mask", 128, 128)
    encoded = encode_choosing(wisp, in_mode(photo(128, 128), mode, alpha), (), 60)
    opaque = encode_choosing(wisp, in_mode(photo(128, 128), mode, 255), (), 60)
    decoded = wisp.decode_still(wisp.parsed(encoded.data)).picture
    assert (
        seen_psnr(encoded.picture, decoded)
        > seen_psnr(opaque.picture, wisp.decode_still(wisp.parsed(opaque.data)).picture) - 1.0
    )
    assert len(encoded.units[0].stream) <= 1.05 * len(opaque.units[0].stream)


def test_filled_keeps_what_is_seen_and_goes_on_smoothly() -> None:
    colours = photo(67, 45)
    alpha = plane("mask", 67, 45)
    hole = alpha == 0
    smooth = filled(colours, alpha)
    assert np.array_equal(smooth[~hole], colours[~hole])
    assert np.array_equal(smooth, filled(np.where(hole[:, :, None], 0, colours), alpha))
    assert smooth[hole].min() >= colours[~hole].min()
    assert smooth[hole].max() <= colours[~hole].max()
    assert np.array_equal(filled(colours, plane("opaque", 67, 45)), colours)
    assert len(np.unique(filled(colours, plane("hidden", 67, 45)))) == 1


@pytest.mark.parametrize("exact", [False, True])
def test_a_grey_picture_stays_grey(wisp: Codec, exact: bool) -> None:
    for mode in ("L", "LA"):
        for lossless in ((), (0, 1, 2, 3)):
            encoded = encode_choosing(wisp, photo(70, 90, mode), lossless, exact=exact)
            assert wisp.decode(encoded.data).mode == mode
