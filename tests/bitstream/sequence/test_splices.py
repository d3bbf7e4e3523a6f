"""Sequences put together of others, or made with malice: no frame comes that is not the sequence's own."""

from __future__ import annotations

import io
import struct
import tracemalloc
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from bitstream.errors import CorruptError, TruncatedError
from bitstream.sequence.reader import SequenceReader
from codec.api import Codec
from codec.jobs.describe_sequence import verify_sequence
from tests.support import damage
from tests.support.damage import Part, join, split
from tests.support.sequence_files import (
    CLIP,
    RECORD,
    TAIL,
    TAIL_CHUNK,
    Forward,
    begins,
    extents,
    groups,
    indexed,
    joined,
    leapt,
    place_of,
    read,
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


# Splices

OTHER = groups(small(seed=50))  # the same timing, sound and sizes
OWN = groups(SMALL)


def spliced(parts: Sequence[Sequence[Part]], frames: int) -> None:
    """Neither forward nor by a leap does anything but the sequence's own frames come."""
    data = joined(parts)
    seen = read(Forward(data))
    assert type(seen.error) is CorruptError, repr(seen.error)
    assert seen.frames == INTACT.frames[:frames]
    for i, frame in enumerate(leapt(data)[0]):
        assert type(frame) is CorruptError or frame == INTACT.frames[i]


@pytest.mark.parametrize("frame", range(6))
def test_a_frame_of_another_sequence(frame: int) -> None:
    assert OWN[frame + 1] != OTHER[frame + 1]
    spliced([*OWN[: frame + 1], OTHER[frame + 1], *OWN[frame + 2 :]], frame)


@pytest.mark.parametrize("frame", [0, 2, 5])
@pytest.mark.parametrize("tile", [0, 1])
@pytest.mark.parametrize("source", ["another sequence", "another frame", "another tile"])
def test_a_unit_of_elsewhere(frame: int, tile: int, source: str) -> None:
    foreign = {
        "another sequence": OTHER[frame + 1][1 + tile],
        "another frame": OWN[1 if frame else 3][1 + tile],
        "another tile": OWN[frame + 1][2 - tile],
    }[source]
    changed = list(OWN[frame + 1])
    changed[1 + tile] = foreign
    spliced([*OWN[: frame + 1], changed, *OWN[frame + 2 :]], frame)


@pytest.mark.parametrize("first", range(1, 7))
@pytest.mark.parametrize("second", range(1, 7))
def test_frames_of_another_place(first: int, second: int) -> None:
    """Swapped, doubled, left out."""
    if first < second:
        swapped = list(OWN)
        swapped[first], swapped[second] = OWN[second], OWN[first]
        spliced(swapped, first - 1)
        spliced([*OWN[:first], *OWN[second:]], first - 1)
    else:
        spliced([*OWN[: first + 1], *OWN[second:]], first)


@pytest.mark.parametrize("kept", range(6))
def test_the_last_frames_cut_away_with_the_tail_kept(kept: int) -> None:
    spliced([*OWN[: kept + 1], OWN[-1]], kept)
    spliced([*OWN[: kept + 1], OWN[-1][1:]], kept)


@pytest.mark.parametrize("kept", range(1, 7))
def test_an_end_of_another_sequence(kept: int) -> None:
    """Whose number of frames is right."""
    shorter = groups(small(seed=50))[: kept + 1]
    end = split(whole([part for group in shorter for part in group]))[-2:]
    spliced([*OWN[: kept + 1], end], kept)
    spliced([*OWN[: kept + 1], end[1:]], kept)


def test_a_header_of_another_sequence() -> None:
    for other in (OTHER[0], groups(small(clip=replace(CLIP, colour_range=2)))[0]):
        spliced([other, *OWN[1:]], 0)


def test_an_index_of_another_sequence(wisp: Codec) -> None:
    """It does not keep anybody from reading on; leaps by it are refused or right; the verifier complains."""
    view = [part for group in groups(small("RGBA")) for part in group]
    for foreign in (view[-2], split(whole(PARTS[: place_of(PARTS, b"FRAM", 4)]))[-2]):
        parts = [*PARTS[:-2], foreign, PARTS[-1]]
        data = join(parts)
        seen = read(data, check_index=True)
        assert (seen.error, seen.frames, seen.damaged) == (None, INTACT.frames, ("index",))
        for i, frame in enumerate(leapt(data)[0]):
            assert type(frame) is CorruptError or frame == INTACT.frames[i]
        with pytest.raises(CorruptError, match="index"):
            verify_sequence(io.BytesIO(data), wisp)


# Malice: every checksum is right


def test_a_tail_that_lies_about_the_index() -> None:
    """The file is hopped through then, or no leap ends in another frame."""
    done = len(PARTS) - 1
    for offset in (0, 1, 8, extents(SMALL)[5].start, len(SMALL) - TAIL_CHUNK, len(SMALL), 2**40, 2**63 - 1):
        data = join(sealed(with_field(PARTS, done, TAIL["index offset"], offset)))
        seen = read(data, check_index=True)
        assert (seen.error, seen.frames, seen.damaged) == (None, INTACT.frames, ("index",))
        assert leapt(data) == (INTACT.frames, None)


@pytest.mark.parametrize(
    ("entry", "field", "value"),
    [
        *[(0, "offset", 0), (3, "offset", 60), (5, "offset", 780), (5, "offset", 2**63), (1, "pts", 1)],
        *[(5, "pts", 10**9), (2, "duration", 0), (1, "kind", 0), (3, "kind", 1), (5, "kind", 2), (5, "kind", 9)],
    ],
)
def test_an_index_that_lies(wisp: Codec, entry: int, field: str, value: int) -> None:
    at, code = {"offset": (0, "<Q"), "pts": (8, "<q"), "duration": (16, "<I"), "kind": (20, "<B")}[field]
    index = len(PARTS) - 2
    data = join(sealed(with_field(PARTS, index, (21 * entry + at, code), value)))
    assert read(data).frames == INTACT.frames
    assert read(data, check_index=True).damaged == ("index",)
    frames, _ = leapt(data)
    for i, frame in enumerate(frames):
        assert type(frame) is CorruptError or frame == INTACT.frames[i]
    assert type(frames[entry]) is CorruptError or field == "offset" or value == 9  # what cannot be an index is not used


def hidden_frame() -> bytes:
    """A packet of sound that holds a record and units of frame 5, right in every checksum; the index leads there."""
    last = place_of(PARTS, b"FRAM", 5)
    foreign = split(small(seed=50))
    units = [part for part in foreign[place_of(foreign, b"FRAM", 5) :] if part.type == b"UNIT"]
    inner = sealed([PARTS[0], PARTS[last], *units])[1:]
    packet = struct.pack("<BBqqI", 3, 1, 0, 0, 0) + b"".join(map(bytes, inner))
    parts = indexed([*PARTS[:last], Part(b"aPKT", packet), *PARTS[last:]])
    place = 8 + sum(len(bytes(part)) for part in PARTS[:last]) + 8 + 22
    return join(sealed(with_field(parts, len(parts) - 2, (21 * 5, "<Q"), place)))


def test_an_index_that_leads_into_sound(wisp: Codec) -> None:
    """Nobody who reads on is misled, and the verifier tells."""
    data = hidden_frame()
    seen = read(data, check_index=True)
    assert (seen.error, seen.frames, seen.damaged) == (None, INTACT.frames, ("index",))
    frames, error, _ = shown(wisp, data)
    assert error is None and all(np.array_equal(a, b) for a, b in zip(frames, small_pixels(), strict=True))
    with pytest.raises(CorruptError, match="index"):
        verify_sequence(io.BytesIO(data), wisp)
    assert leapt(data)[0][:5] == INTACT.frames[:5]
    without = [part for part in split(data) if part.type != b"iNDX"]
    assert leapt(join(sealed(without))) == (INTACT.frames, None)


class Zeros(Forward):
    """A file and then zeros for ever."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(size) or bytes(size or 0)


@pytest.mark.parametrize("type_", [b"FRAM", b"UNIT", b"aPKT", b"aSTR", b"DONE", b"HEAD"])
@pytest.mark.parametrize("claimed", [2**32 - 1, 2**31, 2**31 - 1, 2**29])
def test_a_claimed_length_takes_no_memory(type_: bytes, claimed: int) -> None:
    """What cannot be is refused before it is read, also where bytes come without end."""
    at = place_of(PARTS, type_)
    start = extents(SMALL)[at].start
    for stream in (Zeros, Forward):
        tracemalloc.start()
        seen = read(stream(SMALL[:start] + struct.pack("<I4s", claimed, type_)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert type(seen.error) is CorruptError and peak < 1_000_000
        assert begins(seen, INTACT)


@pytest.mark.parametrize("type_", [b"iNDX", b"wHAT"])
def test_a_long_chunk_that_is_passed_over_takes_no_memory(type_: bytes) -> None:
    index = extents(SMALL)[-2].start
    long = Part(type_, bytes(40_000_000))
    data = SMALL[:index] + bytes(sealed([long])[0])
    tracemalloc.start()
    reader = SequenceReader(Forward(data))
    with pytest.raises(TruncatedError):
        list(reader.items())
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


def test_claimed_references_and_frames_take_no_memory() -> None:
    last = place_of(PARTS, b"FRAM", 5)
    many = struct.pack("<IBBqI", 5, 2, 15, 5000, 0) + struct.pack("<15I", *[2**32 - 1] * 15)
    for parts in (
        [*PARTS[:last], Part(b"FRAM", many), *PARTS[last + 1 :]],
        with_field(PARTS, last, RECORD["number"], 2**32 - 2),
        with_field(PARTS, len(PARTS) - 1, TAIL["frames"], 2**32 - 1),
    ):
        tracemalloc.start()
        seen = read(join(sealed(parts)), check_index=True)
        frames, fault = leapt(join(sealed(parts)))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert type(seen.error) is CorruptError and peak < 1_000_000
        assert isinstance(fault, CorruptError) or any(isinstance(frame, CorruptError) for frame in frames)


def test_a_huge_picture_in_few_bytes(wisp: Codec) -> None:
    """The header claims 134 megapixels; memory is taken for what is there."""
    head = damage.patched(damage.patched(PARTS[0].payload, damage.HEADER["width"], 16384), (4, "<H"), 8192)
    head = damage.patched(head, damage.HEADER["tile"], 64)
    data = join(sealed([replace(PARTS[0], payload=head), *PARTS[1:]]))
    tracemalloc.start()
    frames, error, _ = shown(wisp, data)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert frames == [] and isinstance(error, CorruptError) and peak < 5_000_000
