"""What is left of a damaged file: every unit that passes its checksum, wherever it lies.

Lengths and order are not believed. From each place where no good chunk begins, the search goes on to the
next bytes that spell a known type; a unit counts when its checksum, which starts from the header's, is
right, so bytes that merely look like a unit, or come from another picture, are passed over.
"""

from __future__ import annotations

import io
import re
import struct
from dataclasses import dataclass, replace

from bitstream import chunks, metadata, units
from bitstream.chunks import ChunkHead, ChunkReader
from bitstream.errors import WispError
from bitstream.header import NO_ALPHA, Header
from bitstream.metadata import Metadata
from bitstream.still import DETAIL, END, UNIT, check_still, read_header, tile_count
from bitstream.units import Detail, Unit

_HEAD = struct.Struct("<I4s")
_CRC = struct.Struct("<I")
# Bytes that may be run through a checksum in vain, in multiples of the file's: bytes made to look like ever
# more units would else cost the square of their number.
_VAIN = 32
_KNOWN = re.compile(b"|".join([UNIT, DETAIL, END, *metadata.FIELDS]))


@dataclass(frozen=True)
class Remains:
    """Header, the units found by tile index, intact metadata; `whole` where no byte had to be passed over.

    `damaged` names the kinds of metadata (fields of Metadata) of which a chunk is there but cannot be read.
    """

    header: Header
    units: dict[int, Unit]
    metadata: Metadata
    whole: bool
    damaged: tuple[str, ...] = ()


def read_remains(data: bytes) -> Remains:
    """What of a file can still be read.

    Raises NotWispError, TruncatedError, CorruptError, UnsupportedError or LimitError where the header
    cannot: without it nothing can be shown.
    """
    reader = ChunkReader(io.BytesIO(data))
    _, header, seed = read_header(reader)
    check_still(header)
    found: dict[int, Unit] = {}
    details: dict[int, Detail] = {}
    kept: dict[str, bytes | None] = {}
    at, vain, whole, type_ = reader.offset, _VAIN * len(data), True, b""
    while at + chunks.OVERHEAD <= len(data) and vain > 0:
        length, type_ = _HEAD.unpack_from(data, at)
        payload = None
        # Of other types only what follows upon a good chunk: it is stepped over, not searched.
        expected = _KNOWN.fullmatch(type_) or (whole and ChunkHead(at, length, type_).well_formed)
        if expected and at + chunks.OVERHEAD + length <= len(data):
            payload = _payload(data, at, length, seed if type_ in (UNIT, DETAIL) else 0)
            vain -= 0 if payload is not None else length
        if payload is None:
            whole = False
            if type_ in metadata.FIELDS:
                kept.setdefault(metadata.FIELDS[type_], None)
            candidate = _KNOWN.search(data, at + 5)
            at = candidate.start() - 4 if candidate else len(data)
            continue
        at += length + chunks.OVERHEAD
        if type_ == UNIT:
            _keep_unit(payload, header, found)
        elif type_ == DETAIL:
            _keep_detail(payload, header, details)
        elif type_ in metadata.FIELDS and (name := metadata.FIELDS[type_]) not in kept:
            kept[name] = metadata.unpack(payload)  # the first of a kind only: each may unpack to 64 MiB
    whole = (
        whole and type_ == END and at == len(data) and len(found) == tile_count(header) and None not in kept.values()
    )
    intact = Metadata(**{name: value for name, value in kept.items() if value is not None})
    for i in found.keys() & details.keys():
        if found[i].learned:
            found[i] = replace(found[i], detail=details[i])
    return Remains(header, found, intact, whole, tuple(name for name, value in kept.items() if value is None))


def _payload(data: bytes, at: int, length: int, seed: int) -> bytes | None:
    """A chunk's payload, None where it fails its checksum."""
    start, end = at + _HEAD.size, at + _HEAD.size + length
    payload = data[start:end]
    (stored,) = _CRC.unpack_from(data, end)
    return payload if chunks.crc(data[at + 4 : start], payload, seed) == stored else None


def _keep_unit(payload: bytes, header: Header, found: dict[int, Unit]) -> None:
    if len(payload) > units.max_payload(header.tile, header.width, header.height):
        return
    try:
        unit = Unit.unpack(payload, len(header.model_ids), header.alpha != NO_ALPHA, "a tile")
    except WispError:
        return
    if unit.tile_index < tile_count(header):
        found.setdefault(unit.tile_index, unit)


def _keep_detail(payload: bytes, header: Header, details: dict[int, Detail]) -> None:
    if len(payload) > units.max_payload(header.tile, header.width, header.height):
        return
    try:
        i, detail = Detail.unpack(payload, len(header.model_ids), "a detail")
    except WispError:
        return
    details.setdefault(i, detail)
