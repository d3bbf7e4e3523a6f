"""The Python interface: round trips of pictures of any size, quality and tile."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import codec
from benchmarks.measures import psnr
from bitstream.still import read_still
from codec.api import Codec
from codec.sources import read_file


def test_encode_and_decode_with_the_module_functions(photograph: NDArray[np.uint8]) -> None:
    crop = photograph[100:200, 100:250]
    data = codec.encode(crop, quality=75)
    image = codec.decode(data)
    assert image.mode == "RGB" and image.size == (150, 100)
    assert psnr(np.asarray(image), crop) > 30
    assert len(data) < crop.size / 20


def test_every_kind_of_input_gives_the_same_file(wisp: Codec, photograph: NDArray[np.uint8], tmp_path: Path) -> None:
    crop = np.ascontiguousarray(photograph[:70, :90])
    path = tmp_path / "crop.png"
    Image.fromarray(crop).save(path)
    expected = wisp.encode(crop, 50)
    assert wisp.encode(path, 50) == expected
    assert wisp.encode(str(path), 50) == expected
    assert wisp.encode(io.BytesIO(path.read_bytes()), 50) == expected
    assert wisp.encode(Image.fromarray(crop), 50) == expected


def test_every_kind_of_source_decodes_to_the_same_picture(wisp: Codec, tmp_path: Path) -> None:
    data = wisp.encode(np.full((33, 65, 3), 90, np.uint8), 60)
    path = tmp_path / "grey.wisp"
    path.write_bytes(data)
    expected = wisp.decode_array(data)
    for source in (path, str(path), io.BytesIO(data), bytearray(data), memoryview(data), read_file(data)):
        assert np.array_equal(wisp.decode_array(source), expected)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    width=st.integers(1, 200),
    height=st.integers(1, 200),
    quality=st.floats(0, 100),
    tile=st.sampled_from([64, 128, 1024]),
    seed=st.integers(0, 2**32 - 1),
)
def test_any_size_quality_and_tile_comes_back(
    wisp: Codec, width: int, height: int, quality: float, tile: int, seed: int
) -> None:
    generator = np.random.default_rng(seed)
    corners = (generator.integers(30, 226, 3) + generator.integers(-30, 31, (2, 2, 3))).astype(np.uint8)
    picture = np.asarray(Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR))
    data = wisp.encode(picture, quality, tile=tile)
    decoded = wisp.decode_array(data)
    assert decoded.shape == picture.shape
    assert psnr(decoded, picture) > (22 if quality >= 30 else 12)  # a few pixels at low quality are only a hue
    still = read_still(io.BytesIO(data))
    assert len(still.units) == -(-width // tile) * -(-height // tile)


@pytest.mark.parametrize("size", [(1, 700), (700, 1), (63, 65), (64, 64)])
def test_odd_shapes(wisp: Codec, size: tuple[int, int]) -> None:
    picture = np.full((size[1], size[0], 3), (200, 120, 40), np.uint8)
    assert psnr(wisp.decode_array(wisp.encode(picture, 80, tile=64)), picture) > 30


def test_a_single_tile_picture_has_little_overhead(wisp: Codec) -> None:
    data = wisp.encode(np.zeros((1, 1, 3), np.uint8), 50)
    still = read_file(data)
    assert len(data) <= 120
    assert still.size - still.payload_bytes <= 80


@pytest.mark.parametrize("quality", [-1, 101, float("nan"), "75"])
def test_a_quality_that_is_none_is_refused(wisp: Codec, quality: float) -> None:
    with pytest.raises(ValueError, match="quality"):
        wisp.encode(np.zeros((8, 8, 3), np.uint8), quality)


@pytest.mark.parametrize("tile", [0, 63, 100, 4160])
def test_a_tile_that_is_none_is_refused(wisp: Codec, tile: int) -> None:
    with pytest.raises(ValueError, match="tile"):
        wisp.encode(np.zeros((8, 8, 3), np.uint8), tile=tile)


def test_choices_that_do_not_exist_are_refused() -> None:
    with pytest.raises(ValueError, match="fp16"):
        Codec(precision="fp16")  # type: ignore[arg-type]


def test_the_same_picture_gives_the_same_bytes(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    crop = photograph[:128, :128]
    assert wisp.encode(crop, 42) == wisp.encode(crop.copy(), 42)


def test_size_and_psnr_rise_with_quality(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    crop = photograph[100:356, 200:520]
    files = [wisp.encode(crop, quality) for quality in (0, 1, 25, 50, 75, 99, 100)]
    distances = [psnr(wisp.decode_array(data), crop) for data in files]
    assert all(np.diff([len(data) for data in files]) > 0)
    assert all(np.diff(distances) > 0)


def test_equal_steps_of_quality_are_equal_steps_of_psnr(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    crop = photograph[100:356, 200:520]
    distances = [psnr(wisp.decode_array(wisp.encode(crop, q)), crop) for q in (0, 25, 50, 75, 100)]
    steps = np.diff(distances)
    assert steps.max() / steps.min() < 1.6  # the curve is fitted to the mean of other pictures


def test_bytes_are_no_name_of_a_picture(wisp: Codec) -> None:
    with pytest.raises(TypeError, match="BytesIO"):
        wisp.encode(b"photo.png")  # type: ignore[arg-type]


def test_a_name_that_no_file_can_have(wisp: Codec) -> None:
    with pytest.raises(codec.FileAccessError, match="null"):
        wisp.decode("a\0b.wisp")


def test_what_is_no_source_is_named(wisp: Codec) -> None:
    with pytest.raises(TypeError, match="NoneType"):
        wisp.decode(None)  # type: ignore[arg-type]
