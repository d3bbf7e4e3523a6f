"""A still picture's file: signature, header, one unit a tile in ascending order, end chunk."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import BinaryIO

from bitstream import chunks, units
from bitstream.chunks import ChunkHead, ChunkReader
from bitstream.errors import CorruptError, LimitError, UnsupportedError
from bitstream.header import MAX_BYTES as MAX_HEADER_BYTES
from bitstream.header import Header
from bitstream.limits import MAX_OTHER_CHUNKS
from bitstream.units import Unit

HEAD, UNIT, END = b"HEAD", b"UNIT", b"DONE"
# Ancillary types that this release knows; a wrong checksum there is no more than a warning. None yet.
KNOWN_ANCILLARY: frozenset[bytes] = frozenset()


@dataclass(frozen=True)
class Still:
    """A whole, checked file. `chunks` lists every chunk's place; `trailing` counts bytes after the end."""

    header: Header
    units: tuple[Unit, ...]
    chunks: tuple[ChunkHead, ...]
    size: int
    trailing: int = 0

    @property
    def models_used(self) -> tuple[str, ...]:
        """Ids (16 hexadecimal digits) of the models that units refer to."""
        return tuple(sorted({self.header.model_ids[unit.model_slot].hex() for unit in self.units}))

    @property
    def payload_bytes(self) -> int:
        """Bytes of range-coded data in all units."""
        return sum(len(u.stream) for u in self.units)


def tile_count(header: Header) -> int:
    """How many tiles, and so units, a picture of this header has."""
    return math.ceil(header.width / header.tile) * math.ceil(header.height / header.tile)


def build_still(header: Header, coded: Iterable[Unit]) -> bytes:
    """The file's bytes; `coded` in ascending tile index."""
    payload = header.pack()
    seed = chunks.crc(HEAD, payload)
    parts = [chunks.SIGNATURE, chunks.build_chunk(HEAD, payload)]
    parts += [chunks.build_chunk(UNIT, unit.pack(), seed) for unit in coded]
    parts.append(chunks.build_chunk(END, b""))
    return b"".join(parts)


def read_still(stream: BinaryIO) -> Still:
    """Read and check a whole file from a binary file object (forward only).

    Every checksum, limit and rule of order is checked before this returns. Raises NotWispError,
    TruncatedError, CorruptError, UnsupportedError or LimitError.
    """
    reader = ChunkReader(stream)
    reader.read_signature()
    header_head, header, seed = _read_header(reader)
    heads, total = [header_head], tile_count(header)
    coded: list[Unit] = []
    largest = units.max_payload(header.tile, header.width, header.height)
    while True:
        head = reader.read_head(f"the chunks: {len(coded)} of {total} tiles are there, the end chunk is not")
        heads.append(head)
        what = f"tile {len(coded)} of {total} at byte {head.offset}"
        if head.type == UNIT and head.length > largest:
            raise CorruptError(f"{what} claims {head.length} bytes, more than its {header.tile}-pixel tile can take")
        if head.type in (UNIT, END):
            payload, intact = reader.read_payload(head, seed if head.type == UNIT else 0)
        else:
            payload, intact = b"", reader.skip_payload(head)
        if len(heads) > total + MAX_OTHER_CHUNKS:
            raise LimitError(f"more than {MAX_OTHER_CHUNKS} chunks besides the {total} tiles")
        if not intact and head.type not in KNOWN_ANCILLARY:
            raise CorruptError(f"chunk {head.name!r} at byte {head.offset} fails its checksum")
        if head.type == END:
            if payload:
                raise CorruptError(f"end chunk at byte {head.offset} is not empty")
            break
        if head.type == UNIT:
            coded.append(_checked_unit(payload, header, len(coded), total, what))
        else:
            _refuse_unknown(head)
    if len(coded) != total:
        raise CorruptError(f"{len(coded)} of {total} tiles are there before the end chunk")
    size = reader.offset
    return Still(header, tuple(coded), tuple(heads), size, reader.skip_rest())


def _read_header(reader: ChunkReader) -> tuple[ChunkHead, Header, int]:
    head = reader.read_head("the header")
    if head.type != HEAD:
        raise CorruptError(f"the first chunk is {head.name!r} instead of the header")
    if head.length > MAX_HEADER_BYTES:
        raise CorruptError(f"the header claims {head.length} bytes, at most {MAX_HEADER_BYTES} are possible")
    payload, intact = reader.read_payload(head)
    if not intact:
        raise CorruptError("the header fails its checksum")
    return head, Header.unpack(payload), chunks.crc(HEAD, payload)


def _checked_unit(payload: bytes, header: Header, expected: int, total: int, what: str) -> Unit:
    unit = Unit.unpack(payload, len(header.model_ids), what)
    if unit.tile_index != expected or expected >= total:
        raise CorruptError(f"{what} has index {unit.tile_index}: tiles must come once each, in ascending order")
    return unit


def _refuse_unknown(head: ChunkHead) -> None:
    if head.type == HEAD:
        raise CorruptError(f"a second header at byte {head.offset}")
    if not head.well_formed:
        raise CorruptError(f"chunk type {head.name!r} at byte {head.offset} is not well formed")
    if not head.ancillary:
        raise UnsupportedError(f"chunk {head.name!r} at byte {head.offset} is not known here and may not be skipped")
