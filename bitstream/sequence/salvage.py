"""What is left of a damaged sequence: every frame that passes its checksums, read forward only.

From each place where no good chunk begins, the search goes on to the next bytes that spell one. A record counts
when its checksum, which starts from the header's, is right, and a frame when all of its units do, so bytes that
merely look like a frame, or come from another file, are passed over.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from bitstream import chunks, metadata, units
from bitstream.chunks import ChunkHead, ChunkReader
from bitstream.errors import CorruptError, WispError
from bitstream.header import NO_ALPHA, Header
from bitstream.sequence import audio, record
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.index import END, INDEX, TAIL_BYTES, Tail
from bitstream.sequence.reader import Item, Start, check_sequence, start_of
from bitstream.sequence.record import FRAME, PREDICTED, CodedFrame, Record
from bitstream.sequence.window import Window
from bitstream.still import UNIT, read_header, tile_count
from bitstream.units import Unit

_HEAD = struct.Struct("<I4s")
_LENGTH = 4  # bytes before a chunk's type
_CRC = struct.Struct("<I")
# Bytes that a payload may have, by what is known of its type.
_MOST = {
    **dict.fromkeys(metadata.FIELDS, metadata.MAX_CHUNK_BYTES),
    audio.STREAM: audio.MAX_STREAM_BYTES,
    audio.PACKET: audio.MAX_PACKET_PAYLOAD,
    FRAME: record.MAX_BYTES,
    END: TAIL_BYTES - chunks.OVERHEAD,
}
_MOST_OF_OTHERS = 1 << 26  # the index, and what is not known; where they are longer they are searched through
# Bytes that may be run through a checksum in vain, in multiples of those that were read, and some to begin with.
_VAIN, _VAIN_AT_FIRST = 32, 1 << 26


_AMONG_FRAMES = re.compile(b"|".join([FRAME, audio.PACKET, END]))
_FROM_THE_START = re.compile(b"|".join([FRAME, audio.PACKET, END, *metadata.FIELDS, audio.STREAM]))


class _Chunk(NamedTuple):
    type: bytes
    payload: bytes

    @property
    def size(self) -> int:
        return len(self.payload) + chunks.OVERHEAD


class SequenceRemains:
    """What of a sequence can still be read; `start` is there at once.

    `missing` counts the frames that are known to be lost so far, `whole` is false once anything had to be passed
    over. Raises NotWispError, TruncatedError, CorruptError, UnsupportedError or LimitError where the header cannot
    be read, for without it nothing can be shown; RequestError for a still picture.
    """

    def __init__(self, stream: BinaryIO) -> None:
        reader = ChunkReader(stream)
        _, header, self._seed = read_header(reader)
        check_sequence(header)
        self._window = Window(stream, reader.offset)
        self._tiles = tile_count(header)
        self._largest_unit = units.max_payload(header.tile, header.width, header.height)
        self._vain, self._found, self._next, self._last_pts = 0, 0, 0, -(1 << 63) - 1
        self._tail: Tail | None = None
        self._announced = 0  # frames, known at the end
        self.whole = True
        self.start = self._read_start(header)

    @property
    def missing(self) -> int:
        """By the gaps between the frames' numbers, at the end by the tail, or where that is lost by the header."""
        return max(self._next, self._announced) - self._found

    def items(self) -> Iterator[Item]:
        """Frames and audio packets in file order. Raises CorruptError for a file that is made to waste time."""
        while self._tail is None and self._window.peek(0, 1) is not None:
            chunk = self._chunk_here()
            if chunk is None:
                self._search(_AMONG_FRAMES)
            elif chunk.type == FRAME:
                frame = self._frame(chunk)
                if frame is not None:
                    yield frame
            else:
                self._window.take(chunk.size)
                if chunk.type == audio.PACKET:
                    yield from self._packet(chunk.payload)
                elif chunk.type == END:
                    self._read_tail(chunk.payload)
        self._end()

    def _read_start(self, header: Header) -> Start:
        kept: dict[str, bytes | None] = {}
        streams: list[AudioStream | None] = []
        while (head := self._window.peek(0, _HEAD.size)) is not None:
            chunk = self._chunk_here()
            if chunk is not None and chunk.type in (FRAME, audio.PACKET, INDEX, END):
                break
            _, type_ = _HEAD.unpack(head)
            if type_ in metadata.FIELDS:  # the first of a kind only: each may unpack to 64 MiB
                if (name := metadata.FIELDS[type_]) not in kept:
                    kept[name] = None if chunk is None else metadata.unpack(chunk.payload)
            elif type_ == audio.STREAM and len(streams) < audio.MAX_STREAMS:
                streams.append(None if chunk is None else _stream(chunk.payload))
            if chunk is None:
                self._search(_FROM_THE_START)
            else:
                self._window.take(chunk.size)
        self.whole = self.whole and None not in (*kept.values(), *streams)
        return start_of(header, kept, streams, self._seed, self._window.taken)

    def _chunk_here(self) -> _Chunk | None:
        """The chunk that begins at the place, None where no intact one does that may be there."""
        head = self._window.peek(0, _HEAD.size)
        if head is None:
            return None
        length, type_ = _HEAD.unpack(head)
        known = type_ in _MOST or type_ == INDEX
        skipped = self.whole and ChunkHead(0, length, type_).well_formed and ChunkHead(0, length, type_).ancillary
        if not (known or skipped) or length > _MOST.get(type_, _MOST_OF_OTHERS):
            return None
        return self._checked(0, self._seed if type_ in (FRAME, END) else 0)

    def _checked(self, start: int, seed: int) -> _Chunk | None:
        """The chunk `start` bytes behind the place, None where it ends too late or its checksum is wrong."""
        head = self._window.peek(start, _HEAD.size)
        if head is None:
            return None
        length, type_ = _HEAD.unpack(head)
        rest = self._window.peek(start + _HEAD.size, length + _CRC.size)
        if rest is None:
            return None
        payload, (stored,) = rest[:length], _CRC.unpack(rest[length:])
        if chunks.crc(type_, payload, seed) == stored:
            return _Chunk(type_, payload)
        self._count_vain(length)
        return None

    def _count_vain(self, checked: int) -> None:
        self._vain += checked
        if self._vain > _VAIN_AT_FIRST + _VAIN * self._window.taken:
            raise CorruptError("is damaged in so many places that the search was given up")

    def _search(self, sought: re.Pattern[bytes]) -> None:
        """Go to the next bytes that spell a chunk."""
        self.whole = False
        self._window.take(1)
        self._window.find(sought, _LENGTH, _HEAD.size - _LENGTH)

    def _frame(self, chunk: _Chunk) -> CodedFrame | None:
        """The frame whose record is at the place, None where it is not intact or not a later one."""
        try:
            found = Record.unpack(chunk.payload, "a frame")
        except WispError:
            found = None
        coded = None if found is None or found.kind == PREDICTED else self._units(found, chunk)
        if found is None or coded is None:
            self.whole = False
            self._window.take(chunk.size)
            return None
        size = chunk.size + sum(unit_size for _, unit_size in coded)
        self._window.take(size)
        if found.number < self._next or found.pts <= self._last_pts:  # moved here, or a second time
            self.whole = False
            return None
        self._found, self._next, self._last_pts = self._found + 1, found.number + 1, found.pts
        return CodedFrame(found, tuple(unit for unit, _ in coded), size)

    def _units(self, found: Record, chunk: _Chunk) -> list[tuple[Unit, int]] | None:
        """The units behind a record with the sizes of their chunks."""
        header, seed = self.start.header, chunks.crc(FRAME, chunk.payload, self._seed)
        coded: list[tuple[Unit, int]] = []
        at = chunk.size
        for i in range(found.units(self._tiles)):
            head = self._window.peek(at, _HEAD.size)
            length, type_ = _HEAD.unpack(head) if head is not None else (0, b"")
            part = self._checked(at, seed) if type_ == UNIT and length <= self._largest_unit else None
            unit = None if part is None else _unit(part.payload, header)
            at += 0 if part is None else part.size
            if part is None or unit is None or unit.tile_index != i:
                self._count_vain(at - chunk.size)  # what is in these units will be searched
                return None
            coded.append((unit, part.size))
        return coded

    def _packet(self, payload: bytes) -> Iterator[AudioPacket]:
        try:
            packet = AudioPacket.unpack(payload)
        except CorruptError:
            self.whole = False
            return
        if any(packet.stream == stream.index for stream in self.start.streams):
            yield packet

    def _end(self) -> None:
        """Find how many frames there should have been."""
        clip = self.start.header.clip
        promised = 0 if clip is None else clip.frames
        self._announced = promised if self._tail is None else self._tail.frames
        intact = self._tail is not None and self._announced == self._found and promised in (0, self._found)
        self.whole = self.whole and intact and self._found > 0

    def _read_tail(self, payload: bytes) -> None:
        try:
            self._tail = Tail.unpack(payload)
        except CorruptError:
            self.whole = False


def _stream(payload: bytes) -> AudioStream | None:
    try:
        return AudioStream.unpack(payload)
    except CorruptError:
        return None


def _unit(payload: bytes, header: Header) -> Unit | None:
    try:
        return Unit.unpack(payload, len(header.model_ids), header.alpha != NO_ALPHA, "a tile")
    except WispError:
        return None
