"""Metadata of TIFF files, whose own directory stands for EXIF: read from it, and written into it."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bitstream.errors import FileAccessError
from bitstream.metadata import Metadata
from codec.formats.pictures.attached import _TIFF_DIRECTORIES, _TIFF_TAGS, attached
from codec.formats.pictures.load import load_picture
from codec.formats.pictures.save import save_picture
from codec.pixels.picture import Picture
from tests.support.picture_files import PIXELS, RGB, exif_with, file_of, image_of, load

ICC, XMP = b"some profile" * 9, b"<x:xmpmeta/>"
Tag = tuple[int, int, int, int]  # tag, type, count, value or its place


def tiff(*tags: Tag, compressed: bool = False, after: bytes = b"") -> io.BytesIO:
    """RGB as a TIFF with these tags besides those it needs; what is `after` the pixels is at `after_pixels`."""
    body = zlib.compress(RGB.tobytes()) if compressed else RGB.tobytes()
    entries = [
        (256, 3, 1, 10),
        (257, 3, 1, 6),
        (258, 3, 3, 8),
        (259, 3, 1, 8 if compressed else 1),
        (262, 3, 1, 2),
        (273, 4, 1, 14),
        (277, 3, 1, 3),
        (278, 3, 1, 6),
        (279, 4, 1, len(body)),
        *tags,
    ]
    start = 14 + len(body) + len(after)
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in sorted(entries))
    bits = struct.pack("<3H", 8, 8, 8)
    return io.BytesIO(b"II*\0" + struct.pack("<I", start) + bits + body + after + directory + bytes(4))


def exposure(compressed: bool) -> tuple[Tag, bytes]:
    """An EXIF directory with the exposure time: the tag for it, the bytes after the pixels."""
    at = 14 + len(zlib.compress(RGB.tobytes()) if compressed else RGB.tobytes())
    data = struct.pack("<HHHIIIII", 1, 0x829A, 5, 1, at + 18, 0, 1, 60)
    return (0x8769, 4, 1, at), data


def tags_of(exif: bytes) -> tuple[dict[int, Any], dict[int, Any]]:
    """The first directory, without the place of the second, and the EXIF directory."""
    found = Image.Exif()
    found.load(exif)
    return {tag: value for tag, value in found.items() if tag != 0x8769}, dict(found.get_ifd(0x8769))


@pytest.mark.parametrize("options", [{}, {"dpi": (300, 300)}])
def test_a_tiff_that_says_nothing_has_no_exif(options: dict[str, Any]) -> None:
    assert load(file_of(image_of(RGB), "TIFF", **options))[0].metadata == Metadata()


@pytest.mark.parametrize("orientation", [None, 6])
@pytest.mark.parametrize("compressed", [False, True])
def test_its_tags_become_exif(compressed: bool, orientation: int | None, tmp_path: Path) -> None:
    """Those of how it is stored are left out, and the orientation, which Pillow has applied."""
    directory, after = exposure(compressed)
    maker = (271, 2, 4, int.from_bytes(b"abc\0", "little"))
    turned = [(274, 3, 1, orientation)] if orientation else []
    file = tiff(maker, *turned, directory, compressed=compressed, after=after)
    path = tmp_path / "picture.tif"
    path.write_bytes(file.getvalue())
    with Image.open(path) as unloaded, Image.open(path) as loaded:
        loaded.load()
        for source in (file, path, unloaded, loaded):
            picture, notes = load(source)
            assert tags_of(picture.metadata.exif) == ({271: "abc"}, {0x829A: 1 / 60}) and notes == []
            assert np.array_equal(picture.pixels, np.rot90(RGB, -1) if orientation else RGB)


def test_metadata_of_a_tiff() -> None:
    """It has no EXIF block: its own tags are made one, those of how it is stored left out."""
    exif = Image.Exif()
    exif.load(exif_with())
    exif[0x0131] = "software"
    exif[700] = XMP
    picture, notes = load(file_of(image_of(RGB), "TIFF", icc_profile=ICC, exif=exif))
    assert (picture.metadata.icc, picture.metadata.xmp, notes) == (ICC, XMP, [])
    found = Image.Exif()
    found.load(picture.metadata.exif)
    assert (found[0x010F], found[0x0131]) == ("maker", "software") and set(found) == {0x010F, 0x0131, 0x8769}
    assert float(found.get_ifd(0x8769)[0x829A]) == pytest.approx(1 / 60)


def test_exif_that_tells_how_its_own_picture_was_stored() -> None:
    """Size, compression and the like of the camera's file are not those of the TIFF that is written."""
    exif = Image.Exif()
    for tag, value in {256: 4000, 257: 3000, 258: 16, 259: 6, 262: 6, 273: 8, 277: 1, 339: 3, 271: "maker"}.items():
        exif[tag] = value
    source = Metadata(exif=exif.tobytes().removeprefix(b"Exif\0\0"))
    picture, _ = load(io.BytesIO(save_picture(Picture(RGB, source), "tiff")))
    assert np.array_equal(picture.pixels, RGB)
    assert b"maker" in picture.metadata.exif


def test_an_orientation_in_its_xmp_alone() -> None:
    """Pillow applies it and takes it out; where a tag says otherwise, it counts for nothing."""
    xmp = b'<x tiff:Orientation="6"/>'
    picture, _ = load(file_of(image_of(RGB), "TIFF", tiffinfo={700: xmp}))
    assert np.array_equal(picture.pixels, np.rot90(RGB, -1)) and b'"6"' not in picture.metadata.xmp
    picture, _ = load(file_of(image_of(RGB), "TIFF", tiffinfo={700: xmp, 274: 1}))
    assert np.array_equal(picture.pixels, RGB) and picture.metadata.xmp == xmp


def test_a_tag_that_cannot_be_written_costs_no_other() -> None:
    """Software as a number: there are such files."""
    maker = (271, 2, 4, int.from_bytes(b"abc\0", "little"))
    picture, notes = load(tiff(maker, (305, 11, 1, 0x3F800000)))
    assert notes == ["1 EXIF tags damaged and left out"]
    assert tags_of(picture.metadata.exif) == ({271: "abc"}, {}) and np.array_equal(picture.pixels, RGB)


_TAGS = st.tuples(
    st.sampled_from([*_TIFF_TAGS, *_TIFF_DIRECTORIES]),
    st.integers(0, 16),
    st.sampled_from([0, 1, 1, 1, 2, 3, 8]),
    st.integers(0, 2**32 - 1) | st.just(14 + RGB.size) | st.integers(0, 99),
)


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, of what it finds
@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.lists(_TAGS, min_size=1, max_size=4, unique_by=lambda tag: tag[0]), st.binary(min_size=40, max_size=64))
def test_tags_of_any_type_never_cost_the_picture(tags: list[Tag], after: bytes) -> None:
    """Unless Pillow itself cannot read it."""
    file = tiff(*tags, after=after)
    try:
        with Image.open(file) as image:
            image.load()
    except Exception:
        with pytest.raises(FileAccessError):
            load_picture(file)
        return
    picture = load_picture(file)
    assert np.array_equal(picture.pixels, RGB)
    with Image.open(io.BytesIO(save_picture(picture, "tiff"))) as image:
        assert np.array_equal(np.asarray(image), RGB)


@pytest.mark.parametrize("mode", PIXELS)
def test_exif_directories_are_written(mode: str) -> None:
    """Pillow cannot put them into a compressed file."""
    exif = Image.Exif()
    exif.load(exif_with())
    exif.get_ifd(0x8825).update({1: "N", 2: (12.0, 30.0, 15.5)})
    exif[0x8825] = exif.get_ifd(0x8825)
    source = Metadata(ICC, exif.tobytes().removeprefix(b"Exif\0\0"), XMP)
    with Image.open(io.BytesIO(save_picture(Picture(PIXELS[mode], source), "tiff"))) as image:
        image.load()
        found = attached(image)
        assert image.mode == mode and np.array_equal(np.asarray(image), np.squeeze(PIXELS[mode]))
    assert (found.icc, found.xmp) == (ICC, XMP)
    assert tags_of(found.exif)[1] == {0x829A: 1 / 60}
    read = Image.Exif()
    read.load(found.exif)
    assert read.get_ifd(0x8825) == {1: "N", 2: (12.0, 30.0, 15.5)}


def test_a_file_without_exif_is_compressed() -> None:
    plain = Picture(np.zeros((200, 200, 3), np.uint8), Metadata(ICC, xmp=XMP))
    assert len(save_picture(plain, "tiff")) < 3000
