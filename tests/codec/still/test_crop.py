"""Crops: the same pixels as in the whole picture, from the tiles that they need and no others."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import CorruptError
from bitstream.header import Header
from bitstream.metadata import Metadata
from bitstream.still import Still
from codec.api import Codec
from codec.files.source import read_file
from codec.pixels.geometry import Area, Crop
from codec.still.encode import CodedPicture
from codec.still.layout import Layout
from tests.support import damage
from tests.support.damage import refuse
from tests.support.scenes import MODES, Pixels, encode_choosing, noise, photo

LATENT, HALO = 16, 8 * 16  # pixels; the packaged model's halo, FORMAT.md section 8
TILE = 64
FILES = ("learned", "lossless", "mixed", "wide")
LOSSLESS_OF_WIDE = frozenset({1, 2, 9, 10})


@lru_cache(maxsize=16)
def encoded(wisp: Codec, kind: str, mode: str) -> CodedPicture:
    """`wide` is a strip of 12 tiles, longer than two halos, the others have 3 x 4."""
    if kind == "wide":
        return encode_choosing(wisp, photo(50, 730, mode), LOSSLESS_OF_WIDE, 60)
    chosen = {"learned": (), "lossless": range(12), "mixed": (0, 1, 5, 6, 11)}[kind]
    return encode_choosing(wisp, photo(140, 210, mode), chosen, 60)


@lru_cache(maxsize=16)
def whole(wisp: Codec, kind: str, mode: str) -> Pixels:
    return wisp.decode_array(encoded(wisp, kind, mode).data)


def overlap(a: Crop, b: Crop) -> Crop | None:
    left, top = max(a[0], b[0]), max(a[1], b[1])
    right, bottom = min(a[0] + a[2], b[0] + b[2]), min(a[1] + a[3], b[1] + b[3])
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


def with_halo(box: Crop) -> Crop:
    """The latents below a box and 8 around them."""
    left, top = (at // LATENT * LATENT - HALO for at in box[:2])
    right, bottom = (-(-(at + size) // LATENT) * LATENT + HALO for at, size in zip(box[:2], box[2:], strict=True))
    return left, top, right - left, bottom - top


def needed_tiles(still: Still, crop: Crop) -> set[int]:
    """By the definition: those that the crop shows, and those that a shown learned pixel depends on."""
    columns = -(-still.header.width // TILE)
    boxes = [(i % columns * TILE, i // columns * TILE, TILE, TILE) for i in range(len(still.units))]
    needed = set()
    for i, box in enumerate(boxes):
        shown = overlap(box, crop)
        if shown is None:
            continue
        needed.add(i)
        if still.units[i].learned:
            needed |= {j for j, other in enumerate(boxes) if overlap(other, with_halo(shown))}
    return needed


@st.composite
def crops(draw: st.DrawFn, width: int, height: int) -> Crop:
    x, y = draw(st.integers(0, width - 1)), draw(st.integers(0, height - 1))
    small = st.integers(1, 40)
    return (
        x,
        y,
        min(draw(small | st.integers(1, width)), width - x),
        min(draw(small | st.integers(1, height)), height - y),
    )


def check_crop(wisp: Codec, kind: str, mode: str, crop: Crop) -> None:
    still = read_file(encoded(wisp, kind, mode).data)
    decoded = wisp.decode_still(still, crop=crop)
    x, y, width, height = crop
    wanted, found = whole(wisp, kind, mode)[y : y + height, x : x + width], decoded.picture.pixels
    assert found.shape == wanted.shape
    assert np.abs(found.astype(int) - wanted).max() <= 1
    if mode.endswith("A"):
        assert np.array_equal(found[:, :, -1], wanted[:, :, -1])
    if kind == "lossless":
        assert np.array_equal(found, wanted)
    assert decoded.tiles_decoded == len(needed_tiles(still, crop))


@settings(max_examples=100, deadline=None, derandomize=True, database=None)
@given(
    size=st.tuples(st.integers(1, 900), st.integers(1, 900)),
    tile=st.sampled_from([64, 192, 320, 1024]),
    data=st.data(),
)
def test_tiles_under_an_area_are_those_that_meet_it(size: tuple[int, int], tile: int, data: st.DataObject) -> None:
    """Counted, not searched: with 64-pixel tiles a search for each of them takes minutes in large pictures."""
    layout = Layout(Header(*size, 0, (bytes(8),), bytes(4), tile))
    height, width = layout.field
    top, left = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    area = Area(top, data.draw(st.integers(top + 1, height)), left, data.draw(st.integers(left + 1, width)))
    assert layout.under(area) == {i for i, other in enumerate(layout.tiles) if other.meet(area)}


@settings(max_examples=35, deadline=None, derandomize=True, database=None)
@given(kind=st.sampled_from(FILES[:3]), mode=st.sampled_from(MODES), crop=crops(210, 140))
@pytest.mark.slow
def test_a_crop_is_that_part_of_the_whole(wisp: Codec, kind: str, mode: str, crop: Crop) -> None:
    check_crop(wisp, kind, mode, crop)


@settings(max_examples=15, deadline=None, derandomize=True, database=None)
@given(mode=st.sampled_from(MODES), crop=crops(730, 50))
def test_a_crop_of_a_long_strip(wisp: Codec, mode: str, crop: Crop) -> None:
    check_crop(wisp, "wide", mode, crop)


def each_file() -> list[Any]:
    """All modes with tiles of both kinds, else two of them; the others belong to the slow tests."""
    every = [(kind, mode, kind in ("lossless", "mixed") or mode in ("L", "RGBA")) for kind in FILES for mode in MODES]
    return [pytest.param(kind, mode, marks=[] if quick else pytest.mark.slow) for kind, mode, quick in every]


@pytest.mark.parametrize(("kind", "mode"), each_file())
def test_corners_a_tile_and_the_whole(wisp: Codec, kind: str, mode: str) -> None:
    height, width, _ = whole(wisp, kind, mode).shape
    for crop in [(0, 0, 1, 1), (width - 1, height - 1, 1, 1), (64, 0, 64, min(64, height)), (0, 0, width, height)]:
        check_crop(wisp, kind, mode, crop)


@pytest.mark.parametrize(
    ("crop", "count"),
    [
        ((0, 0, 16, 16), 3),  # 16 pixels and 128 of halo
        ((0, 0, 730, 50), 12),
        ((320, 0, 1, 50), 5),  # 320 - 128 .. 336 + 128: tiles 3 to 7
        ((64, 0, 128, 50), 2),  # lossless tiles depend on nothing
        ((63, 0, 1, 50), 3),
        ((63, 0, 2, 50), 3),
        ((729, 0, 1, 1), 3),  # in the last tile, of 26 pixels
    ],
)
def test_tiles_that_are_decoded(wisp: Codec, crop: Crop, count: int) -> None:
    still = read_file(encoded(wisp, "wide", "RGB").data)
    assert len(needed_tiles(still, crop)) == count
    assert wisp.decode_still(still, crop=crop).tiles_decoded == count


def test_a_crop_keeps_mode_and_metadata(wisp: Codec) -> None:
    for mode in MODES:
        pixels = photo(70, 70, mode)
        data = wisp.encode(pixels, metadata=Metadata(icc=b"profile", xmp=b"<x/>"))
        image = wisp.decode(data, crop=(3, 5, 20, 10))
        assert (image.mode, image.size) == (mode, (20, 10))
        assert image.info["icc_profile"] == b"profile"
        assert wisp.decode_tensor(data, crop=(3, 5, 20, 10)).shape == (len(mode), 10, 20)


@pytest.mark.parametrize(
    "crop",
    [
        *((0, 0, 0, 10), (0, 0, 10, 0), (0, 0, -1, 10), (-1, 0, 10, 10), (0, -1, 10, 10), (-5, -5, 5, 5)),
        *((0, 0, 211, 10), (0, 0, 10, 141), (210, 0, 1, 1), (0, 140, 1, 1), (200, 100, 11, 10), (10**9, 0, 1, 1)),
    ],
)
@pytest.mark.parametrize("kind", ["learned", "lossless"])
def test_crops_beyond_the_picture_are_refused(wisp: Codec, kind: str, crop: Crop) -> None:
    with pytest.raises(ValueError, match="is not within the picture of 210x140"):
        wisp.decode_array(encoded(wisp, kind, "RGB").data, crop=crop)


def test_a_fault_in_a_tile_that_is_not_needed_does_no_harm(wisp: Codec) -> None:
    """A wrong check behind a right checksum is found where the tile is decoded."""
    data = encoded(wisp, "wide", "RGBA").data
    for i, crop in ((0, (400, 0, 100, 50)), (10, (0, 0, 100, 50)), (11, (0, 0, 100, 50))):
        stream = damage.stream_of(data, i)
        unit = read_file(data).units[i]
        wrong = damage.with_stream(data, stream, unit.check ^ 0x8000, index=i)
        assert f"tile {i} of 12" in refuse(wisp, wrong, CorruptError)
        x, y, width, height = crop
        assert i not in needed_tiles(read_file(wrong), crop)
        found = wisp.decode_array(wrong, crop=crop).astype(int)
        assert np.abs(found - whole(wisp, "wide", "RGBA")[y : y + height, x : x + width]).max() <= 1
        near = (max(min(64 * i, 700) - 20, 0), 0, 30, 50)
        assert i in needed_tiles(read_file(wrong), near)
        with pytest.raises(CorruptError, match=f"tile {i} of 12"):
            wisp.decode_array(wrong, crop=near)


def test_a_failing_checksum_anywhere_is_refused(wisp: Codec) -> None:
    """The file is read and checked whole before any pixel is made."""
    parts = damage.split(encoded(wisp, "wide", "RGB").data)
    parts[12] = damage.Part(parts[12].type, parts[12].payload, parts[12].crc ^ 1)
    with pytest.raises(CorruptError, match="checksum"):
        wisp.decode_array(damage.join(parts), crop=(0, 0, 10, 10))


def test_a_crop_costs_what_it_shows(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """No canvas of the whole picture is made."""
    huge = wisp.encode(np.zeros((2000, 2000, 1), np.uint8), lossless=True, tile=512)
    real, made = np.zeros, []

    def zeros(shape: tuple[int, ...], *args: object, **options: object) -> object:
        made.append(int(np.prod(shape)))
        return real(shape, *args, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(np, "zeros", zeros)
    assert not wisp.decode_array(huge, crop=(1990, 1990, 10, 10)).any()
    assert max(made) == 100


def test_noise_is_cropped_exactly_from_a_lossless_file(wisp: Codec) -> None:
    pixels = noise(130, 70, "RGBA")
    data = wisp.encode(pixels, lossless=True, tile=64, exact=True)
    for crop in ((0, 0, 70, 130), (60, 60, 10, 10), (63, 1, 2, 128)):
        x, y, width, height = crop
        assert np.array_equal(wisp.decode_array(data, crop=crop), pixels[y : y + height, x : x + width])
