"""The sequences of `.wisp` files, written from section 10 of bitstream/FORMAT.md alone.

As reference_file.py and reference_decoder.py, on which it builds, this takes nothing from the codec.
Whatever is wrong with a file is a ValueError; what is only damaged beside the frames is a warning.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
import zlib
from dataclasses import dataclass, field, replace
from fractions import Fraction

import numpy as np

from tests.support.reference_decoder import Model, decode_learned
from tests.support.reference_file import (
    METADATA,
    SIGNATURE,
    Header,
    Pixels,
    Unit,
    lossless_pixels,
    need,
    read_header,
    read_metadata,
    read_unit,
    tile_boxes,
    tile_sizes,
)

KNOWN = (b"HEAD", b"UNIT", b"DONE", b"FRAM", b"aSTR", b"aPKT", b"iNDX", *METADATA)
MAY_FAIL = (b"aSTR", b"aPKT", b"iNDX", *METADATA)
TIMING = 30  # bytes
NO_TIME = -(2**63)


@dataclass(frozen=True)
class Timing:
    time_base: Fraction
    rate: Fraction | None
    pixel_aspect: Fraction
    colour_range: int
    colour_matrix: int
    frames: int


@dataclass(frozen=True)
class Frame:
    offset: int
    kind: int
    pts: int
    duration: int
    shows: int  # number of the frame whose units these are
    units: list[Unit]


@dataclass(frozen=True)
class Stream:
    index: int
    time_base: Fraction
    rate: int
    texts: list[str]
    extra: bytes


@dataclass(frozen=True)
class Packet:
    stream: int
    key: bool
    pts: int | None
    dts: int | None
    duration: int
    data: bytes
    frames_before: int


@dataclass
class Sequence:
    header: Header
    timing: Timing
    metadata: dict[str, bytes] = field(default_factory=dict)
    streams: list[Stream] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    packets: list[Packet] = field(default_factory=list)
    index: list[tuple[int, int, int, int]] | None = None
    tail: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Chunk:
    offset: int
    type: bytes
    payload: bytes
    crc: int

    def intact(self, seed: int = 0) -> bool:
        return self.crc == zlib.crc32(self.type + self.payload, seed)


def chunk_at(data: bytes, at: int) -> Chunk:
    need(len(data) >= at + 8, "truncated")
    length, kind = struct.unpack_from("<I4s", data, at)
    need(length < 2**31 and kind.isalpha() and kind[1:].isupper(), "corrupt: chunk")
    need(len(data) >= at + 12 + length, "truncated")
    (crc,) = struct.unpack_from("<I", data, at + 8 + length)
    return Chunk(at, kind, data[at + 8 : at + 8 + length], crc)


def read_sequence(data: bytes) -> Sequence:
    """Front to back, as from a pipe."""
    need(data[:8] == SIGNATURE, "corrupt: signature")
    first = chunk_at(data, 8)
    need(first.type == b"HEAD" and first.intact(), "corrupt: header")
    found = Sequence(read_header(first.payload, 1, TIMING), read_timing(first.payload[-TIMING:]))
    at, seen, damaged_streams = 8 + 12 + len(first.payload), set[bytes](), False
    while b"DONE" not in seen:
        chunk = chunk_at(data, at)
        at += 12 + len(chunk.payload)
        need(chunk.type not in (b"HEAD", b"UNIT"), "corrupt: place")
        if chunk.type in METADATA:
            need(not seen & {b"FRAM", b"aPKT", b"iNDX", chunk.type}, "corrupt: place of metadata")
        if chunk.type == b"aSTR":
            need(not seen & {b"FRAM", b"aPKT", b"iNDX"}, "corrupt: place of aSTR")
        need(b"iNDX" not in seen or chunk.type not in (b"FRAM", b"aPKT", b"iNDX"), "corrupt: place of iNDX")
        seen.add(chunk.type)
        if chunk.type not in KNOWN:
            need(chunk.intact(), "corrupt: CRC")
            need(chunk.type[:1].islower(), "unsupported: chunk type")
        elif chunk.type == b"FRAM":
            at = read_frame(data, chunk, at, first.crc, found)
        elif chunk.type == b"DONE":
            need(chunk.intact(first.crc) and len(chunk.payload) == 12, "corrupt: DONE")
            found.tail = struct.unpack("<QI", chunk.payload)
            need(found.tail[0] < 2**63 and found.tail[1] == len(found.frames) > 0, "corrupt: DONE")
            need(found.timing.frames in (0, len(found.frames)), "corrupt: number of frames")
        elif not (chunk.intact() and take(chunk, found, damaged_streams)):
            warnings.warn(f"damaged {chunk.type!r}", stacklevel=2)
            damaged_streams |= chunk.type == b"aSTR"
    if at < len(data):
        warnings.warn("data behind the end of the file", stacklevel=2)
    return found


def read_timing(data: bytes) -> Timing:
    *numbers, colour_range, matrix, frames = struct.unpack("<6IBBI", data)
    need(all(numbers[i] for i in (0, 1, 3, 4, 5)) and colour_range < 3, "corrupt: timing")
    base, rate, aspect = (Fraction(numbers[i], numbers[i + 1]) for i in (0, 2, 4))
    return Timing(base, rate or None, aspect, colour_range, matrix, frames)


def read_frame(data: bytes, chunk: Chunk, at: int, seed: int, found: Sequence) -> int:
    """A record and its units -> where they end."""
    need(chunk.intact(seed) and len(chunk.payload) >= 18, "corrupt: record")
    number, kind, references, pts, duration = struct.unpack_from("<IBBqI", chunk.payload)
    need(kind in (0, 2), "unsupported: kind of frame")
    need(number == len(found.frames) and references == kind // 2, "corrupt: record")
    need(len(chunk.payload) == 18 + 4 * references, "corrupt: record")
    need(not found.frames or pts > found.frames[-1].pts, "corrupt: time")
    if kind == 2:
        (distance,) = struct.unpack_from("<I", chunk.payload, 18)
        need(1 <= distance <= number and number - distance == found.frames[-1].shows, "corrupt: repeat")
        found.frames.append(replace(found.frames[-1], offset=chunk.offset, kind=kind, pts=pts, duration=duration))
        return at
    units: list[Unit] = []
    for i in range(len(tile_sizes(found.header))):
        part = chunk_at(data, at)
        need(part.type == b"UNIT" and part.intact(chunk.crc), "corrupt: unit")
        units.append(read_unit(part.payload, found.header, i))
        at += 12 + len(part.payload)
    need(len({unit.slot for unit in units if not unit.lossless}) < 2, "unsupported: slots differ")
    found.frames.append(Frame(chunk.offset, kind, pts, duration, number, units))
    return at


def take(chunk: Chunk, found: Sequence, damaged_streams: bool) -> bool:
    """Metadata, sound and index -> whether they are not damaged."""
    if chunk.type in METADATA:
        content = read_metadata(chunk.payload)
        if content is not None:
            found.metadata[chunk.type.decode()] = content
        return content is not None
    if chunk.type == b"aSTR":
        stream = read_stream(chunk.payload)
        if stream is not None:
            need(stream.index not in [other.index for other in found.streams], "corrupt: stream twice")
            found.streams.append(stream)
        return stream is not None
    if chunk.type == b"aPKT":
        packet = read_packet(chunk.payload, len(found.frames))
        if packet is not None:
            known = packet.stream in [stream.index for stream in found.streams]
            need(known or damaged_streams, "corrupt: packet of no stream")
            found.packets += [packet] if known else []
        return packet is not None
    if len(chunk.payload) % 21:
        return False
    found.index = [struct.unpack_from("<QqIB", chunk.payload, i) for i in range(0, len(chunk.payload), 21)]
    return found.index == [(frame.offset, frame.pts, frame.duration, frame.kind) for frame in found.frames]


def read_stream(payload: bytes) -> Stream | None:
    if len(payload) < 13:
        return None
    index, above, below, rate = struct.unpack_from("<BIII", payload)
    texts, at = [], 13
    for _ in range(4):
        if at >= len(payload) or at + 1 + payload[at] > len(payload):
            return None
        texts.append(payload[at + 1 : at + 1 + payload[at]].decode())
        at += 1 + payload[at]
    return Stream(index, Fraction(above, below), rate, texts, payload[at:]) if index < 32 and above else None


def read_packet(payload: bytes, frames_before: int) -> Packet | None:
    if len(payload) < 22:
        return None
    stream, key, pts, dts, duration = struct.unpack_from("<BBqqI", payload)
    if stream > 31 or key > 1:
        return None
    pts, dts = (None if time == NO_TIME else time for time in (pts, dts))
    return Packet(stream, key == 1, pts, dts, duration, payload[22:], frames_before)


def offset_of_index(data: bytes) -> int:
    """Where the last 24 bytes say that iNDX is."""
    tail = chunk_at(data, len(data) - 24)
    need(tail.type == b"DONE" and len(tail.payload) == 12, "no tail")
    offset, _ = struct.unpack("<QI", tail.payload)
    return int(offset)


def lossless_frame(frame: Frame, header: Header) -> Pixels:
    """(H, W, C): a frame of which every tile is lossless."""
    pixels = np.empty((header.height, header.width, header.colours + header.alpha), np.uint8)
    for unit, box in zip(frame.units, tile_boxes(header), strict=True):
        need(unit.lossless, "the frame has learned tiles")
        pixels[box] = lossless_pixels(unit, header, box)
    return pixels


def latents_sha256(found: Sequence, model: Model) -> str:
    """Over every learned unit of the file."""
    digest, sizes = hashlib.sha256(), tile_sizes(found.header)
    for frame in found.frames:
        for unit, size in zip(frame.units if frame.kind == 0 else [], sizes, strict=frame.kind == 0):
            if not unit.lossless:
                digest.update(decode_learned(unit, model, found.header, size).latent_bytes())
    return digest.hexdigest()
