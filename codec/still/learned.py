"""Learned tiles through the networks: latents -> units, units -> the latent field that pixels are made of."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import CorruptError
from bitstream.units import Unit
from codec.detail.coding import DetailSource, decode_details
from codec.exact.tensors import ACTIVATION_STEPS
from codec.model.config import ModelConfig
from codec.model.loaded import LoadedModel
from codec.pixels.geometry import Area
from codec.still.entropy import Base, CodedTile, TileSource, decode_tiles, encode_tiles
from codec.still.layout import BATCH_LATENTS, Layout
from codec.still.pixel_path import LatentField, analyse, quality_field

FaultHandler = Callable[[int, CorruptError], None]  # may raise


def code_learned(
    layout: Layout,
    model: LoadedModel,
    latent: Tensor,
    qualities: Sequence[int],
    chosen: Sequence[int],
    z: Mapping[int, Tensor] | None = None,
    batch_latents: int = BATCH_LATENTS,
) -> Iterator[tuple[int, CodedTile]]:
    """The chosen tiles of a latent field (1, cy, h, w), gains included, in file order -> (tile, coded).

    `qualities` are every tile's, in steps of 1/256. `z` has the hyper-latents of each, where they are not those
    that hyper analysis makes of its latents.
    """
    for batch in layout.batches(list(chosen), batch_latents):
        y = torch.cat([latent[(..., *layout.tiles[i].index)] for i in batch])
        given = None if z is None else torch.cat([z[i] for i in batch])
        y = y.contiguous(memory_format=torch.channels_last)
        coded = encode_tiles(model, y, [qualities[i] for i in batch], given)
        yield from zip(batch, coded, strict=True)


@dataclass(frozen=True)
class DecodedTile:
    """Tile `index`: `latent` are its latent bytes, `y16` is 16 * y_hat (cy, H, W) float32 on the CPU.

    `detail` holds the symbols of its detail (COEFFICIENTS, H, W) int16, where that was wanted and is there.
    """

    index: int
    latent: bytes
    y16: Tensor
    detail: NDArray[np.int16] | None = None


def tile_of(index: int, latent: bytes, area: Area, config: ModelConfig) -> DecodedTile:
    """Tile `index` over `area` from its latent bytes."""
    z_bytes = 2 * config.cz * area.size // 16
    y16 = np.frombuffer(latent, "<i4", offset=z_bytes).reshape(config.cy, area.height, area.width)
    return DecodedTile(index, latent, torch.from_numpy(y16.astype(np.float32)))


def decode_learned(
    layout: Layout,
    units: Mapping[int, Unit],
    model: LoadedModel,
    chosen: list[int],
    on_fault: FaultHandler,
    batch_latents: int = BATCH_LATENTS,
    detailed: Collection[int] = (),
    on_lost: FaultHandler | None = None,
) -> Iterator[DecodedTile]:
    """Decode and check learned tiles in file order; a batch that holds a fault is handed to `on_fault` and left out.

    Of the tiles `detailed` the detail is decoded, too; one that is damaged is handed to `on_lost`, the tile is not.
    """
    for batch in layout.batches(chosen, batch_latents):
        sources = [TileSource(units[i].stream, units[i].check, layout.quality(units[i]), layout.name(i)) for i in batch]
        area = layout.tiles[batch[0]]
        try:
            latents, base = decode_tiles(model, sources, area.height, area.width)
        except CorruptError as error:
            on_fault(batch[0], error)
            continue
        chosen_details = [k for k, i in enumerate(batch) if i in detailed]
        details = _details(layout, units, model, batch, base, chosen_details, on_lost or on_fault)
        for i, latent, value in zip(batch, latents, base.y16, strict=True):
            yield DecodedTile(i, latent, value.to("cpu", torch.float32), details.get(i))


def _details(
    layout: Layout,
    units: Mapping[int, Unit],
    model: LoadedModel,
    batch: Sequence[int],
    base: Base,
    chosen: Sequence[int],
    on_lost: FaultHandler,
) -> dict[int, NDArray[np.int16]]:
    """The symbols of the batch's tiles at the places `chosen`, by tile. All of them use one detail layer."""
    if not chosen:
        return {}
    coded = {batch[k]: detail for k in chosen if (detail := units[batch[k]].detail)}
    sources = [DetailSource(d.stream, d.check, d.step_code, f"detail of {layout.name(i)}") for i, d in coded.items()]
    slot = next(iter(coded.values())).model_slot
    layer = model.detail(layout.header.model_ids[slot].hex())
    try:
        symbols = decode_details(layer, base.part(chosen), sources)
    except CorruptError as error:
        on_lost(batch[chosen[0]], error)
        return {}
    return dict(zip(coded, symbols.astype(np.int16), strict=True))


class FieldBuilder:
    """Collects the latent field over `area`; what nobody adds stays zero."""

    def __init__(self, layout: Layout, units: Mapping[int, Unit], model: LoadedModel, area: Area) -> None:
        self._layout, self._model, self._area = layout, model, area
        qualities = [
            layout.quality(units[i]) if i in units else layout.header.quality for i in range(len(layout.tiles))
        ]
        self._qualities = qualities
        shape = (1, model.config.cy, area.height, area.width)
        empty = torch.empty(shape, dtype=torch.float32, device="cpu", memory_format=torch.channels_last)
        self._y16 = empty.zero_()

    def add(self, i: int, y16: Tensor) -> None:
        """The latents (cy, H, W) of tile `i`."""
        tile = self._layout.tiles[i]
        part = tile.meet(self._area)
        if part is not None:
            self._y16[(0, slice(None), *part.within(self._area).index)] = y16[(..., *part.within(tile).index)]

    def add_pixels(self, i: int, pixels: NDArray[np.uint8]) -> None:
        """A tile without latents: the unrounded analysis of its own pixels (H, W, 3) alone."""
        y = analyse(self._model, pixels, torch.tensor(self._qualities[i], device="cpu"))
        self.add(i, y[0].mul_(ACTIVATION_STEPS))

    def field(self) -> LatentField:
        """What was collected."""
        size = self._layout.field
        return LatentField(self._y16, quality_field(self._layout.tiles, self._qualities, size), self._area, size)
