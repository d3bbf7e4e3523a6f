"""Section 10 of FORMAT.md: an independent reader agrees with what is written, and the order of chunks is kept."""

from __future__ import annotations

import hashlib
import io
import struct
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from bitstream.errors import CorruptError, LimitError, RequestError, UnsupportedError
from bitstream.header import Header
from bitstream.sequence.audio import AudioPacket, AudioStream
from bitstream.sequence.clip import Clip
from bitstream.sequence.index import FrameIndex
from bitstream.sequence.record import INTRA, REPEAT, Record
from bitstream.sequence.writer import SequenceWriter
from bitstream.still import build_still
from bitstream.units import LOSSLESS, Unit
from codec.api import Codec
from codec.files.source import read_file
from codec.jobs.describe_sequence import verify_sequence
from codec.sequence.video import open_video
from tests.support import damage, reference_sequence
from tests.support.damage import Part, join, split
from tests.support.goldens import NAMES, golden_bytes, reference_model
from tests.support.scenes import photo
from tests.support.sequence_files import (
    CLIP,
    METADATA,
    PTS,
    SHOWN,
    STREAM,
    fine,
    frame_extents,
    indexed,
    leapt,
    learned,
    place_of,
    read,
    refused,
    sealed,
    shown,
    small,
    small_pixels,
    whole,
)

SMALL = small()
PARTS = split(SMALL)
each_mode = pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])


# What is written


@each_mode
def test_an_independent_reader_agrees(mode: str) -> None:
    found = reference_sequence.read_sequence(data := small(mode))
    clip = CLIP
    assert found.timing == reference_sequence.Timing(
        clip.time_base, clip.rate, clip.pixel_aspect, clip.colour_range, clip.colour_matrix, clip.frames
    )
    assert found.metadata == {"eXIF": METADATA.exif, "xMPD": METADATA.xmp}
    texts = [STREAM.codec, STREAM.layout, STREAM.format, STREAM.language]
    assert found.streams == [reference_sequence.Stream(3, STREAM.time_base, 8000, texts, b"extra")]
    assert [(p.data, p.pts, p.dts, p.duration, p.key, p.frames_before) for p in found.packets] == [
        (b"before", None, None, 0, True, 0),
        (b"packet 1", 0, -1, 5, True, 2),
        (b"packet 2", 328, 327, 5, False, 3),
        (b"packet 5", 8000, 7999, 5, True, 6),
    ]
    assert [(frame.shows, frame.pts, frame.duration) for frame in found.frames] == [
        (shows, pts, 40) for shows, pts in zip(SHOWN, PTS, strict=True)
    ]
    assert [frame.offset for frame in found.frames] == [start for start, _ in frame_extents(data)]
    assert found.index is not None and found.tail == (reference_sequence.offset_of_index(data), 6)
    for frame, pixels in zip(found.frames, small_pixels(mode), strict=True):
        assert np.array_equal(reference_sequence.lossless_frame(frame, found.header), pixels)
    first = hashlib.sha256(small_pixels(mode)[0].tobytes()).digest()[:4]
    assert read(data).start.header.content_id == first  # type: ignore[union-attr]


@each_mode
def test_frames_come_back(wisp: Codec, mode: str) -> None:
    frames, error, notes = shown(wisp, small(mode))
    assert (error, notes) == (None, [])
    assert all(np.array_equal(a, b) for a, b in zip(frames, small_pixels(mode), strict=True))


def test_latents_of_learned_frames(wisp: Codec) -> None:
    """They are those of the same pictures as stills, of the verifier, and of the integer decoder."""
    data = learned(wisp)
    found = reference_sequence.read_sequence(data)
    said = reference_sequence.latents_sha256(found, reference_model())
    assert said == verify_sequence(io.BytesIO(data), wisp)[1]
    view = photo(64, 66)
    stills = [wisp.encode(np.ascontiguousarray(view[:, left : left + 64]), 40) for left in (0, 2)]
    units = [read_file(still).units for still in stills]
    assert [list(frame.units) for frame in read(data).frames if frame.units] == [list(unit) for unit in units]


def test_a_repeat_costs_a_few_bytes() -> None:
    assert [end - start for start, end in frame_extents(SMALL)][1] == 8 + 18 + 4 + 4


def test_a_file_written_by_hand() -> None:
    """Every field at a value of its own."""
    timing = struct.pack("<6IBBI", 2, 50, 0, 7, 16, 11, 2, 255, 2)
    models = bytes(range(8)) + bytes(range(8, 16))
    head = struct.pack("<BBHHBBBHBB", 0, 1, 5, 4, 1, 8, 1, 16128, 64, 2) + models + b"\xaa\xbb\xcc\xdd" + timing
    unit = struct.pack("<BhI", 0x11, -16128, 0) + b"\x80" + b"stream" + struct.pack("<H", 0xBEEF)
    sound = struct.pack("<BIII", 31, 1, 2**32 - 1, 0) + b"\3abc\0\0\0"
    packet = struct.pack("<BBqqI", 31, 0, 2**63 - 1, -(2**63), 2**32 - 1)
    first = struct.pack("<IBBqI", 0, 0, 0, -(2**63), 2**32 - 1)
    second = struct.pack("<IBBqII", 1, 2, 1, 2**63 - 1, 0, 1)
    parts = [Part(b"HEAD", head), Part(b"aSTR", sound), Part(b"FRAM", first), Part(b"UNIT", unit)]
    data = whole([*parts, Part(b"aPKT", packet), Part(b"FRAM", second)])
    seen = read(data, check_index=True)
    assert (seen.error, seen.damaged) == (None, ()) and seen.start is not None
    clip = Clip(Fraction(1, 25), None, Fraction(16, 11), 2, 255, 2)
    ids = (models[:8], models[8:])
    header = Header(5, 4, 16128, ids, b"\xaa\xbb\xcc\xdd", 4096, colour_mode=1, alpha=1, clip=clip)
    stream = AudioStream(31, "abc", Fraction(1, 2**32 - 1), 0, "")
    assert (seen.start.header, seen.start.streams) == (header, (stream,))
    assert seen.packets == [AudioPacket(31, b"", 2**63 - 1, None, 2**32 - 1, False)]
    coded = Unit(0, b"stream", 0xBEEF, LOSSLESS, 1, -16128, 0x80)
    assert [frame.record for frame in seen.frames] == [
        Record(0, -(2**63), 2**32 - 1),
        Record(1, 2**63 - 1, 0, REPEAT, (1,)),
    ]
    assert [frame.units for frame in seen.frames] == [(coded,), ()]
    assert reference_sequence.read_sequence(data).tail[1] == 2
    again = io.BytesIO()
    writer = SequenceWriter(again, replace(header, clip=clip), None, [stream])
    writer.frame([coded], -(2**63), 2**32 - 1)
    writer.packet(seen.packets[0])
    writer.repeat(2**63 - 1)
    writer.finish()
    lowest = damage.patched(damage.patched(head, (29 + 4, "<I"), 1), (29 + 8, "<I"), 25)  # a fraction is written so
    lowest = damage.patched(lowest, (29 + 16, "<I"), 1)
    assert again.getvalue() == whole([Part(b"HEAD", lowest), *parts[1:], Part(b"aPKT", packet), Part(b"FRAM", second)])


def test_stills_are_written_as_before() -> None:
    for name in NAMES:
        data = golden_bytes(name)
        still = read_file(data)
        assert split(data)[0].payload == still.header.pack()
        if not still.metadata.items():
            assert build_still(still.header, still.units) == data


def test_kinds_of_file_are_told_apart(wisp: Codec) -> None:
    with pytest.raises(RequestError, match="sequence"):
        wisp.decode_array(SMALL)
    with pytest.raises(RequestError, match="sequence"):
        wisp.salvage_picture(SMALL)
    for salvage in (False, True):
        with pytest.raises(RequestError, match="still picture"):
            open_video(io.BytesIO(golden_bytes("small")), codec=wisp, salvage=salvage)


def test_chunks_of_sequences_in_a_still_picture(wisp: Codec) -> None:
    data = golden_bytes("small")
    for type_ in (b"aSTR", b"aPKT", b"iNDX"):
        with_one = join(damage.sealed([split(data)[0], Part(type_, b"?"), *split(data)[1:]]))
        assert np.array_equal(wisp.decode_array(with_one), wisp.decode_array(data))
    damage.refuse(wisp, join(damage.sealed([split(data)[0], Part(b"FRAM"), *split(data)[1:]])), UnsupportedError)


# Order


def test_unknown_chunks_anywhere_between_frames() -> None:
    units = [at for at, part in enumerate(PARTS) if part.type == b"UNIT"]
    for at in range(1, len(PARTS)):
        parts = [*PARTS[:at], Part(b"wHAT", b"?"), *PARTS[at:]]
        if at in units:
            before = sum(part.type == b"FRAM" for part in PARTS[:at]) - 1
            refused(parts, CorruptError, before, "instead of tile")
            continue
        if PARTS[at].type == b"DONE":  # an index is believed directly before the tail only
            data = join(sealed(parts))
            assert read(data, check_index=True).damaged == () and leapt(data) == (read(SMALL).frames, None)
            continue
        fine(parts)
        refused([*PARTS[:at], Part(b"WHAT", b"?"), *PARTS[at:]], UnsupportedError, _frames_before(at), "WHAT")
        refused([*PARTS[:at], Part(b"what", b"?"), *PARTS[at:]], CorruptError, _frames_before(at), "what")
        broken = sealed([*PARTS[:at], Part(b"wHAT", b"?"), *PARTS[at:]])
        broken[at] = replace(broken[at], crc=broken[at].crc ^ 1)
        assert isinstance(read(join(broken)).error, CorruptError)


def _frames_before(at: int) -> int:
    return sum(part.type == b"FRAM" for part in PARTS[:at])


@pytest.mark.parametrize("type_", [b"HEAD", b"eXIF", b"aSTR", b"UNIT"])
def test_chunks_out_of_place(type_: bytes) -> None:
    part = PARTS[place_of(PARTS, type_)]
    for at in range(place_of(PARTS, b"aPKT") + 1, len(PARTS)):
        if PARTS[at].type != b"UNIT" and (type_ != b"UNIT" or PARTS[at - 1].type != b"FRAM"):
            parts = [*PARTS[:at], part, *PARTS[at:]]
            refused(parts, CorruptError, _frames_before(at), "out of place")
            assert isinstance(leapt(join(sealed([p for p in parts if p.type != b"iNDX"])))[1], CorruptError)


def test_chunks_behind_the_index() -> None:
    *before, index, end = PARTS
    packet = PARTS[place_of(PARTS, b"aPKT")]
    late = Part(b"FRAM", Record(6, 2000, 0, REPEAT, (1,)).pack())
    for part in (packet, index, late):
        refused([*before, index, part, end], CorruptError, 6, "behind the index")
        frames, fault = leapt(join(sealed([*before, index, part, end])))
        assert frames == read(SMALL).frames and isinstance(fault, CorruptError)


@pytest.mark.parametrize("place", ["before", "between"])
def test_unknown_chunks_without_end_are_refused(place: str) -> None:
    """And at most that many are read over."""
    at = place_of(PARTS, b"aSTR") if place == "before" else place_of(PARTS, b"FRAM", 1)
    for count, kind in ((4000, None), (5000, LimitError)):
        parts = [*PARTS[:at], *[Part(b"wHAT")] * count, *PARTS[at:]]
        if kind is None:
            fine(parts)
        else:
            refused(indexed(parts), kind, _frames_before(at))
    if place == "between":
        assert isinstance(leapt(join(sealed([p for p in parts if p.type != b"iNDX"])))[1], LimitError)


def test_an_index_in_memory() -> None:
    index = FrameIndex()
    for i, (shows, pts) in enumerate(zip(SHOWN, PTS, strict=True)):
        index.add(100 + i, Record(i, pts, 1, INTRA if shows == i else REPEAT, () if shows == i else (i - shows,)))
    assert [index.coded_before(i) for i in range(6)] == list(SHOWN)
    assert [index.at_time(pts) for pts in (-100, -40, -1, 0, 119, 120, 999, 5000)] == [0, 0, 0, 1, 3, 4, 4, 5]
    with pytest.raises(CorruptError, match="later"):
        index.add(200, Record(6, 1000))
    assert FrameIndex.unpack(index.pack(), 1000) == index
    for payload in (index.pack()[:-1], index.pack() + index.pack()):
        with pytest.raises(CorruptError, match="index"):
            FrameIndex.unpack(payload, 1000)
    with pytest.raises(CorruptError, match="index"):
        FrameIndex.unpack(index.pack(), 105)
