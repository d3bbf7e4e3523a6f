"""Still pictures: RGB pixels <-> the bytes of a `.wisp` file, with models already loaded."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import UnsupportedError
from bitstream.header import CONTENT_ID_BYTES, Header
from bitstream.limits import MAX_QUALITY, check_dimensions
from bitstream.still import Still, build_still
from bitstream.units import Unit
from codec.entropy import TileSource, decode_tiles, encode_tiles
from codec.model.loaded import LoadedModel
from codec.pixels import analyse, synthesise
from codec.tiles import Area, entropy_tiles, field_size, quality_field

BATCH_LATENTS = 64 * 64  # tiles smaller than this are coded several at a time
ModelLoader = Callable[[str], LoadedModel]  # by id, 16 hexadecimal digits


@dataclass(frozen=True)
class DecodedLatents:
    """A picture's integer latents: the field 16 * y_hat (1, cy, h, w), qualities, hash over all units."""

    model: LoadedModel
    y16: Tensor
    quality: Tensor
    sha256: str


def encode_still(model: LoadedModel, picture: NDArray[np.uint8], quality: int, tile: int) -> bytes:
    """Picture (H, W, 3) uint8 -> file. `quality` in steps of 1/256 of the model's, `tile` in pixels.

    Raises LimitError for a picture that is too large.
    """
    height, width, _ = picture.shape
    check_dimensions(width, height)
    content = hashlib.sha256(picture.tobytes()).digest()[:CONTENT_ID_BYTES]
    header = Header(width, height, quality, (model.info.id_bytes,), content, tile)
    field = field_size(width, height)
    tiles = entropy_tiles(field, tile)
    latent = analyse(model, picture, torch.tensor(quality))
    units = []
    for batch in _batches(tiles):
        y = torch.cat([latent[(..., *tiles[i].index)] for i in batch])
        coded = encode_tiles(model, y.contiguous(memory_format=torch.channels_last), [quality] * len(batch))
        units += [Unit(i, c.stream, c.check) for i, c in zip(batch, coded, strict=True)]
    return build_still(header, units)


def unit_quality(header: Header, unit: Unit) -> int:
    """A unit's quality in steps of 1/256: the header's and its own delta, clamped."""
    return min(max(header.quality + unit.quality_delta, 0), MAX_QUALITY)


def decode_latents(still: Still, load: ModelLoader, *, batch_latents: int = BATCH_LATENTS) -> DecodedLatents:
    """Decode and check every unit, no more than `batch_latents` latents at a time (but at least one tile).

    Raises CorruptError, UnsupportedError, ModelNotFoundError, ModelFileError or ExactnessError.
    """
    header = still.header
    slots = {unit.model_slot for unit in still.units}
    if len(slots) > 1:
        raise UnsupportedError("tiles of one picture are coded with different models")
    model = load(header.model_ids[slots.pop()].hex())
    field = field_size(header.width, header.height)
    tiles = entropy_tiles(field, header.tile)
    qualities = [unit_quality(header, unit) for unit in still.units]
    y16 = torch.empty(1, model.config.cy, *field, dtype=torch.float32, memory_format=torch.channels_last)
    digest = hashlib.sha256()
    for batch in _batches(tiles, batch_latents):
        sources = [_source(still.units[i], qualities[i], len(tiles)) for i in batch]
        decoded, values = decode_tiles(model, sources, tiles[batch[0]].height, tiles[batch[0]].width)
        for i, latent, value in zip(batch, decoded, values, strict=True):
            digest.update(latent)
            y16[(0, slice(None), *tiles[i].index)] = value.cpu()
    return DecodedLatents(model, y16, quality_field(tiles, qualities, field), digest.hexdigest())


def decode_still(still: Still, load: ModelLoader) -> NDArray[np.uint8]:
    """-> picture (height, width, 3) uint8. Nothing is synthesised before every unit has passed its check."""
    latents = decode_latents(still, load)
    return synthesise(latents.model, latents.y16, latents.quality, still.header.width, still.header.height)


def _source(unit: Unit, quality: int, total: int) -> TileSource:
    return TileSource(unit.stream, unit.latent_check, quality, f"tile {unit.tile_index} of {total}")


def _batches(tiles: list[Area], limit: int = BATCH_LATENTS) -> Iterator[list[int]]:
    """Runs of tiles of one size in file order, no more at a time than `limit` latents hold."""
    for (height, width), run in groupby(range(len(tiles)), key=lambda i: (tiles[i].height, tiles[i].width)):
        indices = list(run)
        step = max(1, limit // (height * width))
        yield from (indices[start : start + step] for start in range(0, len(indices), step))
