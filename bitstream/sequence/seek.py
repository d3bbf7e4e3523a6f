"""Leaps: any frame of a sequence whose file object can seek, by its index, or by hopping from chunk to chunk."""

from __future__ import annotations

import os
from functools import cached_property
from typing import BinaryIO

from bitstream import chunks
from bitstream.chunks import ChunkHead, ChunkReader
from bitstream.errors import CorruptError, NoSuchFrameError, TruncatedError, UnsupportedError, WispError
from bitstream.limits import MAX_CHUNK_BYTES
from bitstream.sequence.audio import PACKET
from bitstream.sequence.index import END, INDEX, TAIL_BYTES, FrameIndex, read_tail
from bitstream.sequence.reader import (
    SequenceReader,
    Start,
    check_count,
    check_skipped,
    read_frame,
    read_record,
    refuse_misplaced,
)
from bitstream.sequence.record import FRAME, REPEAT, CodedFrame, Record
from bitstream.still import UNIT, intact_payload, tile_count


class SequenceFile:
    """A sequence in a file object that can seek; it begins where the file object stands.

    `start` as in SequenceReader, and raised is the same. `fault` is None where the file is whole as far as its
    index tells, else what ends it: then the frames before that are in the index.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream, self._base = stream, stream.tell()
        self.start: Start = SequenceReader(stream).start
        self.fault: WispError | None = None

    @cached_property
    def index(self) -> FrameIndex:
        """That of the file where it is intact, else one made by hopping over the chunks."""
        return self._stored_index() or self._hopped_index()

    def frame(self, i: int) -> CodedFrame:
        """Frame `i`. Raises NoSuchFrameError where there is none, or the fault before it; else as SequenceReader."""
        reader, head = self._at_frame(i)
        frame = read_frame(reader, head, self.start, i)
        self._check(frame.record)
        return frame

    def record(self, i: int) -> Record:
        """What `frame` begins with."""
        record, _ = read_record(*self._at_frame(i), self.start, i)
        self._check(record)
        return record

    def shown_by(self, record: Record) -> int:
        """The frame whose picture a record shows: its own number, or that of the frame that it repeats."""
        return record.number - record.references[0] if record.kind == REPEAT else record.number

    def _at_frame(self, i: int) -> tuple[ChunkReader, ChunkHead]:
        if not 0 <= i < len(self.index):
            if self.fault is not None and i >= 0:
                raise self.fault
            raise NoSuchFrameError(f"there is no frame {i}: the sequence has {len(self.index)}")
        reader, head = self._at(self.index.offsets[i])
        if head.type != FRAME:
            raise CorruptError(f"chunk {head.name!r} at byte {head.offset} instead of frame {i}")
        return reader, head

    def _check(self, record: Record) -> None:
        i = record.number
        said = self.index.pts[i], self.index.durations[i], self.index.kinds[i]
        if (record.pts, record.duration, record.kind) != said:
            raise CorruptError(f"frame {i} at byte {self.index.offsets[i]} is not the one of the index")
        if self.shown_by(record) != self.index.coded_before(i):
            raise CorruptError(f"frame {i} at byte {self.index.offsets[i]} repeats another than the last coded frame")

    def _at(self, offset: int) -> tuple[ChunkReader, ChunkHead]:
        self._stream.seek(self._base + offset)
        reader = ChunkReader(self._stream, offset)
        return reader, reader.read_head("the chunks")

    def _stored_index(self) -> FrameIndex | None:
        """None where tail or index is missing, damaged or does not fit."""
        end = self._stream.seek(0, os.SEEK_END) - self._base - TAIL_BYTES
        if end < self.start.offset:
            return None
        try:
            reader, head = self._at(end)
            if head.type != END:
                return None
            tail = read_tail(reader, head, self.start.seed)
            reader, head = self._at(tail.index_offset)
            if head.type != INDEX or tail.index_offset + chunks.OVERHEAD + head.length != end:
                return None
            index = FrameIndex.unpack(intact_payload(reader, head), tail.index_offset)
            check_count(len(index), tail, self.start.header)
        except (WispError, OSError, OverflowError):
            return None
        return index

    def _hopped_index(self) -> FrameIndex:
        """Every frame that is whole; what ends them too early becomes the fault."""
        index, offset, skipped, indexed = FrameIndex(), self.start.offset, 0, False
        size = self._stream.seek(0, os.SEEK_END) - self._base
        try:
            while True:
                reader, head = self._at(offset)
                if head.type == END:
                    check_count(len(index), read_tail(reader, head, self.start.seed), self.start.header)
                    return index
                if indexed and head.type in (FRAME, PACKET, INDEX):
                    raise CorruptError(f"chunk {head.name!r} at byte {offset} comes behind the index")
                if head.type == FRAME:
                    record, _ = read_record(reader, head, self.start, len(index))
                    end = self._end_of_units(record, reader.offset, size)
                    index.add(offset, record)
                    offset, skipped = end, 0
                else:
                    _check_hop(head)
                    indexed = indexed or head.type == INDEX
                    skipped += head.type not in (PACKET, INDEX)
                    check_skipped(skipped)
                    offset += chunks.OVERHEAD + head.length
        except WispError as fault:
            self.fault = fault
            return index

    def _end_of_units(self, record: Record, offset: int, size: int) -> int:
        for i in range(record.units(tile_count(self.start.header))):
            _, head = self._at(offset)
            if head.type != UNIT:
                raise CorruptError(
                    f"chunk {head.name!r} at byte {head.offset} instead of tile {i} of frame {record.number}"
                )
            offset += chunks.OVERHEAD + head.length
        if offset > size:
            raise TruncatedError(f"ends at byte {size}, inside frame {record.number}")
        return offset


def _check_hop(head: ChunkHead) -> None:
    """Raise for what no reader may pass over."""
    refuse_misplaced(head)
    if not head.well_formed or head.length > MAX_CHUNK_BYTES:
        raise CorruptError(f"chunk type {head.name!r} at byte {head.offset} is not well formed")
    if not head.ancillary:
        raise UnsupportedError(f"chunk {head.name!r} at byte {head.offset} is not known here and may not be skipped")
