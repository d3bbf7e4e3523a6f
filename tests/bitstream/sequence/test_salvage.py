"""Damaged sequences, and what is left: every intact frame, none that fails a check, and how many are lost."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zlib
from dataclasses import replace

import numpy as np
import pytest

from bitstream import chunks
from bitstream.errors import CorruptError, NotWispError, TruncatedError, WispError
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.record import PREDICTED, REPEAT, Record
from bitstream.sequence.salvage import SequenceRemains
from codec.api import Codec
from codec.sequence.video import open_video
from tests.support.damage import Part, join, split
from tests.support.sequence_files import (
    CLIP,
    PTS,
    RECORD,
    SHOWN,
    TAIL,
    Forward,
    extents,
    frame_extents,
    groups,
    joined,
    learned,
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
FRAMES = frame_extents(SMALL)
HEAD_END = extents(SMALL)[0].end
each_mode = pytest.mark.parametrize("mode", ["RGB", "RGBA"])


def decodable(lost: set[int]) -> list[int]:
    """Numbers of the frames that can be shown where the records or units of some are lost."""
    return [i for i, shows in enumerate(SHOWN) if not {i, shows} & lost]


def remains(data: bytes, lost: set[int], missing: int | None = None, whole: bool = False) -> SequenceRemains:
    """Every frame comes whose record and units are not lost, and just so many are known to be missing."""
    frames, found = salvaged(data)
    assert frames == [frame for i, frame in enumerate(INTACT.frames) if i not in lost]
    assert found.missing == (len(lost) if missing is None else missing)
    assert found.whole == whole
    return found


# Every place


def test_an_intact_file() -> None:
    for data in (SMALL, join(PARTS[:-2] + PARTS[-1:]), whole([*PARTS[:5], Part(b"wHAT", b"?"), *PARTS[5:]])):
        found = SequenceRemains(Forward(data, 7))
        items = list(found.items())
        assert [item for item in items if not isinstance(item, AudioPacket)] == INTACT.frames
        assert [item for item in items if isinstance(item, AudioPacket)] == INTACT.packets
        assert found.whole and found.missing == 0 and INTACT.start is not None
        assert found.start == replace(INTACT.start, offset=found.start.offset)


@each_mode
def test_every_byte_wrong_costs_one_frame_at_most(mode: str) -> None:
    data, draw = small(mode), random.Random(mode)
    intact, places = read(data).frames, frame_extents(data)
    for byte in range(len(data)):
        broken = bytearray(data)
        broken[byte] ^= draw.randrange(1, 256)
        if byte < HEAD_END:
            with pytest.raises(NotWispError if byte < 8 else WispError):
                salvaged(bytes(broken))
            continue
        hit = {i for i, (start, end) in enumerate(places) if start <= byte < end}
        frames, found = salvaged(bytes(broken))
        assert frames == [frame for i, frame in enumerate(intact) if i not in hit], byte
        # With the tail nobody knows how many there should have been, but none was lost with it.
        assert found.missing == len(hit) and not found.whole, byte


@pytest.mark.parametrize("announced", [0, 6])
def test_every_prefix(announced: int) -> None:
    """What a cut file has lost is known where the header tells the number of frames."""
    data = small(clip=replace(CLIP, frames=announced))
    for cut in range(HEAD_END, len(data)):
        lost = {i for i, (_, end) in enumerate(frame_extents(data)) if end > cut}
        frames, found = salvaged(data[:cut])
        assert len(frames) == 6 - len(lost)
        assert found.missing == (len(lost) if announced else 0) and not found.whole
    for cut in range(1, HEAD_END):
        with pytest.raises(TruncatedError):
            salvaged(data[:cut])


@each_mode
@pytest.mark.parametrize("frame", range(6))
@pytest.mark.parametrize("where", ["record", "last unit"])
def test_a_repeat_is_lost_with_its_frame(wisp: Codec, mode: str, frame: int, where: str) -> None:
    """To the last pixel, and counted."""
    data = bytearray(small(mode))
    start, end = frame_extents(small(mode))[frame]
    data[start + 12 if where == "record" else end - 6] ^= 0x40
    shown_frames = decodable({frame})
    with open_video(io.BytesIO(data), codec=wisp, salvage=True) as video:
        frames = list(video)
        assert [found.number for found in frames] == shown_frames
        assert [found.pts for found in frames] == [PTS[i] for i in shown_frames]
        for found in frames:
            assert np.array_equal(found.pixels, small_pixels(mode)[found.number])
        assert video.lost == 6 - len(shown_frames) and not video.whole


def test_several_frames_at_once() -> None:
    draw = random.Random(3)
    for _ in range(100):
        hit = set(draw.sample(range(6), draw.randrange(1, 6)))
        data = bytearray(SMALL)
        for i in hit:
            start, end = FRAMES[i]
            data[draw.randrange(start, end)] ^= draw.randrange(1, 256)
        remains(bytes(data), hit)


@pytest.mark.parametrize("garbage", [b"\0", b"FRAM", b"\x12\0\0\0FRAM", bytes(1000), b"DONE" * 9, SMALL[8:200]])
def test_garbage_between_chunks_costs_nothing(garbage: bytes) -> None:
    for chunk in extents(SMALL)[5:]:
        if chunk.type != b"UNIT":
            remains(SMALL[: chunk.start] + garbage + SMALL[chunk.start :], set())


def test_bytes_left_out() -> None:
    for first in range(6):
        for last in range(first, 6):
            start, end = FRAMES[first][0] + 3, FRAMES[last][1] - 2
            remains(SMALL[:start] + SMALL[end:], set(range(first, last + 1)))


def test_a_hole_of_zeros() -> None:
    """As a disc leaves it: nothing is shifted."""
    for first in range(6):
        start, end = FRAMES[first][0], FRAMES[min(first + 2, 5)][1]
        hit = {i for i, (a, b) in enumerate(FRAMES) if a < end and start < b}
        remains(SMALL[:start] + bytes(end - start) + SMALL[end:], hit)


# What stands before the frames


@pytest.mark.parametrize("chunk", [1, 2, 3])
def test_what_stands_before_the_frames(chunk: int) -> None:
    """Damaged metadata do not take other metadata or the sound with them."""
    place = extents(SMALL)[chunk]
    for byte in (place.start + 1, place.start + 9, place.end - 1):
        broken = bytearray(SMALL)
        broken[byte] ^= 0x11
        found = remains(bytes(broken), set())
        intact = INTACT.start
        assert intact is not None
        assert found.start.damaged == (("EXIF", "XMP", "sound")[chunk - 1],)
        assert found.start.metadata.exif == (b"" if chunk == 1 else intact.metadata.exif)
        assert found.start.metadata.xmp == (b"" if chunk == 2 else intact.metadata.xmp)
        assert found.start.streams == (() if chunk == 3 else intact.streams)


def test_everything_between_header_and_frames_is_gone() -> None:
    remains(SMALL[:HEAD_END] + b"?" * 50 + SMALL[FRAMES[0][0] :], set())


def test_damaged_sound_costs_that_packet() -> None:
    packet = extents(SMALL)[place_of(PARTS, b"aPKT", 2)]
    broken = bytearray(SMALL)
    broken[packet.start + 20] ^= 1
    found = SequenceRemains(io.BytesIO(broken))
    items = list(found.items())
    assert [item for item in items if isinstance(item, AudioPacket)] == [*INTACT.packets[:2], INTACT.packets[3]]
    assert len(items) == 9 and not found.whole


# Nothing that fails a check


def test_frames_of_another_sequence_are_passed_over() -> None:
    own, other = groups(SMALL), groups(small(seed=50))
    for i in range(1, 7):
        remains(joined([*own[:i], other[i], *own[i + 1 :]]), {i - 1})
        remains(joined([*own[:i], other[i], *own[i:]]), set())
    remains(joined([*own[:7], other[7]]), set(), 0)


def test_moved_frames_come_once_and_in_order() -> None:
    """What lies behind a later frame counts as lost."""
    own = groups(SMALL)
    remains(joined([*own[:2], own[3], own[2], *own[4:]]), {1})
    remains(joined([*own[:4], own[2], *own[4:]]), set())
    remains(joined([*own[:4], *own[1:]]), set())


def test_a_wrong_latent_check_is_a_lost_frame(wisp: Codec) -> None:
    """And so is what repeats it."""
    parts = split(learned(wisp))
    payload = bytearray(parts[place_of(parts, b"UNIT")].payload)
    payload[-1] ^= 1
    parts[place_of(parts, b"UNIT")] = Part(b"UNIT", bytes(payload))
    intact, _, _ = shown(wisp, learned(wisp))
    with open_video(io.BytesIO(whole(parts)), codec=wisp, salvage=True) as video:
        (frame,) = list(video)
        assert frame.number == 2 and np.array_equal(frame.pixels, intact[2])
        assert video.lost == 2 and not video.whole


def test_a_tail_that_lies() -> None:
    done = len(PARTS) - 1
    for frames in (0, 1, 5, 7, 100):
        data = join(sealed(with_field(PARTS, done, TAIL["frames"], frames)))
        remains(data, set(), max(frames - 6, 0))


def test_units_under_a_record_that_cannot_be() -> None:
    last = place_of(PARTS, b"FRAM", 5)
    for name, value in (("kind", 1), ("kind", 9), ("references", 3), ("pts", 120), ("number", 4)):
        remains(join(sealed(with_field(PARTS, last, RECORD[name], value))), {5})
    predicted = Part(b"FRAM", Record(5, PTS[5], 40, PREDICTED, (1,)).pack())
    remains(join(sealed([*PARTS[:last], predicted, *PARTS[last + 1 :]])), {5})


def test_units_in_another_order() -> None:
    """Behind right checksums."""
    last = place_of(PARTS, b"FRAM", 5)
    first, second = PARTS[last + 1 : last + 3]
    remains(join(sealed([*PARTS[: last + 1], second, first, *PARTS[last + 3 :]])), {5})


@pytest.mark.parametrize("distance", [1, 2, 4])
def test_a_repeat_of_another_frame_is_not_shown(wisp: Codec, distance: int) -> None:
    record = Record(4, PTS[4], 40, REPEAT, (distance,))
    at = place_of(PARTS, b"FRAM", 4)
    data = whole([*PARTS[:at], Part(b"FRAM", record.pack()), *PARTS[at + 1 :]])
    with open_video(io.BytesIO(data), codec=wisp, salvage=True) as video:
        frames = [frame.number for frame in video]
        assert (frames, video.lost) == ((list(range(6)), 0) if distance == 2 else ([0, 1, 2, 3, 5], 1))


# Malice


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Bytes that went through a checksum, one number a time."""
    counts: list[int] = []

    def counting(type_: bytes, payload: bytes, seed: int = 0) -> int:
        counts.append(len(payload))
        return zlib.crc32(payload, zlib.crc32(type_, seed))

    monkeypatch.setattr(chunks, "crc", counting)
    return counts


def work_is_bounded(data: bytes, hashed: list[int]) -> None:
    """At most 64 MiB and some 34 times the file; giving up is one of our errors."""
    hashed.clear()
    try:
        salvaged(data)
    except CorruptError as error:
        assert "given up" in str(error)
    assert sum(hashed) < (1 << 26) + 34 * len(data) + (1 << 24)


@pytest.mark.parametrize("type_", [b"aPKT", b"iNDX", b"eXIF", b"UNIT", b"FRAM"])
def test_claims_of_long_chunks_do_not_add_up(hashed: list[int], type_: bytes) -> None:
    """Each of ever so many places claims a long payload, which would have to be tested."""
    claims = struct.pack("<I4s", 60_000 if type_ != b"FRAM" else 78, type_) * 40_000
    for start in (SMALL[:HEAD_END], SMALL[: FRAMES[2][0] + 30], SMALL[: FRAMES[2][1]]):
        work_is_bounded(start + claims, hashed)


@pytest.mark.parametrize("index", [0, 1])
def test_frames_within_frames_do_not_add_up(hashed: list[int], index: int) -> None:
    """Each unit holds the next record and its unit, all with right checksums, and each frame lacks its last unit."""
    seed = zlib.crc32(b"HEAD" + PARTS[0].payload)
    inner = b""
    while len(inner) < 130_000:
        record = struct.pack("<IBBqI", 5, 0, 0, 5000, 40)
        record_crc = zlib.crc32(b"FRAM" + record, seed)
        unit = struct.pack("<BhI", 0x10, 0, index) + inner + b"\0\0"
        frame = bytes(Part(b"FRAM", record, record_crc))
        inner = frame + bytes(Part(b"UNIT", unit, zlib.crc32(b"UNIT" + unit, record_crc)))
    work_is_bounded(SMALL[: FRAMES[2][1]] + inner, hashed)


@pytest.mark.parametrize("type_", [b"aPKT", b"DONE", b"FRAM", b"aSTR", b"eXIF"])
def test_a_claimed_length_takes_no_memory(type_: bytes) -> None:
    """Even where so many bytes follow."""
    data = SMALL[: extents(SMALL)[3].start] + struct.pack("<I4s", 1 << 27, type_) + bytes(10_000_000)
    tracemalloc.start()
    found = SequenceRemains(Forward(data))
    items = list(found.items())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert items == [] and not found.whole and peak < 2_000_000


def test_a_claim_that_could_be_is_believed_piece_by_piece() -> None:
    stream = Forward(SMALL[: FRAMES[2][1]] + struct.pack("<I4s", 1 << 23, b"aPKT") + bytes(100))
    found = SequenceRemains(stream)
    assert len(list(found.items())) == 5 and stream.largest <= 1 << 20
