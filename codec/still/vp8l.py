"""Lossless pictures as bare VP8L, the lossless half of WebP (RFC 9649 section 3), through Pillow's libwebp."""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.WebPImagePlugin import WebPImageFile

from bitstream.errors import CorruptError, LimitError
from codec.still.effort import DEFAULT_EFFORT

_RIFF = struct.Struct("<4sI4s4sI")
_SIGNATURE = 0x2F
_HEADER_BYTES = 5
QUICK = 2  # an effort: some five times as fast as the default, and up to a third larger
_METHOD_AND_QUALITY = {1: (0, 20), QUICK: (1, 50), 3: (3, 75), 4: (4, 100)}  # libwebp's, by effort
_MOST = (6, 100)


def encode(pixels: NDArray[np.uint8], effort: int = DEFAULT_EFFORT) -> bytes:
    """(H, W, C) uint8, C = 1 (grey), 2 (grey, alpha), 3 or 4 -> VP8L, its container taken off."""
    count = pixels.shape[2]
    if count <= 2:
        grey = np.repeat(pixels[:, :, :1], 3, axis=2)
        pixels = grey if count == 1 else np.dstack([grey, pixels[:, :, 1]])
    usual = _coded(pixels, *_METHOD_AND_QUALITY[min(effort, DEFAULT_EFFORT)])
    return usual if effort <= DEFAULT_EFFORT else min(usual, _coded(pixels, *_MOST), key=len)  # more is not always less


def _coded(pixels: NDArray[np.uint8], method: int, quality: int) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "WEBP", lossless=True, exact=True, method=method, quality=quality)
    data = file.getvalue()
    size = _RIFF.unpack_from(data)[-1]
    return data[_RIFF.size : _RIFF.size + size]


def decode(data: bytes, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """VP8L -> (height, width, channels) uint8.

    Raises CorruptError where it is not such a picture, LimitError where the host program has lowered Pillow's
    limit below half of a tile. Size and alpha are looked at before libwebp takes any memory.
    """
    if len(data) < _HEADER_BYTES or data[0] != _SIGNATURE:
        raise CorruptError("no VP8L picture")
    bits = int.from_bytes(data[1:_HEADER_BYTES], "little")
    found = ((bits >> 14 & 0x3FFF) + 1, (bits & 0x3FFF) + 1)
    if found != (height, width):
        raise CorruptError(f"a VP8L picture of {found[1]}x{found[0]} pixels where {width}x{height} are expected")
    if bool(bits >> 28 & 1) != (channels in (2, 4)):
        raise CorruptError("a VP8L picture with alpha where none is expected, or without")
    padding = len(data) % 2
    head = _RIFF.pack(b"RIFF", 12 + len(data) + padding, b"WEBP", b"VP8L", len(data))
    try:
        # Not Image.open, which would warn of many pixels: the size is known already.
        with WebPImageFile(BytesIO(head + data + bytes(padding))) as image:
            mode = "RGBA" if channels in (2, 4) else "RGB"
            if image.mode != mode or image.size != (width, height):
                raise CorruptError(f"a VP8L picture of mode {image.mode} where {mode} is expected")
            pixels = np.asarray(image)
    except (CorruptError, MemoryError):
        raise
    except Image.DecompressionBombError as error:
        raise LimitError(f"Image.MAX_IMAGE_PIXELS of this program is below a tile's {width}x{height} pixels") from error
    except Exception as error:  # Pillow's reader raises what it comes upon
        raise CorruptError(f"a damaged VP8L picture: {error}") from error
    return pixels if channels > 2 else pixels[:, :, [1, 3][:channels]]  # grey is in all three colours
