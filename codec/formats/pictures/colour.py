"""Conversion to sRGB: of inks through their ICC profile, of PNG by its gAMA and cHRM."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from codec.notes import note

_SRGB_PRIMARIES = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)  # x, y of white, red, green, blue
_SAME = 0.002  # PNG stores chromaticities in steps of 1e-5; files round them to three digits
_SRGB_GAMMA = (0.45, 0.46)  # 1/2.2 as files have it
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_ROWS = 256  # turned at a time, which bounds the memory
_ICC_DATE = slice(24, 36)


def srgb_profile() -> bytes:
    """An ICC profile of sRGB, the same bytes every time (littleCMS writes the time of day into it)."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[_ICC_DATE] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(data)


def from_inks(image: Image.Image, profile: bytes) -> tuple[Image.Image, bytes]:
    """CMYK or LAB -> an RGB image in sRGB, and its ICC profile, empty if none was used."""
    srgb = ImageCms.createProfile("sRGB")
    if image.mode == "LAB":
        lab = ImageCms.createProfile("LAB")
        note("LAB converted to sRGB")
        return _turned(image, ImageCms.ImageCmsProfile(lab), srgb), b""
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            turned = _turned(image, source, srgb)
        except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
            note("the ICC profile does not fit CMYK and is left out")
        else:
            note("CMYK converted to sRGB through its ICC profile")
            return turned, srgb_profile()
    note("CMYK without a usable ICC profile converted to RGB as screens do")
    return image.convert("RGB"), b""


def _turned(image: Image.Image, source: ImageCms.ImageCmsProfile, target: Any) -> Image.Image:
    return cast(Image.Image, ImageCms.profileToProfile(image, source, target, outputMode="RGB"))


def png_colours(image: Image.Image, colours: int) -> Callable[[NDArray[np.uint8]], NDArray[np.uint8]] | None:
    """A function that converts a PNG's channels (H, W, `colours`: 1 or 3) to sRGB, None if they are sRGB already.

    Source: PNG specification, third edition, sections 4.3 and 11.3.2: iCCP and sRGB take precedence.
    """
    found = image.info
    if image.format != "PNG" or "icc_profile" in found or "srgb" in found:
        return None
    gamma = float(found.get("gamma") or 0)
    primaries = found.get("chromaticity") if colours == 3 else None
    if gamma <= 0 or _SRGB_GAMMA[0] <= gamma <= _SRGB_GAMMA[1]:
        gamma = 0
    if primaries is None or all(abs(a - b) <= _SAME for a, b in zip(primaries, _SRGB_PRIMARIES, strict=True)):
        primaries = None
    matrix = np.eye(3) if primaries is None else _to_srgb(primaries)
    if not np.isfinite(matrix).all():
        primaries = None
    if not (gamma or primaries):
        return None
    codes = np.arange(256) / 255
    linear = (codes ** (1 / gamma) if gamma else _srgb_to_linear(codes)).astype(np.float32)

    def convert(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        if primaries is None:
            return _eight_bits(linear)[pixels]
        result = np.empty_like(pixels)
        for top in range(0, len(pixels), _ROWS):
            rows = slice(top, top + _ROWS)
            result[rows] = _eight_bits(linear[pixels[rows]] @ matrix.T.astype(np.float32))
        return result

    return convert


def _srgb_to_linear(codes: NDArray[np.float64]) -> NDArray[np.float64]:
    """IEC 61966-2-1."""
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def _eight_bits(linear: NDArray[np.float32]) -> NDArray[np.uint8]:
    clipped = linear.clip(0, 1)
    codes = np.where(clipped <= 0.0031308, clipped * 12.92, 1.055 * clipped ** (1 / 2.4) - 0.055)
    return cast("NDArray[np.uint8]", np.rint(codes * 255).astype(np.uint8))


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _primaries(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    return np.stack([_xyz(*primaries[i : i + 2]) for i in (2, 4, 6)], axis=1)


def _rgb_to_xyz(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    columns = _primaries(primaries)
    return cast("NDArray[np.float64]", columns * np.linalg.solve(columns, _xyz(*primaries[:2])))


def _to_srgb(primaries: tuple[float, ...]) -> NDArray[np.float64]:
    """Linear light of these primaries -> of sRGB, white to white (Bradford); NaN where they span no colours."""
    if not all(np.isfinite(primaries)) or min(primaries[1::2]) <= 0 or not np.linalg.det(_primaries(primaries)):
        return np.full((3, 3), np.nan)
    cones = _BRADFORD @ _xyz(*_SRGB_PRIMARIES[:2]) / (_BRADFORD @ _xyz(*primaries[:2]))
    adapt = np.linalg.inv(_BRADFORD) @ np.diag(cones) @ _BRADFORD
    return cast("NDArray[np.float64]", np.linalg.inv(_rgb_to_xyz(_SRGB_PRIMARIES)) @ adapt @ _rgb_to_xyz(primaries))
