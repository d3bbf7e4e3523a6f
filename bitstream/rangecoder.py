"""Range coding of integer symbols, grouped by table (constriction's queue coder: first in, first out).

A call codes its symbols in the order (table, position): all symbols of the lowest table index first, in
the order given, then that table's escaped values, then the next table. Encoder and decoder call with the
same index arrays, so a call may depend on what earlier calls decoded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import constriction
import numpy as np
from numpy.typing import NDArray

from bitstream.errors import CorruptError
from bitstream.tables import ESCAPE_OFFSET, ESCAPED, MAX_VALUE, Table

Kind = Literal["z", "y", "detail"]
TableSets = Mapping[Kind, Sequence[Table]]  # hyper-latent, latent and detail have tables of their own


class SymbolSink(Protocol):
    """What takes symbols in coding order: an encoder, or something that only counts them."""

    def encode(self, kind: Kind, index: NDArray[np.integer[Any]], symbols: NDArray[np.integer[Any]]) -> None:
        """Take `symbols` (n,), |v| <= 32767, whose tables are named by `index` (n,)."""


def _groups(index: NDArray[np.integer[Any]]) -> tuple[NDArray[np.intp], list[tuple[int, int, int]]]:
    """-> stable order by table, and (table, start, end) of each group in that order."""
    order = np.argsort(index, kind="stable")
    counts = np.bincount(index) if len(index) else np.zeros(0, np.intp)
    ends = np.cumsum(counts)
    return order, [(int(t), int(ends[t] - counts[t]), int(ends[t])) for t in np.flatnonzero(counts)]


class SymbolEncoder:
    """Collects symbols into one stream."""

    def __init__(self, tables: TableSets) -> None:
        self._tables = tables
        self._coder = constriction.stream.queue.RangeEncoder()

    def encode(self, kind: Kind, index: NDArray[np.integer[Any]], symbols: NDArray[np.integer[Any]]) -> None:
        """Append `symbols` (n,), |v| <= 32767, with the tables of `kind` named by `index` (n,)."""
        if len(symbols) and np.abs(symbols).max() > MAX_VALUE:
            raise ValueError(f"symbols must lie within +-{MAX_VALUE}")
        order, groups = _groups(index)
        values = symbols[order].astype(np.int32)  # constriction takes int32 only
        for t, start, end in groups:
            table, group = self._tables[kind][t], values[start:end]
            entries = group - np.int32(table.lowest)
            outside = (entries < 0) | (entries >= table.escape)
            self._coder.encode(np.where(outside, np.int32(table.escape), entries), table.model)
            if outside.any():
                self._coder.encode(group[outside] + np.int32(ESCAPE_OFFSET), ESCAPED)

    def finish(self) -> bytes:
        """The stream: 32-bit words, little endian."""
        return self._coder.get_compressed().astype("<u4").tobytes()


class SymbolDecoder:
    """Reads a stream back. Missing words read as zero; only checksums tell that a stream is whole."""

    def __init__(self, stream: bytes, tables: TableSets) -> None:
        self._tables = tables
        words = np.frombuffer(stream, "<u4").astype(np.uint32)
        self._coder = constriction.stream.queue.RangeDecoder(words)

    def decode(self, kind: Kind, index: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
        """-> symbols (n,) for the tables of `kind` named by `index` (n,).

        Raises CorruptError for a stream that no encoder can have written.
        """
        order, groups = _groups(index)
        values = np.empty(len(index), np.int32)
        for t, start, end in groups:
            table = self._tables[kind][t]
            entries = self._take(table.model, end - start)
            escaped = entries == table.escape
            entries += np.int32(table.lowest)
            if escaped.any():
                raw = self._take(ESCAPED, int(escaped.sum()))
                if not raw.all():
                    raise CorruptError("an escaped symbol has the value -32768")
                entries[escaped] = raw - np.int32(ESCAPE_OFFSET)
            values[start:end] = entries
        symbols = np.empty_like(values)
        symbols[order] = values
        return symbols

    def _take(self, model: object, count: int) -> NDArray[np.int32]:
        try:
            return self._coder.decode(model, count)
        except AssertionError as error:  # constriction's way to say that the data is invalid
            raise CorruptError("the range-coder stream is invalid") from error
