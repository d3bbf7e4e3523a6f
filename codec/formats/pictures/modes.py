"""Pillow's modes -> 8-bit channels L, LA, RGB or RGBA, with notes on what is changed."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import UnsupportedError
from codec.formats.pictures.attached import attached
from codec.formats.pictures.colour import from_inks, png_colours
from codec.notes import note
from codec.pixels.picture import Picture, channels

_SIXTEEN_BIT = {"I;16", "I;16L", "I;16B", "I;16N"}
_SIXTEEN_BIT_RAW = re.compile(";16[BLN]")  # in Pillow's name of what is in the file; BGR;16 is five to six bits
_GREY_STEPS = {"1": 255, "L;2": 255 // 3, "L;4": 255 // 15}  # Pillow's names of what is in the file
_INKS = {"CMYK", "LAB"}
_SCALED = "_wisp_transparent_colour"
# Mode -> what it becomes, and how it is called where that is worth a note.
_CONVERTED = {
    "1": ("L", "black and white"),
    "P": ("RGB", "palette"),
    "PA": ("RGBA", "palette"),
    "YCbCr": ("RGB", "YCbCr"),
    "HSV": ("RGB", "HSV"),
    "RGBX": ("RGB", ""),
    "RGBa": ("RGBA", "RGBA with alpha multiplied in"),
    "La": ("LA", "LA with alpha multiplied in"),
}
_AVIF_DEPTH = re.compile(b"pixi\0\0\0\0[\x01-\x04]([\x01-\x10])")  # ISO 23008-12: bits of the first channel


def source_bits(image: Image.Image) -> int:
    """Bits a channel in the file, 8 if Pillow does not say. Has to be called before the image is loaded."""
    for tile in getattr(image, "tile", ()):
        args = tile[-1]
        if _SIXTEEN_BIT_RAW.search(str(args)):
            return 16
        if image.format == "PPM" and isinstance(args, tuple) and isinstance(args[-1], int):
            return max(args[-1].bit_length(), 8)
    if image.format == "AVIF" and (file := getattr(image, "fp", None)) is not None:
        place = file.tell()
        file.seek(0)
        found = _AVIF_DEPTH.search(file.read(4096))
        file.seek(place)
        return max(found[1][0], 8) if found else 8
    return 8


def transparent_colour(image: Image.Image) -> int | tuple[int, ...] | None:
    """The one transparent colour of a PNG at the depth of Pillow's pixels; None if `image.info` is right as it is.

    Has to be called before the image is loaded, for Pillow then forgets the depth of the file; the answer is kept with
    the image. Of colours with 16 bits a channel, all that are equal at 8 bits become transparent.
    """
    colour = image.info.get("transparency")
    tiles = getattr(image, "tile", ())
    rawmode = str(tiles[0][-1]) if image.format == "PNG" and tiles else ""
    if isinstance(colour, int) and rawmode in _GREY_STEPS:
        vars(image)[_SCALED] = min(colour * _GREY_STEPS[rawmode], 255)
    elif isinstance(colour, tuple) and _SIXTEEN_BIT_RAW.search(rawmode):
        vars(image)[_SCALED] = tuple(value >> 8 for value in colour)
    return cast("int | tuple[int, ...] | None", vars(image).get(_SCALED))


def to_channels(image: Image.Image, bits: int) -> Picture:
    """A loaded image of `bits` a channel in its file -> 8-bit channels, orientation not yet applied.

    Raises UnsupportedError for a mode that cannot be brought to 8 bits without choosing a range.
    """
    if image.mode in _SIXTEEN_BIT or (image.mode == "I" and bits > 8):
        return Picture(_in_srgb(image, _from_sixteen_bits(image)), attached(image))
    if bits > 8:
        note(f"{bits} bits a channel reduced to 8")
    metadata = attached(image)
    if image.mode in _INKS:
        converted, profile = from_inks(image, metadata.icc)
        metadata = replace(metadata, icc=profile)
    else:
        converted = _to_known_mode(image)
    return Picture(_in_srgb(image, channels(converted)), metadata)


def _to_known_mode(image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode in ("LA", "RGBA") or (mode in ("L", "RGB") and not image.has_transparency_data):
        return image
    if mode not in _CONVERTED and mode not in ("L", "RGB"):
        raise UnsupportedError(f"pictures of mode {mode} are not coded: convert it to 8 or 16 bits a channel first")
    target, name = _CONVERTED.get(mode, (mode, ""))
    if image.has_transparency_data:
        target = {"L": "LA", "RGB": "RGBA"}.get(target, target)
    if name:
        note(f"{name} converted to {target}")
    return image.convert(target)


def _from_sixteen_bits(image: Image.Image) -> NDArray[np.uint8]:
    """(H, W, 1 or 2), rounded. Pillow's own conversion to 8 bits clips."""
    note("16-bit grey reduced to 8 bits")
    values: NDArray[Any] = np.asarray(image).astype(np.int64 if image.mode == "I" else np.uint32)
    grey = ((values * 255 + 32767) // 65535).astype(np.uint8)
    if "transparency" not in image.info:
        return grey[:, :, None]
    alpha = np.where(values == image.info["transparency"], 0, 255).astype(np.uint8)
    return np.dstack([grey, alpha])


def _in_srgb(image: Image.Image, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    alpha = 1 - pixels.shape[2] % 2
    convert = png_colours(image, pixels.shape[2] - alpha)
    if convert is None:
        return pixels
    note("colours converted to sRGB by the picture's gAMA and cHRM")
    if not alpha:
        return convert(pixels)
    return cast("NDArray[np.uint8]", np.dstack([convert(pixels[:, :, :-1]), pixels[:, :, -1]]))
