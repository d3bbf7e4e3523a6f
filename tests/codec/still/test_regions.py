"""Regions: which tile moves by how much, and what becomes of the picture there and elsewhere."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import codec as wisp_package
from bitstream.errors import RequestError
from bitstream.header import Header
from bitstream.limits import MAX_QUALITY
from codec.api import Codec
from codec.files.source import read_file
from codec.pixels.distortion import psnr
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.encode import encode_lossless
from codec.still.layout import Layout
from codec.still.regions import DEFAULT_DELTA, Region, levels_of_tiles, steps_of_tiles
from tests.support.refining import cut, plain
from tests.support.scenes import Pixels, logo, photo

STEP = MAX_QUALITY / 100  # of the model's quality for one of 0..100
STEEPEST = 8 * STEP  # between tiles that touch
Steps = NDArray[np.float64]


def layout_of(width: int, height: int, quality: int = 8000, tile: int = 64) -> Layout:
    return Layout(Header(width, height, quality, (bytes(8),), bytes(4), tile))


def steps(width: int, height: int, *regions: Region, tile: int = 64) -> Steps:
    """By tile row and column."""
    found = steps_of_tiles(regions, layout_of(width, height, tile=tile))
    assert all(type(value) is int for value in found)
    return np.array(found, np.float64).reshape(math.ceil(height / tile), math.ceil(width / tile))


def grey_map(values: Any) -> Region:
    return Region(np.array(values, np.uint8))


def test_without_regions_nothing_moves() -> None:
    assert steps_of_tiles((), layout_of(130, 200)) == [0] * 12


def test_a_rectangle_raises_the_tiles_that_it_covers() -> None:
    found = steps(640, 64, Region((256, 0, 128, 64)))
    assert found.tolist() == [[round(delta * STEP) for delta in (0, 0, 4, 12, 20, 20, 12, 4, 0, 0)]]
    assert DEFAULT_DELTA == 20
    assert found.max() == 3226  # 20 * 16128 / 100


def test_it_moves_a_tile_by_the_share_that_it_covers() -> None:
    assert steps(64, 64, Region((0, 0, 32, 16), 24)).tolist() == [[round(24 / 8 * STEP)]]
    assert steps(64, 64, Region((-50, -90, 60, 100), -40)).tolist() == [[round(-40 * 100 / 4096 * STEP)]]
    assert steps(70, 64, Region((64, 0, 6, 64), 8)).tolist() == [[0, round(8 * STEP)]]  # of a tile of 6 pixels
    assert steps(1, 1, Region((0, 0, 1, 1), 100)).tolist() == [[MAX_QUALITY]]


def test_regions_add_up() -> None:
    both = Region((0, 0, 64, 64), 5), Region((0, 0, 64, 32), -3)
    assert steps(64, 64, *both).tolist() == [[round(3.5 * STEP)]]
    assert steps(64, 64, *both, grey_map([[255]])).tolist() == [[round(23.5 * STEP)]]
    assert not steps(300, 300, Region((50, 60, 70, 80), 30), Region((50, 60, 70, 80), -30)).any()


def test_slopes_fall_off_diagonally_too() -> None:
    found = steps(320, 320, Region((128, 128, 64, 64), 20))
    rows, columns = np.indices((5, 5))
    distance = np.maximum(abs(rows - 2), abs(columns - 2))
    assert np.array_equal(found, np.maximum(20 * STEP - distance * STEEPEST, 0).round())


def test_a_lowered_region_keeps_its_surroundings() -> None:
    found = steps(448, 64, Region((64, 0, 320, 64), -30))
    assert found.tolist() == [[0, *(round(-i * STEEPEST) for i in (1, 2, 3, 2, 1)), 0]]


rectangles = st.builds(
    Region,
    st.tuples(st.integers(-90, 299), st.integers(-90, 199), st.integers(91, 400), st.integers(91, 300)),
    st.floats(-100, 100),
)
maps = st.builds(
    lambda height, width, seed, delta: Region(
        np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8), delta
    ),
    st.integers(1, 9),
    st.integers(1, 9),
    st.integers(0, 99),
    st.floats(-100, 100),
)


def touching(found: Steps) -> list[tuple[Steps, Steps]]:
    """Pairs of tiles side by side, one below the other, and in both diagonals."""
    return [
        (found[:, 1:], found[:, :-1]),
        (found[1:], found[:-1]),
        (found[1:, 1:], found[:-1, :-1]),
        (found[1:, :-1], found[:-1, 1:]),
    ]


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(regions=st.lists(st.one_of(rectangles, maps), min_size=1, max_size=4))
def test_no_slope_is_steep_and_nothing_is_below_what_was_asked(regions: list[Region]) -> None:
    layout = layout_of(300, 200)
    found = steps(300, 200, *regions)
    for one, other in touching(found):
        assert np.abs(one - other).max() <= STEEPEST + 1
    asked = [STEP * sum(region.over(layout.box(i), layout.whole) for region in regions) for i in range(20)]
    assert (found.ravel() >= np.array(asked) - 0.5).all()
    assert found.max() == round(max(asked))
    raised = found.ravel() > np.array(asked) + 0.5
    for i in np.flatnonzero(raised):  # only as far as a neighbour makes it
        row, column = divmod(i, 5)
        around = found[max(row - 1, 0) : row + 2, max(column - 1, 0) : column + 2]
        assert around.max() == pytest.approx(found[row, column] + STEEPEST, abs=1.01)


@pytest.mark.parametrize("grey, delta", [(255, 20), (0, -20), (128, 0), (64, -10), (192, 20 * 64 / 127)])
def test_a_map_moves_by_its_grey(grey: int, delta: float) -> None:
    for shape in ((1, 1), (2, 3), (200, 300)):
        found = steps(300, 200, grey_map(np.full(shape, grey)))
        assert found.shape == (4, 5)
        assert (found == round(delta * STEP)).all()
    assert steps(64, 64, Region(np.full((1, 1), grey, np.uint8), -40)).item() == round(-2 * delta * STEP)


def test_a_map_of_any_size_lies_over_the_whole_picture() -> None:
    """Each tile takes the mean of what lies over it, of one cell at least."""
    values = [[140, 148, 156, 164]]
    wanted = [[round((value - 128) / 127 * 20 * STEP) for value in values[0]]]
    assert steps(256, 64, grey_map(values)).tolist() == wanted
    assert steps(256, 64, grey_map(np.repeat(np.repeat(values, 64, axis=1), 64, axis=0))).tolist() == wanted
    assert steps(256, 64, grey_map(np.repeat(values, 1000, axis=1))).tolist() == wanted
    halves = steps(256, 64, grey_map([[140, 160]]))
    assert halves.tolist() == [[round(12 / 127 * 20 * STEP)] * 2 + [round(32 / 127 * 20 * STEP)] * 2]
    assert steps(64, 64, grey_map([[148, 108]])).item() == round((20 / 127 - 20 / 128) / 2 * 20 * STEP)
    tall = steps(64, 256, grey_map([[140], [148], [156], [164]]))
    assert tall.ravel().tolist() == wanted[0]


@pytest.mark.parametrize("quality, delta", [(0, -30), (0, 30), (MAX_QUALITY, 100), (MAX_QUALITY, -100), (8000, 100)])
def test_qualities_stay_within_the_models(quality: int, delta: float) -> None:
    layout = layout_of(64, 64, quality)
    (found,) = levels_of_tiles((Region((0, 0, 64, 64), delta),), layout, layout.header.quality)
    assert found == min(max(quality + round(delta * STEP), 0), MAX_QUALITY)
    assert 0 <= found <= MAX_QUALITY


@pytest.mark.parametrize("where", [(64, 0, 5, 5), (0, 48, 9, 9), (-5, 0, 5, 5), (0, -20, 64, 20)])
def test_a_region_outside_the_picture_is_refused(wisp: Codec, where: tuple[int, int, int, int]) -> None:
    shown = ",".join(map(str, where))
    message = f"region {shown} is not within the picture of 64x48 pixels"
    inside = Region((0, 0, 5, 5))
    with pytest.raises(RequestError) as caught:
        steps(64, 48, inside, Region(where))
    assert str(caught.value) == message
    with pytest.raises(RequestError) as caught:
        wisp.encode(photo(48, 64), 50, regions=[inside, Region(where)])
    assert str(caught.value) == message


@pytest.mark.parametrize("where", [(0, 0, 0, 5), (0, 0, 5, -1), (0, 0, 5), (0, 0, 5, 5, 5), ()])
def test_bad_rectangles(where: Any) -> None:
    with pytest.raises(ValueError, match=r"^region: \(.*\) is not \(x, y, width, height\)$"):
        Region(where)


@pytest.mark.parametrize(
    "values", [np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2)), np.zeros((0, 3), np.uint8), np.zeros(4, np.uint8)]
)
def test_bad_maps(values: Any) -> None:
    with pytest.raises(ValueError, match=r"^region: a map of .* is not \(H, W\) uint8$"):
        Region(values)


@pytest.mark.parametrize("delta", [100.5, -101, math.nan, math.inf])
def test_bad_deltas(delta: float) -> None:
    with pytest.raises(ValueError, match=rf"^region: a delta of {delta} is not within -100\.\.100$"):
        Region((0, 0, 5, 5), delta)


def test_units_carry_the_steps_and_decode_right(wisp: Codec) -> None:
    """`plain` decodes and compares; lossless tiles lie among the learned ones."""
    pixels = cut(60, 100, 192, 192)
    pixels[64:128, :64] = pixels[128:, 128:] = 240
    pixels[64:128:8, :64] = pixels[128::8, 128:] = (20, 60, 160)
    regions = Region((128, 0, 64, 64), 25), grey_map(np.linspace(60, 200, 9).reshape(3, 3))
    encoded = plain(wisp, pixels, 50, tile=64, regions=regions)
    units = read_file(encoded.data).units
    wanted = steps_of_tiles(regions, encoded.layout)
    assert len(set(wanted)) > 2
    assert [unit.quality_delta for unit in units] == wanted
    assert [unit.tile_index for unit in units if not unit.learned] == [3, 8]
    decoded = wisp.decode_array(encoded.data)
    assert np.array_equal(decoded[64:128, :64], pixels[64:128, :64])
    assert np.array_equal(wisp.decode_array(encoded.data, crop=(70, 70, 50, 50)), decoded[70:120, 70:120])


@pytest.mark.parametrize("quality, delta, end", [(1, -50, 0), (99, 50, MAX_QUALITY)])
def test_deltas_end_where_the_qualities_do(wisp: Codec, quality: float, delta: float, end: int) -> None:
    encoded = plain(wisp, photo(64, 128), quality, tile=64, regions=(Region((0, 0, 128, 64), delta),))
    base = encoded.layout.header.quality
    assert 0 < base < MAX_QUALITY
    assert [unit.quality_delta for unit in encoded.units] == [end - base] * 2


def region_files(wisp: Codec, region: Region) -> tuple[Pixels, Pixels, Pixels]:
    """-> a picture of 4x5 tiles, as it decodes with a region at quality 40 and without."""
    pixels = photo(256, 320)
    shown = (wisp.decode_array(wisp.encode(pixels, 40, tile=64, regions=r)) for r in ((region,), ()))
    return pixels, next(shown), next(shown)


@pytest.mark.parametrize("delta", [20, -20])
def test_the_region_changes_and_what_is_far_off_hardly(wisp: Codec, delta: float) -> None:
    pixels, moved, usual = region_files(wisp, Region((0, 64, 64, 192), delta))
    inside, far = np.s_[64:, :64], np.s_[:, 256:]
    change = psnr(moved[inside], pixels[inside]) - psnr(usual[inside], pixels[inside])
    if delta > 0:
        assert 1.5 < change < 8
    else:  # the slope to the tiles beside it takes most of it away
        assert -4 < change < -0.7
    assert abs(psnr(moved[far], pixels[far]) - psnr(usual[far], pixels[far])) < 0.05


def jumps(error: Steps, axis: int) -> tuple[float, float]:
    """Mean square of the error's change from pixel to pixel: across tile borders, and 8 to 56 pixels from them."""
    squares = np.square(np.diff(error, axis=axis)).mean(axis=(1 - axis, 2))
    place = (np.arange(len(squares)) + 1) % 64
    return float(squares[place == 0].mean()), float(squares[(place >= 8) & (place <= 56)].mean())


def test_no_edge_shows_at_the_borders_of_tiles(wisp: Codec) -> None:
    """The error jumps there as it does within tiles, and as it does without a region."""
    pixels, moved, usual = region_files(wisp, Region((128, 64, 64, 128), 30))
    for axis in (0, 1):
        (border, within), (usual_border, usual_within) = (
            jumps(shown.astype(np.float64) - pixels, axis) for shown in (moved, usual)
        )
        assert border / within < 1.15 * max(usual_border / usual_within, 1)


def test_tiles_are_smaller_where_a_region_is_to_be_followed() -> None:
    pixels, region = photo(130, 140), Region((0, 0, 20, 20))
    for options, tile in (({}, 1024), ({"regions": [region]}, 128), ({"regions": [region], "tile": 64}, 64)):
        header = read_file(wisp_package.encode(pixels, 50, **options)).header
        assert header.tile == tile


def test_a_region_over_everything_is_another_quality(wisp: Codec) -> None:
    pixels = photo(64, 128)
    whole = plain(wisp, pixels, 40, tile=64, regions=(Region((0, 0, 128, 64), 10),))
    quality = whole.layout.header.quality + round(10 * STEP)
    assert {whole.layout.quality(unit) for unit in whole.units} == {quality}
    assert len(whole.data) > len(plain(wisp, pixels, 40, tile=64).data)


def test_lossless_files_need_no_regions() -> None:
    followed = EncodeSettings(tile=64, regions=(Region((0, 0, 9, 9)),))
    units = encode_lossless(Picture(logo(64, 64)), bytes(8), followed).units
    assert [unit.quality_delta for unit in units] == [0]
