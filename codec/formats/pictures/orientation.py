"""EXIF orientation: applied to the pixels before coding, and set to 1 in all that is written.

A Wisp file keeps EXIF and XMP as they came; what leaves it goes through `upright`.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bitstream.metadata import Metadata

TAG = 0x0112
_CODES = {3: "H", 4: "I"}  # TIFF's types of the value: SHORT, and LONG, which some write
_ENTRY_BYTES = 12
_XMP = re.compile(rb"""(tiff:Orientation(?:\s*=\s*["']|>)\s*)([1-8])(?![0-9])""")


def orientation_of(metadata: Metadata) -> int:
    """The orientation in EXIF, else in XMP, else 1. Damaged EXIF counts as none."""
    values = [value for _, _, value in _places(metadata.exif)]
    if values:
        return values[-1]
    found = _XMP.search(metadata.xmp)
    return int(found[2]) if found else 1


def turn(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """(H, W, C) as stored -> upright, as ImageOps.exif_transpose does it; unknown values change nothing.

    Source: EXIF 2.32, tag Orientation.
    """
    if orientation in (5, 6, 7, 8):
        pixels = pixels.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(pixels)


def upright(metadata: Metadata) -> Metadata:
    """The same with an orientation of 1, every other byte as it came."""
    return replace(metadata, exif=_upright_exif(metadata.exif), xmp=_XMP.sub(rb"\g<1>1", metadata.xmp))


def _upright_exif(exif: bytes) -> bytes:
    """EXIF with the value of the tag set to 1; other data is returned unchanged."""
    changed = bytearray(exif)
    for at, code, _ in _places(exif):
        struct.pack_into(code, changed, at, 1)
    return bytes(changed)


def _places(exif: bytes) -> Iterator[tuple[int, str, int]]:
    """The places of the tag in the first directory: offset, struct code and content of its value."""
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None or len(exif) < 8:
        return
    (first,) = struct.unpack_from(f"{order}I", exif, 4)
    if first + 2 > len(exif):
        return
    (count,) = struct.unpack_from(f"{order}H", exif, first)
    for at in range(first + 2, min(first + 2 + count * _ENTRY_BYTES, len(exif) - _ENTRY_BYTES + 1), _ENTRY_BYTES):
        tag, kind, values = struct.unpack_from(f"{order}HHI", exif, at)
        if tag == TAG and kind in _CODES and values == 1:
            code = order + _CODES[kind]
            yield at + 8, code, struct.unpack_from(code, exif, at + 8)[0]
