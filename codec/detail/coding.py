"""Entropy coding of detail: coefficients of what a tile's base leaves <-> range-coder streams.

Tiles of equal size and model may be coded as one batch; what a tile decodes to does not depend on its company.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import CorruptError
from bitstream.rangecoder import SymbolDecoder, SymbolEncoder, SymbolSink
from bitstream.tables import MAX_VALUE
from bitstream.units import check16
from codec.detail.halves import picked, place
from codec.detail.quantise import cheapest
from codec.detail.transform import COEFFICIENTS, shift_of, step_of
from codec.exact.arithmetic import exact_arithmetic
from codec.exact.tensors import DETAIL_HALVES
from codec.model.loaded import LoadedDetail
from codec.still.entropy import Base


@dataclass(frozen=True)
class CodedDetail:
    """A tile's stream, and its symbols (COEFFICIENTS, H, W) int32."""

    stream: bytes
    symbols: NDArray[np.int32]

    @property
    def check(self) -> int:
        return symbols_check(self.symbols)


@dataclass(frozen=True)
class DetailSource:
    """What a tile's detail is decoded from: its stream, check and step code; `what` names it in errors."""

    stream: bytes
    check: int
    code: int
    what: str


def symbols_check(symbols: NDArray[np.int32]) -> int:
    """The check of a tile's detail: over its symbols as <i2, (channel, row, column)."""
    return check16(symbols.astype("<i2").tobytes())


def encode_details(layer: LoadedDetail, base: Base, coefficients: Tensor, codes: Sequence[int]) -> list[CodedDetail]:
    """Code a batch: `coefficients` (B, COEFFICIENTS, H, W) in levels, and each tile's step code."""
    coders = [SymbolEncoder(layer.tables) for _ in codes]
    symbols = emit_details(layer, base, coefficients, codes, coders)
    return [CodedDetail(coder.finish(), values) for coder, values in zip(coders, symbols, strict=True)]


def emit_details(
    layer: LoadedDetail, base: Base, coefficients: Tensor, codes: Sequence[int], sinks: Sequence[SymbolSink]
) -> NDArray[np.int32]:
    """Quantise a batch and hand each tile's symbols to its sink -> all symbols (B, COEFFICIENTS, H, W)."""
    prior, skip = layer.prior, layer.info.skip_below
    steps = torch.tensor([step_of(code) for code in codes], device=prior.device, dtype=torch.float32)
    values = coefficients.to(prior.device) / steps[:, None, None, None]

    def chosen(half: int, index: Tensor) -> NDArray[np.int32]:
        symbols = cheapest(picked(half, values), index.float()).clamp_(-MAX_VALUE, MAX_VALUE).mul_(index >= skip)
        whole, tables = _flat(symbols).astype(np.int32), _flat(index).astype(np.uint8)
        for sink, own, table in zip(sinks, whole, tables, strict=True):
            coded = np.flatnonzero(table >= skip)
            sink.encode("detail", table[coded], own[coded])
        return whole

    return _in_halves(layer, base, codes, chosen)


def decode_details(layer: LoadedDetail, base: Base, sources: Sequence[DetailSource]) -> NDArray[np.int32]:
    """Decode a batch -> symbols (B, COEFFICIENTS, H, W).

    Raises CorruptError for a stream that cannot be, or whose symbols fail their check.
    """
    coders = [SymbolDecoder(source.stream, layer.tables) for source in sources]
    skip = layer.info.skip_below

    def read(_: int, index: Tensor) -> NDArray[np.int32]:
        tables = _flat(index).astype(np.uint8)
        whole = np.zeros(tables.shape, np.int32)
        for own, coder, table, source in zip(whole, coders, tables, sources, strict=True):
            coded = np.flatnonzero(table >= skip)
            try:
                own[coded] = coder.decode("detail", table[coded])
            except CorruptError as error:
                raise CorruptError(f"{source.what}: {error}") from None
        return whole

    symbols = _in_halves(layer, base, [source.code for source in sources], read)
    for source, own in zip(sources, symbols, strict=True):
        if symbols_check(own) != source.check:
            raise CorruptError(f"{source.what}: the decoded detail fails its check")
    return symbols


def _in_halves(
    layer: LoadedDetail, base: Base, codes: Sequence[int], symbols_of: Callable[[int, Tensor], NDArray[np.int32]]
) -> NDArray[np.int32]:
    """All symbols, where `symbols_of` gives those of a half (B, n) from its table indices."""
    prior, shifts = layer.prior, [shift_of(code) for code in codes]
    batch, _, height, width = base.y16.shape
    field = torch.zeros((batch, COEFFICIENTS, height, width), device=prior.device, dtype=prior.dtype)
    with exact_arithmetic(prior.device):
        x = prior.begin(base.features, base.y16, shifts)
        for half in range(DETAIL_HALVES):
            x = prior.go_on(x, field) if half else x
            index = prior.scale_index(half, x, shifts)
            symbols = torch.from_numpy(symbols_of(half, index)).to(prior.device, prior.dtype)
            place(half, symbols.reshape(index.shape), field)
    return field.to(torch.int32).cpu().contiguous().numpy()


def _flat(values: Tensor) -> NDArray[np.float32]:
    """(B, C, h, w) -> (B, C * h * w) in (channel, row, column) order."""
    return values.to(torch.float32).cpu().contiguous().numpy().reshape(len(values), -1)
