"""The colouriser of pictures and videos."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from bitstream.sequence.audio import AudioPacket
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.restore.colorize import Chroma, chroma_of, in_colour, luma_of
from codec.restore.network import RestoreNetwork
from codec.restore.steady import steadied
from codec.work.progress import Progress


class Colorizer:
    """See Restorer."""

    def __init__(self, network: RestoreNetwork) -> None:
        self._network = network

    def still(self, picture: Picture, progress: Progress) -> Picture:
        """In colour; alpha and metadata stay, but for an ICC profile of grey pictures."""
        progress.begin(1)
        coloured, _ = self._coloured(picture, None)
        progress.add(1)
        return replace(coloured, metadata=replace(picture.metadata, icc=_of_colours(picture.metadata.icc)))

    def clip(self, items: Iterator[Frame | AudioPacket]) -> Iterator[Frame | AudioPacket]:
        """See Restorer."""
        before: Chroma | None = None
        for item in items:
            if isinstance(item, Frame):
                picture, before = self._coloured(Picture(item.pixels), before)
                yield replace(item, pixels=picture.pixels)
            else:
                yield item

    def _coloured(self, picture: Picture, before: Chroma | None) -> tuple[Picture, Chroma]:
        """In colours that go on from those of the frame before, and these."""
        luma = luma_of(picture.colours)
        chroma = chroma_of(self._network, luma)
        if before is not None:
            chroma = steadied(before, chroma)
        colours = in_colour(luma, chroma)
        return Picture(np.dstack([colours, picture.alpha]) if picture.has_alpha else colours), chroma


def _of_colours(profile: bytes) -> bytes:
    """An ICC profile unless it is one of grey pictures, whose name stands behind 16 bytes (ICC.1:2022, 7.2.6)."""
    return b"" if profile[16:20] == b"GRAY" else profile
