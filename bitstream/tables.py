"""Integer frequency tables, and the models that constriction makes of them.

constriction's `Categorical(..., perfect=False)` turns n weights into the cumulative frequencies
floor(cumsum * (2**24 - n) / sum) + i. Stored frequencies that sum to exactly 2**24 - n therefore pass
unchanged: the effective frequency of entry i is `stored[i] + 1`, on every machine (FORMAT.md, "Tables").
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import constriction
import numpy as np
from numpy.typing import NDArray

from bitstream.errors import ModelFileError

TOTAL = 1 << 24  # sum of the effective frequencies of a table
ESCAPE_VALUES = 1 << 16  # an escaped value v is coded uniformly as v + 32768
ESCAPE_OFFSET = 1 << 15
MAX_VALUE = ESCAPE_OFFSET - 1  # largest magnitude of a symbol


@dataclass(frozen=True)
class Table:
    """One frequency table: entry i stands for the symbol `lowest + i`, the last entry is the escape.

    `stored` is uint32 (n,), n >= 2, and sums to 2**24 - n.
    """

    lowest: int
    stored: NDArray[np.uint32]
    model: constriction.stream.model.Categorical = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        n = len(self.stored)
        if n < 2 or int(self.stored.sum(dtype=np.uint64)) != TOTAL - n:
            raise ModelFileError(f"a frequency table of {n} entries must have at least 2 and sum to 2**24 - n")
        if abs(self.lowest) > MAX_VALUE or self.lowest + n - 2 > MAX_VALUE:
            raise ModelFileError(f"a frequency table reaches from {self.lowest} over {n} entries, beyond +-{MAX_VALUE}")
        weights = self.stored.astype(np.float64)
        object.__setattr__(self, "model", constriction.stream.model.Categorical(weights, perfect=False))

    @property
    def escape(self) -> int:
        """Index of the escape entry."""
        return len(self.stored) - 1


ESCAPED = constriction.stream.model.Uniform(ESCAPE_VALUES)


def unpack_tables(stored: NDArray[Any], lengths: NDArray[Any], lowest: NDArray[Any]) -> list[Table]:
    """Tables from their concatenation, as a model file holds them. Raises ModelFileError."""
    if len(lengths) != len(lowest) or int(lengths.sum(dtype=np.int64)) != len(stored):
        raise ModelFileError("the frequency tables do not fit their lengths")
    parts = np.split(stored, np.cumsum(lengths, dtype=np.int64)[:-1])
    return [Table(int(low), part) for low, part in zip(lowest, parts, strict=True)]


def ideal_bits(tables: list[Table], index: NDArray[np.integer[Any]], symbols: NDArray[np.integer[Any]]) -> float:
    """Code length in bits of `symbols` (n,) under the tables named by `index` (n,), without any overhead."""
    bits = 0.0
    for i in np.unique(index):
        entries = symbols[index == i].astype(np.int64) - tables[i].lowest
        outside = (entries < 0) | (entries >= tables[i].escape)
        entries[outside] = tables[i].escape
        bits -= float(np.log2((tables[i].stored[entries] + 1.0) / TOTAL).sum()) - 16.0 * int(outside.sum())
    return bits
