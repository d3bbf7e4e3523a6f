"""Where each frame lies: the index chunk (`iNDX`) and the tail, which is the end chunk of a sequence (`DONE`)."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bitstream import chunks, fields
from bitstream.chunks import ChunkHead, ChunkReader
from bitstream.errors import CorruptError
from bitstream.fields import Field
from bitstream.sequence.record import KINDS, REPEAT, Record
from bitstream.still import intact_payload

INDEX, END = b"iNDX", b"DONE"
ENTRY = np.dtype([("offset", "<u8"), ("pts", "<i8"), ("duration", "<u4"), ("kind", "u1")])

TAIL_FIELDS = (
    Field("index_offset", "Q", range(1 << 63)),  # of the index chunk in the file; 0: there is none
    Field("frames", "I", range(1 << 32)),
)
TAIL_BYTES = fields.size_of(TAIL_FIELDS) + chunks.OVERHEAD


@dataclass
class FrameIndex:
    """Byte offset of the record, timestamp, duration and kind of every frame, in order; grows as frames come."""

    offsets: array[int] = field(default_factory=lambda: array("Q"))
    pts: array[int] = field(default_factory=lambda: array("q"))
    durations: array[int] = field(default_factory=lambda: array("I"))
    kinds: array[int] = field(default_factory=lambda: array("B"))

    def __len__(self) -> int:
        return len(self.offsets)

    def add(self, offset: int, record: Record) -> None:
        """The next frame. Raises CorruptError where it is not later than its predecessor."""
        if self.pts and record.pts <= self.pts[-1]:
            raise CorruptError(f"frame {record.number} at byte {offset} is not later than its predecessor")
        self.offsets.append(offset)
        self.pts.append(record.pts)
        self.durations.append(record.duration)
        self.kinds.append(record.kind)

    def at_time(self, pts: int) -> int:
        """The frame that is shown at this time: the last that is not later, the first where all are."""
        return max(bisect_right(self.pts, pts) - 1, 0)

    def coded_before(self, i: int) -> int:
        """The last frame that is no repeat and not behind frame `i`; -1 where all are."""
        while i >= 0 and self.kinds[i] == REPEAT:
            i -= 1
        return i

    def pack(self) -> bytes:
        """The index chunk's payload."""
        entries: NDArray[np.void] = np.empty(len(self), ENTRY)
        for name, values in zip(ENTRY.names or (), (self.offsets, self.pts, self.durations, self.kinds), strict=True):
            entries[name] = values
        return entries.tobytes()

    @classmethod
    def unpack(cls, payload: bytes, end: int) -> FrameIndex:
        """Of a file whose frames end before byte `end`. Raises CorruptError for what cannot be an index."""
        if len(payload) % ENTRY.itemsize:
            raise CorruptError(f"index: {len(payload)} bytes are no whole number of entries")
        entries = np.frombuffer(payload, ENTRY)
        offsets, times = entries["offset"], entries["pts"]
        rises = (offsets[1:] > offsets[:-1]).all() and (times[1:] > times[:-1]).all()
        if not rises or (offsets >= end).any() or not np.isin(entries["kind"], list(KINDS)).all():
            raise CorruptError("index: its entries are no frames in order")
        found = cls()
        found.offsets.extend(offsets.tolist())
        found.pts.extend(times.tolist())
        found.durations.extend(entries["duration"].tolist())
        found.kinds.extend(entries["kind"].tolist())
        return found


@dataclass(frozen=True)
class Tail:
    """What the end chunk says: where the index lies (0: nowhere), how many frames there are."""

    index_offset: int
    frames: int

    def pack(self) -> bytes:
        """The chunk's payload. Raises ValueError."""
        return fields.pack(TAIL_FIELDS, vars(self))

    @classmethod
    def unpack(cls, payload: bytes) -> Tail:
        """Raises CorruptError."""
        if len(payload) != fields.size_of(TAIL_FIELDS):
            raise CorruptError(f"end chunk has {len(payload)} bytes where {fields.size_of(TAIL_FIELDS)} are expected")
        return cls(**fields.unpack(TAIL_FIELDS, payload, "end chunk"))


def read_tail(reader: ChunkReader, head: ChunkHead, seed: int) -> Tail:
    """The end chunk that begins with `head`. Raises CorruptError, TruncatedError."""
    if head.length + chunks.OVERHEAD != TAIL_BYTES:
        raise CorruptError(f"end chunk at byte {head.offset} claims {head.length} bytes")
    return Tail.unpack(intact_payload(reader, head, seed))
