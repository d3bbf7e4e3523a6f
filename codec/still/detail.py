"""Detail of learned tiles: what their bases leave -> coded, tile by tile."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from bitstream.units import Detail, Unit
from codec.detail.coding import encode_details
from codec.detail.pixels import coefficients_of
from codec.model.loaded import LoadedDetail, LoadedModel
from codec.still.entropy import base_of, quality_row
from codec.still.layout import Layout
from codec.still.measure import Symbols

_SLOT = 1  # of the detail layer's id in the header, behind the model's


def code_details(
    model: LoadedModel,
    layer: LoadedDetail,
    layout: Layout,
    units: Mapping[int, Unit],
    latents: Mapping[int, bytes],
    step_codes: Sequence[int | None],
    wanted: tuple[NDArray[np.uint8], NDArray[np.bool_] | None],
    base: NDArray[np.uint8],
) -> Iterator[tuple[int, Detail, Symbols]]:
    """Of each learned tile with a step code: its detail, unless that is nothing but zeros, and its symbols.

    Args:
        units, latents: every tile's base, and the latent bytes of learned ones.
        step_codes: of every tile; None is for no detail.
        wanted: the picture's colours (H, W, 1 or 3), and which pixels are seen (H, W): the others leave nothing.
        base: the channels (H, W, C) that all tiles show without detail.
    """
    chosen = [i for i in range(len(layout.tiles)) if units[i].learned and step_codes[i] is not None]
    colours, seen = wanted
    base = base[:, :, : colours.shape[2]]
    device = model.runtime.device
    for batch in layout.batches(chosen):
        area, left = layout.tiles[batch[0]], []
        for part in (layout.box(i).index for i in batch):
            difference = np.subtract(colours[part], base[part], dtype=np.float32)
            if seen is not None:
                difference *= seen[part][:, :, None]
            rgb = np.broadcast_to(difference, (*difference.shape[:2], 3))
            left.append(coefficients_of(rgb, area.height, area.width, device))
        rows = [quality_row(layout.quality(units[i])) for i in batch]
        known = base_of(model, [latents[i] for i in batch], rows, area.height, area.width)
        codes = [code for i in batch if (code := step_codes[i]) is not None]
        coded = encode_details(layer, known, torch.cat(left), codes)
        for i, code, one in zip(batch, codes, coded, strict=True):
            if one.symbols.any():
                yield i, Detail(one.stream, one.check, code, _SLOT), one.symbols.astype(np.int16)
