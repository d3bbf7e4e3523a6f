"""What coded units decode to, made of the latents and symbols at hand: nothing is range-decoded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from bitstream.units import Unit
from codec.model.loaded import LoadedModel
from codec.still.decode import Decoding, ModelLoader
from codec.still.layout import Layout
from codec.still.learned import DecodedTile, tile_of
from codec.work.progress import Progress
from codec.work.stages import stage

Symbols = NDArray[np.int16]  # of a tile's detail, (COEFFICIENTS, H, W)


def shown(
    layout: Layout,
    units: Mapping[int, Unit],
    load: ModelLoader,
    latents: Mapping[int, bytes],
    details: Mapping[int, Symbols],
) -> NDArray[np.uint8]:
    """The channels (H, W, C) that all units of a picture show.

    `latents` are the latent bytes of learned tiles, `details` the symbols of those tiles whose units have detail.
    """
    with stage("synthesis"):
        job = _Known(layout, units, load, latents, details)
        job.run(Progress())
        return job.canvas


class _Known(Decoding):
    """Decoding whose latents and symbols are known already."""

    def __init__(
        self,
        layout: Layout,
        units: Mapping[int, Unit],
        load: ModelLoader,
        latents: Mapping[int, bytes],
        details: Mapping[int, Symbols],
    ) -> None:
        super().__init__(layout.header, units, load)
        self._latents, self._details = latents, details

    def _learned_tiles(self, model: LoadedModel, chosen: list[int]) -> Iterator[DecodedTile]:
        for i in chosen:
            tile = tile_of(i, self._latents[i], self.layout.tiles[i], model.config)
            yield replace(tile, detail=self._details[i]) if self.units[i].detail else tile
