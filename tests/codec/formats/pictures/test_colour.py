"""Colours that are not sRGB as they stand: PNG's gAMA and cHRM, and inks, each against a computation of its own."""

from __future__ import annotations

import io
import math
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from codec.formats.pictures.colour import srgb_profile
from tests.support.picture_files import ALPHA, GREY, PIXELS, RGB, Pixels, file_of, image_of, load, png, png_chunk

NOTE = "colours converted to sRGB by the picture's gAMA and cHRM"
SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
ADOBE = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
PROPHOTO = (0.34567, 0.35850, 0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001)
# Published matrices (Lindbloom, Bradford-adapted), so that nothing here is computed as the codec does.
XYZ_D50_TO_SRGB = np.array(
    [[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]]
)
TO_SRGB: dict[Sequence[float], NDArray[np.float64]] = {
    SRGB: np.eye(3),
    ADOBE: np.array([[1.39836, -0.39836, 0], [0, 1, 0], [0, -0.04293, 1.04293]]),
    PROPHOTO: XYZ_D50_TO_SRGB
    @ [[0.7976749, 0.1351917, 0.0313534], [0.2880402, 0.7118741, 0.0000857], [0, 0, 0.8252100]],
}


def gama(gamma: float) -> bytes:
    return png_chunk(b"gAMA", struct.pack(">I", round(gamma * 100_000)))


def chrm(primaries: Sequence[float]) -> bytes:
    return png_chunk(b"cHRM", struct.pack(">8I", *(round(value * 100_000) for value in primaries)))


def with_chunks(pixels: Pixels, *chunks: bytes, **options: Any) -> io.BytesIO:
    """A PNG file with chunks put behind its header."""
    data = file_of(image_of(pixels), **options).getvalue()
    return io.BytesIO(data[:33] + b"".join(chunks) + data[33:])


def to_linear(code: float) -> float:
    return code / 12.92 if code <= 0.04045 else math.pow((code + 0.055) / 1.055, 2.4)


def to_code(light: float) -> float:
    light = min(max(light, 0), 1)
    return 12.92 * light if light <= 0.0031308 else 1.055 * math.pow(light, 1 / 2.4) - 0.055


def in_srgb(pixels: Pixels, gamma: float | None, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Colours (H, W, 3) one value after the other, not rounded."""
    decode = to_linear if gamma is None else lambda code: math.pow(code, 1 / gamma)
    light = np.array([decode(int(value) / 255) for value in pixels.ravel()]).reshape(-1, 3) @ matrix.T
    return np.array([255 * to_code(float(value)) for value in light.ravel()]).reshape(pixels.shape)


def half_a_level(pixels: Pixels, expected: NDArray[np.float64]) -> bool:
    """Equal but for rounding, which single precision may tip where a value lies between two levels."""
    return bool(np.abs(pixels - expected).max() < 0.51)


# PNG's gAMA and cHRM


@pytest.mark.parametrize("gamma", [1.0, 0.55556, 0.3, 0.44, 0.47, 2.0])
def test_a_gamma_alone(gamma: float) -> None:
    picture, notes = load(with_chunks(RGB, gama(gamma)))
    assert notes == [NOTE] and half_a_level(picture.pixels, in_srgb(RGB, gamma, np.eye(3)))
    assert not np.array_equal(picture.pixels, RGB)


@pytest.mark.parametrize("primaries", [ADOBE, PROPHOTO], ids=["Adobe", "ProPhoto"])
@pytest.mark.parametrize("gamma", [None, 0.45455, 1.0, 0.55556])
def test_primaries_and_gamma(primaries: Sequence[float], gamma: float | None) -> None:
    """A gamma of 1/2.2 stands for the curve of sRGB."""
    tall = np.random.default_rng(3).integers(0, 256, (600, 3, 3), dtype=np.uint8)
    chunks = [chrm(primaries)] + ([gama(gamma)] if gamma else [])
    picture, notes = load(with_chunks(tall, *chunks))
    expected = in_srgb(tall, None if gamma == 0.45455 else gamma, TO_SRGB[primaries])
    assert notes == [NOTE] and np.abs(picture.pixels - expected).max() < 0.75  # published to five digits


def test_white_stays_white() -> None:
    white = np.full((2, 2, 3), 255, np.uint8)
    for primaries in (ADOBE, PROPHOTO):
        assert np.array_equal(load(with_chunks(white, chrm(primaries), gama(0.6)))[0].pixels, white)


NOTHING_TO_DO = {
    "no chunk": (),
    "gAMA of sRGB": (gama(0.45455),),
    "gAMA of 0": (gama(0),),
    "cHRM of sRGB": (chrm(SRGB),),
    "cHRM in three digits": (chrm([0.313, 0.329, 0.64, 0.33, 0.3, 0.6, 0.15, 0.06]),),
    "both of sRGB": (gama(0.45455), chrm(SRGB)),
    "sRGB": (png_chunk(b"sRGB", b"\0"), gama(1.0), chrm(ADOBE)),
}


@pytest.mark.parametrize("name", NOTHING_TO_DO)
def test_colours_that_are_srgb_stay(name: str) -> None:
    picture, notes = load(with_chunks(RGB, *NOTHING_TO_DO[name]))
    assert notes == [] and np.array_equal(picture.pixels, RGB)


def test_an_icc_profile_takes_precedence() -> None:
    picture, notes = load(with_chunks(RGB, gama(1.0), chrm(ADOBE), icc_profile=b"a profile"))
    assert notes == [] and np.array_equal(picture.pixels, RGB) and picture.metadata.icc == b"a profile"


@pytest.mark.parametrize("mode", PIXELS)
def test_gamma_in_every_mode(mode: str) -> None:
    """Alpha is no colour."""
    pixels = PIXELS[mode]
    picture, notes = load(with_chunks(pixels, gama(1.0)))
    assert notes == [NOTE] and picture.mode == mode
    encoded = np.array([255 * to_code(value / 255) for value in range(256)])
    assert half_a_level(picture.colours, encoded[pixels[:, :, :1] if mode in ("L", "LA") else pixels[:, :, :3]])
    if picture.has_alpha:
        assert np.array_equal(picture.alpha, ALPHA[:, :, 0])


def test_gamma_of_sixteen_bits_of_grey() -> None:
    picture, notes = load(png((2, 1), 0, struct.pack(">2H", 0x8080, 0xFFFF), gama(1.0), depth=16))
    assert notes == ["16-bit grey reduced to 8 bits", NOTE]
    assert picture.pixels.ravel().tolist() == [round(255 * to_code(128 / 255)), 255]


def test_gamma_of_a_palette_and_its_transparent_colour() -> None:
    image = Image.fromarray(GREY[:, :, 0] % 2, "P")
    image.putpalette([0, 60, 120, 10, 20, 30])
    data = file_of(image, transparency=1).getvalue()
    picture, notes = load(io.BytesIO(data[:33] + gama(1.0) + data[33:]))
    assert notes == ["palette converted to RGBA", NOTE]
    seen = np.asarray(image) == 0
    assert np.array_equal(picture.alpha, np.where(seen, 255, 0))
    assert (picture.colours[seen] == [round(255 * to_code(value / 255)) for value in (0, 60, 120)]).all()


def test_grey_has_no_primaries() -> None:
    picture, notes = load(with_chunks(GREY, chrm(ADOBE)))
    assert notes == [] and np.array_equal(picture.pixels, GREY)


DEGENERATE = {
    "all zero": (0.0,) * 8,
    "white without y": (0.3127, 0.0, *SRGB[2:]),
    "one point": (0.3127, 0.3290) * 4,
    "a line": (0.3127, 0.3290, 0.1, 0.1, 0.2, 0.2, 0.3, 0.3),
    "red without y": (0.3127, 0.3290, 0.64, 0.0, *SRGB[4:]),
}


@pytest.mark.parametrize("name", DEGENERATE)
def test_primaries_that_span_no_colours(name: str) -> None:
    """They are left out; a gamma beside them still counts."""
    picture, notes = load(with_chunks(RGB, chrm(DEGENERATE[name])))
    assert notes == [] and np.array_equal(picture.pixels, RGB)
    picture, notes = load(with_chunks(RGB, chrm(DEGENERATE[name]), gama(1.0)))
    assert notes == [NOTE] and half_a_level(picture.pixels, in_srgb(RGB, 1.0, np.eye(3)))


_ANY = st.integers(0, 2**32 - 1) | st.integers(0, 100_000)


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(st.lists(_ANY, min_size=8, max_size=8), _ANY, st.sampled_from(sorted(PIXELS)))
def test_any_numbers_give_a_picture(primaries: list[int], gamma: int, mode: str) -> None:
    chunks = (png_chunk(b"cHRM", struct.pack(">8I", *primaries)), png_chunk(b"gAMA", struct.pack(">I", gamma)))
    picture, notes = load(with_chunks(PIXELS[mode], *chunks))
    assert picture.pixels.shape == PIXELS[mode].shape and notes in ([], [NOTE])
    assert notes or np.array_equal(picture.pixels, PIXELS[mode])


# Inks


def lab_of_inks(cyan: int, magenta: int, yellow: int, black: int) -> tuple[int, int, int]:
    """L, a, b of a press that never was, for inks of 0 or 1."""
    if black:
        return 0, 0, 0
    return 100 - 18 * (cyan + magenta + yellow), 30 * magenta - 20 * cyan, 25 * yellow - 20 * cyan


def press_profile() -> bytes:
    """Its ICC profile: a table of all sixteen combinations (ICC.1:2001-04, lut8Type)."""
    corners = [lab_of_inks(i >> 3 & 1, i >> 2 & 1, i >> 1 & 1, i & 1) for i in range(16)]
    grid = bytes(value for L, a, b in corners for value in (round(L * 2.55), a + 128, b + 128))
    matrix = struct.pack(">9i", *(65536 * (i % 4 == 0) for i in range(9)))
    ramp = bytes(range(256))
    white = struct.pack(">3i", 0xF6D6, 0x10000, 0xD32D)  # D50
    tags = {
        b"desc": b"desc" + bytes(4) + struct.pack(">I", 6) + b"press\0" + bytes(78),
        b"cprt": b"text" + bytes(4) + b"none\0\0\0\0",
        b"wtpt": b"XYZ " + bytes(4) + white,
        b"A2B0": b"mft1" + bytes(4) + bytes([4, 3, 2, 0]) + matrix + ramp * 4 + grid + ramp * 3,
    }
    start = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += name + struct.pack(">II", start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    kinds = struct.pack(">4sI4s4s4s", b"none", 0x02400000, b"prtr", b"CMYK", b"Lab ")
    head = struct.pack(">I", start + len(body)) + kinds + struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp"
    return (head + bytes(68 - len(head)) + white).ljust(128, b"\0") + table + body


def srgb_of_lab(lightness: float, a: float, b: float) -> list[float]:
    """0..255. Source: CIE 15, IEC 61966-2-1."""
    y = (lightness + 16) / 116
    cube = [f**3 if f > 6 / 29 else 3 * (6 / 29) ** 2 * (f - 4 / 29) for f in (y + a / 500, y, y - b / 200)]
    return [255 * to_code(float(light)) for light in XYZ_D50_TO_SRGB @ (cube * np.array([0.96422, 1, 0.82521]))]


INKS = np.array([[[255 * (i >> bit & 1) for bit in (3, 2, 1, 0)] for i in range(16)]] * 16, np.uint8)
PRINTED = np.array([[srgb_of_lab(*lab_of_inks(*(int(ink) // 255 for ink in inks))) for inks in row] for row in INKS])


@pytest.mark.parametrize("kind", ["TIFF", "JPEG"])
def test_inks_go_through_their_profile(kind: str) -> None:
    options = {"quality": 100, "subsampling": 0} if kind == "JPEG" else {}
    image = Image.fromarray(INKS.repeat(8, axis=1), "CMYK")
    picture, notes = load(file_of(image, kind, icc_profile=press_profile(), **options))
    assert notes == ["CMYK converted to sRGB through its ICC profile"] and picture.mode == "RGB"
    inside = picture.pixels[:, 4::8].astype(float)
    assert np.abs(inside - PRINTED).max() <= (2 if kind == "TIFF" else 6)
    assert picture.metadata.icc == srgb_profile()


def test_the_profile_that_then_holds_is_srgb() -> None:
    first, second = srgb_profile(), srgb_profile()
    assert first == second and first[24:36] == struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(first))
    assert "sRGB" in ImageCms.getProfileDescription(profile)
    same = ImageCms.profileToProfile(image_of(RGB), profile, ImageCms.createProfile("sRGB"))
    assert same is not None and np.abs(np.asarray(same).astype(int) - RGB).max() <= 1


RGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
WITHOUT = "CMYK without a usable ICC profile converted to RGB as screens do"


@pytest.mark.parametrize(
    "profile", [b"broken", press_profile()[:200], RGB_PROFILE, bytes(128)], ids=["text", "cut off", "of RGB", "zeros"]
)
def test_a_profile_that_is_not_of_these_inks(profile: bytes) -> None:
    plain = np.dstack([255 - RGB, np.zeros_like(GREY)])
    picture, notes = load(file_of(Image.fromarray(plain, "CMYK"), "TIFF", icc_profile=profile))
    assert notes == ["the ICC profile does not fit CMYK and is left out", WITHOUT]
    assert np.array_equal(picture.pixels, RGB) and picture.metadata.icc == b""


@pytest.mark.parametrize("source", ["memory", "TIFF"])
def test_inks_without_a_profile(source: str) -> None:
    """Without black, a pixel's colour is what the inks leave of white."""
    image = Image.fromarray(np.dstack([255 - RGB, np.zeros_like(GREY)]), "CMYK")
    picture, notes = load(image if source == "memory" else file_of(image, "TIFF"))
    assert np.array_equal(picture.pixels, RGB) and notes == [WITHOUT] and picture.metadata.icc == b""


@pytest.mark.parametrize("source", ["memory", "TIFF"])
def test_lab(source: str) -> None:
    values = [(100, 0, 0), (0, 0, 0), (50, 0, 0), (60, 30, 20), (70, -30, 10), (40, 10, -40), (80, 0, 60)]
    stored = np.array([[[round(L * 2.55), a + 128, b + 128] for L, a, b in values]], np.uint8)
    image = Image.merge("LAB", [Image.fromarray(stored[:, :, i]) for i in range(3)])
    picture, notes = load(image if source == "memory" else file_of(image, "TIFF"))
    assert picture.mode == "RGB" and picture.metadata.icc == b"" and notes == ["LAB converted to sRGB"]
    assert np.abs(picture.pixels[0] - np.array([srgb_of_lab(*lab) for lab in values])).max() <= 2
