"""A frame's record (`FRAM`), its coded units behind it, and the two together."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from bitstream import chunks, fields
from bitstream.errors import CorruptError, UnsupportedError
from bitstream.fields import Field
from bitstream.units import Unit

FRAME = b"FRAM"
INTRA, PREDICTED, REPEAT = 0, 1, 2
KINDS = {INTRA: "intra", PREDICTED: "predicted", REPEAT: "repeat"}
MAX_REFERENCES = 15
MAX_FRAMES = (1 << 32) - 1
_DISTANCE = struct.Struct("<I")

FIELDS = (
    Field("number", "I", range(MAX_FRAMES)),
    Field("kind", "B", KINDS, UnsupportedError),
    Field("references", "B", range(MAX_REFERENCES + 1)),  # how many distances follow
    Field("pts", "q", range(-(1 << 63), 1 << 63)),
    Field("duration", "I", range(1 << 32)),
)
DISTANCE_BYTES = _DISTANCE.size
RECORD_BYTES = fields.size_of(FIELDS) + chunks.OVERHEAD  # of an intra frame's, with its chunk
MAX_BYTES = fields.size_of(FIELDS) + MAX_REFERENCES * _DISTANCE.size


@dataclass(frozen=True)
class Record:
    """The facts of a frame that stand before its coded pixels.

    Attributes:
        number: of the frame, counted from 0.
        pts, duration: when and how long it is shown, in units of the header's time base; a duration of 0 is not known.
        kind: intra, predicted or repeat, by its number in KINDS.
        references: the frames that this one needs, as distances back (1 is its predecessor): none of an intra frame,
            of a repeat the frame that it shows again.
    """

    number: int
    pts: int
    duration: int = 0
    kind: int = INTRA
    references: tuple[int, ...] = ()

    @property
    def key(self) -> bool:
        """Whether it decodes without any other frame."""
        return self.kind == INTRA

    def units(self, tiles: int) -> int:
        """How many units follow the record, in a picture of so many tiles."""
        return 0 if self.kind == REPEAT else tiles

    def pack(self) -> bytes:
        """The chunk's payload. Raises ValueError for a value outside its field."""
        values = {**vars(self), "references": len(self.references)}
        return fields.pack(FIELDS, values) + b"".join(map(_DISTANCE.pack, self.references))

    @classmethod
    def unpack(cls, payload: bytes, what: str) -> Record:
        """Raises CorruptError or UnsupportedError, naming the record by `what`."""
        values = fields.unpack(FIELDS, payload, what)
        count = values.pop("references")
        start = fields.size_of(FIELDS)
        if len(payload) != start + count * _DISTANCE.size:
            raise CorruptError(f"{what} has {len(payload)} bytes where {start + count * _DISTANCE.size} are expected")
        references = tuple(distance for (distance,) in _DISTANCE.iter_unpack(payload[start:]))
        record = cls(references=references, **values)
        needed = {INTRA: range(1), REPEAT: range(1, 2)}.get(record.kind, range(1, MAX_REFERENCES + 1))
        if count not in needed:
            raise CorruptError(f"{what}: {KINDS[record.kind]} frame with {count} references")
        if not all(0 < distance <= record.number for distance in references):
            raise CorruptError(f"{what}: refers to a frame that is not before it")
        return record


@dataclass(frozen=True)
class CodedFrame:
    """A record with its units, one a tile in ascending order; a repeat has none. `size` counts the chunks' bytes."""

    record: Record
    units: tuple[Unit, ...]
    size: int = 0

    @property
    def payload_bytes(self) -> int:
        """Bytes of coded pixels, alpha planes included."""
        planes = (len(unit.alpha) for unit in self.units if isinstance(unit.alpha, bytes))
        return sum(len(unit.stream) for unit in self.units) + sum(planes)
