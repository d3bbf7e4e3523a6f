"""The file side of a `.wisp` decoder, written from bitstream/FORMAT.md alone: chunks, metadata, units, lossless tiles.

As reference_decoder.py, which decodes the learned tiles, this takes nothing from the codec. VP8L is read by
Pillow, for RFC 9649 is somebody else's page. Whatever is wrong with a file is a ValueError.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]

SIGNATURE = bytes.fromhex("8957 5350 0D0A 1A0A")
METADATA = (b"iCCP", b"eXIF", b"xMPD")
MOST_METADATA = 2**26


def need(condition: bool, message: str) -> None:
    if not condition:
        raise ValueError(message)


@dataclass(frozen=True)
class Header:
    width: int
    height: int
    colours: int  # 1 or 3
    alpha: bool
    quality: int
    tile: int
    models: list[str]


@dataclass(frozen=True)
class Unit:
    lossless: bool
    slot: int
    quality: int  # the header's and the delta, clamped
    alpha: int | bytes | None  # one value, a VP8L picture, or none; b"" where the tile's one VP8L picture holds it
    stream: bytes
    check: int


@dataclass(frozen=True)
class Detail:
    slot: int
    step_code: int
    stream: bytes
    check: int


@dataclass(frozen=True)
class File:
    header: Header
    metadata: dict[str, bytes]
    units: list[Unit]
    details: dict[int, Detail]


def read_file(data: bytes) -> File:
    chunks = read_chunks(data)
    header, metadata, units = read_header(next(chunks)[1]), {}, list[Unit]()
    details: dict[int, Detail] = {}
    for kind, payload in chunks:
        if kind == b"DONE":
            need(payload == b"" and len(units) == len(tile_sizes(header)), "corrupt: DONE")
        elif kind == b"UNIT":
            need(len(units) < len(tile_sizes(header)), "corrupt: too many units")
            units.append(read_unit(payload, header, len(units)))
        elif kind == b"DTAL":
            i, detail = read_detail(payload, header)
            need(max(details, default=-1) < i < len(units) and not units[i].lossless, "corrupt: place of detail")
            details[i] = detail
        else:
            metadata[kind.decode()] = payload
    need(len({detail.slot for detail in details.values()}) < 2, "unsupported: slots of details differ")
    need(len({unit.slot for unit in units if not unit.lossless}) < 2, "unsupported: slots differ")
    return File(header, metadata, units, details)


# Section 1: chunks, and section 3's metadata


def read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Type and payload of every chunk that is not skipped, up to and with DONE; metadata as they are meant."""
    need(data[:8] == SIGNATURE, "corrupt: signature")
    at, head_crc, kind = 8, 0, b""
    seen: set[bytes] = set()
    while kind != b"DONE":
        need(len(data) >= at + 8, "truncated")
        first, length, kind = kind == b"", *struct.unpack_from("<I4s", data, at)
        need(length < 2**31 and kind.isalpha() and kind[1:].isupper(), "corrupt: chunk")
        need((kind == b"HEAD") == first, "corrupt: place of HEAD")
        need(len(data) >= at + 12 + length, "truncated")
        (crc,) = struct.unpack_from("<I", data, at + 8 + length)
        seed = head_crc if kind in (b"UNIT", b"DTAL") else 0
        intact = crc == zlib.crc32(data[at + 4 : at + 8 + length], seed)
        need(intact or kind in METADATA, "corrupt: CRC")
        head_crc = crc if first else head_crc
        payload = data[at + 8 : at + 8 + length]
        if kind in METADATA:
            need(kind not in seen and b"UNIT" not in seen, "corrupt: place of metadata")
            content = read_metadata(payload) if intact else None
            if content is None:
                warnings.warn(f"damaged metadata {kind!r}", stacklevel=3)
            else:
                yield kind, content
        elif kind in (b"HEAD", b"UNIT", b"DTAL", b"DONE"):
            yield kind, payload
        else:
            need(kind[:1].islower(), "unsupported: chunk type")
        seen.add(kind)
        at += 12 + length
    if at < len(data):
        warnings.warn("data behind the end of the file", stacklevel=3)


def read_metadata(payload: bytes) -> bytes | None:
    if payload[:1] == b"\0":
        return payload[1:] if len(payload) - 1 <= MOST_METADATA else None
    if payload[:1] != b"\1" or len(payload) < 5:
        return None
    (size,) = struct.unpack_from("<I", payload, 1)
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(payload[5:], min(size, MOST_METADATA) + 1)
    except zlib.error:
        return None
    return content if len(content) == size and inflater.eof and not inflater.unused_data else None


# Section 2: the header


def read_header(payload: bytes, wanted: int = 0, more: int = 0) -> Header:
    """That of a file of the kind wanted, which has so many bytes more than a still picture's."""
    need(payload[:1] == b"\0", "unsupported: version")
    need(len(payload) >= 13, "corrupt: header")
    _, kind, width, height, colour, depth, alpha, quality, tile, models = struct.unpack_from("<BBHHBBBHBB", payload)
    need(kind == wanted and colour in (0, 1) and depth == 8 and alpha in (0, 1), "unsupported: picture")
    need(width > 0 and height > 0 and quality <= 16128 and 1 <= tile <= 64, "corrupt: header")
    need(1 <= models <= 15 and len(payload) == 13 + 8 * models + 4 + more, "corrupt: header")
    ids = [payload[13 + 8 * i :][:8].hex() for i in range(models)]
    return Header(width, height, 1 if colour else 3, alpha == 1, quality, tile, ids)


# Section 3: tiles and units


def tile_sizes(header: Header) -> list[tuple[int, int]]:
    """Height and width, in latents, of every tile."""
    height, width = (-(-side // 64) * 4 for side in (header.height, header.width))
    side = 4 * header.tile
    heights, widths = ([min(side, total - at) for at in range(0, total, side)] for total in (height, width))
    return [(h, w) for h in heights for w in widths]


def tile_boxes(header: Header) -> list[tuple[slice, slice]]:
    """Rows and columns, in pixels of the picture, of every tile."""
    side = 64 * header.tile
    rows, columns = ([slice(at, min(at + side, n)) for at in range(0, n, side)] for n in (header.height, header.width))
    return [(r, c) for r in rows for c in columns]


def read_unit(payload: bytes, header: Header, position: int) -> Unit:
    need(len(payload) >= 9, "corrupt: length of a unit")
    first, delta, tile_index = struct.unpack_from("<BhI", payload)
    varies, kind, slot = first >> 7, first >> 4 & 7, first & 15
    need(kind < 2, "unsupported: kind of a unit")
    need(slot < len(header.models), "corrupt: slot")
    need(-16128 <= delta <= 16128 and tile_index == position, "corrupt: unit")
    need(header.alpha or not varies, "corrupt: alpha")
    rest, (check,) = payload[7:-2], struct.unpack("<H", payload[-2:])
    alpha: int | bytes | None = None
    if varies:
        alpha = b""
        if kind == 0:
            need(len(rest) >= 4, "corrupt: alpha")
            (size,) = struct.unpack_from("<I", rest)
            need(0 < size <= len(rest) - 4, "corrupt: alpha")
            alpha, rest = rest[4 : 4 + size], rest[4 + size :]
    elif header.alpha:
        need(len(rest) >= 1, "corrupt: alpha")
        alpha, rest = rest[0], rest[1:]
    need(kind == 1 or len(rest) % 4 == 0, "corrupt: length of a unit")
    quality = min(max(header.quality + delta, 0), 16128)
    return Unit(kind == 1, slot, quality, alpha, rest, check)


def read_detail(payload: bytes, header: Header) -> tuple[int, Detail]:
    """Section 11."""
    need(len(payload) >= 9 and len(payload) % 4 == 1, "corrupt: length of a detail")
    slot, step_code, tile_index = struct.unpack_from("<BhI", payload)
    need(slot < min(len(header.models), 16) and abs(step_code) <= 1024, "corrupt: detail")
    (check,) = struct.unpack("<H", payload[-2:])
    return tile_index, Detail(slot, step_code, payload[7:-2], check)


def read_vp8l(data: bytes, height: int, width: int, alpha: bool) -> Pixels:
    """(height, width, 4 or 3). RFC 9649: a byte 0x2F, width - 1 and height - 1 in 14 bits each, a bit for alpha."""
    need(len(data) >= 5 and data[0] == 0x2F, "corrupt: VP8L")
    bits = int.from_bytes(data[1:5], "little")
    found = ((bits >> 14) % 2**14 + 1, bits % 2**14 + 1, bool(bits >> 28 & 1))
    need(found == (height, width, alpha), "corrupt: VP8L of another kind")
    body = b"WEBPVP8L" + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)
    try:
        with Image.open(BytesIO(b"RIFF" + struct.pack("<I", len(body)) + body)) as image:
            return np.asarray(image.convert("RGBA" if alpha else "RGB"))
    except Exception as error:
        raise ValueError(f"corrupt: VP8L: {error}") from error


def lossless_pixels(unit: Unit, header: Header, box: tuple[slice, slice]) -> Pixels:
    """Every channel of a lossless tile, alpha last."""
    height, width = (part.stop - part.start for part in box)
    pixels = read_vp8l(unit.stream, height, width, unit.alpha == b"")
    kept = [*([1] if header.colours == 1 else [0, 1, 2]), *([3] if unit.alpha == b"" else [])]
    pixels = np.ascontiguousarray(pixels[:, :, kept])
    need(zlib.crc32(pixels.tobytes()) & 0xFFFF == unit.check, "corrupt: check of a lossless tile")
    if isinstance(unit.alpha, int):
        pixels = np.dstack([pixels, np.full((height, width), unit.alpha, np.uint8)])
    return pixels


def alpha_plane(unit: Unit, box: tuple[slice, slice]) -> Pixels:
    """(height, width): the alpha of a learned tile in a picture that has it."""
    height, width = (part.stop - part.start for part in box)
    if isinstance(unit.alpha, int):
        return np.full((height, width), unit.alpha, np.uint8)
    need(unit.alpha is not None, "the picture has no alpha")
    return read_vp8l(unit.alpha or b"", height, width, False)[:, :, 1]
