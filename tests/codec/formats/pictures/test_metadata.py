"""ICC profile, EXIF and XMP: out of every kind of file byte for byte, and into every kind that holds them."""

from __future__ import annotations

import io
import struct
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from bitstream.metadata import Metadata
from codec.formats.pictures.attached import attached, info_entries, writer_options
from codec.formats.pictures.save import PICTURE_FORMATS, save_picture
from codec.notes import WispNote
from codec.pixels.picture import Picture
from tests.support.picture_files import (
    ALPHA,
    RGB,
    exif_with,
    file_of,
    image_of,
    load,
    needs_avif,
    orientation_read,
    png_chunk,
)

ICC = bytes(np.random.default_rng(1).integers(0, 256, 3000, dtype=np.uint8))
XMP = b"<?xpacket begin='\xef\xbb\xbf'?><x:xmpmeta>\xc3\xa9</x:xmpmeta>"
EXIF = exif_with()
ALL = Metadata(ICC, EXIF, XMP)
HOLDERS = [
    kind if kind != "avif" else pytest.param(kind, marks=needs_avif) for kind in PICTURE_FORMATS if kind != "ppm"
]


def written(metadata: Metadata, kind: str, pixels: np.ndarray[Any, Any] = RGB) -> tuple[io.BytesIO, list[str]]:
    """The file and the notes; any other warning is a failure."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        file = io.BytesIO(save_picture(Picture(pixels, metadata), kind))
    assert all(issubclass(warning.category, WispNote) for warning in caught), [str(w.message) for w in caught]
    return file, [str(warning.message) for warning in caught]


def png_with_xmp(xmp: bytes) -> PngInfo:
    text = PngInfo()
    text.add(b"iTXt", b"XML:com.adobe.xmp" + bytes(5) + xmp)
    return text


# In

INPUTS: dict[str, dict[str, Any]] = {
    "JPEG": {"xmp": XMP},
    "PNG": {"pnginfo": png_with_xmp(XMP)},
    "WEBP": {"xmp": XMP},
    "AVIF": {"xmp": XMP},
}


@pytest.mark.parametrize("kind", [*list(INPUTS)[:-1], pytest.param("AVIF", marks=needs_avif)])
def test_metadata_comes_byte_for_byte(kind: str) -> None:
    file = file_of(image_of(RGB), kind, icc_profile=ICC, exif=b"Exif\0\0" + EXIF, **INPUTS[kind])
    picture, notes = load(file)
    assert picture.metadata == ALL and notes == []
    with Image.open(file) as image:
        assert load(image)[0].metadata == ALL  # a PIL image that is not loaded yet
        assert load(image)[0].metadata == ALL


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "PPM"])
def test_what_has_no_metadata(kind: str) -> None:
    assert load(file_of(image_of(RGB), kind))[0].metadata == Metadata()


def test_exif_whose_prefix_is_written_twice() -> None:
    file = file_of(image_of(RGB), "JPEG", exif=b"Exif\0\0Exif\0\0" + exif_with(6))
    picture, _ = load(file)
    assert picture.metadata.exif == exif_with(6) and picture.size == (6, 10)


def test_exif_in_the_text_of_an_old_png() -> None:
    text = PngInfo()
    payload = b"Exif\0\0" + exif_with(8)
    text.add_text("Raw profile type exif", f"\nexif\n{len(payload):8}\n{payload.hex()}\n", zip=True)
    picture, _ = load(file_of(image_of(RGB), pnginfo=text))
    assert picture.metadata.exif == exif_with(8) and picture.size == (6, 10)
    text = PngInfo()
    text.add_text("Raw profile type exif", "\nexif\n8\nno digits\n")
    assert load(file_of(image_of(RGB), pnginfo=text))[0].metadata == Metadata()


def test_xmp_as_text() -> None:
    image = image_of(RGB)
    image.info["XML:com.adobe.xmp"] = XMP.decode()
    image.info["exif"] = Image.Exif()
    image.info["exif"][0x010F] = "maker"
    metadata = load(image)[0].metadata
    assert metadata.xmp == XMP and b"maker" in metadata.exif and metadata.exif[:2] in (b"II", b"MM")


def test_metadata_goes_with_every_conversion() -> None:
    palette = Image.fromarray(RGB[:, :, 0] % 4, "P")
    palette.putpalette(list(range(12)))
    deep = Image.fromarray(RGB[:, :, 0].astype(np.uint16))
    grey, alpha = image_of(RGB[:, :, :1]), image_of(np.dstack([RGB, ALPHA]))
    for image in (palette, deep, grey, alpha):
        file = file_of(image, icc_profile=ICC, exif=EXIF, pnginfo=png_with_xmp(XMP))
        assert load(file)[0].metadata == ALL


def test_a_picture_keeps_its_own() -> None:
    assert load(Picture(RGB, ALL))[0].metadata == ALL
    assert Picture(RGB, ALL).without(["exif"]).metadata == Metadata(icc=ICC, xmp=XMP)
    assert Picture(RGB, ALL).without(["icc", "exif", "xmp"]).metadata == Metadata()
    assert repr(ALL) == f"Metadata(icc: 3000 bytes, exif: {len(EXIF)} bytes, xmp: {len(XMP)} bytes)"


# Out


@pytest.mark.parametrize("kind", HOLDERS)
def test_metadata_goes_back(kind: str) -> None:
    file, notes = written(ALL, kind)
    assert notes == []
    with Image.open(file) as image:
        image.load()
        found = attached(image)
    assert found.icc == ICC and found.xmp == XMP
    if kind != "tiff":
        assert found.exif == EXIF
    tags = Image.Exif()
    tags.load(found.exif)
    assert tags[0x010F] == "maker" and float(tags.get_ifd(0x8769)[0x829A]) == pytest.approx(1 / 60)


XMP_FORMS = [b"<x tiff:Orientation='%d'/>", b'<x tiff:Orientation = "%d"/>', b"<tiff:Orientation>%d</tiff:Orientation>"]


@pytest.mark.parametrize("kind", HOLDERS)
@pytest.mark.parametrize("order", ["<", ">"])
def test_what_is_written_is_upright(kind: str, order: str) -> None:
    """The orientation alone changes, though the file keeps it as it came."""
    xmp = b"".join(XMP_FORMS)
    source = Metadata(exif=exif_with(6, order=order), xmp=xmp % (6, 6, 6))
    file, notes = written(source, kind)
    assert notes == []
    with Image.open(file) as image:
        assert image.size == (10, 6)
        assert image.getexif().get(0x0112, 1) == 1
        image.load()
        found = attached(image)
        assert image.size == (10, 6)
    assert found.xmp == xmp % (1, 1, 1)
    assert orientation_read(found.exif) == 1
    if kind != "tiff":
        assert found.exif == exif_with(1, order=order)
    assert np.array_equal(load(file)[0].pixels, load(written(Metadata(), kind)[0])[0].pixels)


def test_a_long_maker_note_stays_where_it_is() -> None:
    """Its own offsets count from the beginning of the EXIF, so none of it may move."""
    note = bytes(np.random.default_rng(2).integers(0, 256, 5000, dtype=np.uint8))
    exif = exif_with(3) + note
    for kind in ("png", "jpeg", "webp"):
        with Image.open(written(Metadata(exif=exif), kind)[0]) as image:
            assert attached(image).exif == exif_with(1) + note


@pytest.mark.parametrize("kind", HOLDERS)
def test_xmp_that_is_no_utf8(kind: str) -> None:
    xmp = '<x tiff:Model="é"/>'.encode("utf-16")
    file, notes = written(Metadata(xmp=xmp), kind)
    with Image.open(file) as image:
        assert attached(image).xmp == xmp and notes == []


def test_what_does_not_fit_into_a_jpeg() -> None:
    room = {"exif": 65533 - 6, "xmp": 65533 - 29}
    fits = Metadata(exif=EXIF + bytes(room["exif"] - len(EXIF)), xmp=b"x" * room["xmp"])
    file, notes = written(fits, "jpeg")
    assert notes == [] and load(file)[0].metadata == fits
    longer = Metadata(ICC, fits.exif + b"x", fits.xmp + b"x")
    file, notes = written(longer, "jpeg")
    assert notes == ["EXIF and XMP not written: JPEG cannot hold it"]
    assert load(file)[0].metadata == Metadata(icc=ICC)
    assert load(written(longer, "webp")[0])[0].metadata == longer


def test_an_icc_profile_in_many_markers() -> None:
    most = bytes(255 * 65519)
    assert writer_options(Metadata(icc=most), "JPEG") == {"icc_profile": most}
    with pytest.warns(WispNote, match="ICC profile not written: JPEG"):
        assert writer_options(Metadata(icc=most + b"x"), "JPEG") == {}
    assert load(written(Metadata(icc=ICC * 50), "jpeg")[0])[0].metadata.icc == ICC * 50


def test_what_a_ppm_cannot_hold() -> None:
    file, notes = written(ALL, "ppm")
    assert notes == ["ICC profile and EXIF and XMP not written: PPM cannot hold it"]
    picture, _ = load(file)
    assert np.array_equal(picture.pixels, RGB) and picture.metadata == Metadata()
    assert written(Metadata(), "ppm")[1] == []


@pytest.mark.parametrize("kind", HOLDERS)
@pytest.mark.parametrize("exif", [b"this is no EXIF at all", b"II*\0", b"MM"])
def test_exif_that_is_none(kind: str, exif: bytes) -> None:
    """It is passed on where the format takes any bytes, and said to be lost elsewhere; the picture is written."""
    file, notes = written(Metadata(ICC, exif), kind)
    kept = kind in ("png", "jpeg", "webp")
    assert notes == ([] if kept else [f"EXIF not written: {kind.upper()} cannot hold it"])
    picture, _ = load(file)
    assert picture.metadata == Metadata(ICC, exif if kept else b"") and picture.size == (10, 6)


def test_info_is_as_pillow_has_it() -> None:
    assert info_entries(Metadata(ICC, exif_with(6), XMP)) == {
        "icc_profile": ICC,
        "exif": b"Exif\0\0" + exif_with(1),
        "xmp": XMP,
    }
    assert info_entries(Metadata()) == {}


_TIFF_LIKE = st.builds(
    lambda order, rest: (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8) + rest,
    st.sampled_from("<>"),
    st.binary(max_size=60),
)


@settings(max_examples=120, deadline=None, derandomize=True, database=None)
@given(
    icc=st.binary(max_size=200),
    exif=st.binary(max_size=60) | _TIFF_LIKE,
    xmp=st.binary(max_size=200).map(lambda text: text.replace(b"\0", b" ")),
    kind=st.sampled_from(["png", "jpeg", "webp", "tiff"]),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_any_bytes_come_back_or_a_note(icc: bytes, exif: bytes, xmp: bytes, kind: str) -> None:
    """Damaged metadata never costs the picture."""
    source = Metadata(icc, exif, xmp)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", WispNote)
        data = save_picture(Picture(RGB, source), kind)
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        found = attached(image)
    assert image.size == (10, 6)
    upright = Metadata(icc, info_entries(source).get("exif", b"")[6:], info_entries(source).get("xmp", b""))
    assert (found.icc, found.xmp) == (upright.icc, upright.xmp)
    assert kind == "tiff" or found.exif == upright.exif.removeprefix(b"Exif\0\0")
    assert not caught or kind == "tiff"


def test_an_exif_chunk_of_a_png_has_no_prefix() -> None:
    file, _ = written(Metadata(exif=EXIF), "png")
    assert png_chunk(b"eXIf", EXIF) in file.getvalue()
