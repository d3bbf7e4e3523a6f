"""Section 10 of FORMAT.md: every field that it forbids is refused by its own error."""

from __future__ import annotations

import io
import struct
from dataclasses import replace

import pytest

from bitstream.errors import CorruptError, LimitError, UnsupportedError, WispError
from bitstream.sequence.audio import AudioPacket
from bitstream.sequence.record import INTRA, PREDICTED, REPEAT, Record
from bitstream.sequence.writer import SequenceWriter
from tests.support import reference_sequence
from tests.support.damage import Part, join, split
from tests.support.sequence_files import (
    DISTANCE,
    PTS,
    RECORD,
    STREAM,
    TAIL,
    TIMING,
    TIMING_BYTES,
    fine,
    indexed,
    leapt,
    place_of,
    read,
    refused,
    sealed,
    small,
    whole,
    with_field,
)

SMALL = small()
PARTS = split(SMALL)

HEADER_BASE = len(PARTS[0].payload) - TIMING_BYTES
FIRST = place_of(PARTS, b"FRAM")
SECOND = place_of(PARTS, b"FRAM", 1)
LAST = place_of(PARTS, b"FRAM", 5)
DONE = place_of(PARTS, b"DONE")


@pytest.mark.parametrize(
    ("name", "value"),
    [("time base", 0), ("time base below", 0), ("rate below", 0), ("aspect", 0), ("aspect below", 0)]
    + [("colour range", value) for value in (3, 255)],
)
def test_timing_out_of_range(name: str, value: int) -> None:
    at, code = TIMING[name]
    refused(with_field(PARTS, 0, (HEADER_BASE + at, code), value), CorruptError, 0, "header")


def test_timing_of_another_length() -> None:
    for payload in (PARTS[0].payload[:-1], PARTS[0].payload + b"\0", PARTS[0].payload[:-TIMING_BYTES]):
        refused([replace(PARTS[0], payload=payload), *PARTS[1:]], CorruptError, 0, "header")


@pytest.mark.parametrize("frames", [1, 5, 7, 2**32 - 1])
def test_a_wrong_number_of_frames(frames: int) -> None:
    """In the header or the tail: every frame comes, and then the error, also for who leaps."""
    at, code = TIMING["frames"]
    for parts in (
        with_field(PARTS, 0, (HEADER_BASE + at, code), frames),
        with_field(PARTS, DONE, TAIL["frames"], frames),
    ):
        refused(parts, CorruptError, 6, "6 frames are there")
        frames_leapt, fault = leapt(join(sealed(parts)))
        assert frames_leapt == read(SMALL).frames and isinstance(fault, CorruptError)
    right = with_field(PARTS, 0, (HEADER_BASE + at, code), 6)
    assert read(join(sealed(right)), check_index=True).error is None


@pytest.mark.parametrize(
    ("frame", "name", "value", "kind"),
    [
        (0, "number", 1, CorruptError),
        (5, "number", 4, CorruptError),
        (5, "number", 6, CorruptError),
        (0, "kind", INTRA + 3, UnsupportedError),
        (0, "kind", 255, UnsupportedError),
        (0, "kind", REPEAT, CorruptError),
        (0, "references", 1, CorruptError),
        (1, "references", 0, CorruptError),
        (1, "references", 2, CorruptError),
        (1, "references", 16, CorruptError),
        (1, "kind", PREDICTED, UnsupportedError),
        (1, "kind", INTRA, CorruptError),
        (5, "pts", 120, CorruptError),
        (5, "pts", 119, CorruptError),
        (1, "pts", -(2**63), CorruptError),
    ],
)
def test_records_out_of_range(frame: int, name: str, value: int, kind: type[WispError]) -> None:
    changed = with_field(PARTS, place_of(PARTS, b"FRAM", frame), RECORD[name], value)
    refused(changed, kind, frame, f"frame {frame}")
    _, fault = leapt(join(sealed([part for part in changed if part.type != b"iNDX"])))
    assert type(fault) is kind


@pytest.mark.parametrize(
    ("frame", "distance"), [(1, 0), (1, 2), (1, 2**32 - 1), (3, 2), (3, 3), (4, 1), (4, 3), (4, 4), (4, 5)]
)
def test_a_repeat_of_another_frame(frame: int, distance: int) -> None:
    """Of none, of one that is not the last, of a repeat: forward, by the index and by hopping."""
    changed = with_field(PARTS, place_of(PARTS, b"FRAM", frame), DISTANCE, distance)
    refused(changed, CorruptError, frame, f"frame {frame}")
    for parts in (changed, [part for part in changed if part.type != b"iNDX"]):
        frames, fault = leapt(join(sealed(parts)))
        assert isinstance(frames[frame] if len(frames) > frame else fault, CorruptError)


def test_records_of_other_lengths() -> None:
    for payload in (b"", PARTS[FIRST].payload[:-1], PARTS[FIRST].payload + bytes(4), bytes(79)):
        parts = [*PARTS[:FIRST], replace(PARTS[FIRST], payload=payload), *PARTS[FIRST + 1 :]]
        refused(parts, CorruptError, 0, "frame 0")


def test_predicted_frames_are_unsupported() -> None:
    """With fields of their own in order, and units that could be decoded."""
    record = Record(5, PTS[5], 40, PREDICTED, (1, 3))
    parts = [*PARTS[:LAST], Part(b"FRAM", record.pack()), *PARTS[LAST + 1 :]]
    refused(indexed(parts), UnsupportedError, 5, "predicted")
    assert Record.unpack(record.pack(), "a record") == record


@pytest.mark.parametrize("payload", [b"", bytes(11), bytes(13), struct.pack("<QI", 2**63, 6), struct.pack("<QI", 0, 0)])
def test_tails_out_of_range(payload: bytes) -> None:
    refused([*PARTS[:DONE], Part(b"DONE", payload)], CorruptError, 6)


def test_a_sequence_without_frames() -> None:
    parts = [*PARTS[:FIRST], Part(b"DONE", struct.pack("<QI", 0, 0))]
    refused(parts, CorruptError, 0, "no frame")
    frames, fault = leapt(join(sealed(parts)))
    assert frames == [] and isinstance(fault, CorruptError)


def test_an_index_is_not_needed() -> None:
    parts = [part for part in PARTS if part.type != b"iNDX"]
    data = join(sealed(with_field(parts, len(parts) - 1, TAIL["index offset"], 0)))
    seen = read(data, check_index=True)
    assert (seen.error, seen.damaged, seen.frames) == (None, (), read(SMALL).frames)
    assert leapt(data) == (seen.frames, None)
    assert reference_sequence.read_sequence(data).index is None


def test_no_index_is_written_that_no_chunk_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bitstream.sequence.writer.MAX_CHUNK_BYTES", 21)
    seen = read(SMALL)
    assert seen.start is not None
    for count, indexes in ((1, 1), (2, 0)):
        out = io.BytesIO()
        writer = SequenceWriter(out, seen.start.header)
        for i in range(count):
            writer.frame(seen.frames[0].units, i)
        writer.finish()
        assert [part.type for part in split(out.getvalue())].count(b"iNDX") == indexes
        assert read(out.getvalue(), check_index=True).damaged == ()
        assert len(leapt(out.getvalue())[0]) == count


# What is not written


def test_what_the_writer_refuses() -> None:
    """And goes on after as if it had not been asked."""
    seen = read(SMALL)
    assert seen.start is not None
    out = io.BytesIO()
    writer = SequenceWriter(out, seen.start.header, None, [STREAM])
    units = seen.frames[0].units
    with pytest.raises(ValueError, match="one frame"):
        writer.finish()
    with pytest.raises(ValueError, match="repeat"):
        writer.repeat(0)
    writer.frame(units, 0)
    for pts, duration in ((0, 0), (-1, 0), (2**63, 0), (1, 2**32), (1, -1)):
        with pytest.raises(ValueError, match=r"later|may not be"):
            writer.frame(units, pts, duration)
        with pytest.raises(ValueError, match=r"later|may not be"):
            writer.repeat(pts, duration)
    with pytest.raises(ValueError, match="1 units for 2 tiles"):
        writer.frame(units[:1], 1)
    with pytest.raises(ValueError, match="not described"):
        writer.packet(AudioPacket(4, b"", 0))
    with pytest.raises(LimitError, match="packet"):
        writer.packet(AudioPacket(3, bytes(2**24 + 1), 0))
    writer.repeat(1)
    writer.finish()
    again = read(out.getvalue(), check_index=True)
    assert (again.error, again.damaged, [frame.record.pts for frame in again.frames]) == (None, (), [0, 1])
    with pytest.raises(LimitError, match="description"):
        SequenceWriter(out, seen.start.header, None, [replace(STREAM, extra=bytes(2**20))])
    with pytest.raises(ValueError, match="same index"):
        SequenceWriter(out, seen.start.header, None, [STREAM, STREAM])


# Sound out of range

SOUND = place_of(PARTS, b"aSTR")
PACKET = place_of(PARTS, b"aPKT", 1)


@pytest.mark.parametrize(
    ("type_", "payload"),
    [
        (b"aPKT", b""),
        (b"aPKT", struct.pack("<BBqqI", 3, 2, 0, 0, 0)),
        (b"aPKT", struct.pack("<BBqqI", 32, 0, 0, 0, 0)),
        (b"aSTR", b""),
        (b"aSTR", struct.pack("<BIII", 32, 1, 1, 0) + bytes(4)),
        (b"aSTR", struct.pack("<BIII", 3, 0, 1, 0) + bytes(4)),
        (b"aSTR", struct.pack("<BIII", 3, 1, 0, 0) + bytes(4)),
        (b"aSTR", struct.pack("<BIII", 3, 1, 1, 0) + bytes(3)),
        (b"aSTR", struct.pack("<BIII", 3, 1, 1, 0) + b"\5abcd"),
        (b"aSTR", struct.pack("<BIII", 3, 1, 1, 0) + b"\1\xff\0\0\0"),
    ],
)
def test_sound_out_of_range_is_damaged(type_: bytes, payload: bytes) -> None:
    at = SOUND if type_ == b"aSTR" else PACKET
    data = whole([*PARTS[:at], Part(type_, payload), *PARTS[at + 1 :]])
    seen = read(data)
    assert (seen.error, seen.damaged, seen.frames) == (None, ("sound",), read(SMALL).frames)
    assert len(seen.packets) == (0 if type_ == b"aSTR" else 3)


def test_sound_that_belongs_to_nothing() -> None:
    refused([*PARTS[:SOUND], *PARTS[SOUND + 1 :]], CorruptError, 0, "stream 3")
    refused([*PARTS[: SOUND + 1], *PARTS[SOUND:]], CorruptError, 0, "second time")


def test_too_much_sound() -> None:
    streams = [Part(b"aSTR", replace(STREAM, index=i).pack()) for i in range(32)]
    fine([*PARTS[:SOUND], *streams, *PARTS[SOUND + 1 :]])
    refused([*PARTS[:SOUND], *streams, streams[0], *PARTS[SOUND + 1 :]], CorruptError, 0, "description")
    large = Part(b"aSTR", PARTS[SOUND].payload, length=2**20 + 1)
    refused([*PARTS[:SOUND], large, *PARTS[SOUND + 1 :]], CorruptError, 0, "description")
    large = Part(b"aPKT", PARTS[PACKET].payload, length=2**24 + 23)
    refused([*PARTS[:PACKET], large, *PARTS[PACKET + 1 :]], CorruptError, 2, "claims")
