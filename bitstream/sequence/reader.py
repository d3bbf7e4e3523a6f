"""Sequences in: forward only, as from a pipe, or with leaps where the file object can seek.

Both walk the same chunks. Forward, every checksum and rule of order is checked as it comes, and what was
complete before a fault has been handed out. A leap reads one record where the index says that it lies, and checks
that it is the one wanted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias

from bitstream import chunks, metadata, units
from bitstream.chunks import ChunkHead, ChunkReader
from bitstream.errors import CorruptError, LimitError, RequestError, TruncatedError, UnsupportedError
from bitstream.header import Header
from bitstream.limits import MAX_OTHER_CHUNKS
from bitstream.metadata import Metadata
from bitstream.sequence import audio, record
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.index import END, INDEX, FrameIndex, Tail, read_tail
from bitstream.sequence.record import FRAME, PREDICTED, REPEAT, CodedFrame, Record
from bitstream.still import (
    HEAD,
    UNIT,
    checked_unit,
    read_header,
    read_metadata,
    skip_unknown,
    tile_count,
)
from bitstream.units import Unit

Item: TypeAlias = "CodedFrame | AudioPacket"


@dataclass(frozen=True)
class Start:
    """What comes before the first frame: header, metadata, audio streams, the seed of the records' checksums.

    `offset` is where the first chunk behind it begins; `damaged` names, as people do, what is there but cannot be
    read.
    """

    header: Header
    metadata: Metadata
    streams: tuple[AudioStream, ...]
    seed: int
    offset: int
    damaged: tuple[str, ...] = ()


class SequenceReader:
    """Reads a sequence from a binary file object, forward only.

    `start` is there at once; `items` yields frames and audio packets in file order and returns after the end chunk.
    `damaged` lists what was damaged and left out beside the frames (metadata, audio, index); with `check_index` the
    index counts as damaged, too, where it does not say what was read.
    Raises NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError; RequestError for a still picture.
    """

    def __init__(self, stream: BinaryIO, *, check_index: bool = False) -> None:
        self._chunks = ChunkReader(stream)
        self._index = FrameIndex() if check_index else None
        self._index_offset: int | None = None
        self._pending: ChunkHead | None = None
        self._skipped = 0  # unknown chunks since the last frame
        self.start = self._read_start()
        self.damaged = list(self.start.damaged)
        self.frames = 0  # read so far
        self.tail: Tail | None = None  # once the end chunk was read
        self._previous: Record | None = None
        self._shown = -1  # the last frame that is no repeat

    @classmethod
    def resumed(cls, stream: BinaryIO, start: Start, number: int, offset: int, shown: int) -> SequenceReader:
        """Goes on with frame `number`, at whose record, byte `offset`, the stream stands.

        `shown` is the last frame that is no repeat, before or at that one.
        """
        reader = object.__new__(cls)
        reader._chunks, reader._pending, reader._previous = ChunkReader(stream, offset), None, None
        reader.start, reader.frames, reader._shown = start, number, shown
        reader._index, reader._index_offset, reader._skipped = None, None, 0
        reader.damaged, reader.tail = list(start.damaged), None
        return reader

    @property
    def offset(self) -> int:
        """Bytes read so far."""
        return self._chunks.offset

    def items(self) -> Iterator[Item]:
        """Frames and audio packets in file order. Raises as the class does, after all that was complete."""
        while True:
            head = self._next_head(f"the chunks: the end chunk is not there behind {self.frames} frames")
            if self._index_offset is not None and head.type in (FRAME, audio.PACKET, INDEX):
                raise CorruptError(f"chunk {head.name!r} at byte {head.offset} comes behind the index")
            if head.type == FRAME:
                yield self._frame(head)
                self._skipped = 0
            elif head.type == audio.PACKET:
                packet = self._packet(head)
                if packet is not None:
                    yield packet
            elif head.type == INDEX:
                self._read_index(head)
            elif head.type == END:
                self._end(head)
                return
            else:
                refuse_misplaced(head)
                skip_unknown(self._chunks, head)
                self._skipped += 1
                check_skipped(self._skipped)

    def skip_rest(self) -> int:
        """-> how many bytes follow the end chunk; waits for the end of a pipe."""
        return self._chunks.skip_rest()

    def _next_head(self, where: str) -> ChunkHead:
        head, self._pending = self._pending, None
        return head if head is not None else self._chunks.read_head(where)

    def _note(self, what: str) -> None:
        if what not in self.damaged:
            self.damaged.append(what)

    def _read_start(self) -> Start:
        _, header, seed = read_header(self._chunks)
        check_sequence(header)
        kept: dict[str, bytes | None] = {}
        streams: list[AudioStream | None] = []
        for _ in range(MAX_OTHER_CHUNKS):
            offset = self._chunks.offset
            head = self._chunks.read_head("the chunks: no frame is there")
            if head.type in metadata.FIELDS:
                read_metadata(self._chunks, head, kept, too_late=False)
            elif head.type == audio.STREAM:
                streams.append(read_stream(self._chunks, head, streams))
            elif head.type in (FRAME, audio.PACKET, INDEX, END):
                self._pending = head
                return start_of(header, kept, streams, seed, offset)
            else:
                refuse_misplaced(head)
                skip_unknown(self._chunks, head)
        raise LimitError(f"more than {MAX_OTHER_CHUNKS} chunks before the first frame")

    def _packet(self, head: ChunkHead) -> AudioPacket | None:
        """None where it is damaged, or belongs to a stream that is."""
        packet = read_packet(self._chunks, head)
        if packet is None:
            self._note(audio.SOUND)
            return None
        if all(packet.stream != stream.index for stream in self.start.streams):
            if audio.SOUND not in self.start.damaged:
                raise CorruptError(f"audio packet at byte {head.offset}: stream {packet.stream} is not described")
            return None
        return packet

    def _read_index(self, head: ChunkHead) -> None:
        self._index_offset = head.offset
        if self._index is None:
            intact = self._chunks.skip_payload(head)
        else:  # what it should be is known
            expected = self._index.pack()
            intact = head.length == len(expected) and self._chunks.read_payload(head) == (expected, True)
            if head.length != len(expected):
                self._chunks.skip_payload(head)
        if not intact:
            self._note("index")

    def _frame(self, head: ChunkHead) -> CodedFrame:
        frame = read_frame(self._chunks, head, self.start, self.frames)
        if self._previous is not None and frame.record.pts <= self._previous.pts:
            raise CorruptError(f"frame {self.frames} at byte {head.offset} is not later than its predecessor")
        if frame.record.kind != REPEAT:
            self._shown = self.frames
        elif self.frames - frame.record.references[0] != self._shown:
            raise CorruptError(f"frame {self.frames} at byte {head.offset} repeats another than the last coded frame")
        self.frames, self._previous = self.frames + 1, frame.record
        if self._index is not None:
            self._index.add(head.offset, frame.record)
        return frame

    def _end(self, head: ChunkHead) -> None:
        self.tail = read_tail(self._chunks, head, self.start.seed)
        check_count(self.frames, self.tail, self.start.header)
        if self._index is not None and self.tail.index_offset != (self._index_offset or 0):
            self._note("index")


def check_sequence(header: Header) -> None:
    """Raise RequestError where the file holds a still picture."""
    if header.clip is None:
        raise RequestError("is a still picture, not a sequence of frames (wisp.decode reads it)")


def refuse_misplaced(head: ChunkHead) -> None:
    """Raise CorruptError for a known chunk where none of its type may be."""
    if head.type in (HEAD, UNIT, audio.STREAM) or head.type in metadata.FIELDS:
        raise CorruptError(f"chunk {head.name!r} at byte {head.offset} is out of place")


def check_skipped(count: int) -> None:
    """Raise LimitError for too many unknown chunks between two frames: they could go on for ever."""
    if count > MAX_OTHER_CHUNKS:
        raise LimitError(f"more than {MAX_OTHER_CHUNKS} unknown chunks between two frames")


def check_count(frames: int, tail: Tail, header: Header) -> None:
    """Raise CorruptError where not so many frames are there as the tail says, and the header if it does; or none."""
    promised = header.clip.frames if header.clip is not None else 0
    for announced in (tail.frames, promised or tail.frames):
        if announced != frames:
            raise CorruptError(f"{frames} frames are there, {announced} are announced")
    if not frames:
        raise CorruptError("no frame is there before the end chunk")


def start_of(
    header: Header, kept: Mapping[str, bytes | None], streams: Sequence[AudioStream | None], seed: int, offset: int
) -> Start:
    """What was found before the first frame, None being what is damaged."""
    damaged = [metadata.NAMES[name] for name, data in kept.items() if data is None]
    damaged += [audio.SOUND] if None in streams else []
    found = Metadata(**{name: data for name, data in kept.items() if data is not None})
    sound = tuple(stream for stream in streams if stream is not None)
    return Start(header, found, sound, seed, offset, tuple(damaged))


def read_stream(reader: ChunkReader, head: ChunkHead, before: Sequence[AudioStream | None]) -> AudioStream | None:
    """None where the description is damaged. Raises CorruptError, TruncatedError."""
    if head.length > audio.MAX_STREAM_BYTES or len(before) >= audio.MAX_STREAMS:
        raise CorruptError(f"chunk {head.name!r} at byte {head.offset}: too much for the description of sound")
    payload, intact = reader.read_payload(head)
    try:
        found = AudioStream.unpack(payload) if intact else None
    except CorruptError:
        return None
    if found is not None and any(found.index == stream.index for stream in before if stream is not None):
        raise CorruptError(f"chunk {head.name!r} at byte {head.offset}: stream {found.index} comes a second time")
    return found


def read_packet(reader: ChunkReader, head: ChunkHead) -> AudioPacket | None:
    """None where the packet is damaged. Raises CorruptError, TruncatedError."""
    if head.length > audio.MAX_PACKET_PAYLOAD:
        raise CorruptError(
            f"audio packet at byte {head.offset} claims {head.length} bytes,"
            f" at most {audio.MAX_PACKET_PAYLOAD} are possible"
        )
    payload, intact = reader.read_payload(head)
    if not intact:
        return None
    try:
        return AudioPacket.unpack(payload)
    except CorruptError:
        return None


def read_record(reader: ChunkReader, head: ChunkHead, start: Start, number: int) -> tuple[Record, int]:
    """A record that must be frame `number` -> it, the seed of its units' checksums."""
    what = f"frame {number} at byte {head.offset}"
    if head.length > record.MAX_BYTES:
        raise CorruptError(f"{what} claims {head.length} bytes, at most {record.MAX_BYTES} are possible")
    payload = _named(reader, head, start.seed, what)
    found = Record.unpack(payload, what)
    if found.number != number:
        raise CorruptError(f"{what} has number {found.number}: frames must come once each, in ascending order")
    if found.kind == PREDICTED:
        raise UnsupportedError(f"{what} is predicted from others, which is not known here")
    return found, chunks.crc(FRAME, payload, start.seed)


def read_frame(reader: ChunkReader, head: ChunkHead, start: Start, number: int) -> CodedFrame:
    """Record and units of frame `number`, whose record's chunk begins with `head`.

    Raises TruncatedError, CorruptError or UnsupportedError.
    """
    try:
        found, seed = read_record(reader, head, start, number)
        coded = _read_units(reader, start.header, found, seed)
    except TruncatedError:
        raise TruncatedError(f"ends at byte {reader.offset}, inside frame {number}") from None
    return CodedFrame(found, coded, reader.offset - head.offset)


def _read_units(reader: ChunkReader, header: Header, found: Record, seed: int) -> tuple[Unit, ...]:
    tiles = tile_count(header)
    total = found.units(tiles)
    largest = units.max_payload(header.tile, header.width, header.height)
    coded: list[Unit] = []
    while len(coded) < total:
        what = f"tile {len(coded)} of frame {found.number}"
        head = reader.read_head(what)
        if head.type != UNIT:
            raise CorruptError(f"chunk {head.name!r} at byte {head.offset} instead of {what}")
        if head.length > largest:
            raise CorruptError(f"{what} claims {head.length} bytes, more than its {header.tile}-pixel tile can take")
        payload = _named(reader, head, seed, f"{what} at byte {head.offset}")
        coded.append(checked_unit(payload, header, len(coded), tiles, f"{what} at byte {head.offset}"))
    return tuple(coded)


def _named(reader: ChunkReader, head: ChunkHead, seed: int, what: str) -> bytes:
    payload, intact = reader.read_payload(head, seed)
    if not intact:
        raise CorruptError(f"{what} fails its checksum")
    return payload
