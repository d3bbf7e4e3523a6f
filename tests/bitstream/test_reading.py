"""What reading a file costs: nothing is kept that is not needed, nothing that never ends is waited for."""

from __future__ import annotations

import io
import tracemalloc
from pathlib import Path

import pytest

from bitstream import chunks
from bitstream.errors import CorruptError, LimitError, ModelFileError
from bitstream.limits import MAX_OTHER_CHUNKS
from bitstream.still import read_still
from codec.files.source import read_file
from codec.jobs.describe_still import describe
from codec.model.config import ModelConfig

DATA = (Path(__file__).parents[1] / "golden" / "small.wisp").read_bytes()
HEADER_END = len(chunks.SIGNATURE) + chunks.OVERHEAD + 25


def with_chunks(extra: bytes) -> bytes:
    return DATA[:HEADER_END] + extra + DATA[HEADER_END:]


def test_a_skipped_chunk_is_not_kept() -> None:
    data = with_chunks(chunks.build_chunk(b"nOTE", bytes(30_000_000)))
    stream = io.BytesIO(data)
    tracemalloc.start()
    assert read_still(stream).size == len(data)
    assert tracemalloc.get_traced_memory()[1] < 8_000_000
    tracemalloc.stop()


def test_a_skipped_chunk_is_checked() -> None:
    chunk = bytearray(chunks.build_chunk(b"nOTE", bytes(3_000_000)))
    chunk[2_000_000] ^= 1
    with pytest.raises(CorruptError, match="nOTE"):
        read_still(io.BytesIO(with_chunks(bytes(chunk))))


def test_chunks_without_end_are_refused() -> None:
    note = chunks.build_chunk(b"nOTE", b"")
    assert len(read_still(io.BytesIO(with_chunks(note * (MAX_OTHER_CHUNKS - 3)))).units) == 1
    with pytest.raises(LimitError, match="chunks"):
        read_still(io.BytesIO(with_chunks(note * (MAX_OTHER_CHUNKS + 3))))


class Endless(io.RawIOBase):
    """A whole file and then zeros for ever."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        return self._data.read(size) or bytes(size)


def test_what_never_ends_is_not_waited_for() -> None:
    still = read_still(Endless(DATA))  # type: ignore[arg-type]
    assert still.size == len(DATA)
    assert chunks.MOST_TRAILING <= still.trailing < 2 * chunks.MOST_TRAILING


def test_the_model_described_is_the_one_that_units_use() -> None:
    still = read_file(DATA)
    assert describe(still).model == still.models_used[0] == still.header.model_ids[0].hex()


@pytest.mark.parametrize("text", ["[" * 100_000, '{"c": ' * 1000, "9" * 5000])
def test_hostile_configurations_are_model_errors(text: str) -> None:
    with pytest.raises(ModelFileError):
        ModelConfig.from_json(text)
