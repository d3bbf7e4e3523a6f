"""ICC profile, EXIF and XMP all the way: picture file -> `wisp encode` -> `wisp decode` -> picture file."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

import codec
from bitstream.metadata import Metadata
from codec.files.source import read_file
from codec.formats.pictures.colour import srgb_profile
from tests.support.cli_runner import succeed
from tests.support.picture_files import exif_with, needs_avif, orientation_read

ICC = srgb_profile()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF tiff:Orientation="6"/>\xc3\xa9</x:xmpmeta>'
UPRIGHT_XMP = XMP.replace(b'"6"', b'"1"')
EXIF = b"Exif\0\0" + exif_with(6)
MAKER, EXPOSURE, ORIENTATION = 0x010F, 0x829A, 0x0112
_ROWS, _COLUMNS = np.mgrid[:20, :36]
STORED = np.stack([7 * _COLUMNS, 250 - 12 * _ROWS, 5 * _ROWS + _COLUMNS], axis=2).astype(np.uint8)
UPRIGHT = np.rot90(STORED, -1)  # orientation 6: turn by 90 degrees clockwise to see it right
WITHOUT_LOSS = ("png", "tiff")

avif = pytest.param("avif", marks=needs_avif)
each_input = pytest.mark.parametrize("given", ["jpeg", "png", "webp", avif, "tiff"])
each_output = pytest.mark.parametrize("wanted", ["png", "jpeg", "webp", avif, "tiff"])


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_picture(kind: str) -> str:
    """A picture of this kind with everything in it, and lying on its side -> its name."""
    name, image = f"in.{kind}", Image.fromarray(STORED)
    options: dict[str, Any] = {"icc_profile": ICC, "exif": EXIF, "xmp": XMP}
    if kind == "tiff":
        del options["exif"], options["xmp"]
        options["tiffinfo"] = {ORIENTATION: 6, MAKER: "maker", 700: XMP}
    elif kind == "png":
        text = PngInfo()
        text.add_itxt("XML:com.adobe.xmp", options.pop("xmp").decode())
        options["pnginfo"] = text
    elif kind == "webp":
        options["lossless"] = True
    elif kind in ("jpeg", "avif"):
        options["quality"] = 95
    image.save(name, **options)
    return name


def xmp_of(image: Image.Image) -> bytes:
    """Wherever Pillow puts it."""
    found = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    if not found and image.format == "TIFF":
        found = image.getexif().get(700, b"")
    return found.encode() if isinstance(found, str) else bytes(found)


def without_orientation(xmp: bytes) -> bytes:
    """Where it says that the picture is upright."""
    return re.sub(rb' |tiff:Orientation="1"', b"", xmp)


def info(name: str) -> dict[str, Any]:
    return dict(json.loads(succeed("info", "--json", name).stdout))


@each_input
@each_output
def test_from_one_kind_of_file_to_another(given: str, wanted: str) -> None:
    """Seen upright, and every kind of metadata says what it said, but for the orientation."""
    source = write_picture(given)
    assert succeed("encode", source, "--lossless", "-o", "a.wisp").stderr == ""
    facts = info("a.wisp")
    assert (facts["width"], facts["height"]) == (20, 36)
    assert set(facts["metadata"]) == {"icc", "exif", "xmp"}
    assert succeed("decode", "a.wisp", "-o", f"out.{wanted}").stderr == ""
    with Image.open(f"out.{wanted}") as image:
        icc, xmp, exif = image.info.get("icc_profile"), xmp_of(image), image.getexif()
        # What decoders of AVIF turn by themselves must not be turned twice: so before anything is loaded.
        assert exif.get(ORIENTATION, 1) == 1
        assert image.size == (20, 36)
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert icc == ICC
    if given == "tiff":  # Pillow turns it when it loads it, and takes the orientation out of its XMP
        assert without_orientation(xmp) == without_orientation(UPRIGHT_XMP)
    else:
        assert xmp == UPRIGHT_XMP
    assert exif[MAKER] == "maker"
    if given != "tiff":
        assert exif.get_ifd(0x8769)[EXPOSURE] == pytest.approx(1 / 60)
    exact = given in ("png", "tiff", "webp") and wanted in WITHOUT_LOSS
    error = np.abs(pixels - UPRIGHT)
    assert error.max() == 0 if exact else error.mean() < 6


def test_the_file_keeps_every_byte() -> None:
    """Only what goes out of it is upright; the pixels in it are."""
    succeed("encode", write_picture("jpeg"), "-o", "a.wisp", "--lossless")
    assert info("a.wisp")["metadata"] == {"icc": len(ICC), "exif": len(EXIF) - 6, "xmp": len(XMP)}
    kept = read_file(Path("a.wisp")).metadata
    assert kept == Metadata(icc=ICC, exif=EXIF[6:], xmp=XMP) and orientation_read(kept.exif) == 6
    assert np.array_equal(codec.decode_array("a.wisp"), np.rot90(np.asarray(Image.open("in.jpeg")), -1))


def test_learned_files_keep_it_too(photograph: NDArray[np.uint8]) -> None:
    Image.fromarray(photograph[:72, :100]).rotate(90, expand=True).save("a.png", icc_profile=ICC, exif=EXIF)
    succeed("encode", "a.png", "-q", "40")
    facts = info("a.wisp")
    assert facts["metadata"] == {"icc": len(ICC), "exif": len(EXIF) - 6}
    assert (facts["width"], facts["height"], facts["lossless"]) == (100, 72, False)
    succeed("decode", "a.wisp", "-o", "b.jpg", "--crop", "0,0,9,9", "--downscale", "2")
    with Image.open("b.jpg") as image:
        assert image.info["icc_profile"] == ICC and image.getexif()[MAKER] == "maker"


STRIPPED: dict[str, set[str]] = {
    "--strip": set(),
    "--strip-icc": {"exif", "xmp"},
    "--strip-exif": {"icc", "xmp"},
    "--strip-xmp": {"icc", "exif"},
    "--strip-icc --strip-exif": {"xmp"},
}


@pytest.mark.parametrize("options", STRIPPED)
@each_input
def test_stripped_when_encoding(options: str, given: str) -> None:
    """The orientation is applied all the same."""
    succeed("encode", write_picture(given), *options.split(), "--lossless", "-o", "a.wisp")
    facts = info("a.wisp")
    assert set(facts["metadata"]) == STRIPPED[options]
    assert (facts["width"], facts["height"]) == (20, 36)


@pytest.mark.parametrize("options", STRIPPED)
@each_output
def test_stripped_when_decoding(options: str, wanted: str) -> None:
    succeed("encode", write_picture("png"), "--lossless", "-o", "a.wisp")
    succeed("decode", "a.wisp", *options.split(), "-o", f"out.{wanted}")
    with Image.open(f"out.{wanted}") as image:
        found = {"icc": image.info.get("icc_profile"), "exif": image.getexif().get(MAKER), "xmp": xmp_of(image)}
        assert image.size == (20, 36)
    assert {name for name, value in found.items() if value} == STRIPPED[options]


def test_what_a_format_cannot_hold_is_a_note() -> None:
    succeed("encode", write_picture("png"), "--lossless", "-o", "a.wisp")
    words = "ICC profile and EXIF and XMP not written: PPM cannot hold it"
    assert succeed("decode", "a.wisp", "-o", "out.ppm").stderr == f"wisp: a.wisp: note: {words}\n"
    assert succeed("decode", "a.wisp", "-o", "out2.ppm", "--strip").stderr == ""
    assert np.array_equal(np.asarray(Image.open("out.ppm")), UPRIGHT)


def test_more_than_a_jpeg_holds_is_a_note() -> None:
    """Of EXIF; an ICC profile may be longer."""
    icc = np.random.default_rng(1).bytes(1 << 20)
    Image.fromarray(STORED).save("a.png", icc_profile=icc, exif=EXIF + bytes(70_000))
    succeed("encode", "a.png", "--lossless")
    assert succeed("decode", "a.wisp", "-o", "b.png").stderr == ""
    result = succeed("decode", "a.wisp", "-o", "b.jpg")
    assert result.stderr == "wisp: a.wisp: note: EXIF not written: JPEG cannot hold it\n"
    for name in ("b.png", "b.jpg"):
        assert Image.open(name).info["icc_profile"] == icc
