"""Where the tiles of a picture lie, and how they are called and grouped; without torch."""

from __future__ import annotations

import math
from collections.abc import Iterator

from bitstream.header import NO_ALPHA, Header
from bitstream.limits import MAX_QUALITY
from bitstream.units import Unit
from codec.pixels.geometry import LATENT, Area, Box, entropy_tiles, field_size, pixels_under

BATCH_LATENTS = 64 * 64  # tiles smaller than this are coded several at a time


class Layout:
    """The tiles of one picture by index: `tiles` in latents, `box` in pixels."""

    def __init__(self, header: Header) -> None:
        self.header = header
        self.whole = Box(0, 0, header.width, header.height)
        self.field = field_size(header.width, header.height)
        self.tiles = entropy_tiles(self.field, header.tile)
        self.has_alpha = header.alpha != NO_ALPHA

    def box(self, i: int) -> Box:
        """The pixels of tile `i`."""
        return self.pixels(self.tiles[i])

    def pixels(self, area: Area) -> Box:
        """The pixels of the picture under `area`."""
        return pixels_under(area, self.header.width, self.header.height)

    def under(self, area: Area) -> set[int]:
        """The tiles that share latents with an area of the field."""
        step, (_, width) = self.header.tile // LATENT, self.field
        rows = range(area.top // step, math.ceil(area.bottom / step))
        columns = range(area.left // step, math.ceil(area.right / step))
        return {row * math.ceil(width / step) + column for row in rows for column in columns}

    def name(self, i: int) -> str:
        """Tile `i` in messages."""
        return f"tile {i} of {len(self.tiles)}"

    def quality(self, unit: Unit) -> int:
        """A unit's quality in steps of 1/256: the header's and its own delta, clamped."""
        return min(max(self.header.quality + unit.quality_delta, 0), MAX_QUALITY)

    def batches(self, chosen: list[int], latents: int = BATCH_LATENTS) -> Iterator[list[int]]:
        """Runs of chosen tiles of one size, no more at a time than `latents` hold (but at least one)."""
        batch: list[int] = []
        for i in chosen:
            if batch and (not self._alike(i, batch[0]) or (len(batch) + 1) * self.tiles[i].size > latents):
                yield batch
                batch = []
            batch.append(i)
        if batch:
            yield batch

    def _alike(self, i: int, j: int) -> bool:
        return (self.tiles[i].height, self.tiles[i].width) == (self.tiles[j].height, self.tiles[j].width)
