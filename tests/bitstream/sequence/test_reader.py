"""Sequences from all sorts of file objects: pipes, short reads, larger files, files that grow; and leaps in them."""

from __future__ import annotations

import io
import os
import random
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from bitstream.errors import CorruptError, NoSuchFrameError, NotSeekableError, TruncatedError
from bitstream.sequence.reader import SequenceReader
from bitstream.sequence.record import CodedFrame
from bitstream.sequence.seek import SequenceFile
from bitstream.sequence.writer import SequenceWriter
from bitstream.still import UNIT
from codec.api import Codec
from codec.sequence.video import open_video
from tests.support.damage import Part, join, split
from tests.support.sequence_files import (
    PTS,
    TAIL,
    Forward,
    extents,
    frame_extents,
    indexed,
    leapt,
    place_of,
    read,
    salvaged,
    sealed,
    shown,
    small,
    small_pixels,
    whole,
    with_field,
)

SMALL = small()
INTACT = read(SMALL)
PARTS = split(SMALL)


class ShortReads(io.BytesIO):
    """A file that can be sought and gives at most three bytes at a time."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3 if size is None or size < 0 else min(size, 3))


def unbuffered(tmp_path: Path) -> BinaryIO:
    (tmp_path / "a.wisp").write_bytes(SMALL)
    return (tmp_path / "a.wisp").open("rb", buffering=0)


def in_a_larger_file(_: Path) -> BinaryIO:
    stream = io.BytesIO(random.Random(1).randbytes(1000) + SMALL)
    stream.seek(1000)
    return stream


FILES: dict[str, Callable[[Path], BinaryIO]] = {
    "memory": lambda _: io.BytesIO(SMALL),
    "short reads": lambda _: ShortReads(SMALL),
    "unbuffered": unbuffered,
    "from byte 1000 on": in_a_larger_file,
}
each_file = pytest.mark.parametrize("name", FILES)


def same(a: object, b: object) -> bool:
    return np.array_equal(a, b)  # type: ignore[arg-type]


# Forward


@pytest.mark.parametrize("most", [1, 2, 5, 0])
def test_file_objects_that_only_read(wisp: Codec, most: int) -> None:
    seen = read(Forward(SMALL, most), check_index=True)
    assert (seen.error, seen.frames, seen.packets, seen.damaged) == (None, INTACT.frames, INTACT.packets, ())
    frames, error, notes = shown(wisp, Forward(SMALL, most))
    assert (error, notes) == (None, []) and all(map(same, frames, small_pixels()))
    frames, error, _ = shown(wisp, Forward(SMALL, most), salvage=True)
    assert error is None and len(frames) == 6 and all(map(same, frames, small_pixels()))


@each_file
def test_file_objects_that_can_be_sought(wisp: Codec, tmp_path: Path, name: str) -> None:
    with FILES[name](tmp_path) as stream, open_video(stream, codec=wisp) as video:
        assert len(video) == 6 and list(video.times) == list(PTS)
        assert all(same(frame.pixels, pixels) for frame, pixels in zip(video, small_pixels(), strict=True))
        for i in (4, 0, 5, 3, 1, 2, -1, -6):
            assert same(video[i].pixels, small_pixels()[i]) and video[i].pts == PTS[i]
        assert video.seek(video[3].seconds) == 3
        assert [frame.number for frame in iter(video.read, None)] == [3, 4, 5]


@each_file
def test_salvage_in_any_file_object(wisp: Codec, tmp_path: Path, name: str) -> None:
    with FILES[name](tmp_path) as stream, open_video(stream, codec=wisp, salvage=True) as video:
        assert all(same(frame.pixels, pixels) for frame, pixels in zip(video, small_pixels(), strict=True))
        assert video.whole and video.lost == 0


def test_a_cut_file_at_byte_1000(wisp: Codec) -> None:
    """Offsets in an error count from where the sequence begins."""
    end = frame_extents(SMALL)[2][1] + 2
    stream = io.BytesIO(bytes(1000) + SMALL[:end])
    stream.seek(1000)
    with open_video(stream, codec=wisp) as video:
        assert len(video) == 3
        assert len([next(video) for _ in range(3)]) == 3
        with pytest.raises(TruncatedError, match=f"byte {end},"):
            next(video)


def test_what_only_reads_cannot_be_sought(wisp: Codec) -> None:
    with open_video(Forward(SMALL), codec=wisp) as video:
        for ask in (lambda: len(video), lambda: video.seek(0), lambda: video[0], lambda: video[:], lambda: video.times):
            with pytest.raises(NotSeekableError):
                ask()
        assert len(list(video)) == 6


def test_nothing_is_read_ahead_of_a_frame() -> None:
    """A frame comes out as soon as its last byte is there."""
    ends = [end for _, end in frame_extents(SMALL)]
    reader = SequenceReader(Forward(SMALL))
    assert reader.offset == extents(SMALL)[place_of(PARTS, b"aPKT")].start + 8
    assert [reader.offset for item in reader.items() if isinstance(item, CodedFrame)] == ends


def test_a_frame_comes_out_of_a_pipe_before_the_next_goes_in(wisp: Codec) -> None:
    """The writer waits for each frame to be shown."""
    source, sink = os.pipe()
    shown_so_far = [threading.Semaphore(0) for _ in range(7)]
    ends = [end for _, end in frame_extents(SMALL)]

    def write() -> None:
        with os.fdopen(sink, "wb", buffering=0) as out:
            for i, (start, end) in enumerate(zip([0, *ends], [*ends, len(SMALL)], strict=True)):
                if i > 0:
                    assert shown_so_far[i - 1].acquire(timeout=20)
                out.write(SMALL[start:end])

    writer = threading.Thread(target=write)
    writer.start()
    with os.fdopen(source, "rb", buffering=0) as stream, open_video(stream, codec=wisp) as video:
        for i, frame in enumerate(video):
            assert same(frame.pixels, small_pixels()[i])
            shown_so_far[i].release()
    writer.join()
    assert i == 5


# Growing


def test_a_file_that_grows_is_read_on(wisp: Codec, tmp_path: Path) -> None:
    """What is complete comes each time; the same file object goes on where it stood."""
    path = tmp_path / "growing.wisp"
    ends = [end for _, end in frame_extents(SMALL)]
    with path.open("wb", buffering=0) as out:
        out.write(SMALL[: ends[0]])
        with path.open("rb", buffering=0) as stream:
            items = SequenceReader(stream).items()
            for i, (start, end) in enumerate(zip(ends, [*ends[1:], len(SMALL)], strict=True)):
                frames: Iterator[CodedFrame] = (item for item in items if isinstance(item, CodedFrame))
                assert next(frames) == INTACT.frames[i]
                with open_video(path, codec=wisp) as video:
                    assert len(video) == i + 1
                    assert same(video[i].pixels, small_pixels()[i])
                    with pytest.raises(TruncatedError):
                        video[i + 1]
                out.write(SMALL[start:end])
            assert [item for item in items if isinstance(item, CodedFrame)] == []
    assert len(read(path.read_bytes()).frames) == 6


def test_a_file_that_grows_between_count_and_leap(tmp_path: Path) -> None:
    """The count is that of the first look; what is in it stays right."""
    path = tmp_path / "growing.wisp"
    ends = [end for _, end in frame_extents(SMALL)]
    path.write_bytes(SMALL[: ends[2] + 9])
    with path.open("rb", buffering=0) as stream:
        file = SequenceFile(stream)
        assert len(file.index) == 3
        path.write_bytes(SMALL)
        assert [file.frame(i) for i in range(3)] == INTACT.frames[:3]
        with pytest.raises(TruncatedError):
            file.frame(3)
        stream.seek(0)
        again = SequenceFile(stream)
        assert [again.frame(i) for i in range(6)] == INTACT.frames


# Leaps


@pytest.mark.parametrize(
    "variant", ["whole", "no tail", "no index", "damaged index", "damaged tail", "bytes behind", "cut tail"]
)
def test_random_leaps_equal_the_linear_read(variant: str) -> None:
    broken = bytearray(SMALL)
    broken[-30 if variant == "damaged index" else -3] ^= 1
    parts = [part for part in PARTS if part.type != b"iNDX"]
    data = {
        "whole": SMALL,
        "no tail": join(PARTS[:-2]),
        "no index": join(sealed(with_field(parts, len(parts) - 1, TAIL["index offset"], 0))),
        "damaged index": bytes(broken),
        "damaged tail": bytes(broken),
        "bytes behind": SMALL + b"?" * 5,
        "cut tail": SMALL[:-1],
    }[variant]
    file, draw = SequenceFile(io.BytesIO(data)), random.Random(5)
    assert len(file.index) == 6
    for _ in range(50):
        i = draw.randrange(6)
        assert file.frame(i) == INTACT.frames[i] and file.record(i) == INTACT.frames[i].record
    for beyond in (6, 10**6, -1):
        with pytest.raises((NoSuchFrameError, TruncatedError, CorruptError)):
            file.frame(beyond)


def test_a_leap_goes_on_to_the_end(wisp: Codec) -> None:
    """From each frame, repeats included, with the notes of a linear read."""
    broken = bytearray(SMALL)
    broken[extents(SMALL)[3].start + 12] ^= 1  # the description of sound, so that its packets belong to nothing
    for data in (SMALL, bytes(broken)):
        for first in range(6):
            stream = io.BytesIO(data)
            with open_video(stream, codec=wisp) as video:
                video.go_to(first)
                if data == SMALL:
                    frames = list(iter(video.read, None))
                else:
                    with pytest.warns(match="^sound damaged"):
                        frames = list(iter(video.read, None))
            assert [frame.number for frame in frames] == list(range(first, 6))
            assert all(same(frame.pixels, small_pixels()[frame.number]) for frame in frames)


class Counting(io.BytesIO):
    """Counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def long_sequence(count: int, extra: int = 0) -> bytes:
    """So many frames of `extra` bytes more each, without sound."""
    assert INTACT.start is not None
    out = io.BytesIO()
    writer = SequenceWriter(out, INTACT.start.header)
    for i in range(count):
        units = INTACT.frames[0].units
        writer.frame([*units[:1], type(units[1])(1, bytes(extra), 0, 1)], 40 * i, 40)
    writer.finish()
    return out.getvalue()


def test_a_leap_reads_what_it_needs() -> None:
    """By the index little more than index and frame; by hopping, no units of other frames."""
    data = long_sequence(100, 5000)
    per_frame = len(data) // 100
    for whole_file, most in ((data, 2 * per_frame), (data[:-5], 100 * 100 + 2 * per_frame)):
        stream = Counting(whole_file)
        file = SequenceFile(stream)
        assert file.frame(77).record.number == 77
        assert stream.count < most
        assert len(file.index) == 100


def test_memory_does_not_grow_with_length() -> None:
    """What a reader keeps at frame 4000 is what it kept at frame 400."""
    reader = SequenceReader(Forward(long_sequence(4000)))
    taken: list[int] = []
    tracemalloc.start()
    for number, _ in enumerate(reader.items()):
        if number in (399, 3999):
            taken.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert number == 3999 and taken[1] < taken[0] + 4096


def test_chunks_are_read_over_in_pieces() -> None:
    """A long packet of sound, and no more of it than the reader asks for at a time."""
    at = place_of(PARTS, b"aPKT", 2)
    packet = Part(b"aPKT", PARTS[at].payload + bytes(3_000_000))
    stream = Forward(join(sealed(indexed([*PARTS[:at], packet, *PARTS[at + 1 :]]))))
    seen = read(stream)
    assert seen.error is None and len(seen.packets[2].data) > 3_000_000 and stream.largest <= 1 << 20


def test_many_packets_and_no_limit_to_them() -> None:
    at = place_of(PARTS, b"aPKT", 2)
    data = whole([*PARTS[:at], *[PARTS[at]] * 5000, *PARTS[at + 1 :]])
    assert len(read(data).packets) == 5003
    assert leapt(data) == (INTACT.frames, None)
    assert salvaged(data)[1].whole


def test_the_writer_writes_forward_and_flushes_every_frame() -> None:
    """A reader of what is there at any flush has whole frames only."""
    flushed: list[int] = []

    class Sink(io.RawIOBase):
        written = b""

        def writable(self) -> bool:
            return True

        def write(self, data: bytes) -> int:  # type: ignore[override]
            taken = bytes(data[:7])
            self.written += taken
            return len(taken)

        def flush(self) -> None:
            flushed.append(len(self.written))

    sink = Sink()
    assert INTACT.start is not None
    start = INTACT.start
    writer = SequenceWriter(sink, start.header, start.metadata, start.streams)  # type: ignore[arg-type]
    items = SequenceReader(io.BytesIO(SMALL)).items()
    for item in items:
        if not isinstance(item, CodedFrame):
            writer.packet(item)
        elif item.units:
            writer.frame(item.units, item.record.pts, item.record.duration)
        else:
            writer.repeat(item.record.pts, item.record.duration)
        assert flushed[-1] == len(sink.written) == writer.offset
    writer.finish()
    assert sink.written == SMALL and UNIT in sink.written
    assert set(flushed) >= {end for _, end in frame_extents(SMALL)}
    with pytest.raises(ValueError, match="finished"):
        writer.repeat(10**6)
