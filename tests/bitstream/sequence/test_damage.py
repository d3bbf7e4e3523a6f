"""Sequences cut anywhere, or with any bit wrong: the right frames before it, then an error."""

from __future__ import annotations

import io
import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from bitstream.errors import CorruptError, NotWispError, TruncatedError, WispError
from bitstream.sequence.seek import SequenceFile
from codec.api import Codec
from codec.jobs.describe_sequence import verify_sequence
from codec.sequence.video import open_video
from tests.support.damage import split
from tests.support.sequence_files import (
    Extent,
    Forward,
    begins,
    extents,
    frame_extents,
    leapt,
    learned,
    place_of,
    read,
    shown,
    small,
    small_pixels,
    whole,
)

SMALL = small()
INTACT = read(SMALL)
PARTS = split(SMALL)
MAY_FAIL = (b"eXIF", b"xMPD", b"aSTR", b"aPKT", b"iNDX")
each_mode = pytest.mark.parametrize("mode", ["RGB", "RGBA"])


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


# Cut


@each_mode
def test_every_prefix_yields_what_is_complete(mode: str) -> None:
    """Forward, by the index and by hopping."""
    data = small(mode)
    intact, ends = read(data), [end for _, end in frame_extents(data)]
    packets = [chunk.end for chunk in extents(data) if chunk.type == b"aPKT"]
    start = extents(data)[3].end
    for cut in range(len(data)):
        seen = read(Forward(data[:cut]))
        assert type(seen.error) is (TruncatedError if cut else NotWispError), cut
        assert seen.frames == intact.frames[: sum(end <= cut for end in ends)]
        assert len(seen.packets) == sum(end <= cut for end in packets) and begins(seen, intact)
        if cut < start + 8:  # what comes before the first frame is not whole
            with pytest.raises(WispError):
                SequenceFile(io.BytesIO(data[:cut]))
            continue
        frames, fault = leapt(data[:cut])
        assert type(fault) is TruncatedError and frames == seen.frames, cut


@each_mode
def test_every_prefix_shows_what_is_complete(wisp: Codec, mode: str) -> None:
    """To the last pixel."""
    data = small(mode)
    pixels, ends = small_pixels(mode), [end for _, end in frame_extents(data)]
    for cut in range(1, len(data), 1 if mode == "RGB" else 3):
        frames, error, _ = shown(wisp, data[:cut] if cut % 2 else Forward(data[:cut]))
        assert type(error) is TruncatedError, cut
        assert len(frames) == sum(end <= cut for end in ends)
        assert all(np.array_equal(a, b) for a, b in zip(frames, pixels, strict=False))


def test_a_cut_file_is_sought_as_far_as_it_goes(wisp: Codec) -> None:
    pixels = small_pixels()
    for frames, (_, end) in enumerate(frame_extents(SMALL), start=1):
        with open_video(io.BytesIO(SMALL[: end + 3]), codec=wisp) as video:
            assert len(video) == frames
            for i in reversed(range(frames)):
                assert np.array_equal(video[i].pixels, pixels[i])
            for beyond in (frames, frames + 1):
                with pytest.raises(TruncatedError):
                    video[beyond]
            video.go_to(frames - 1)
            assert np.array_equal(next(video).pixels, pixels[frames - 1])
            with pytest.raises(TruncatedError):
                next(video)


# Flipped bits


def harmless(chunks: Sequence[Extent], bit: int) -> bool:
    """Whether a bit is in the payload or checksum of what may fail it."""
    return any(c.start + 8 <= bit // 8 < c.end for c in chunks if c.type in MAY_FAIL)


def has_length_of_no_use(chunks: Sequence[Extent], bit: int) -> bool:
    """Whether a bit is in the length of what may fail its checksum: what then follows is anything."""
    return any(c.start <= bit // 8 < c.start + 4 for c in chunks if c.type in MAY_FAIL)


@each_mode
def test_every_flipped_bit_is_told(mode: str) -> None:
    """Frames are the right ones up to an error; those beside which something is damaged all come."""
    data = small(mode)
    intact, chunks, ends = read(data), extents(data), [end for _, end in frame_extents(data)]
    for bit in range(8 * len(data)):
        seen = read(flipped(data, bit), check_index=True)
        assert seen.frames == intact.frames[: len(seen.frames)]
        if harmless(chunks, bit):
            assert (seen.error, len(seen.frames), len(seen.damaged)) == (None, 6, 1), bit
            assert all(packet in intact.packets for packet in seen.packets)
            continue
        assert begins(seen, intact)
        assert len(seen.frames) == sum(8 * end <= bit for end in ends)
        allowed = (NotWispError,) if bit < 64 else (CorruptError, TruncatedError)
        assert isinstance(seen.error, WispError if has_length_of_no_use(chunks, bit) else allowed), bit


@pytest.mark.slow
def test_every_flipped_bit_by_leaps() -> None:
    """A frame that comes is the right one, and none is missing without a fault."""
    for bit in range(8 * extents(SMALL)[5].start, 8 * len(SMALL)):
        frames, fault = leapt(flipped(SMALL, bit))
        assert len(frames) == 6 or fault is not None
        for i, frame in enumerate(frames):
            assert isinstance(frame, WispError) or frame == INTACT.frames[i], bit
        intact = sum(not isinstance(frame, WispError) for frame in frames)
        assert intact == 6 or not harmless(extents(SMALL), bit)


@each_mode
@pytest.mark.slow
def test_every_byte_with_a_flipped_bit_is_shown_right(wisp: Codec, mode: str) -> None:
    """To the last pixel; what is wrong beside the frames gets a note, and the verifier refuses it."""
    data, draw = small(mode, 3), random.Random(mode)
    pixels, chunks = small_pixels(mode, 3), extents(data)
    for byte in range(0, len(data), 1 if mode == "RGB" else 4):
        broken = flipped(data, 8 * byte + draw.randrange(8))
        frames, error, notes = shown(wisp, broken)
        assert all(np.array_equal(a, b) for a, b in zip(frames, pixels, strict=False))
        assert (error is None) == (len(notes) > 0) == harmless(chunks, 8 * byte)
        assert error is not None or len(frames) == 6
        with pytest.raises(WispError):
            verify_sequence(io.BytesIO(broken), wisp)


def test_flipped_bits_of_learned_frames(wisp: Codec) -> None:
    data, draw = learned(wisp), random.Random(1)
    intact, _, _ = shown(wisp, data)
    verify_sequence(io.BytesIO(data), wisp)
    for bit in draw.sample(range(8 * len(data)), 60):
        frames, error, notes = shown(wisp, flipped(data, bit))
        assert (error is None) == (notes == ["index damaged and left out"]) == harmless(extents(data), bit)
        assert all(np.array_equal(a, b) for a, b in zip(frames, intact, strict=False))


def test_a_wrong_latent_check(wisp: Codec) -> None:
    """Behind right checksums."""
    parts = split(learned(wisp))
    at = place_of(parts, b"UNIT", 1)
    payload = bytearray(parts[at].payload)
    payload[-1] ^= 1
    data = whole([*parts[:at], replace(parts[at], payload=bytes(payload)), *parts[at + 1 :]])
    frames, error, _ = shown(wisp, data)
    assert len(frames) == 2 and type(error) is CorruptError and "frame 2" in str(error)
    with pytest.raises(CorruptError, match="frame 2"):
        verify_sequence(io.BytesIO(data), wisp)


@pytest.mark.parametrize("tail", [b"\0", b"FRAM", SMALL])
def test_bytes_behind_the_end(wisp: Codec, tail: bytes) -> None:
    """As with a still picture: a note in decoding, an error in verifying."""
    frames, error, notes = shown(wisp, SMALL + tail)
    assert (len(frames), error) == (6, None)
    assert notes == [f"{len(tail)} bytes after the end of the file are ignored"]
    with pytest.raises(CorruptError, match="follow"):
        verify_sequence(io.BytesIO(SMALL + tail), wisp)
