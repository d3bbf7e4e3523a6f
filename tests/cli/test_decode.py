"""`wisp decode`: formats and endings, parts and smaller versions of a picture, what is left of a damaged one."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from numpy.typing import NDArray
from PIL import Image

import codec
from codec.formats.pictures.save import LOSSY, PICTURE_FORMATS
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.damage import join, split
from tests.support.goldens import golden_bytes
from tests.support.picture_files import needs_avif
from tests.support.scenes import noise

Pixels = NDArray[np.uint8]
PILLOW = {"png": "PNG", "ppm": "PPM", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF", "tiff": "TIFF"}
each_format = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=needs_avif) if kind == "avif" else kind for kind in PICTURE_FORMATS]
)
each_lossy = pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=needs_avif) if kind == "avif" else kind for kind in LOSSY]
)
MODES = {"grey": "L", "grey_alpha": "LA", "small": "RGB", "rgba_lossless": "RGBA"}
TILED = "tiles.wisp"  # 200x150, twelve tiles of 64, learned
EXACT = "rgba_lossless.wisp"  # 140x70, six tiles of 64


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with golden files."""
    monkeypatch.chdir(tmp_path)
    for name in (*MODES, "tiles", "metadata"):
        Path(f"{name}.wisp").write_bytes(golden_bytes(name))
    return tmp_path


def decode(*arguments: str | int) -> Result:
    """Without a failure, and nothing is on standard output."""
    result = succeed("decode", *map(str, arguments))
    assert result.stdout == ""
    return result


def pixels(name: str) -> Pixels:
    """(H, W, C)"""
    with Image.open(name) as image:
        found = np.array(image)
    return found[:, :, None] if found.ndim == 2 else found


def kind_of(name: str) -> str | None:
    with Image.open(name) as image:
        return image.format


def whole(name: str) -> Pixels:
    """What the whole file decodes to."""
    decode(name, "-o", "whole.png", "--overwrite")
    return pixels("whole.png")


# Formats


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("out.png", "PNG"),
        ("out.PNG", "PNG"),
        ("out.ppm", "PPM"),
        ("out.pnm", "PPM"),
        ("out.jpg", "JPEG"),
        ("out.JPEG", "JPEG"),
        ("out.webp", "WEBP"),
        pytest.param("out.avif", "AVIF", marks=needs_avif),
        ("out.tif", "TIFF"),
        ("out.tiff", "TIFF"),
        ("out", "PNG"),
        ("out.v2", "PNG"),
    ],
)
def test_the_ending_says_the_format(output: str, kind: str) -> None:
    assert decode("small.wisp", "-o", output).stderr == ""
    assert kind_of(output) == kind
    decode("small.wisp", "-o", "other.jpg", "--format", "tiff")
    assert kind_of("other.jpg") == "TIFF"  # what is said counts more


@each_format
def test_the_format_says_the_ending(kind: str) -> None:
    decode("small.wisp", "--format", kind)
    (made,) = set(Path().glob("small.*")) - {Path("small.wisp")}
    assert kind_of(str(made)) == PILLOW[kind]
    decode("small.wisp", EXACT, "-o", "out", "--format", kind)
    assert {path.suffix for path in Path("out").iterdir()} == {made.suffix}
    piped = succeed("decode", "-", "--format", kind, stdin=golden_bytes("small")).stdout_bytes
    assert Image.open(BytesIO(piped)).format == PILLOW[kind]


@pytest.mark.parametrize("name", MODES)
def test_formats_without_loss_keep_every_pixel(name: str) -> None:
    """Of all four modes; and they agree with the library."""
    expected = codec.decode_array(golden_bytes(name))
    assert expected.shape[2] == len(MODES[name])
    kinds = ["png", "tiff"] if MODES[name].endswith("A") else ["png", "tiff", "ppm"]
    for kind in kinds:
        decode(f"{name}.wisp", "-o", f"out.{kind}")
        assert np.array_equal(pixels(f"out.{kind}"), expected)


@each_lossy
def test_output_quality_counts_where_there_is_loss(kind: str) -> None:
    decode(TILED, "-o", f"default.{kind}")
    sizes = []
    for quality in (20, 50, 90, 100):
        decode(TILED, "-o", f"{quality}.{kind}", "--output-quality", quality)
        sizes.append(Path(f"{quality}.{kind}").stat().st_size)
    assert sizes == sorted(set(sizes))
    assert Path(f"default.{kind}").read_bytes() == Path(f"90.{kind}").read_bytes()
    error = np.abs(pixels(f"90.{kind}").astype(int) - whole(TILED))
    assert error.mean() < 3


@pytest.mark.parametrize("kind", [kind for kind in PICTURE_FORMATS if kind not in LOSSY])
def test_output_quality_does_not_count_elsewhere(kind: str) -> None:
    for quality in (0, 100):
        decode(TILED, "-o", f"{quality}.{kind}", "--output-quality", quality)
    assert Path(f"0.{kind}").read_bytes() == Path(f"100.{kind}").read_bytes()


@pytest.mark.parametrize("kind", ["ppm", "jpg"])
def test_transparency_is_laid_over_white_where_there_is_none(kind: str) -> None:
    note = f"note: {PILLOW[kind.replace('jpg', 'jpeg')]} holds no transparency: laid over white"
    assert decode(EXACT, "-o", f"out.{kind}").stderr == f"wisp: {EXACT}: {note}\n"
    colours, alpha = np.split(whole(EXACT).astype(float), [3], axis=2)
    assert alpha.min() == 0 and alpha.max() == 255
    expected = colours * alpha / 255 + 255 - alpha
    error = np.abs(pixels(f"out.{kind}") - expected)
    assert error.max() <= 1 if kind == "ppm" else error.mean() < 3


@pytest.mark.parametrize("kind", ["webp", pytest.param("avif", marks=needs_avif)])
def test_transparency_in_formats_with_loss(kind: str) -> None:
    assert decode(EXACT, "-o", f"out.{kind}").stderr == ""
    assert np.abs(pixels(f"out.{kind}")[:, :, 3].astype(int) - whole(EXACT)[:, :, 3]).max() <= 8


# Parts and smaller versions


@pytest.mark.parametrize("name", [TILED, EXACT])
@pytest.mark.parametrize("crop", ["0,0,1,1", "60,40,30,29", "0,5,140,7", "139,69,1,1", " 0, 0, 140, 70"])
def test_a_crop_is_a_part_of_the_whole(name: str, crop: str) -> None:
    decode(name, "-o", "out.png", "--crop", crop)
    x, y, width, height = map(int, crop.split(","))
    expected = whole(name)[y : y + height, x : x + width].astype(int)
    assert pixels("out.png").shape == expected.shape
    # Pixels of the network may differ by one where they come from a window of another size.
    assert np.abs(pixels("out.png") - expected).max() <= (1 if name == TILED else 0)


@pytest.mark.parametrize(
    ("crop", "tiles"), [(None, 6), ("0,0,64,64", 1), ("63,0,2,1", 2), ("63,63,2,2", 4), ("128,64,12,6", 1)]
)
def test_a_crop_decodes_the_tiles_that_it_needs(crop: str | None, tiles: int) -> None:
    result = decode(EXACT, "-o", "out.png", "--verbose", *(["--crop", crop] if crop else []))
    size = "140x70" if crop is None else "x".join(crop.split(",")[2:])
    start = f"wisp: {EXACT}: {size} RGBA -> out.png: {Path('out.png').stat().st_size} bytes, "
    assert re.fullmatch(re.escape(f"{start}{tiles} of 6 tiles decoded, ") + r"\d+\.\d\d s\n", result.stderr)


def test_a_crop_of_a_large_picture_decodes_few_tiles(photograph: Pixels) -> None:
    """Those under it and those that its pixels depend on."""
    Path("photo.wisp").write_bytes(codec.Codec(precision="fp32").encode(photograph, 30, tile=64))
    result = decode("photo.wisp", "-o", "out.png", "--crop", "300,200,20,20", "-v")
    found = re.search(r"(\d+) of 96 tiles decoded", result.stderr)
    assert found and 9 <= int(found[1]) <= 36


@pytest.mark.parametrize("factor", [1, 2, 3, 7, 64])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_downscaling_takes_means(factor: int, mode: str) -> None:
    source = noise(50, 67, mode)
    Path("a.wisp").write_bytes(codec.encode(source, lossless=True))
    decode("a.wisp", "-o", "out.png", "--downscale", factor)
    small = pixels("out.png")
    assert small.shape[:2] == (-(-50 // factor), -(-67 // factor))
    for (row, column), value in np.ndenumerate(small[:, :, 0]):
        block = source[row * factor :, column * factor :][:factor, :factor, 0]
        assert abs(block.mean() - value) < 1  # Pillow does not round quite right


def test_downscaling_weighs_with_alpha() -> None:
    """Colours that nobody sees do not bleed."""
    source = np.zeros((4, 4, 4), np.uint8)
    source[:, :2] = (255, 0, 0, 0)
    source[:, 2:] = (0, 0, 200, 255)
    Path("a.wisp").write_bytes(codec.encode(source, lossless=True, exact=True))
    decode("a.wisp", "-o", "out.png", "--downscale", 4)
    assert np.abs(pixels("out.png").astype(int) - (0, 0, 200, 128)).max() <= 1


def test_a_crop_is_downscaled() -> None:
    decode(EXACT, "-o", "crop.png", "--crop", "10,20,31,17")
    decode(EXACT, "-o", "small.png", "--crop", "10,20,31,17", "--downscale", 5)
    Path("crop.wisp").write_bytes(codec.encode("crop.png", lossless=True, exact=True))
    decode("crop.wisp", "-o", "expected.png", "--downscale", 5)
    assert pixels("small.png").shape == (4, 7, 4)
    assert np.array_equal(pixels("small.png"), pixels("expected.png"))


# Damage


def without_unit(name: str, index: int) -> bytes:
    """The file with one of its units destroyed; nothing else has changed."""
    parts = split(golden_bytes(name))
    place = [i for i, part in enumerate(parts) if part.type == b"UNIT"][index]
    parts[place] = type(parts[place])(b"UNIT", bytes(len(parts[place].payload)), parts[place].crc)
    return join(parts)


def test_salvage_of_lossless_tiles() -> None:
    Path("hurt.wisp").write_bytes(without_unit("rgba_lossless", 4))
    before = folder_content(Path())
    assert invoke("decode", "hurt.wisp", "-o", "out.png").exit_code == 5
    assert folder_content(Path()) == before
    result = invoke("decode", "hurt.wisp", "-o", "out.png", "--salvage")
    assert result.exit_code == 5
    reason = "missing, or fails its checksum"
    assert result.stderr.splitlines() == [
        f"wisp: hurt.wisp: tile 4 (64,64,64,6): {reason}; grey with its halo: 64,64,64,6",
        "wisp: hurt.wisp: 1 of 6 tiles are lost, the rest was written",
    ]
    expected = whole(EXACT)
    expected[64:70, 64:128] = (128, 128, 128, 255)
    assert np.array_equal(pixels("out.png"), expected)
    cropped = invoke("decode", "hurt.wisp", "-o", "crop.png", "--salvage", "--crop", "60,60,20,9")
    assert cropped.exit_code == 5
    assert np.array_equal(pixels("crop.png"), expected[60:69, 60:80])


def test_salvage_of_learned_tiles() -> None:
    """What depends on the lost tile is grey, too, and is said to be."""
    Path("hurt.wisp").write_bytes(without_unit("tiles", 0))
    result = invoke("decode", "hurt.wisp", "-o", "out.png", "--salvage", "--verbose")
    assert result.exit_code == 5
    found = re.search(r"tile 0 \(0,0,64,64\): .*; grey with its halo: 0,0,(\d+),(\d+)\n", result.stderr)
    assert found and "1 of 12 tiles are lost" in result.stderr and "11 of 12 tiles decoded" in result.stderr
    width, height = int(found[1]), int(found[2])
    assert 64 < width < 200 and 64 < height <= 150
    shown = pixels("out.png").astype(int)
    assert (shown[:height, :width] == 128).all()
    assert np.abs(shown[:, width:] - whole(TILED)[:, width:]).max() <= 1


def test_salvage_of_what_is_not_damaged() -> None:
    for name in (TILED, EXACT):
        assert decode(name, "-o", "salvaged.png", "--salvage", "--overwrite").stderr == ""
        assert np.abs(pixels("salvaged.png").astype(int) - whole(name)).max() <= (1 if name == TILED else 0)


def test_salvage_among_others() -> None:
    """A file of which something is left is written, one of which nothing is left is an error."""
    Path("hurt.wisp").write_bytes(without_unit("rgba_lossless", 0))
    Path("text.wisp").write_bytes(b"text")
    Path("out").mkdir()
    Path("out/small.png").write_bytes(b"another file")
    inputs = (EXACT, "hurt.wisp", "text.wisp", "small.wisp")
    result = invoke("decode", *inputs, "-o", "out", "--salvage", "--quiet")
    assert result.exit_code == 5
    named = [line.split(": ")[1] for line in result.stderr.splitlines()]
    assert named == ["hurt.wisp", "hurt.wisp", "text.wisp", "small.wisp"]
    assert {path.name for path in Path("out").iterdir()} == {"rgba_lossless.png", "hurt.png", "small.png"}
    assert Path("out/small.png").read_bytes() == b"another file"


def test_damaged_metadata_costs_the_metadata() -> None:
    data = bytearray(golden_bytes("metadata"))
    data[data.index(b"eXIF") + 10] ^= 1
    Path("hurt.wisp").write_bytes(data)
    for options, status, words in (
        ([], 0, ["note: EXIF damaged and left out"]),
        (
            ["--salvage"],
            5,
            ["note: EXIF damaged and left out", "the file is damaged, but every tile was found and written"],
        ),
    ):
        result = invoke("decode", "hurt.wisp", "-o", "out.png", "--overwrite", *options)
        assert result.exit_code == status
        assert result.stderr.splitlines() == [f"wisp: hurt.wisp: {line}" for line in words]
        with Image.open("out.png") as image:
            assert "exif" not in image.info and image.info["icc_profile"]
        assert np.abs(pixels("out.png").astype(int) - whole("metadata.wisp")).max() <= 1
    assert invoke("verify", "hurt.wisp").exit_code == 5


def test_bytes_after_the_end_are_a_note() -> None:
    Path("more.wisp").write_bytes(golden_bytes("small") + b"!!")
    assert decode("more.wisp").stderr == "wisp: more.wisp: note: 2 bytes after the end of the file are ignored\n"
    assert np.array_equal(pixels("more.png"), whole("small.wisp"))
