"""Entropy coding of tiles: integer latents <-> range-coder streams, through the exact prior.

Tiles of equal size and model may be coded as one batch; each has its own stream, and what a tile decodes
to does not depend on its company. Integer latents of a tile: z (cz, H/4, W/4) and y16 = 16 * y_hat
(cy, H, W), both int32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import CorruptError
from bitstream.rangecoder import Kind, SymbolDecoder, SymbolEncoder, SymbolSink
from bitstream.tables import MAX_VALUE
from bitstream.units import check16, latent_bytes
from codec.exact.arithmetic import exact_arithmetic
from codec.exact.tensors import ACTIVATION_STEPS, STEPS
from codec.model.loaded import LoadedModel


@dataclass(frozen=True)
class CodedTile:
    """A tile's stream, and the bytes of the integer latents that it decodes to."""

    stream: bytes
    latent: bytes

    @property
    def check(self) -> int:
        return check16(self.latent)


def quality_row(quality: int) -> int:
    """Row of the entropy tables for a quality in steps of 1/256."""
    return (quality + 128) >> 8


def _z_index(model: LoadedModel, row: int, positions: int) -> NDArray[np.uint8]:
    return np.repeat(model.z_table_index[row], positions)


def _step_index(index: Tensor) -> NDArray[np.uint8]:
    """(B, C, h, w) scale indices -> (B, C * h * w) in (channel, row, column) order."""
    return index.to(torch.uint8).cpu().contiguous().numpy().reshape(index.shape[0], -1)


def _whole(values: Tensor) -> NDArray[np.int32]:
    return values.to(torch.int32).cpu().contiguous().numpy()


def hyper_latents(model: LoadedModel, y: Tensor) -> Tensor:
    """The integer z (B, cz, H/4, W/4) float32 of a batch of tiles `y` (B, cy, H, W), gains included."""
    with torch.no_grad(), torch.autocast(model.runtime.device.type, enabled=False):
        z = model.hyper_analysis(y.to(model.runtime.device))
        return z.nan_to_num_().round_().clamp_(-MAX_VALUE, MAX_VALUE)


def encode_tiles(model: LoadedModel, y: Tensor, qualities: Sequence[int], z: Tensor | None = None) -> list[CodedTile]:
    """Code a batch of tiles: `y` (B, cy, H, W) float32, gains included, B `qualities` in steps of 1/256.

    `z` as of `hyper_latents`, which it is where none is given.
    """
    coders = [SymbolEncoder(model.tables) for _ in qualities]
    latents = emit_symbols(model, y, qualities, coders, z)
    return [CodedTile(coder.finish(), latent) for coder, latent in zip(coders, latents, strict=True)]


def emit_symbols(
    model: LoadedModel,
    y: Tensor,
    qualities: Sequence[int],
    sinks: Sequence[SymbolSink],
    z: Tensor | None = None,
) -> list[bytes]:
    """Quantise a batch of tiles and hand each one's symbols to its sink -> each tile's latent bytes."""
    rows = [quality_row(q) for q in qualities]
    prior, skip = model.prior, model.info.skip_below
    z_integers = _whole(hyper_latents(model, y) if z is None else z)
    for sink, row, integers in zip(sinks, rows, z_integers, strict=True):
        sink.encode("z", _z_index(model, row, integers[0].size), integers.ravel())
    with exact_arithmetic(prior.device):
        features = prior.hyper(prior.tensor(z_integers), rows)
        y16 = torch.zeros(y.shape, device=prior.device, dtype=prior.dtype).contiguous(memory_format=prior.layout)
        wanted = y.to(device=prior.device, dtype=prior.dtype).nan_to_num() * ACTIVATION_STEPS
        for k in range(STEPS):
            mean, index = prior.step(k, features, y16)
            symbols = ((prior.pick(k, wanted) - mean) / ACTIVATION_STEPS).round_().clamp_(-MAX_VALUE, MAX_VALUE)
            symbols.mul_(index >= skip)
            prior.place(k, symbols * ACTIVATION_STEPS + mean, y16)
            integers, tables = _whole(symbols).reshape(len(rows), -1), _step_index(index)
            for sink, values, table in zip(sinks, integers, tables, strict=True):
                coded = np.flatnonzero(table >= skip)
                sink.encode("y", table[coded], values[coded])
    return [latent_bytes(*pair) for pair in zip(z_integers, _whole(y16), strict=True)]


@dataclass(frozen=True)
class Base:
    """What a decoder has of a batch of tiles before any detail, as the exact prior makes it.

    `features` (B, cp, H, W) are activations of the prior, `y16` (B, cy, H, W) is 16 * y_hat.
    """

    features: Tensor
    y16: Tensor

    def part(self, chosen: Sequence[int]) -> Base:
        """Some of the tiles."""
        return Base(self.features[list(chosen)], self.y16[list(chosen)])


def base_of(model: LoadedModel, latents: Sequence[bytes], rows: Sequence[int], height: int, width: int) -> Base:
    """Of tiles of `height` x `width` latents, from their latent bytes and quality rows."""
    cz, prior = model.config.cz, model.prior
    count = cz * height * width // 16
    z = np.stack([np.frombuffer(latent, "<i2", count) for latent in latents]).reshape(-1, cz, height // 4, width // 4)
    y16 = np.stack([np.frombuffer(latent, "<i4", offset=2 * count) for latent in latents])
    with exact_arithmetic(prior.device):
        features = prior.hyper(prior.tensor(z.astype(np.int32)), list(rows))
    return Base(features, prior.tensor(y16.reshape(len(latents), -1, height, width)))


@dataclass(frozen=True)
class TileSource:
    """What a tile is decoded from; `what` names it in errors."""

    stream: bytes
    check: int
    quality: int
    what: str


def decode_tiles(
    model: LoadedModel, sources: Sequence[TileSource], height: int, width: int
) -> tuple[list[bytes], Base]:
    """Decode a batch of tiles of `height` x `width` latents -> latent bytes, and what their detail is decoded with.

    Raises CorruptError for a stream that cannot be, or whose latents fail their check.
    """
    rows = [quality_row(source.quality) for source in sources]
    coders = [SymbolDecoder(source.stream, model.tables) for source in sources]
    prior, skip = model.prior, model.info.skip_below
    z_shape = (model.config.cz, height // 4, width // 4)
    z = np.empty((len(sources), *z_shape), np.int32)
    for i, (coder, source) in enumerate(zip(coders, sources, strict=True)):
        z_index = _z_index(model, rows[i], z_shape[1] * z_shape[2])
        z[i] = _decoded(coder, "z", z_index, source).reshape(z_shape)
    with exact_arithmetic(prior.device):
        features = prior.hyper(prior.tensor(z), rows)
        shape = (len(sources), model.config.cy, height, width)
        y16 = torch.zeros(shape, device=prior.device, dtype=prior.dtype).contiguous(memory_format=prior.layout)
        for k in range(STEPS):
            mean, index = prior.step(k, features, y16)
            tables = _step_index(index)
            integers = np.zeros(tables.shape, np.int32)
            for i, (coder, source) in enumerate(zip(coders, sources, strict=True)):
                coded = np.flatnonzero(tables[i] >= skip)
                integers[i, coded] = _decoded(coder, "y", tables[i, coded], source)
            symbols = torch.from_numpy(integers).to(prior.device, prior.dtype).reshape(mean.shape)
            prior.place(k, symbols.mul_(ACTIVATION_STEPS).add_(mean), y16)
    latents = [latent_bytes(*pair) for pair in zip(z, _whole(y16), strict=True)]
    for source, latent in zip(sources, latents, strict=True):
        if check16(latent) != source.check:
            raise CorruptError(f"{source.what}: the decoded latents fail their check")
    return latents, Base(features, y16)


def _decoded(coder: SymbolDecoder, kind: Kind, index: NDArray[np.uint8], source: TileSource) -> NDArray[np.int32]:
    try:
        return coder.decode(kind, index)
    except CorruptError as error:
        raise CorruptError(f"{source.what}: {error}") from None
