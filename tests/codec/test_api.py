"""The Python interface: round trips of pictures of any size, quality and tile."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

import codec
from benchmarks.measures import psnr
from bitstream.metadata import Metadata
from bitstream.still import read_still
from codec.api import Codec
from codec.files.source import read_file
from codec.pixels.picture import Picture
from tests.support.picture_files import exif_with


def test_encode_and_decode_with_the_module_functions(photograph: NDArray[np.uint8]) -> None:
    crop = photograph[100:200, 100:250]
    data = codec.encode(crop, quality=75)
    image = codec.decode(data)
    assert image.mode == "RGB" and image.size == (150, 100)
    assert psnr(np.asarray(image), crop) > 30
    assert len(data) < crop.size / 20
    array, tensor = codec.decode_array(data), codec.decode_tensor(data)
    assert np.array_equal(array, np.asarray(image))
    assert tensor.shape == (3, 100, 150) and tensor.dtype == torch.uint8 and tensor.is_contiguous()
    assert np.array_equal(tensor.permute(1, 2, 0).numpy(), array)
    part = codec.decode(data, crop=(20, 30, 64, 50))
    assert np.array_equal(np.asarray(part), array[30:80, 20:84])
    assert codec.probe(data).quality == 75


def test_every_kind_of_input_gives_the_same_file(wisp: Codec, photograph: NDArray[np.uint8], tmp_path: Path) -> None:
    crop = np.ascontiguousarray(photograph[:70, :90])
    path = tmp_path / "crop.png"
    Image.fromarray(crop).save(path)
    expected = wisp.encode(crop, 50)
    assert wisp.encode(path, 50) == expected
    assert wisp.encode(str(path), 50) == expected
    assert wisp.encode(io.BytesIO(path.read_bytes()), 50) == expected
    assert wisp.encode(Image.fromarray(crop), 50) == expected
    tensor = torch.from_numpy(crop).permute(2, 0, 1)
    assert wisp.encode(tensor, 50) == wisp.encode(tensor / 255, 50) == expected
    assert wisp.encode(Picture(crop), 50) == expected


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_every_mode_comes_back_in_every_form(wisp: Codec, photograph: NDArray[np.uint8], mode: str) -> None:
    source = Image.fromarray(photograph[:70, :90]).convert(mode)
    if mode.endswith("A"):
        source.putalpha(Image.linear_gradient("L").resize(source.size))
    pixels = np.array(source)
    data = wisp.encode(source, 70)
    assert data == wisp.encode(pixels, 70) == wisp.encode(torch.from_numpy(np.atleast_3d(pixels)).permute(2, 0, 1), 70)
    image, array, tensor = wisp.decode(data), wisp.decode_array(data), wisp.decode_tensor(data)
    assert image.mode == mode and array.shape == (70, 90, len(mode)) and tensor.shape == (len(mode), 70, 90)
    assert np.array_equal(np.atleast_3d(np.asarray(image)), array)
    assert np.array_equal(tensor.permute(1, 2, 0).numpy(), array)
    assert psnr(array, np.atleast_3d(pixels)) > 30


def test_metadata_goes_with_the_picture(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    """The file keeps it as it came, upright is what is handed out; one's own takes its place."""
    came = Metadata(icc=b"a profile", exif=exif_with(6), xmp=b"<x/>")
    file = io.BytesIO()
    options = {"icc_profile": came.icc, "exif": came.exif, "xmp": came.xmp}
    Image.fromarray(photograph[:40, :64]).save(file, "WEBP", lossless=True, **options)
    data = wisp.encode(file, 60)
    assert read_file(data).metadata == came
    image = wisp.decode(data)
    assert image.size == (40, 64)
    assert {name: image.info[name] for name in options} == {**options, "exif": b"Exif\0\0" + exif_with(1)}
    own = Metadata(xmp=b"<mine/>")
    assert read_file(wisp.encode(file, 60, metadata=own)).metadata == own
    assert read_file(wisp.encode(file, 60, metadata=Metadata())).metadata == Metadata()
    assert "exif" not in wisp.decode(wisp.encode(file, 60, metadata=own)).info


def test_a_frame_of_several(wisp: Codec) -> None:
    frames = [Image.new("RGB", (20, 20), (80 * i, 10, 200)) for i in range(3)]
    file = io.BytesIO()
    frames[0].save(file, "WEBP", save_all=True, append_images=frames[1:], lossless=True)
    for number, frame in enumerate(frames):
        assert np.array_equal(wisp.decode_array(wisp.encode(file, lossless=True, frame=number)), np.asarray(frame))
    with pytest.warns(codec.WispNote, match="3 frames"):
        wisp.encode(file, lossless=True)


def test_every_kind_of_source_decodes_to_the_same_picture(wisp: Codec, tmp_path: Path) -> None:
    data = wisp.encode(np.full((33, 65, 3), 90, np.uint8), 60)
    path = tmp_path / "grey.wisp"
    path.write_bytes(data)
    expected = wisp.decode_array(data)
    for source in (path, str(path), io.BytesIO(data), bytearray(data), memoryview(data)):
        assert np.array_equal(wisp.decode_array(source), expected)


@settings(max_examples=15, deadline=None, derandomize=True)
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


@pytest.mark.slow
def test_size_and_psnr_rise_with_quality(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    crop = photograph[100:356, 200:520]
    files = [wisp.encode(crop, quality) for quality in (0, 1, 25, 50, 75, 99, 100)]
    distances = [psnr(wisp.decode_array(data), crop) for data in files]
    assert all(np.diff([len(data) for data in files]) > 0)
    assert all(np.diff(distances) > 0)


def test_equal_steps_of_quality_are_equal_steps_of_psnr(wisp: Codec, photograph: NDArray[np.uint8]) -> None:
    crop = photograph[100:356, 200:520]
    distances = [psnr(wisp.decode_array(wisp.encode(crop, q)), crop) for q in (0, 25, 50, 75, 88, 100)]
    steps = np.diff(distances)
    base, detail = steps[:3], steps[3:]  # behind quality 76 detail is coded, whose PSNR rises faster
    assert base.max() / base.min() < 1.6  # the curve is fitted to the mean of other pictures
    assert detail.max() / detail.min() < 1.6 and distances[-1] > 45


def test_bytes_are_no_name_of_a_picture(wisp: Codec) -> None:
    with pytest.raises(TypeError, match="BytesIO"):
        wisp.encode(b"photo.png")  # type: ignore[arg-type]


def test_a_name_that_no_file_can_have(wisp: Codec) -> None:
    with pytest.raises(codec.FileAccessError, match="null"):
        wisp.decode("a\0b.wisp")


def test_what_is_no_source_is_named(wisp: Codec) -> None:
    with pytest.raises(TypeError, match="NoneType"):
        wisp.decode(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="NoneType"):
        wisp.encode(None)  # type: ignore[arg-type]
