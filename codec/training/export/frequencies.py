"""Frequency tables fitted to real symbols, with the Gaussian of each table's scale as prior.

For each table the posterior mean of a Dirichlet prior is taken: counts + strength * Gaussian. The strength
is the one that codes the other half of the symbols in the fewest bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray

from bitstream.rangecoder import Kind
from bitstream.tables import TOTAL
from codec.exact.tensors import LOG_SCALE_MIN, LOG_SCALE_STEP, SCALE_LEVELS

REACH = 1023  # symbols beyond are escaped in every table
STRENGTHS = (1.0, 4.0, 16.0, 64.0, 256.0, 1024.0, 4096.0, 16384.0)
TAIL = 6.0  # standard deviations that a table covers at least
ESCAPE_COUNT = 0.5  # as if half an escape had been seen
ESCAPE_BITS = 16
Counts = NDArray[np.int64]  # (64 tables, 2 * REACH + 2): the last column counts what lies beyond


@dataclass
class SymbolCounter:
    """A sink that counts symbols by table instead of coding them."""

    counts: dict[Kind, Counts] = field(
        default_factory=lambda: {kind: np.zeros((SCALE_LEVELS, 2 * REACH + 2), np.int64) for kind in get_args(Kind)}
    )

    def encode(self, kind: Kind, index: NDArray[np.integer[Any]], symbols: NDArray[np.integer[Any]]) -> None:
        """Take symbols (n,) with their tables (n,)."""
        columns = np.where(np.abs(symbols) > REACH, 2 * REACH + 1, symbols + REACH)
        flat = index.astype(np.int64) * (2 * REACH + 2) + columns
        counts = self.counts[kind]
        counts += np.bincount(flat, minlength=counts.size).reshape(counts.shape)


def gaussian(level: int) -> NDArray[np.float64]:
    """(2 * REACH + 1,): probability of each symbol under table `level`'s Gaussian."""
    scale = np.exp(LOG_SCALE_MIN + LOG_SCALE_STEP * level)
    edges = torch.arange(-REACH, REACH + 2, dtype=torch.float64, device="cpu").sub(0.5) / scale
    below = torch.special.ndtr(-edges.abs())  # the tail of either side, whose digits are kept
    mass = (below[1:] - below[:-1]).abs()
    mass[REACH] = 1 - below[REACH] - below[REACH + 1]  # the bin around zero has an edge on each side
    return mass.numpy()


def fit_tables(halves: tuple[SymbolCounter, SymbolCounter], kind: Kind) -> dict[str, NDArray[np.generic]]:
    """-> the model file's tensors `stored`, `length` and `lowest` for the tables of `kind`."""
    parts = [
        _fit_table(halves[0].counts[kind][level], halves[1].counts[kind][level], level) for level in range(SCALE_LEVELS)
    ]
    return {
        f"tables.{kind}.stored": np.concatenate([stored for _, stored in parts]),
        f"tables.{kind}.length": np.array([len(stored) for _, stored in parts], np.uint16),
        f"tables.{kind}.lowest": np.array([lowest for lowest, _ in parts], np.int16),
    }


def gaussian_tables(kind: Kind) -> dict[str, NDArray[np.generic]]:
    """The same tensors for the plain Gaussians."""
    empty = (SymbolCounter(), SymbolCounter())
    return fit_tables(empty, kind)


def _fit_table(first: Counts, second: Counts, level: int) -> tuple[int, NDArray[np.uint32]]:
    """-> lowest symbol, stored frequencies (escape last)."""
    prior = gaussian(level)
    cost = lambda s: _bits(first, second, prior, s) + _bits(second, first, prior, s)  # noqa: E731
    strength = min(STRENGTHS, key=cost)
    total = first + second
    reach = _reach(total, level)
    weights = np.zeros(2 * reach + 2)
    weights[:-1] = (total[:-1] + strength * prior)[REACH - reach : REACH + reach + 1]
    inside = int(total[REACH - reach : REACH + reach + 1].sum())
    weights[-1] = total.sum() - inside + ESCAPE_COUNT
    return -reach, stored_frequencies(weights)


def _bits(fitted: Counts, coded: Counts, prior: NDArray[np.float64], strength: float) -> float:
    """Bits that `coded` takes under the table fitted to `fitted`."""
    weights = np.append(fitted[:-1] + strength * prior, fitted[-1] + ESCAPE_COUNT)
    probability = np.maximum(weights / weights.sum(), 1 / TOTAL)
    return float(-(coded * np.log2(probability)).sum() + ESCAPE_BITS * coded[-1])


def _reach(counts: Counts, level: int) -> int:
    """Largest magnitude that the table holds: what was seen, and TAIL standard deviations."""
    seen = np.flatnonzero(counts[:-1])
    farthest = int(np.abs(seen - REACH).max()) if len(seen) else 0
    tail = int(np.ceil(TAIL * np.exp(LOG_SCALE_MIN + LOG_SCALE_STEP * level)))
    return min(max(farthest, tail), REACH)


def stored_frequencies(weights: NDArray[np.float64]) -> NDArray[np.uint32]:
    """Weights (n,) >= 0 -> integers that sum to 2**24 - n; the effective frequency is one more."""
    n = len(weights)
    stored = np.maximum(np.rint(weights / weights.sum() * TOTAL) - 1, 0).astype(np.int64)
    stored[np.argmax(stored)] += TOTAL - n - stored.sum()
    return stored.astype(np.uint32)


def held_out_saving(halves: tuple[SymbolCounter, SymbolCounter]) -> Mapping[Kind, float]:
    """Fraction of bits that tables fitted to one half save on the other against the plain Gaussian."""
    return {kind: _saving(halves[0].counts[kind], halves[1].counts[kind]) for kind in halves[0].counts}


def _saving(first: Counts, second: Counts) -> float:
    fitted = plain = 0.0
    levels: Iterable[int] = range(SCALE_LEVELS)
    for level in levels:
        prior = gaussian(level)
        best = min(STRENGTHS, key=lambda s: _bits(first[level], first[level], prior, s))
        fitted += _bits(first[level], second[level], prior, best)
        plain += _bits(np.zeros_like(first[level]), second[level], prior, 1e9)
    return 1 - fitted / plain if plain else 0.0
