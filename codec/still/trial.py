"""Coding a picture once in memory to see its rate and distortion, without a file and without tables."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bitstream.rangecoder import SymbolSink
from codec.model.loaded import LoadedModel
from codec.pixels.distortion import psnr
from codec.pixels.geometry import Area
from codec.still.entropy import emit_symbols
from codec.still.learned import DecodedTile, tile_of
from codec.still.pixel_path import analyse, synthesise

LOSSLESS_DB = 10 * math.log10(255**2 / 1e-9)  # stands for infinity, so that means stay finite


class NoSink:
    """Takes symbols and does nothing with them."""

    def encode(self, kind: str, index: NDArray[np.integer[Any]], symbols: NDArray[np.integer[Any]]) -> None:
        """See SymbolSink."""


def emit_tile(model: LoadedModel, picture: NDArray[np.uint8], quality: int, sink: SymbolSink) -> DecodedTile:
    """Quantise a picture as one tile, symbols to `sink`."""
    y = analyse(model, picture, torch.tensor(quality, device="cpu"))
    (latent,) = emit_symbols(model, y, [quality], [sink])
    return tile_of(0, latent, Area(0, y.shape[2], 0, y.shape[3]), model.config)


def emit(model: LoadedModel, picture: NDArray[np.uint8], quality: int, sink: SymbolSink) -> torch.Tensor:
    """The same -> 16 * y_hat (1, cy, h, w) float32."""
    tile = emit_tile(model, picture, quality, sink)
    return tile.y16[None].contiguous(memory_format=torch.channels_last)


def code_once(model: LoadedModel, picture: NDArray[np.uint8], quality: int, sink: SymbolSink | None = None) -> float:
    """Encode and decode `picture` (H, W, 3) uint8 at `quality` (steps of 1/256) -> PSNR in dB, LOSSLESS_DB at most."""
    y16 = emit(model, picture, quality, sink or NoSink())
    height, width, _ = picture.shape
    decoded = synthesise(model, y16, torch.tensor(quality, device="cpu"), width, height)
    return min(psnr(decoded, picture), LOSSLESS_DB)
