"""Orientation: applied to the pixels as Pillow does it, and 1 in all that is handed out."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from bitstream.metadata import Metadata
from codec.formats.pictures.attached import EXIF_PREFIX
from codec.formats.pictures.load import load_picture
from codec.formats.pictures.orientation import orientation_of, turn, upright
from tests.support.picture_files import (
    PIXELS,
    RGB,
    Pixels,
    exif_with,
    file_of,
    image_of,
    load,
    needs_avif,
    orientation_read,
)

KINDS = ["PNG", "JPEG", "TIFF", "WEBP", pytest.param("AVIF", marks=needs_avif)]
LOSSLESS = {"WEBP": {"lossless": True, "exact": True}}
SMOOTH: Pixels = np.asarray(image_of(RGB).resize((40, 24), Image.Resampling.BICUBIC))
XMP_FORMS = (
    "<rdf:Description tiff:Orientation='%d'/>",
    '<rdf:Description tiff:Orientation="%d"/>',
    '<rdf:Description tiff:Orientation = "%d"/>',
    "<tiff:Orientation>%d</tiff:Orientation>",
    "<tiff:Orientation>\n %d\n</tiff:Orientation>",
)


def as_pillow_turns(pixels: Pixels, orientation: int) -> Pixels:
    with Image.open(file_of(image_of(pixels), "PNG", exif=exif_with(orientation))) as image:
        return np.atleast_3d(np.asarray(ImageOps.exif_transpose(image)))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", PIXELS)
def test_pixels_are_turned_as_pillow_does(mode: str, orientation: int) -> None:
    pixels = PIXELS[mode]
    turned = turn(pixels, orientation)
    assert np.array_equal(turned, as_pillow_turns(pixels, orientation)) and turned.flags.c_contiguous
    assert (turned.shape[:2] == (6, 10)) == (orientation < 5)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", KINDS)
def test_orientation_is_applied_to_every_kind_of_file(kind: str, orientation: int) -> None:
    """Whether it is read from the file, or from an image that Pillow has opened, or loaded too."""
    plain = load(file_of(image_of(SMOOTH), kind, **LOSSLESS.get(kind, {})))[0]
    file = file_of(image_of(SMOOTH), kind, exif=EXIF_PREFIX + exif_with(orientation), **LOSSLESS.get(kind, {}))
    expected = as_pillow_turns(plain.pixels, orientation)
    assert np.abs(plain.pixels.astype(int) - SMOOTH).mean() < 20
    with Image.open(file) as unloaded, Image.open(file) as loaded:
        loaded.load()
        for source in (file, unloaded, unloaded, loaded):
            picture, notes = load(source)
            assert np.array_equal(picture.pixels, expected) and notes == []
            assert orientation_read(picture.metadata.exif) == (1 if kind == "TIFF" else orientation)


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_turns_nothing(orientation: int) -> None:
    assert np.array_equal(load(file_of(image_of(RGB), exif=exif_with(orientation)))[0].pixels, RGB)


@pytest.mark.parametrize("mode", ["1", "P", "I;16", "CMYK"])
def test_an_orientation_goes_with_a_conversion(mode: str) -> None:
    grey = RGB[:, :, 0]
    image = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(RGB).convert(mode)
    kind = "JPEG" if mode == "CMYK" else "PNG"
    plain = load(file_of(image, kind))[0].pixels
    picture, notes = load(file_of(image, kind, exif=EXIF_PREFIX + exif_with(6)))
    assert np.array_equal(picture.pixels, np.rot90(plain, -1)) and len(notes) == 1


@pytest.mark.parametrize("form", XMP_FORMS)
def test_an_orientation_in_xmp(form: str) -> None:
    """It counts where EXIF says nothing, and is made 1 in any case."""
    xmp = (form % 6).encode()
    plain, one = Metadata(xmp=xmp), (form % 1).encode()
    assert orientation_of(plain) == 6 and upright(plain) == Metadata(xmp=one)
    both = Metadata(exif=exif_with(3), xmp=xmp)
    assert orientation_of(both) == 3 and upright(both) == Metadata(exif=exif_with(1), xmp=one)
    assert orientation_of(Metadata(exif=exif_with(None), xmp=xmp)) == 6
    picture, _ = load(file_of(image_of(RGB), "WEBP", xmp=xmp, lossless=True))
    assert np.array_equal(picture.pixels, np.rot90(RGB, -1)) and picture.metadata.xmp == xmp


@pytest.mark.parametrize("number", ["0", "9", "60", "", "x"])
def test_what_is_no_orientation_in_xmp(number: str) -> None:
    metadata = Metadata(xmp=f'<x tiff:Orientation="{number}"/>'.encode())
    assert orientation_of(metadata) == 1 and upright(metadata) == metadata


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_changes_nothing_else(orientation: int, order: str) -> None:
    source = Metadata(icc=b"icc", exif=exif_with(orientation, order=order) + b"\0more", xmp=b"<x/>")
    assert orientation_of(source) == orientation
    expected = Metadata(icc=b"icc", exif=exif_with(1, order=order) + b"\0more", xmp=b"<x/>")
    assert upright(source) == expected and upright(expected) == expected
    assert orientation_of(expected) == 1


def one_entry(kind: int, count: int, value: bytes) -> bytes:
    return b"II*\0" + struct.pack("<IHHHI", 8, 1, 0x0112, kind, count) + value + bytes(4)


@pytest.mark.parametrize(
    ("exif", "orientation"),
    [
        (one_entry(3, 1, b"\x06\0\0\0"), 6),
        (one_entry(4, 1, b"\x06\0\0\0"), 6),  # a LONG, which some write
        (one_entry(3, 2, b"\x06\0\x06\0"), 1),
        (one_entry(1, 1, b"\x06\0\0\0"), 1),
        (one_entry(2, 2, b"6\0\0\0"), 1),
    ],
    ids=["SHORT", "LONG", "two", "BYTE", "text"],
)
def test_types_of_the_value(exif: bytes, orientation: int) -> None:
    """What turns the picture is what is overwritten, so that nobody turns it again."""
    metadata = Metadata(exif=exif)
    assert orientation_of(metadata) == orientation
    assert orientation_of(upright(metadata)) == 1
    assert (upright(metadata) == metadata) == (orientation == 1)
    picture, _ = load(file_of(image_of(RGB), exif=EXIF_PREFIX + exif))
    assert picture.size == ((6, 10) if orientation == 6 else (10, 6))


def test_the_thumbnail_keeps_its_own() -> None:
    """A second directory follows the first; its orientation is the thumbnail's."""
    first = one_entry(3, 1, b"\x08\0\0\0")[:-4]
    second = struct.pack("<HHHIHHI", 1, 0x0112, 3, 1, 8, 0, 0)
    exif = first + struct.pack("<I", len(first) + 4) + second
    changed = upright(Metadata(exif=exif)).exif
    assert changed.endswith(second) and orientation_read(changed) == 1


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("exif", [b"garbage", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff\x01\x12"])
@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")  # Pillow's, which goes to the caller
def test_damaged_exif_costs_nothing(kind: str, exif: bytes) -> None:
    """The pixels are whole; the bytes are kept, as somebody may make sense of them."""
    file = file_of(image_of(RGB), kind, exif=EXIF_PREFIX + exif, **LOSSLESS.get(kind, {}))
    picture = load_picture(file)
    assert picture.size == (10, 6) and picture.metadata.exif == exif


_DIRECTORY = st.builds(
    lambda head, count, entries: head + struct.pack("<I" if head[:1] == b"I" else ">I", 8) + count + b"".join(entries),
    st.sampled_from([b"II*\0", b"MM\0*"]),
    st.binary(min_size=2, max_size=2) | st.sampled_from([b"\1\0", b"\0\1", b"\3\0", b"\0\3"]),
    st.lists(
        st.builds(
            lambda tag, rest: tag + rest,
            st.sampled_from([b"\x12\x01", b"\x01\x12"]) | st.binary(min_size=2, max_size=2),
            st.binary(min_size=10, max_size=10)
            | st.sampled_from([b"\3\0\1\0\0\0\6\0\0\0", b"\0\3\0\0\0\1\0\6\0\0", b"\0\4\0\0\0\1\0\0\0\6"]),
        ),
        max_size=4,
    ),
)


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(exif=st.binary(max_size=80) | _DIRECTORY, cut=st.integers(0, 80), xmp=st.binary(max_size=80))
def test_any_bytes_are_made_upright(exif: bytes, cut: int, xmp: bytes) -> None:
    for metadata in (Metadata(exif=exif, xmp=xmp), Metadata(exif=exif[:cut], xmp=xmp)):
        found = upright(metadata)
        assert len(found.exif) == len(metadata.exif) and len(found.xmp) == len(metadata.xmp)
        assert upright(found) == found and orientation_of(found) in (0, 1)
        changed = sum(a != b for a, b in zip(found.exif, metadata.exif, strict=True))
        assert changed <= 4 * exif.count(b"\x12\x01") + 4 * exif.count(b"\x01\x12")
