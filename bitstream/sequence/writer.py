"""Sequences out, forward only: nothing that was written is touched again, so a pipe will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import BinaryIO

from bitstream import chunks, metadata
from bitstream.errors import FileAccessError, LimitError
from bitstream.header import Header
from bitstream.limits import MAX_CHUNK_BYTES
from bitstream.metadata import Metadata
from bitstream.sequence import audio
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.index import END, INDEX, FrameIndex, Tail
from bitstream.sequence.record import FRAME, MAX_FRAMES, REPEAT, Record
from bitstream.still import HEAD, UNIT, tile_count
from bitstream.units import Unit


class SequenceWriter:
    """Writes header, records and tail to a binary file object; each frame is flushed when it is complete.

    `header` has a clip. Raises LimitError for too much metadata or description of sound, ValueError for audio streams
    of one index, and what the file object raises.
    """

    def __init__(
        self,
        stream: BinaryIO,
        header: Header,
        kept: Metadata | None = None,
        streams: Sequence[AudioStream] = (),
    ) -> None:
        if header.clip is None:
            raise ValueError("the header is that of a still picture")
        metadata.check_size(kept or Metadata())
        self._stream, self.header = stream, header
        self.index, self._offset, self._ended = FrameIndex(), 0, False
        self.failed = False  # whether a write has, so that nothing can follow
        self._shown: int | None = None  # the last frame that is no repeat
        payload = header.pack()
        self._seed = chunks.crc(HEAD, payload)
        parts = [chunks.SIGNATURE, chunks.build_chunk(HEAD, payload)]
        for name, data in (kept or Metadata()).items():
            parts.append(chunks.build_chunk(metadata.TYPES[name], metadata.pack(data)))
        parts += [chunks.build_chunk(audio.STREAM, _described(stream)) for stream in streams]
        self._streams = {stream.index for stream in streams}
        if len(self._streams) < len(streams):
            raise ValueError("two audio streams have the same index")
        self._put(b"".join(parts))

    @property
    def offset(self) -> int:
        """Bytes written so far."""
        return self._offset

    def frame(self, units: Sequence[Unit], pts: int, duration: int = 0) -> Record:
        """An intra frame, one unit a tile. Raises ValueError where `pts` does not rise."""
        if len(units) != tile_count(self.header):
            raise ValueError(f"{len(units)} units for {tile_count(self.header)} tiles")
        record = self._written(Record(self._number(), pts, duration), units)
        self._shown = record.number
        return record

    def repeat(self, pts: int, duration: int = 0) -> Record:
        """The frame before once more."""
        if self._shown is None:
            raise ValueError("no frame is there to repeat")
        number = self._number()
        return self._written(Record(number, pts, duration, REPEAT, (number - self._shown,)), ())

    def packet(self, packet: AudioPacket) -> None:
        """A packet of one of the streams."""
        if packet.stream not in self._streams:
            raise ValueError(f"audio stream {packet.stream} was not described")
        if len(packet.data) > audio.MAX_PACKET_BYTES:
            raise LimitError(f"audio packet of {len(packet.data)} bytes: at most {audio.MAX_PACKET_BYTES} are allowed")
        self._put(chunks.build_chunk(audio.PACKET, packet.pack()))

    def finish(self) -> None:
        """Index and tail. Raises ValueError where no frame came."""
        if not len(self.index):
            raise ValueError("a sequence has one frame at least")
        at = self._offset
        body = self.index.pack()
        if len(body) > MAX_CHUNK_BYTES:  # readers hop then
            at, body = 0, b""
        parts = [chunks.build_chunk(INDEX, body)] if body else []
        parts.append(chunks.build_chunk(END, Tail(at, len(self.index)).pack(), self._seed))
        self._put(b"".join(parts))
        self._ended = True

    def _number(self) -> int:
        if len(self.index) >= MAX_FRAMES:
            raise LimitError(f"more than {MAX_FRAMES} frames")
        return len(self.index)

    def _written(self, record: Record, units: Sequence[Unit]) -> Record:
        if self.index.pts and record.pts <= self.index.pts[-1]:
            raise ValueError(f"frame {record.number} at {record.pts} is not later than its predecessor")
        payload = record.pack()
        seed = chunks.crc(FRAME, payload, self._seed)
        parts = [chunks.build_chunk(FRAME, payload, self._seed)]
        parts += [chunks.build_chunk(UNIT, replace(unit, tile_index=i).pack(), seed) for i, unit in enumerate(units)]
        at = self._offset
        self._put(b"".join(parts))
        self.index.add(at, record)
        return record

    def _put(self, data: bytes) -> None:
        if self._ended:
            raise ValueError("the sequence has been finished")
        if self.failed:
            raise FileAccessError("an earlier write failed: nothing can follow it")
        self.failed = True  # unless all goes well: a part of the data may have been written
        view = memoryview(data)
        while view:  # an unbuffered file may take a part only
            taken = self._stream.write(view)
            view = view[len(view) if taken is None else taken :]
        self._stream.flush()
        self._offset += len(data)
        self.failed = False


def _described(stream: AudioStream) -> bytes:
    payload = stream.pack()
    if len(payload) > audio.MAX_STREAM_BYTES:
        raise LimitError(f"audio stream {stream.index}: {len(payload)} bytes of description are too many")
    return payload
