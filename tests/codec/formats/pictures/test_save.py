"""Pictures out: every format with every kind of channels, and pictures made smaller."""

from __future__ import annotations

import io
import math
import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from bitstream.errors import UnsupportedError
from bitstream.metadata import Metadata
from codec.formats.pictures.save import (
    DEFAULT_OUTPUT_QUALITY,
    LOSSY,
    PICTURE_FORMATS,
    downscaled,
    ending_of,
    picture_format,
    save_picture,
)
from codec.notes import WispNote
from codec.pixels.distortion import psnr
from codec.pixels.picture import Picture, as_rgb
from tests.support.picture_files import GREY, PIXELS, RGB, Pixels, load, needs_avif

NAMES = {"png": "PNG", "ppm": "PPM", "jpeg": "JPEG", "webp": "WEBP", "avif": "AVIF", "tiff": "TIFF"}
EVERY: list[Any] = [pytest.param(kind, marks=needs_avif) if kind == "avif" else kind for kind in PICTURE_FORMATS]
EVERY_LOSSY = [kind for kind in EVERY if kind not in ("png", "ppm", "tiff")]
OPAQUE_ONLY = ("ppm", "jpeg")


def saved(pixels: Pixels, kind: str, **options: Any) -> tuple[Image.Image, list[str]]:
    """As Pillow reads it, and the notes; any other warning is a failure."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = save_picture(Picture(pixels), kind, **options)
    assert all(issubclass(warning.category, WispNote) for warning in caught)
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == NAMES[kind]
        image.load()
    return image, [str(warning.message) for warning in caught]


def smooth(mode: str, width: int = 90, height: int = 70) -> Pixels:
    """Waves, which lossy formats like."""
    y, x = np.mgrid[:height, :width]
    waves = [128 + 100 * np.sin(x / (9 + 4 * c) + y / (17 - 3 * c)) for c in range(len(mode))]
    return np.stack(waves, axis=2).astype(np.uint8)


def over_white(pixels: Pixels) -> np.ndarray[Any, np.dtype[np.float64]]:
    alpha = pixels[:, :, -1:] / 255
    return pixels[:, :, :-1] * alpha + 255 * (1 - alpha)


# Formats


@pytest.mark.parametrize("mode", PIXELS)
@pytest.mark.parametrize("kind", ["png", "tiff", "ppm"])
def test_lossless_formats_are_exact(kind: str, mode: str) -> None:
    pixels = PIXELS[mode]
    image, notes = saved(pixels, kind)
    if kind == "ppm" and mode.endswith("A"):
        assert image.mode == mode[:-1] and notes == ["PPM holds no transparency: laid over white"]
        assert np.abs(np.atleast_3d(np.asarray(image)) - over_white(pixels)).max() <= 1
    else:
        assert image.mode == mode and notes == []
        assert np.array_equal(np.atleast_3d(np.asarray(image)), pixels)


@pytest.mark.parametrize("mode", PIXELS)
@pytest.mark.parametrize("kind", EVERY_LOSSY)
def test_lossy_formats_are_near(kind: str, mode: str) -> None:
    pixels = smooth(mode)
    image, notes = saved(pixels, kind)
    assert image.size == (90, 70)
    if kind == "jpeg":
        assert image.mode == mode.removesuffix("A")
        assert notes == (["JPEG holds no transparency: laid over white"] if mode.endswith("A") else [])
        wanted = over_white(pixels).round().astype(np.uint8) if mode.endswith("A") else pixels
        assert psnr(np.atleast_3d(np.asarray(image)), wanted) > 36
        return
    assert notes == [] and image.has_transparency_data == mode.endswith("A")
    colours = as_rgb(Picture(pixels).colours)
    assert psnr(np.asarray(image.convert("RGB")), colours) > (32 if kind == "webp" else 36)
    if mode.endswith("A"):
        difference = np.abs(np.asarray(image.getchannel("A")).astype(int) - pixels[:, :, -1])
        assert difference.max() <= (0 if kind == "webp" else 6)


@pytest.mark.parametrize("kind", EVERY_LOSSY)
def test_quality_counts(kind: str) -> None:
    pixels = smooth("RGB")
    sizes = [len(save_picture(Picture(pixels), kind, quality)) for quality in (0, 50, 90, 100)]
    distances = [psnr(np.asarray(saved(pixels, kind, quality=quality)[0]), pixels) for quality in (0, 50, 90, 100)]
    assert sizes == sorted(set(sizes)) and distances == sorted(set(distances))
    assert len(save_picture(Picture(pixels), kind)) == sizes[2] and DEFAULT_OUTPUT_QUALITY == 90


@pytest.mark.parametrize("kind", ["png", "ppm", "tiff"])
def test_quality_means_nothing_to_lossless_formats(kind: str) -> None:
    assert save_picture(Picture(RGB), kind, 1) == save_picture(Picture(RGB), kind, 99)
    assert kind not in LOSSY


@pytest.mark.parametrize("kind", EVERY)
@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_alpha_that_hides_nothing_needs_no_note(kind: str, mode: str) -> None:
    pixels = smooth(mode)
    pixels[:, :, -1] = 255
    image, notes = saved(pixels, kind)
    assert notes == []
    if kind in OPAQUE_ONLY:
        assert image.mode == mode[:-1]
    assert psnr(np.asarray(image.convert("RGB")), as_rgb(pixels[:, :, :-1])) > 32


@pytest.mark.parametrize("kind", OPAQUE_ONLY)
def test_transparency_becomes_white(kind: str) -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:, 8:, 3] = 128
    image, _ = saved(pixels, kind)
    assert np.abs(np.asarray(image)[:, :8].astype(int) - 255).max() <= 2
    assert np.abs(np.asarray(image)[:, 8:].astype(int) - 127).max() <= 2


def test_colours_under_full_transparency_are_kept_where_they_can_be() -> None:
    pixels = np.dstack([RGB, np.zeros_like(GREY)])
    for kind in ("png", "tiff"):
        assert np.array_equal(np.asarray(saved(pixels, kind)[0]), pixels)


@pytest.mark.parametrize("kind", EVERY_LOSSY)
def test_noise(kind: str) -> None:
    """What compresses worst: a JPEG of it is longer than it has pixels."""
    pixels = np.random.default_rng(4).integers(0, 256, (300, 300, 3), dtype=np.uint8)
    image, _ = saved(pixels, kind, quality=95)
    assert image.size == (300, 300) and psnr(np.asarray(image), pixels) > 12


@pytest.mark.parametrize("kind", EVERY)
def test_one_pixel(kind: str) -> None:
    for mode in PIXELS:
        image, _ = saved(np.full((1, 1, len(mode)), 200, np.uint8), kind)
        assert image.size == (1, 1)


@pytest.mark.parametrize(("kind", "longest"), [("webp", 16383), ("jpeg", 65500)])
@pytest.mark.parametrize("upright", [False, True])
def test_sides_that_a_format_cannot_hold(kind: str, longest: int, upright: bool) -> None:
    for side, fits in ((longest, True), (longest + 1, False)):
        pixels = np.zeros((side, 1, 1) if upright else (1, side, 1), np.uint8)
        if fits:
            assert saved(pixels, kind)[0].size == pixels.shape[1::-1]
        else:
            with pytest.raises(UnsupportedError, match=rf"{NAMES[kind]}: a side may have at most {longest} pixels"):
                save_picture(Picture(pixels), kind)


def test_what_pillow_cannot_write_is_unsupported(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("no such writer")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(UnsupportedError, match="cannot be written as PNG"):
        save_picture(Picture(RGB), "png")


def test_the_format_follows_from_the_name() -> None:
    names = {"png": "a.png a.PNG", "jpeg": "b/c.jpg c.jpeg", "ppm": "d.ppm d.pgm", "tiff": "g.tif g.tiff"}
    for kind, known in (names | {"webp": "e.webp", "avif": "f.avif"}).items():
        assert [picture_format(name) for name in known.split()] == [kind] * len(known.split())
    assert {picture_format(name) for name in ("h.gif", "png", "i.png.wisp", "")} == {None}
    assert [picture_format(f"a{ending_of(kind)}") for kind in PICTURE_FORMATS] == list(PICTURE_FORMATS)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(sorted(PIXELS)),
    st.sampled_from(["png", "tiff"]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
    st.binary(max_size=20),
)
def test_what_is_written_loads_again(mode: str, kind: str, width: int, height: int, seed: int, icc: bytes) -> None:
    """With the channels it had, whatever their number."""
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    source = Picture(pixels, Metadata(icc=icc))
    picture, notes = load(io.BytesIO(save_picture(source, kind)))
    assert picture.mode == mode and np.array_equal(picture.pixels, pixels) and notes == []
    assert picture.metadata == source.metadata


# Smaller


def mean_of(pixels: Pixels, factor: int) -> tuple[np.ndarray[Any, np.dtype[np.float64]], Pixels]:
    """Means one by one, colours weighted by alpha, not rounded, and the alpha that they rest on."""
    height, width, channels = pixels.shape
    rows, columns = math.ceil(height / factor), math.ceil(width / factor)
    result, weight = np.zeros((rows, columns, channels)), np.full((rows, columns), 255, np.uint8)
    for row in range(rows):
        for column in range(columns):
            part = pixels[row * factor : (row + 1) * factor, column * factor : (column + 1) * factor]
            part = part.reshape(-1, channels).astype(float)
            result[row, column] = part.mean(axis=0)
            if channels in (2, 4):
                alpha = part[:, -1]
                weight[row, column] = alpha.mean()
                if alpha.any():
                    result[row, column, :-1] = (part[:, :-1] * alpha[:, None]).sum(axis=0) / alpha.sum()
    return result, weight


@settings(max_examples=80, deadline=None, derandomize=True, database=None)
@given(
    st.sampled_from(sorted(PIXELS)),
    st.sampled_from([2, 3, 4, 8, 64]),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(0, 2**32 - 1),
)
def test_means(mode: str, factor: int, width: int, height: int, seed: int) -> None:
    """Eight bits of a colour times its alpha are exact to half a level of alpha."""
    generator = np.random.default_rng(seed)
    pixels = generator.integers(0, 256, (height, width, len(mode)), dtype=np.uint8)
    if mode.endswith("A"):
        pixels[:, :, -1] *= generator.integers(0, 2, (height, width), dtype=np.uint8)
    small = downscaled(Picture(pixels, Metadata(icc=b"kept")), factor)
    assert small.size == (-(-width // factor), -(-height // factor)) and small.mode == mode
    assert small.metadata.icc == b"kept"
    expected, weight = mean_of(pixels, factor)
    difference = np.abs(small.pixels - expected)
    if not mode.endswith("A"):
        assert difference.max() < 1
        return
    assert difference[:, :, -1].max() < 1
    seen = weight > 0
    assert (difference[seen] <= 1 + 1.5 * 255 / weight[seen][:, None]).all()


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_what_nobody_sees_does_not_bleed(mode: str) -> None:
    """Black under full transparency leaves white beside it white."""
    pixels = np.zeros((8, 8, len(mode)), np.uint8)
    pixels[:, ::2] = 255
    small = downscaled(Picture(pixels), 2)
    assert (small.colours == 255).all() and (np.abs(small.alpha.astype(int) - 127.5) <= 0.5).all()


def test_a_factor_of_one_changes_nothing() -> None:
    picture = Picture(PIXELS["RGBA"])
    assert downscaled(picture, 1) is picture
