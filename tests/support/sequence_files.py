"""Small sequences for the tests, ways to take them apart and put them together wrongly, and awkward file objects.

What is put together is written from FORMAT.md alone, as in tests/support/damage.py, for the product's writer refuses to
write what must be read here.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import WispError
from bitstream.metadata import Metadata
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from bitstream.sequence.reader import SequenceReader, Start
from bitstream.sequence.record import CodedFrame
from bitstream.sequence.salvage import SequenceRemains
from bitstream.sequence.seek import SequenceFile
from codec.api import Codec, default_codec
from codec.notes import WispNote
from codec.sequence.encoder import SequenceEncoder
from codec.sequence.frame_encoder import FrameEncoder
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter
from codec.settings import EncodeSettings
from tests.support import damage
from tests.support.damage import Part, join, split
from tests.support.scenes import noise, photo

Pixels = NDArray[np.uint8]

RECORD = {"number": (0, "<I"), "kind": (4, "<B"), "references": (5, "<B"), "pts": (6, "<q"), "duration": (14, "<I")}
DISTANCE = (18, "<I")
TIMING = {
    "time base": (0, "<I"),
    "time base below": (4, "<I"),
    "rate": (8, "<I"),
    "rate below": (12, "<I"),
    "aspect": (16, "<I"),
    "aspect below": (20, "<I"),
    "colour range": (24, "<B"),
    "colour matrix": (25, "<B"),
    "frames": (26, "<I"),
}
TIMING_BYTES = 30
TAIL = {"index offset": (0, "<Q"), "frames": (8, "<I")}
TAIL_CHUNK = 24  # bytes
SHOWN = (0, 0, 2, 2, 2, 5)  # by each frame of a small sequence: the second, fourth and fifth are repeats
PTS = (-40, 0, 41, 80, 120, 1000)
CLIP = Clip(Fraction(1, 1000), Fraction(25), Fraction(4, 3), colour_range=1, colour_matrix=6)
STREAM = AudioStream(3, "pcm_u8", Fraction(1, 8000), 8000, "mono", "u8", "eng", b"extra")
METADATA = Metadata(exif=b"MM\0*exif", xmp=b"<x/>")


def small_pixels(mode: str = "RGB", seed: int = 0) -> list[Pixels]:
    """Every frame of a small sequence: two tiles, 64 and 6 pixels wide."""
    different = [in_few_colours(noise(2, 70, mode, seed + i)) for i in range(len(SHOWN))]
    return [different[shown] for shown in SHOWN]


def in_few_colours(pixels: Pixels) -> Pixels:
    """One colour a tile, another in its first pixel."""
    pixels[:, 1:64], pixels[1, 0] = pixels[1, 1], pixels[1, 1]
    pixels[:, 65:], pixels[1, 64] = pixels[1, 65], pixels[1, 65]
    return pixels


@lru_cache
def small(mode: str = "RGB", seed: int = 0, clip: Clip = CLIP) -> bytes:
    """Six lossless frames with metadata and, before, between and behind them, packets of sound."""
    out = io.BytesIO()
    frames = FrameEncoder(default_codec(), EncodeSettings(lossless=True, exact=True, tile=64))
    video = SequenceEncoder(out, clip, (70, 2), mode, frames, metadata=METADATA, audio=[STREAM])
    video.write_audio(AudioPacket(3, b"before", None, None, 0))
    for i, (pixels, pts) in enumerate(zip(small_pixels(mode, seed), PTS, strict=True)):
        video.write(pixels, pts, 40)
        if i in (1, 2, 5):
            video.write_audio(AudioPacket(3, b"packet %d" % i, 8 * pts, 8 * pts - 1, 5, i != 2))
    video.finish()
    return announcing(out.getvalue(), clip.frames)


def announcing(data: bytes, frames: int) -> bytes:
    """The same with this number of frames in the header, where a writer that streams has 0."""
    head, *rest = split(data)
    return whole([replace(head, payload=head.payload[:-4] + struct.pack("<I", frames)), *rest])


@lru_cache
def learned(codec: Codec) -> bytes:
    """Three frames of a photograph, 64 x 64 pixels, of which the second repeats the first."""
    out = io.BytesIO()
    frames = photo(64, 66)
    with VideoWriter(out, (64, 64), 25, quality=40, codec=codec) as video:
        for left in (0, 0, 2):
            video.write(np.ascontiguousarray(frames[:, left : left + 64]))
    return out.getvalue()


# Taking apart and putting together


def sealed(parts: Sequence[Part]) -> list[Part]:
    """The same with every checksum made right: records and end on the header's, units on their record's."""
    done: list[Part] = []
    head = record = 0
    for part in parts:
        seed = {b"FRAM": head, b"DONE": head, b"UNIT": record}.get(part.type, 0)
        crc = zlib.crc32(part.type + part.payload, seed)
        head = crc if part.type == b"HEAD" else head
        record = crc if part.type == b"FRAM" else record
        done.append(replace(part, crc=crc))
    return done


def indexed(parts: Sequence[Part]) -> list[Part]:
    """The same with index and tail made anew for the records that are there."""
    kept = [part for part in parts if part.type not in (b"iNDX", b"DONE")]
    at, entries = 8, []
    for part in kept:
        if part.type == b"FRAM":
            kind, _, pts, duration = struct.unpack_from("<BBqI", part.payload, 4)
            entries.append(struct.pack("<QqIB", at, pts, duration, kind))
        at += len(bytes(part))
    tail = struct.pack("<QI", at, len(entries))
    return [*kept, Part(b"iNDX", b"".join(entries)), Part(b"DONE", tail)]


def whole(parts: Sequence[Part]) -> bytes:
    """A file of these parts with index, tail and checksums that fit."""
    return join(sealed(indexed(parts)))


def groups(data: bytes) -> list[list[Part]]:
    """What precedes the first record, then each record with its units and what follows, then index and tail."""
    found: list[list[Part]] = [[]]
    for part in split(data):
        if part.type == b"FRAM" or (part.type == b"iNDX" and len(found) > 1):
            found.append([])
        found[-1].append(part)
    return found


def joined(parts: Sequence[Sequence[Part]]) -> bytes:
    """The file of these groups as they are."""
    return join([part for group in parts for part in group])


def place_of(parts: Sequence[Part], type_: bytes, i: int = 0) -> int:
    """Where part number `i` of a type is."""
    return [at for at, part in enumerate(parts) if part.type == type_][i]


def with_field(parts: Sequence[Part], at: int, place: tuple[int, str], value: int) -> list[Part]:
    """The parts with one field of one part at another value; checksums stay as they are."""
    changed = list(parts)
    changed[at] = replace(parts[at], payload=damage.patched(parts[at].payload, place, value))
    return changed


@dataclass(frozen=True)
class Extent:
    """Where a chunk lies: at `start` its length, type and payload, from `crc` to `end` its checksum."""

    type: bytes
    start: int
    end: int

    @property
    def crc(self) -> int:
        return self.end - 4


def extents(data: bytes) -> list[Extent]:
    """Every chunk of a good file."""
    at, found = 8, []
    for part in split(data):
        found.append(Extent(part.type, at, at + len(bytes(part))))
        at = found[-1].end
    return found


def frame_extents(data: bytes) -> list[tuple[int, int]]:
    """Where each frame's record begins and its units end."""
    found: list[tuple[int, int]] = []
    for chunk in extents(data):
        if chunk.type == b"FRAM":
            found.append((chunk.start, chunk.end))
        elif chunk.type == b"UNIT":
            found[-1] = (found[-1][0], chunk.end)
    return found


# Reading


@dataclass(frozen=True)
class Seen:
    """What came of a file: frames, packets, then `error`, or None where the end was reached."""

    frames: list[CodedFrame]
    packets: list[AudioPacket]
    error: WispError | None
    damaged: tuple[str, ...] = ()
    start: Start | None = None


def read(stream: bytes | BinaryIO, *, check_index: bool = False) -> Seen:
    """Forward, by the container's reader."""
    frames: list[CodedFrame] = []
    packets: list[AudioPacket] = []
    try:
        reader = SequenceReader(io.BytesIO(stream) if isinstance(stream, bytes) else stream, check_index=check_index)
    except WispError as error:
        return Seen(frames, packets, error)
    try:
        for item in reader.items():
            (frames if isinstance(item, CodedFrame) else packets).append(item)  # type: ignore[arg-type]
    except WispError as error:
        return Seen(frames, packets, error, tuple(reader.damaged), reader.start)
    return Seen(frames, packets, None, tuple(reader.damaged), reader.start)


def begins(seen: Seen, intact: Seen) -> bool:
    """Whether frames and packets are the first of the intact file's."""
    return seen.frames == intact.frames[: len(seen.frames)] and seen.packets == intact.packets[: len(seen.packets)]


def leapt(data: bytes) -> tuple[list[CodedFrame | WispError], WispError | None]:
    """Every frame by a leap, or why it cannot be read, and the fault of the whole."""
    file = SequenceFile(io.BytesIO(data))
    return [_caught(lambda i=i: file.frame(i)) for i in range(len(file.index))], file.fault  # type: ignore[misc]


def _caught(call: Callable[[], CodedFrame]) -> CodedFrame | WispError:
    try:
        return call()
    except WispError as error:
        return error


def salvaged(data: bytes) -> tuple[list[CodedFrame], SequenceRemains]:
    """Forward, passing over damage."""
    remains = SequenceRemains(io.BytesIO(data))
    return [item for item in remains.items() if isinstance(item, CodedFrame)], remains


def shown(
    codec: Codec, source: bytes | BinaryIO, *, salvage: bool = False
) -> tuple[list[Pixels], WispError | None, list[str]]:
    """Every frame's pixels by `open_video`, then the error, and the notes."""
    frames: list[Pixels] = []
    with warnings.catch_warnings(record=True) as notes:
        warnings.simplefilter("always", WispNote)
        error: WispError | None = None
        try:
            stream = io.BytesIO(source) if isinstance(source, bytes) else source
            with open_video(stream, codec=codec, salvage=salvage) as video:
                for frame in video:
                    frames.append(frame.pixels)
        except WispError as raised:
            error = raised
    return frames, error, [str(note.message) for note in notes]


class Forward(io.BytesIO):
    """Only reads: at most `most` bytes at a time, as many as asked for where that is 0."""

    def __init__(self, data: bytes, most: int = 0) -> None:
        super().__init__(data)
        self._most = most
        self.largest = 0  # that was ever asked for

    def seekable(self) -> bool:
        return False

    def seek(self, offset: int, whence: int = 0, /) -> int:
        raise io.UnsupportedOperation("seek")

    def tell(self) -> int:
        raise io.UnsupportedOperation("tell")

    def read(self, size: int | None = -1, /) -> bytes:
        assert size is not None and size > 0, "a forward reader asks for what it needs"
        self.largest = max(self.largest, size)
        return super().read(min(size, self._most) if self._most else size)

    read1 = read


def refused(parts: Sequence[Part], kind: type[WispError], frames: int, match: str = "") -> None:
    """Of a small sequence with changed parts so many frames come forward, then exactly this error."""
    seen = read(join(sealed(parts)))
    assert type(seen.error) is kind and match in str(seen.error), repr(seen.error)
    assert seen.frames == read(small()).frames[:frames]


def fine(parts: Sequence[Part]) -> None:
    """All that a small sequence holds comes, forward and by leaps."""
    data = whole(parts)
    seen, intact = read(data, check_index=True), read(small())
    assert (seen.error, seen.damaged, seen.frames) == (None, (), intact.frames)
    assert leapt(data) == (intact.frames, None)
