"""Bits per pixel of an autoencoder's code, and Wisp's own network at the same rate.

A code is quantised to 8 bits between the least and the greatest value that it has for the training pictures, channel
by channel, and range-coded with the frequencies that the values have there. Bounds and frequencies belong to the
decoder as the weights do; the bytes of a picture are those of its range-coded stream, and have no header.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from benchmarks.measures import bits_per_pixel, psnr
from benchmarks.measures.standard import ssim
from bitstream.rangecoder import SymbolEncoder
from bitstream.tables import TOTAL, Table
from codec.api import Codec
from codec.notes import WispNote
from codec.training.autoencoders import Autoencoder
from codec.training.data.pool import as_crops
from codec.training.data.small_sets import Pictures

LEVELS = 256
MEASURED = 24  # held-out pictures
_FITTED = 512  # training pictures that bounds and frequencies are of
_AT_ONCE = 64
_ROUNDS = 9  # of the search for Wisp's quality, at most
_CLOSE = 0.99  # share of the rate that is near enough to it


@dataclass(frozen=True)
class Coded:
    """Pictures that were coded: means of their rate, PSNR in dB (each 99 at most) and SSIM, and what they decode to."""

    bpp: float
    psnr: float
    ssim: float
    decoded: Sequence[NDArray[np.uint8]]


class CodeCoder:
    """Codes the codes of one network; `training` (N, H, W, C) uint8 are the pictures that it was trained on."""

    def __init__(self, network: Autoencoder, training: Pictures) -> None:
        self._network = network
        codes = self._codes(training[:_FITTED])
        axes = (0, *range(2, codes.ndim))
        self._low, high = (codes.amin(axes, keepdim=True), codes.amax(axes, keepdim=True))
        self._step = ((high - self._low) / (LEVELS - 1)).clamp_min(1e-9)
        symbols = self._symbols(codes)
        self._spatial = codes.ndim == 4  # a table a channel; a flat code has one for all of its values
        parts = np.moveaxis(symbols, 1, 0) if self._spatial else symbols[None]
        self._tables = [_table(np.bincount(part.ravel(), minlength=LEVELS)) for part in parts]

    @torch.no_grad()
    def code(self, pictures: Pictures) -> Coded:
        """Code them, one stream a picture."""
        symbols = self._symbols(self._codes(pictures))
        sizes = [len(self.stream(one)) for one in symbols]
        made = []
        for first in range(0, len(symbols), _AT_ONCE):
            some = torch.from_numpy(symbols[first : first + _AT_ONCE]).float()
            made.append(as_crops(self._network.decode(some * self._step + self._low)))
        return _measured(pictures, list(np.concatenate(made)), sizes)

    def stream(self, symbols: NDArray[np.int32]) -> bytes:
        """The range-coded stream of one code's symbols."""
        encoder = SymbolEncoder({"y": self._tables, "z": []})
        encoder.encode("y", self.index(symbols), symbols.ravel())
        return encoder.finish()

    def index(self, symbols: NDArray[np.int32]) -> NDArray[np.intp]:
        """The tables of its symbols."""
        each = symbols[0].size if self._spatial else symbols.size
        return np.repeat(np.arange(len(self._tables)), each)

    @property
    def tables(self) -> list[Table]:
        """By channel, or one."""
        return self._tables

    @torch.no_grad()
    def _codes(self, pictures: Pictures) -> Tensor:
        parts = [pictures[i : i + _AT_ONCE] for i in range(0, len(pictures), _AT_ONCE)]
        pixels = (torch.from_numpy(np.ascontiguousarray(part)).permute(0, 3, 1, 2).float() / 255 for part in parts)
        return torch.cat([self._network.encode(part) for part in pixels])

    def _symbols(self, codes: Tensor) -> NDArray[np.int32]:
        return ((codes - self._low) / self._step).round().clamp(0, LEVELS - 1).to(torch.int32).contiguous().numpy()


def _table(counts: NDArray[np.intp]) -> Table:
    """Frequencies in proportion to the counts, one more each, so that every level can be coded."""
    entries = LEVELS + 1  # and the escape, which is never used
    room = TOTAL - entries
    weights = np.append(counts + 1.0, 0.0)
    stored = np.floor(weights * room / weights.sum()).astype(np.uint32)
    stored[int(stored.argmax())] += np.uint32(room - int(stored.sum(dtype=np.int64)))
    return Table(0, stored)


def wisp_at(bpp: float, pictures: Pictures, codec: Codec) -> tuple[float, Coded]:
    """-> the highest quality at which Wisp's mean rate does not exceed `bpp`, and what that gives.

    The rate counts whole files, with their headers. Where even quality 0 is above the rate, that is it.
    """
    low, high = 0.0, 100.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WispNote)
        best = _wisp(high, pictures, codec)
        if best.bpp <= bpp:
            return high, best
        best = _wisp(low, pictures, codec)
        if best.bpp > bpp:
            return low, best
        for _ in range(_ROUNDS):
            middle = (low + high) / 2
            found = _wisp(middle, pictures, codec)
            if found.bpp > bpp:
                high = middle
                continue
            low, best = middle, found
            if best.bpp > _CLOSE * bpp:
                break
    return low, best


def _wisp(quality: float, pictures: Pictures, codec: Codec) -> Coded:
    files = [codec.encode(picture, quality) for picture in pictures]
    decoded = [codec.decode_array(data) for data in files]
    return _measured(pictures, decoded, [len(data) for data in files])


def _measured(pictures: Pictures, decoded: Sequence[NDArray[np.uint8]], sizes: Sequence[int]) -> Coded:
    pairs = list(zip(pictures, decoded, strict=True))
    return Coded(
        fmean(bits_per_pixel(size, picture) for size, picture in zip(sizes, pictures, strict=True)),
        fmean(min(psnr(shown, picture), 99.0) for picture, shown in pairs),
        fmean(ssim(picture, shown) for picture, shown in pairs),
        list(decoded),
    )
