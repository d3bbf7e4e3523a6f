"""Pictures in: every mode, orientation and kind of source; what is changed is said, what cannot be kept is refused."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bitstream.errors import FileAccessError, LimitError, UnsupportedError, WispError
from codec.notes import WispNote
from codec.pictures import Picture, load_rgb

Pixels = NDArray[np.uint8]
RGB: Pixels = np.random.default_rng(11).integers(0, 256, (6, 10, 3), dtype=np.uint8)
OPAQUE = np.full((6, 10, 1), 255, np.uint8)
ONE_HOLE = OPAQUE.copy()
ONE_HOLE[5, 9] = 254


def load(source: Picture) -> tuple[Pixels, list[str]]:
    """Pixels and notes; any other warning is a failure."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pixels = load_rgb(source)
    assert all(issubclass(warning.category, WispNote) for warning in caught)
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
    return pixels, [str(warning.message) for warning in caught]


def file_of(image: Image.Image, kind: str = "PNG", **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, kind, **options)
    file.seek(0)
    return file


def grey(pixels: Pixels) -> Pixels:
    """One channel three times."""
    return np.repeat(pixels[:, :, None], 3, axis=2)


def palette_image() -> Image.Image:
    image = Image.fromarray(RGB[:, :, 0] % 4, "P")
    image.putpalette([0, 1, 2, 50, 60, 70, 100, 120, 140, 255, 254, 253])
    return image


# Modes


def test_rgb_needs_no_note() -> None:
    pixels, notes = load(Image.fromarray(RGB))
    assert np.array_equal(pixels, RGB) and notes == []


@pytest.mark.parametrize(
    ("image", "expected", "words"),
    [
        (Image.fromarray(RGB[:, :, 0]), grey(RGB[:, :, 0]), "grey converted"),
        (Image.fromarray(RGB[:, :, 0] > 99), grey(np.where(RGB[:, :, 0] > 99, 255, 0).astype(np.uint8)), "black"),
        (palette_image(), np.asarray(palette_image().convert("RGB")), "palette converted"),
        (Image.fromarray(np.dstack([RGB, OPAQUE]), "RGBA"), RGB, "RGBA without any transparency"),
        (Image.fromarray(np.dstack([RGB[:, :, 0], OPAQUE]), "LA"), grey(RGB[:, :, 0]), "LA without any transparency"),
        # Without black, a pixel's colour is what the inks leave of white.
        (Image.fromarray(np.dstack([255 - RGB, 0 * OPAQUE]), "CMYK"), RGB, "CMYK converted"),
    ],
    ids=["L", "1", "P", "RGBA", "LA", "CMYK"],
)
def test_modes_that_are_converted(image: Image.Image, expected: Pixels, words: str) -> None:
    pixels, notes = load(image)
    assert np.array_equal(pixels, expected)
    assert len(notes) == 1 and words in notes[0]


def test_sixteen_bits_of_grey_are_rounded() -> None:
    values = np.array([[0, 128, 129, 257, 32896, 65406, 65407, 65535]], np.uint16)
    pixels, notes = load(Image.fromarray(values))
    assert pixels[0, :, 0].tolist() == [round(int(value) / 257) for value in values[0]]
    assert np.array_equal(pixels, grey(pixels[:, :, 0])) and notes == ["16-bit grey converted to 8-bit RGB"]


def with_index_clear(image: Image.Image, index: int) -> io.BytesIO:
    return file_of(image, transparency=index)


@pytest.mark.parametrize(
    "source",
    [
        Image.fromarray(np.dstack([RGB, ONE_HOLE]), "RGBA"),
        Image.fromarray(np.dstack([RGB[:, :, 0], ONE_HOLE]), "LA"),
        with_index_clear(palette_image(), 3),
        file_of(palette_image(), "GIF", transparency=3),
        file_of(Image.fromarray(RGB), transparency=tuple(map(int, RGB[2, 3]))),
        file_of(Image.fromarray(RGB[:, :, 0]), transparency=int(RGB[2, 3, 0])),
        file_of(Image.fromarray(RGB[:, :, 0] > 99), transparency=255),
        file_of(Image.fromarray(RGB[:, :, 0].astype(np.uint16) * 257), transparency=int(RGB[2, 3, 0]) * 257),
    ],
    ids=["RGBA", "LA", "P", "GIF", "RGB colour", "L value", "1 value", "I;16 value"],
)
def test_transparency_is_refused(source: Image.Image | io.BytesIO) -> None:
    with pytest.raises(UnsupportedError, match="transparency"):
        load(source)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        (with_index_clear(palette_image(), 200), np.asarray(palette_image().convert("RGB"))),
        (file_of(Image.fromarray(RGB // 2), transparency=(255, 255, 255)), RGB // 2),
        (file_of(Image.fromarray(RGB[:, :, 0] // 2), transparency=255), grey(RGB[:, :, 0] // 2)),
        # 16 bits must not be clipped to 8 on the way through RGBA.
        (file_of(Image.fromarray(RGB[:, :, 0].astype(np.uint16) * 257), transparency=1), grey(RGB[:, :, 0])),
    ],
    ids=["P", "RGB", "L", "I;16"],
)
def test_a_transparent_colour_that_does_not_occur(source: io.BytesIO, expected: Pixels) -> None:
    pixels, notes = load(source)
    assert np.array_equal(pixels, expected) and len(notes) == 1


@pytest.mark.parametrize("mode", ["F", "I", "HSV", "LAB"])
def test_modes_that_are_refused(mode: str) -> None:
    with pytest.raises(UnsupportedError, match=f"mode {mode} "):
        load(Image.new(mode, (4, 4)))


def png(width: int, height: int, colour_type: int, row: bytes, depth: int = 8) -> io.BytesIO:
    """A PNG file of equal rows, of kinds that Pillow does not write."""

    def chunk(type_: bytes, payload: bytes) -> bytes:
        return struct.pack(">I", len(payload)) + type_ + payload + struct.pack(">I", zlib.crc32(type_ + payload))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0))
    body = zlib.compress((b"\0" + row) * height) if row else b""
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def test_sixteen_bits_of_colour_are_reduced_with_a_note() -> None:
    pixels, notes = load(png(1, 2, 2, struct.pack(">3H", 0x8000, 0x0100, 0xFFFF), depth=16))
    assert pixels.tolist() == [[[128, 1, 255]]] * 2 and notes == ["16 bits a channel reduced to 8"]


# What comes with a picture


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_orientation_is_applied(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if kind == "WEBP" else {}
    file = file_of(Image.fromarray(RGB), kind, exif=exif, **options)
    with Image.open(file_of(Image.fromarray(RGB), "PNG", exif=exif)) as image:
        expected = np.asarray(ImageOps.exif_transpose(image))
    assert (expected.shape == RGB.shape) == (orientation < 5)
    assert np.array_equal(load(file)[0], expected)
    with Image.open(file) as image:
        assert np.array_equal(load(image)[0], expected)  # not loaded before: a TIFF is turned while it is
    with Image.open(file) as image:
        image.load()
        assert np.array_equal(load(image)[0], expected)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert np.array_equal(load(file_of(Image.fromarray(RGB), exif=exif))[0], RGB)


def test_an_orientation_goes_with_a_conversion() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    pixels, notes = load(file_of(Image.fromarray(RGB[:, :, 0]), exif=exif))
    assert np.array_equal(pixels, np.rot90(grey(RGB[:, :, 0]), -1)) and len(notes) == 2


def test_metadata_is_dropped_with_a_note() -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    _, notes = load(file_of(Image.fromarray(RGB), exif=exif, icc_profile=b"profile"))
    assert notes == ["ICC profile and EXIF not kept"]


def test_the_first_frame_of_several_is_taken() -> None:
    frames = [Image.fromarray(RGB[:, :, 0] // 64, "P") for _ in range(3)]
    for index, frame in enumerate(frames):
        frame.putpalette([index * 10 + value for value in range(12)])
    file = file_of(frames[0], "GIF", save_all=True, append_images=frames[1:])
    pixels, notes = load(file)
    assert np.array_equal(pixels, np.asarray(frames[0].convert("RGB")))
    assert notes[0] == "has 3 frames, the first is coded"


# Arrays


@pytest.mark.parametrize("dtype", [np.int16, np.float32, np.bool_, np.uint16])
def test_arrays_of_another_dtype(dtype: type[np.generic]) -> None:
    with pytest.raises(TypeError, match="uint8 is expected"):
        load_rgb(RGB.astype(dtype))


@pytest.mark.parametrize("shape", [(4, 4), (4, 4, 1), (4, 4, 4), (3, 4, 4), (1, 4, 4, 3), (0, 4, 3), (4, 0, 3), ()])
def test_arrays_of_another_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="is expected"):
        load_rgb(np.zeros(shape, np.uint8))


def test_arrays_need_not_be_contiguous() -> None:
    assert np.array_equal(load(RGB[::-2, 1::3])[0], RGB[::-2, 1::3].copy())


# Limits


@pytest.mark.parametrize(("width", "height"), [(65535, 65535), (16384, 8193), (65536, 1), (1, 65536)])
def test_too_many_pixels_are_refused_before_they_are_read(width: int, height: int) -> None:
    """The files hold no pixel, so that whoever reads on calls them damaged; the array takes three bytes."""
    with pytest.raises(LimitError):
        load(png(width, height, 2, b""))
    with pytest.raises(LimitError):
        load(np.broadcast_to(np.uint8(0), (height, width, 3)))


def test_as_many_pixels_as_allowed_are_no_matter_of_limits() -> None:
    with pytest.raises(FileAccessError, match="damaged"):
        load(png(16384, 8192, 2, b""))


# Sources


class Pipe(io.RawIOBase):
    """Like the reading end of a pipe: it cannot seek, and gives a few bytes at a time."""

    def __init__(self, data: bytes) -> None:
        self._left = data

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        part = self._left[: min(7, len(buffer))]
        self._left = self._left[len(part) :]
        buffer[: len(part)] = part
        return len(part)


def test_every_source_gives_the_same_pixels(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    Image.fromarray(RGB).save(path)
    data = path.read_bytes()
    read_to_its_end = io.BytesIO(data)
    read_to_its_end.read()
    with path.open("rb") as file, Image.open(path) as image:
        pipes = [Pipe(data), io.BufferedReader(Pipe(data))]
        for source in (path, str(path), file, io.BytesIO(data), read_to_its_end, *pipes, image, RGB):
            assert np.array_equal(load(source)[0], RGB)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("data", "words"),
    [(b"", "is empty"), (b"some text", "is not a picture"), (b"\x89WSP\r\n\x1a\n...", "is a Wisp file already")],
)
@pytest.mark.parametrize("kind", [io.BytesIO, Pipe])
def test_what_is_no_picture(data: bytes, words: str, kind: Callable[[bytes], BinaryIO], tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(data)
    for source in (kind(data), path, str(path)):
        with pytest.raises(FileAccessError, match=words):
            load(source)


def test_paths_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="No such file"):
        load(tmp_path / "none.png")
    with pytest.raises(FileAccessError, match="directory"):
        load(tmp_path)


# Damage


def test_a_truncated_picture_is_damaged() -> None:
    data = file_of(Image.fromarray(RGB)).getvalue()
    for source in (io.BytesIO(data[:-40]), Pipe(data[:-40]), Image.open(io.BytesIO(data[:-40]))):
        with pytest.raises(FileAccessError, match="damaged"):
            load(source)  # type: ignore[arg-type]


_NOISE = Image.fromarray(np.random.default_rng(5).integers(0, 256, (24, 40, 3), dtype=np.uint8))
_FILES = [file_of(_NOISE, kind).getvalue() for kind in ("PNG", "JPEG", "GIF", "TIFF", "WEBP", "BMP", "PPM", "ICO")]


@pytest.mark.filterwarnings("ignore")  # Pillow's, of what it finds
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.data())
def test_damaged_pictures_give_our_errors_if_any(data: st.DataObject) -> None:
    """Pillow's decoders raise whatever they come upon; a damage that they do not notice is fine."""
    damaged = bytearray(data.draw(st.sampled_from(_FILES)))
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, len(damaged) - 1) | st.integers(0, 60))] = data.draw(st.integers(0, 255))
    end = data.draw(st.just(len(damaged)) | st.integers(0, len(damaged)))
    try:
        pixels = load_rgb(io.BytesIO(bytes(damaged[:end])))
    except WispError:
        return
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3
