"""What `probe` and the check say of sequences."""

from __future__ import annotations

import io

import pytest

import codec
from codec.api import Codec
from codec.jobs.describe_sequence import SequenceDescription, described_frames, verify_sequence
from tests.support.clips import REPEATS, forward, moving, written


@pytest.fixture(scope="module")
def clip(wisp: Codec) -> bytes:
    return written(wisp, moving(10), "30000/1001", quality=50)


def test_facts(clip: bytes) -> None:
    for source in (clip, io.BytesIO(clip), forward(clip, 5)):
        facts = codec.probe(source)
        assert isinstance(facts, SequenceDescription)
        assert (facts.kind, facts.width, facts.height, facts.mode) == ("sequence", 96, 64, "RGB")
        assert (facts.frames, facts.repeats, facts.quality, facts.lossless) == (10, len(REPEATS), 50, False)
        assert (facts.rate, facts.time_base) == ("30000/1001", "1001/30000")
        assert facts.duration == pytest.approx(10 * 1001 / 30000)
        assert facts.bytes == len(clip) > facts.payload_bytes > 0
        assert facts.kbps == pytest.approx(8 * len(clip) / facts.duration / 1000, rel=0.4)
        assert facts.damaged == [] and facts.as_dict()["frames"] == 10


def test_rows(clip: bytes) -> None:
    rows = list(described_frames(io.BytesIO(clip)))
    assert [row.number for row in rows] == list(range(10))
    assert [row.kind for row in rows] == ["repeat" if i in REPEATS else "intra" for i in range(10)]
    assert [row.quality for row in rows] == [None if i in REPEATS else 50 for i in range(10)]
    assert rows[3].time == pytest.approx(3 * 1001 / 30000, abs=1e-6)
    assert sum(row.bytes for row in rows) < len(clip)


def test_lossless_frames(wisp: Codec) -> None:
    data = written(wisp, moving(2), lossless=True)
    facts = codec.probe(data)
    assert facts.lossless and facts.quality is None and facts.model is None
    assert [row.lossless_tiles for row in described_frames(io.BytesIO(data))] == [1, 1]


def test_a_whole_file_is_fine(wisp: Codec, clip: bytes) -> None:
    seen: list[int] = []
    facts, digest = verify_sequence(io.BytesIO(clip), wisp, on_frame=seen.append)
    assert seen == list(range(10)) and len(digest) == 64 and facts == codec.probe(clip)
    assert verify_sequence(forward(clip), wisp)[1] == digest


def test_every_flaw_is_told(wisp: Codec, clip: bytes) -> None:
    index, tail = clip.index(b"iNDX"), clip.index(b"DONE")
    for place in (index + 10, index + 60):  # where only seeking would suffer
        data = bytearray(clip)
        data[place] ^= 1
        with pytest.raises(codec.CorruptError, match="index damaged"):
            verify_sequence(io.BytesIO(data), wisp)
    with pytest.raises(codec.CorruptError, match="4 bytes follow"):
        verify_sequence(io.BytesIO(clip + b"more"), wisp)
    with pytest.raises(codec.TruncatedError):
        verify_sequence(io.BytesIO(clip[: tail + 3]), wisp)
    for place in range(60, len(clip), 37):
        data = bytearray(clip)
        data[place] ^= 0x10
        with pytest.raises(codec.WispError):
            verify_sequence(io.BytesIO(data), wisp)
