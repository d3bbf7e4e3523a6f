"""A still picture's file: signature, header, metadata, one unit a tile in ascending order, end chunk."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import BinaryIO

from bitstream import chunks, metadata, units
from bitstream.chunks import ChunkHead, ChunkReader
from bitstream.errors import CorruptError, LimitError, RequestError, UnsupportedError
from bitstream.header import MAX_BYTES as MAX_HEADER_BYTES
from bitstream.header import NO_ALPHA, Header
from bitstream.limits import MAX_OTHER_CHUNKS
from bitstream.metadata import Metadata
from bitstream.units import Detail, Unit

HEAD, UNIT, DETAIL, END = b"HEAD", b"UNIT", b"DTAL", b"DONE"
# Ancillary types that this release knows: a wrong checksum there costs what the chunk holds, not the picture.


@dataclass(frozen=True)
class Still:
    """A whole, checked file.

    `chunks` lists every chunk's place, `trailing` counts bytes after the end, `damaged` names the kinds of
    metadata (fields of Metadata) that are there but damaged.
    """

    header: Header
    units: tuple[Unit, ...]
    chunks: tuple[ChunkHead, ...]
    size: int
    trailing: int = 0
    metadata: Metadata = field(default_factory=Metadata)
    damaged: tuple[str, ...] = ()

    @property
    def models_used(self) -> tuple[str, ...]:
        """Ids (16 hexadecimal digits) of the models that learned units refer to."""
        return tuple(sorted({self.header.model_ids[unit.model_slot].hex() for unit in self.units if unit.learned}))

    @property
    def payload_bytes(self) -> int:
        """Bytes of coded pixels in all units, alpha planes and detail included."""
        planes = (len(unit.alpha) for unit in self.units if isinstance(unit.alpha, bytes))
        return sum(len(unit.stream) for unit in self.units) + sum(planes) + self.detail_bytes

    @property
    def detail_bytes(self) -> int:
        """Bytes of coded detail."""
        return sum(len(unit.detail.stream) for unit in self.units if unit.detail)


def tile_count(header: Header) -> int:
    """How many tiles, and so units, a picture of this header has."""
    return math.ceil(header.width / header.tile) * math.ceil(header.height / header.tile)


def build_still(header: Header, coded: Iterable[Unit], kept: Metadata | None = None) -> bytes:
    """The file's bytes; `coded` in ascending tile index. Raises LimitError for too much metadata.

    All details come behind all tiles, so that the first part of a file shows the whole picture.
    """
    coded = tuple(coded)
    metadata.check_size(kept or Metadata())
    payload = header.pack()
    seed = chunks.crc(HEAD, payload)
    parts = [chunks.SIGNATURE, chunks.build_chunk(HEAD, payload)]
    for name, data in (kept or Metadata()).items():
        parts.append(chunks.build_chunk(metadata.TYPES[name], metadata.pack(data)))
    parts += [chunks.build_chunk(UNIT, unit.pack(), seed) for unit in coded]
    parts += [chunks.build_chunk(DETAIL, u.detail.pack(u.tile_index), seed) for u in coded if u.detail]
    parts.append(chunks.build_chunk(END, b""))
    return b"".join(parts)


def still_size(header: Header, coded: Iterable[Unit], kept: Metadata | None = None) -> int:
    """Bytes of what `build_still` makes of the same, without making it."""
    coded = tuple(coded)
    payloads = [header.pack(), *(metadata.pack(data) for _, data in (kept or Metadata()).items()), b""]
    lengths = [len(payload) for payload in payloads] + [unit.packed_size for unit in coded]
    lengths += [unit.detail.packed_size for unit in coded if unit.detail]
    return len(chunks.SIGNATURE) + sum(length + chunks.OVERHEAD for length in lengths)


def read_still(stream: BinaryIO, *, preview: bool = False) -> Still:
    """Read and check a whole file from a binary file object (forward only).

    Every checksum, limit and rule of order is checked before this returns. With `preview` that is so up to the last
    tile: no detail is read, and a file that ends there is good enough. Raises NotWispError, TruncatedError,
    CorruptError, UnsupportedError or LimitError.
    """
    reader = ChunkReader(stream)
    header_head, header, seed = read_header(reader)
    check_still(header)
    heads, total = [header_head], tile_count(header)
    coded: list[Unit] = []
    last_detail = -1
    kept: dict[str, bytes | None] = {}
    while not (preview and len(coded) == total):
        head = reader.read_head(f"the chunks: {len(coded)} of {total} tiles are there, the end chunk is not")
        heads.append(head)
        if len(heads) > 2 * total + MAX_OTHER_CHUNKS:
            raise LimitError(f"more than {MAX_OTHER_CHUNKS} chunks besides the {total} tiles")
        if head.type == UNIT:
            what = f"tile {len(coded)} of {total} at byte {head.offset}"
            _check_length(head, header, what)
            coded.append(checked_unit(intact_payload(reader, head, seed), header, len(coded), total, what))
        elif head.type == DETAIL:
            last_detail = _read_detail(reader, head, seed, header, coded, last_detail)
        elif head.type in metadata.FIELDS:
            read_metadata(reader, head, kept, too_late=bool(coded))
        elif head.type == END:
            if intact_payload(reader, head):
                raise CorruptError(f"end chunk at byte {head.offset} is not empty")
            break
        else:
            skip_unknown(reader, head)
    if len(coded) != total:
        raise CorruptError(f"{len(coded)} of {total} tiles are there before the end chunk")
    size = reader.offset
    damaged = tuple(name for name, data in kept.items() if data is None)
    found = Metadata(**{name: data for name, data in kept.items() if data is not None})
    rest = 0 if preview else reader.skip_rest()
    return Still(header, tuple(coded), tuple(heads), size, rest, found, damaged)


def _check_length(head: ChunkHead, header: Header, what: str) -> None:
    if head.length > units.max_payload(header.tile, header.width, header.height):
        raise CorruptError(f"{what} claims {head.length} bytes, more than its {header.tile}-pixel tile can take")


def _read_detail(reader: ChunkReader, head: ChunkHead, seed: int, header: Header, coded: list[Unit], last: int) -> int:
    """Put a detail to its tile -> the tile's index. Raises CorruptError."""
    what = f"detail at byte {head.offset}"
    _check_length(head, header, what)
    i, detail = Detail.unpack(intact_payload(reader, head, seed), len(header.model_ids), what)
    if not last < i < len(coded):
        raise CorruptError(f"{what} is of tile {i}: details come in ascending order, each behind its tile")
    if not coded[i].learned:
        raise CorruptError(f"{what} is of tile {i}, which is lossless")
    coded[i] = replace(coded[i], detail=detail)
    return i


def read_header(reader: ChunkReader) -> tuple[ChunkHead, Header, int]:
    """Signature and header chunk -> its place, what it says, the seed of the units' checksums.

    Raises NotWispError, TruncatedError, CorruptError, UnsupportedError or LimitError.
    """
    reader.read_signature()
    head = reader.read_head("the header")
    if head.type != HEAD:
        raise CorruptError(f"the first chunk is {head.name!r} instead of the header")
    if head.length > MAX_HEADER_BYTES:
        raise CorruptError(f"the header claims {head.length} bytes, at most {MAX_HEADER_BYTES} are possible")
    payload, intact = reader.read_payload(head)
    if not intact:
        raise CorruptError("the header fails its checksum")
    return head, Header.unpack(payload), chunks.crc(HEAD, payload)


def check_still(header: Header) -> None:
    """Raise RequestError where the file holds a sequence."""
    if header.clip is not None:
        raise RequestError("is a sequence of frames, not a still picture (wisp.open_video reads it)")


def intact_payload(reader: ChunkReader, head: ChunkHead, seed: int = 0) -> bytes:
    """A chunk's payload. Raises CorruptError where it fails its checksum."""
    payload, intact = reader.read_payload(head, seed)
    if not intact:
        raise _failed(head)
    return payload


def _failed(head: ChunkHead) -> CorruptError:
    return CorruptError(f"chunk {head.name!r} at byte {head.offset} fails its checksum")


def read_metadata(reader: ChunkReader, head: ChunkHead, kept: dict[str, bytes | None], *, too_late: bool) -> None:
    """A chunk of metadata into `kept`, as None where it is damaged. Raises CorruptError out of place, LimitError."""
    name = metadata.FIELDS[head.type]
    if name in kept or too_late:
        fault = "comes a second time" if name in kept else "comes after the first tile"
        raise CorruptError(f"chunk {head.name!r} at byte {head.offset} {fault}")
    if head.length > metadata.MAX_CHUNK_BYTES:
        raise LimitError(f"chunk {head.name!r} at byte {head.offset} has {head.length} bytes, too many for metadata")
    payload, intact = reader.read_payload(head)
    kept[name] = metadata.unpack(payload) if intact else None


def checked_unit(payload: bytes, header: Header, expected: int, total: int, what: str) -> Unit:
    """The unit of tile `expected`. Raises CorruptError, UnsupportedError."""
    unit = Unit.unpack(payload, len(header.model_ids), header.alpha != NO_ALPHA, what)
    if unit.tile_index != expected or expected >= total:
        raise CorruptError(f"{what} has index {unit.tile_index}: tiles must come once each, in ascending order")
    return unit


def skip_unknown(reader: ChunkReader, head: ChunkHead) -> None:
    """Read over a chunk of a type that is not known. Raises CorruptError, and UnsupportedError where it may not be."""
    if not reader.skip_payload(head):
        raise _failed(head)
    if head.type == HEAD:
        raise CorruptError(f"a second header at byte {head.offset}")
    if not head.well_formed:
        raise CorruptError(f"chunk type {head.name!r} at byte {head.offset} is not well formed")
    if not head.ancillary:
        raise UnsupportedError(f"chunk {head.name!r} at byte {head.offset} is not known here and may not be skipped")
