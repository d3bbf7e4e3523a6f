"""Tables and range coding: every symbol comes back, in constriction and in the integer decoder alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import constriction
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bitstream.errors import CorruptError, ModelFileError
from bitstream.rangecoder import Kind, SymbolDecoder, SymbolEncoder, TableSets
from bitstream.tables import ESCAPED, MAX_VALUE, TOTAL, Table, ideal_bits, unpack_tables
from codec.training.export.frequencies import stored_frequencies
from tests.support import reference_decoder
from tests.support.goldens import loaded

Ints = NDArray[np.int64]
FIRST_SCALE = (2**64 - 1) >> 24  # of a fresh decoder: a quantile is this many points wide
MODERATE = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def tables(draw: st.DrawFn) -> Table:
    """From two entries to some hundred, flat, peaked or mostly of frequency one."""
    n = draw(st.one_of(st.integers(2, 12), st.integers(2, 400)))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    kind = draw(st.sampled_from(["flat", "random", "peaked", "spike"]))
    weights = {"flat": np.ones(n), "random": rng.random(n) + 1e-9, "peaked": rng.random(n) ** 30 + 1e-12}.get(
        kind, np.eye(n)[rng.integers(n)] + 1e-12
    )
    return Table(draw(st.integers(-MAX_VALUE, MAX_VALUE + 2 - n)), stored_frequencies(weights))


def symbols_for(table: Table, rng: np.random.Generator, count: int) -> Ints:
    """Within the table, just outside and far outside."""
    low, high = table.lowest, table.lowest + table.escape - 1
    inside = rng.integers(low, high + 1, count)
    near = rng.choice([low, high, low - 1, high + 1, low - 2, high + 2], count)
    far = rng.choice([-MAX_VALUE, MAX_VALUE, 0, int(rng.integers(-MAX_VALUE, MAX_VALUE))], count)
    return np.choose(rng.integers(0, 3, count), [inside, near, far]).clip(-MAX_VALUE, MAX_VALUE)


def as_reference(table: Table) -> reference_decoder.Table:
    return reference_decoder.Table(table.lowest, [0, *np.cumsum(table.stored.astype(np.int64) + 1).tolist()])


def reference_symbols(stream: bytes, sets: TableSets, groups: Sequence[tuple[Kind, Ints]]) -> list[Ints]:
    coder = reference_decoder.RangeDecoder(stream)
    known = {kind: [as_reference(table) for table in sets[kind]] for kind in sets}
    return [reference_decoder.decode_group(coder, known[kind], index) for kind, index in groups]


@dataclass(frozen=True)
class Message:
    """Symbols in calls of the coder, as z and then steps of y are coded."""

    sets: TableSets
    calls: list[tuple[Kind, Ints, Ints]]  # kind, table indices, symbols

    def encoded(self) -> bytes:
        encoder = SymbolEncoder(self.sets)
        for kind, index, symbols in self.calls:
            encoder.encode(kind, index, symbols)
        return encoder.finish()


@st.composite
def messages(draw: st.DrawFn) -> Message:
    sets: dict[Kind, list[Table]] = {kind: draw(st.lists(tables(), min_size=1, max_size=5)) for kind in ("z", "y")}
    rng = np.random.default_rng(draw(st.integers(0, 1 << 32)))
    calls: list[tuple[Kind, Ints, Ints]] = []
    for kind in ("z", "y", "y", "y", "y"):
        index = rng.integers(0, len(sets[kind]), draw(st.integers(0, 60)))
        symbols = np.array([symbols_for(sets[kind][t], rng, 1)[0] for t in index], np.int64)
        calls.append((kind, index, symbols))
    return Message(sets, calls)


@MODERATE
@given(messages())
def test_symbols_come_back(message: Message) -> None:
    stream = message.encoded()
    assert len(stream) % 4 == 0
    decoder = SymbolDecoder(stream, message.sets)
    for kind, index, symbols in message.calls:
        assert (decoder.decode(kind, index) == symbols).all()
    groups = [(kind, index) for kind, index, _ in message.calls]
    for (_, _, symbols), found in zip(message.calls, reference_symbols(stream, message.sets, groups), strict=True):
        assert (found == symbols).all()


def outcome(decode: Any) -> list[int] | str:
    try:
        return [value for part in decode() for value in part.tolist()]
    except ValueError:  # CorruptError is one
        return "corrupt"


@MODERATE
@given(messages(), st.binary(max_size=60), st.integers(0, 40))
def test_both_decoders_make_the_same_of_any_stream(message: Message, noise: bytes, kept: int) -> None:
    """Random words behind a part of a real stream, or nothing but noise: the same symbols, or corrupt for both."""
    stream = message.encoded()[: kept // 4 * 4] + noise[: len(noise) // 4 * 4]
    groups = [(kind, index) for kind, index, _ in message.calls]

    def here() -> list[NDArray[np.int32]]:
        decoder = SymbolDecoder(stream, message.sets)
        return [decoder.decode(kind, index) for kind, index in groups]

    assert outcome(here) == outcome(lambda: reference_symbols(stream, message.sets, groups))


@pytest.mark.parametrize("value", [MAX_VALUE, -MAX_VALUE, 0, 5000])
def test_escapes_hold_every_value(value: int) -> None:
    table = Table(-1, stored_frequencies(np.array([1.0, 2.0, 1.0, 0.001])))
    index = np.zeros(7, np.int64)
    symbols = np.array([value, 0, 1, value, -1, -value, value])
    encoder = SymbolEncoder({"y": [table], "z": []})
    encoder.encode("y", index, symbols)
    stream = encoder.finish()
    assert (SymbolDecoder(stream, {"y": [table], "z": []}).decode("y", index) == symbols).all()
    assert (reference_symbols(stream, {"y": [table]}, [("y", index)])[0] == symbols).all()


@pytest.mark.parametrize("value", [MAX_VALUE + 1, -MAX_VALUE - 1, 100_000])
def test_symbols_beyond_the_largest_are_refused(value: int) -> None:
    encoder = SymbolEncoder({"y": [Table(0, stored_frequencies(np.ones(3)))], "z": []})
    with pytest.raises(ValueError, match="32767"):
        encoder.encode("y", np.zeros(2, np.int64), np.array([0, value]))


def test_an_escaped_smallest_value_is_corrupt() -> None:
    """-32768 is no symbol; the streams beside it are fine."""
    table = Table(0, stored_frequencies(np.ones(4)))
    index = np.zeros(3, np.int64)

    def stream_with(escaped: int) -> bytes:
        coder = constriction.stream.queue.RangeEncoder()
        coder.encode(np.array([0, table.escape, 2], np.int32), table.model)
        coder.encode(np.array([escaped], np.int32), ESCAPED)
        return bytes(coder.get_compressed().astype("<u4").tobytes())

    sets: TableSets = {"y": [table]}
    assert SymbolDecoder(stream_with(1), sets).decode("y", index).tolist() == [0, -MAX_VALUE, 2]
    with pytest.raises(CorruptError, match="-32768"):
        SymbolDecoder(stream_with(0), sets).decode("y", index)
    with pytest.raises(ValueError, match="escaped value"):
        reference_symbols(stream_with(0), sets, [("y", index)])


def entry_at(model: object, point: int) -> int:
    """What a fresh decoder reads whose first 64 bits are `point`."""
    words = np.array([point >> 32, point & 0xFFFFFFFF], np.uint32)
    return int(constriction.stream.queue.RangeDecoder(words).decode(model, 1)[0])


def assert_effective(stored: NDArray[np.uint32], model: object) -> None:
    """Each entry begins exactly where the frequencies before it, each one more than stored, say."""
    cumulative = [0, *np.cumsum(stored.astype(np.int64) + 1).tolist()]
    assert cumulative[-1] == TOTAL
    for i in range(len(stored)):
        assert entry_at(model, cumulative[i] * FIRST_SCALE) == i
        assert entry_at(model, cumulative[i + 1] * FIRST_SCALE - 1) == i


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@MODERATE
@given(table=tables())
def test_effective_frequency_is_stored_plus_one(dtype: type, table: Table) -> None:
    """In float64, as `Table` hands them over, and in float32, too: stored sums leave nothing to round."""
    assert_effective(table.stored, table.model)
    given_as = constriction.stream.model.Categorical(table.stored.astype(dtype), perfect=False)
    assert_effective(table.stored, given_as)


@pytest.mark.parametrize("kind", ["z", "y"])
def test_tables_of_the_packaged_model(kind: Kind) -> None:
    for table in loaded().tables[kind]:
        assert_effective(table.stored, table.model)
        assert table.lowest <= 0 < table.lowest + table.escape  # zero never needs an escape


def test_the_largest_table() -> None:
    stored = stored_frequencies(np.ones(65535))
    table = Table(-MAX_VALUE, stored)
    symbols = np.array([-MAX_VALUE, 0, MAX_VALUE - 1, MAX_VALUE])  # the last is escaped
    index = np.zeros(4, np.int64)
    encoder = SymbolEncoder({"y": [table]})
    encoder.encode("y", index, symbols)
    assert (SymbolDecoder(encoder.finish(), {"y": [table]}).decode("y", index) == symbols).all()


@pytest.mark.parametrize("spread", [0.5, 3.0, 40.0])
def test_length_is_what_the_tables_promise(spread: float) -> None:
    sets = loaded().tables
    rng = np.random.default_rng(3)
    index = rng.integers(0, 64, 30_000)
    symbols = np.rint(rng.normal(0, spread, len(index))).astype(np.int64)
    symbols[:50] = rng.integers(-MAX_VALUE, MAX_VALUE, 50)  # escapes count, too
    encoder = SymbolEncoder(sets)
    encoder.encode("y", index, symbols)
    bits = 8 * len(encoder.finish())
    ideal = ideal_bits(list(sets["y"]), index, symbols)
    assert ideal - 64 <= bits <= 1.005 * ideal + 64


def test_ideal_bits_of_a_case_worked_out_by_hand() -> None:
    table = Table(-1, np.array([(1 << 22) - 1, (1 << 23) - 1, (1 << 22) - 1 - (1 << 10), (1 << 10) - 1], np.uint32))
    symbols = np.array([-1, 0, 0, 900])  # 2 + 1 + 1 bits, and an escape of 14 bits with 16 bits of value
    assert ideal_bits([table], np.zeros(4, np.int64), symbols) == pytest.approx(34.0)


def test_symbols_are_grouped_by_table_in_the_order_given() -> None:
    """One call with mixed indices is the same stream as one call a table."""
    sets: TableSets = {
        "y": [Table(-3, stored_frequencies(np.ones(8))), Table(-3, stored_frequencies(np.arange(1.0, 9)))]
    }
    index, symbols = np.array([1, 0, 1, 0, 1]), np.array([3, -3, 99, 50, 0])
    mixed, apart = SymbolEncoder(sets), SymbolEncoder(sets)
    mixed.encode("y", index, symbols)
    for t in (0, 1):
        apart.encode("y", index[index == t], symbols[index == t])
    assert mixed.finish() == apart.finish()


def test_an_empty_stream_reads_as_zeros() -> None:
    table = Table(5, stored_frequencies(np.ones(4)))
    assert SymbolDecoder(b"", {"y": [table]}).decode("y", np.zeros(3, np.int64)).tolist() == [5, 5, 5]
    assert SymbolDecoder(b"", {"y": [table]}).decode("y", np.zeros(0, np.int64)).tolist() == []


@pytest.mark.parametrize(
    "lowest, stored",
    [
        (0, [TOTAL - 1]),  # an escape alone
        (0, []),
        (0, [0, TOTAL - 3]),  # one too few
        (0, [0, TOTAL - 1]),  # one too many
        (MAX_VALUE, [1, 1, TOTAL - 5]),  # beyond the largest symbol
        (-MAX_VALUE - 1, [1, TOTAL - 3]),
    ],
)
def test_tables_that_cannot_be_are_refused(lowest: int, stored: list[int]) -> None:
    with pytest.raises(ModelFileError):
        Table(lowest, np.array(stored, np.uint32))


def test_tables_that_do_not_fit_their_lengths_are_refused() -> None:
    stored, lengths = stored_frequencies(np.ones(4)), np.array([4], np.uint16)
    assert len(unpack_tables(stored, lengths, np.array([0], np.int16))) == 1
    for bad_lengths, bad_lowest in (([5], [0]), ([3], [0]), ([4, 0], [0, 0]), ([4], [0, 0])):
        with pytest.raises(ModelFileError):
            unpack_tables(stored, np.array(bad_lengths, np.uint16), np.array(bad_lowest, np.int16))
