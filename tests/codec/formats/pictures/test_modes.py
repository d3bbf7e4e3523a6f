"""Pictures of every mode in: the channels that come of them, and what is said where something is changed."""

from __future__ import annotations

import io
import struct
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bitstream.errors import UnsupportedError
from tests.support.picture_files import (
    ALPHA,
    GREY,
    PIXELS,
    RGB,
    Pixels,
    file_of,
    image_of,
    load,
    needs_avif,
    png,
    png_chunk,
)

BILEVEL: Pixels = np.where(GREY > 99, 255, 0).astype(np.uint8)
PALETTE = np.array([[0, 1, 2], [50, 60, 70], [100, 120, 140], [255, 254, 253]], np.uint8)
INDEX: Pixels = (RGB[:, :, 0] % 4).astype(np.uint8)


def palette_image(index: Pixels = INDEX) -> Image.Image:
    image = Image.fromarray(index, "P")
    image.putpalette(PALETTE.ravel().tolist())
    return image


def opaque_but(seen: Any) -> Pixels:
    """255 where `seen` holds."""
    return np.where(seen, 255, 0).astype(np.uint8)


# The four that are coded


@pytest.mark.parametrize("mode", PIXELS)
@pytest.mark.parametrize("kind", ["memory", "PNG", "TIFF"])
def test_what_is_coded_comes_as_it_is(mode: str, kind: str) -> None:
    image = image_of(PIXELS[mode])
    picture, notes = load(image if kind == "memory" else file_of(image, kind))
    assert picture.mode == mode and picture.size == (10, 6) and notes == []
    assert np.array_equal(picture.pixels, PIXELS[mode])
    assert picture.has_alpha == mode.endswith("A")


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.sampled_from(sorted(PIXELS)), st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1))
def test_any_size_comes_as_it_is(mode: str, width: int, height: int, seed: int) -> None:
    shape = (height, width, len(mode))
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    for source in (image_of(pixels), file_of(image_of(pixels), "PNG"), pixels):
        picture, notes = load(source)
        assert np.array_equal(picture.pixels, pixels) and notes == []
        assert np.array_equal(np.asarray(picture.image()), np.asarray(image_of(pixels)))


# Modes that are converted


@pytest.mark.parametrize(
    ("image", "expected", "note"),
    [
        (Image.fromarray(BILEVEL[:, :, 0] > 0), BILEVEL, "black and white converted to L"),
        (palette_image(), PALETTE[INDEX], "palette converted to RGB"),
        (Image.fromarray(np.dstack([RGB, ALPHA])).convert("RGBX"), RGB, None),
    ],
    ids=["1", "P", "RGBX"],
)
def test_modes_that_lose_nothing(image: Image.Image, expected: Pixels, note: str | None) -> None:
    picture, notes = load(image)
    assert np.array_equal(picture.pixels, expected)
    assert notes == ([note] if note else [])


def test_a_palette_with_an_alpha_channel() -> None:
    image = Image.merge("LA", [Image.fromarray(INDEX), Image.fromarray(ALPHA[:, :, 0])])
    image.putpalette(PALETTE.ravel().tolist())
    picture, notes = load(image)
    assert image.mode == "PA" and picture.mode == "RGBA" and notes == ["palette converted to RGBA"]
    assert np.array_equal(picture.pixels, np.dstack([PALETTE[INDEX], ALPHA]))


def test_a_palette_whose_colours_have_alpha() -> None:
    rgba = np.dstack([RGB, np.repeat(ALPHA[:, :1], 10, axis=1)])
    image = Image.fromarray(rgba).quantize(4)
    picture, notes = load(image)
    assert image.mode == "P" and "transparency" not in image.info
    assert np.array_equal(picture.pixels, np.asarray(image.convert("RGBA"))) and picture.alpha.min() < 255
    assert notes == ["palette converted to RGBA"]


@pytest.mark.parametrize(("mode", "name"), [("YCbCr", "YCbCr"), ("HSV", "HSV")])
def test_other_colour_spaces(mode: str, name: str) -> None:
    """Their own rounding costs a few levels."""
    smooth = np.asarray(Image.fromarray(RGB).resize((40, 30)))
    picture, notes = load(Image.fromarray(smooth).convert(mode))
    assert picture.mode == "RGB" and notes == [f"{name} converted to RGB"]
    assert np.abs(picture.pixels.astype(int) - smooth).max() <= 6


@pytest.mark.parametrize(("mode", "name"), [("RGBa", "RGBA"), ("La", "LA")])
def test_alpha_that_is_multiplied_in(mode: str, name: str) -> None:
    pixels = PIXELS[name]
    picture, notes = load(image_of(pixels).convert(mode))
    assert picture.mode == name and notes == [f"{name} with alpha multiplied in converted to {name}"]
    assert np.array_equal(picture.alpha, pixels[:, :, -1])
    solid = pixels[:, :, -1] == 255
    assert np.array_equal(picture.colours[solid], pixels[:, :, :-1][solid])


@pytest.mark.parametrize("mode", ["F", "I"])
def test_modes_without_a_range_are_refused(mode: str) -> None:
    with pytest.raises(UnsupportedError, match=f"mode {mode} .*8 or 16 bits"):
        load(Image.new(mode, (4, 4)))
    with pytest.raises(UnsupportedError, match=f"mode {mode} "):
        load(file_of(Image.new(mode, (4, 4)), "TIFF"))


def test_a_picture_without_pixels_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="no pixels"):
        load(Image.new("RGB", (0, 5)))


# Colours that stand for transparency


def png_of(image: Image.Image, transparency: object) -> io.BytesIO:
    return file_of(image, transparency=transparency)


def test_a_transparent_rgb_colour() -> None:
    colour = tuple(map(int, RGB[2, 3]))
    picture, notes = load(png_of(image_of(RGB), colour))
    assert picture.mode == "RGBA" and notes == []
    assert np.array_equal(picture.pixels, np.dstack([RGB, opaque_but(np.not_equal(RGB, colour).any(axis=2))]))
    assert picture.alpha[2, 3] == 0


def test_a_transparent_grey() -> None:
    picture, notes = load(png_of(image_of(GREY), int(GREY[2, 3, 0])))
    assert picture.mode == "LA" and notes == []
    assert np.array_equal(picture.pixels, np.dstack([GREY, opaque_but(np.not_equal(GREY, GREY[2, 3]))]))


@pytest.mark.parametrize("value", [0, 255])
def test_transparent_black_or_white(value: int) -> None:
    picture, notes = load(png_of(Image.fromarray(BILEVEL[:, :, 0] > 0), value))
    assert picture.mode == "LA" and notes == ["black and white converted to LA"]
    assert np.array_equal(picture.pixels, np.dstack([BILEVEL, opaque_but(np.not_equal(BILEVEL, value))]))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_colour(kind: str) -> None:
    picture, notes = load(file_of(palette_image(), kind, transparency=3))
    assert picture.mode == "RGBA" and notes == ["palette converted to RGBA"]
    assert np.array_equal(picture.alpha, opaque_but(INDEX != 3))
    assert np.array_equal(picture.colours[INDEX != 3], PALETTE[INDEX][INDEX != 3])


def test_a_palette_with_an_alpha_for_each_colour() -> None:
    picture, _ = load(png_of(palette_image(), bytes([0, 80, 160])))
    assert np.array_equal(picture.alpha, np.array([0, 80, 160, 255], np.uint8)[INDEX])
    assert np.array_equal(picture.colours, PALETTE[INDEX])


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_grey_of_few_bits_and_its_transparent_value(depth: int) -> None:
    """The file gives the value at its own depth."""
    most = 2**depth - 1
    row, chunk = bytes([0b00011011]) * depth, png_chunk(b"tRNS", struct.pack(">H", 1))
    values = np.unpackbits(np.frombuffer(row, np.uint8)).reshape(-1, depth) @ (1 << np.arange(depth)[::-1])
    picture, _ = load(png((8, 2), 0, row, chunk, depth=depth))
    assert picture.mode == "LA"
    assert picture.colours[0, :, 0].tolist() == (values * 255 // most).tolist()
    assert picture.alpha[1].tolist() == np.where(values == 1, 0, 255).tolist()


def test_a_transparent_colour_of_sixteen_bits() -> None:
    row = struct.pack(">9H", 0x1234, 0x2345, 0x3456, 0x1234, 0x2345, 0x3556, 0xFFFF, 0xFFFF, 0xFFFF)
    chunk = png_chunk(b"tRNS", struct.pack(">3H", 0x1234, 0x2345, 0x3456))
    picture, notes = load(png((3, 1), 2, row, chunk, depth=16))
    assert picture.pixels.tolist() == [[[0x12, 0x23, 0x34, 0], [0x12, 0x23, 0x35, 255], [255] * 4]]
    assert notes == ["16 bits a channel reduced to 8"]


def test_alpha_wins_over_a_transparent_colour() -> None:
    with Image.open(png_of(image_of(RGB), tuple(map(int, RGB[2, 3])))) as image:
        image.load()
        image.putalpha(77)
        assert image.mode == "RGBA" and "transparency" in image.info
        picture, notes = load(image)
    assert np.array_equal(picture.pixels, np.dstack([RGB, np.full((6, 10), 77, np.uint8)])) and notes == []


def test_a_transparent_colour_that_does_not_occur() -> None:
    picture, _ = load(png_of(image_of((RGB // 2).astype(np.uint8)), (255, 255, 255)))
    assert np.array_equal(picture.pixels, np.dstack([RGB // 2, np.full((6, 10), 255, np.uint8)]))


# More than 8 bits

SIXTEEN = np.array([[0, 128, 129, 257, 32896, 65406, 65407, 65535]], np.uint16)
ROUNDED = [round(int(value) / 257) for value in SIXTEEN[0]]
GREY_NOTE = "16-bit grey reduced to 8 bits"


@pytest.mark.parametrize("dtype", ["<u2", ">u2"])
def test_sixteen_bits_of_grey_are_rounded(dtype: str) -> None:
    image = Image.frombytes("I;16" if dtype == "<u2" else "I;16B", (8, 1), SIXTEEN.astype(dtype).tobytes())
    picture, notes = load(image)
    assert picture.pixels[0, :, 0].tolist() == ROUNDED and picture.mode == "L" and notes == [GREY_NOTE]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM"])
def test_sixteen_bits_of_grey_in_files(kind: str) -> None:
    """A PGM comes as Pillow's mode I, whose range nothing but the file tells."""
    picture, notes = load(file_of(Image.fromarray(SIXTEEN), kind))
    assert picture.pixels[0, :, 0].tolist() == ROUNDED and notes == [GREY_NOTE]


def test_sixteen_bits_of_grey_with_a_transparent_value() -> None:
    picture, notes = load(file_of(Image.fromarray(SIXTEEN), transparency=129))
    assert picture.mode == "LA" and notes == [GREY_NOTE]
    assert picture.pixels[0].tolist() == [[level, 0 if i == 2 else 255] for i, level in enumerate(ROUNDED)]


def test_a_graymap_of_ten_bits() -> None:
    data = b"P5 4 1 1023\n" + struct.pack(">4H", 0, 511, 512, 1023)
    picture, notes = load(io.BytesIO(data))
    assert picture.pixels[0, :, 0].tolist() == [0, 127, 128, 255] and notes == [GREY_NOTE]


@pytest.mark.parametrize(("most", "bits"), [(65535, 16), (1023, 10), (256, 9)])
def test_a_pixmap_of_more_than_eight_bits(most: int, bits: int) -> None:
    data = b"P6 2 1 %d\n" % most + struct.pack(">6H", 0, most // 4, most // 2, most, most, 0)
    picture, notes = load(io.BytesIO(data))
    assert notes == [f"{bits} bits a channel reduced to 8"]
    expected = [0, 255 * (most // 4) / most, 255 * (most // 2) / most, 255, 255, 0]
    assert np.abs(picture.pixels.ravel() - np.array(expected)).max() <= 1


@pytest.mark.parametrize("most", [255, 100])
def test_a_pixmap_of_eight_bits_needs_no_note(most: int) -> None:
    picture, notes = load(io.BytesIO(b"P6 1 1 %d\n" % most + bytes([0, most // 2, most])))
    assert notes == [] and picture.pixels[0, 0, [0, 2]].tolist() == [0, 255]


@pytest.mark.parametrize(("colour_type", "mode"), [(2, "RGB"), (6, "RGBA"), (4, "LA")])
def test_sixteen_bits_a_channel_of_png(colour_type: int, mode: str) -> None:
    row = struct.pack(">4H", 0x8000, 0x0100, 0xFFFF, 0x7FFF)[: 2 * len(mode)]
    picture, notes = load(png((1, 2), colour_type, row, depth=16))
    assert notes == ["16 bits a channel reduced to 8"] and picture.mode == ("RGBA" if mode == "LA" else mode)
    assert picture.pixels[1, 0, [0, -1]].tolist() == [row[0], row[-2]]


AV1_ENCODERS: list[str] = [name for name in ("libsvtav1", "libaom-av1") if name in av.codecs_available]


@needs_avif
@pytest.mark.skipif(not AV1_ENCODERS, reason="this PyAV writes no AV1, and Pillow no 10 bits")
def test_an_avif_of_ten_bits() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="avif") as container:
        stream = container.add_stream(AV1_ENCODERS[0], rate=1, options={"crf": "1"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p10le"
        grey = np.full((64, 64, 3), 90, np.uint8)
        frame = av.VideoFrame.from_ndarray(grey, "rgb24").reformat(format="yuv420p10le")
        for packet in [*stream.encode(frame), *stream.encode()]:
            container.mux(packet)
    file.seek(0)
    picture, notes = load(file)
    assert notes == ["10 bits a channel reduced to 8"]
    assert picture.size == (64, 64) and np.abs(picture.pixels.astype(int) - 90).max() <= 3
