"""Still pictures in: channels -> the bytes of a file. Each tile is coded by the network or losslessly.

Lossless files need no network: torch is imported only where a tile is learned.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bitstream.header import CONTENT_ID_BYTES, GREY, NO_ALPHA, RGB, WITH_ALPHA, Header
from bitstream.limits import MAX_QUALITY, check_dimensions
from bitstream.metadata import check_size
from bitstream.still import build_still
from bitstream.units import Unit
from codec.pictures.picture import Picture, as_rgb
from codec.pictures.transparency import cleared, filled
from codec.progress import Progress
from codec.still.layout import Layout
from codec.still.lossless import code_alpha, code_lossless, may_be_smaller
from codec.threads import mapped

if TYPE_CHECKING:
    from codec.model.loaded import LoadedModel

_ROWS = 256  # hashed at a time, which bounds the memory


@dataclass(frozen=True)
class Encoded:
    """A file's bytes and what they must decode to.

    `picture` came in; unless it was `exact`, its colours under full transparency are not kept. `units` are the
    file's, `latents_sha256` is the hash of its learned ones.
    """

    data: bytes
    picture: Picture
    exact: bool
    layout: Layout
    units: tuple[Unit, ...]
    latents_sha256: str

    def pixels_of(self, i: int) -> NDArray[np.uint8]:
        """The channels of tile `i` as they were to be coded."""
        return _kept(self.picture.pixels[self.layout.box(i).index], self.exact)

    @property
    def lossless_tiles(self) -> int:
        return sum(not unit.learned for unit in self.units)


def encode_lossless(
    picture: Picture, model_id: bytes, tile: int, *, exact: bool = False, progress: Progress | None = None
) -> Encoded:
    """Every tile lossless. `model_id` (8 bytes) only fills the header's table, which may not be empty.

    `exact` keeps colours under full transparency. Raises LimitError for a picture that is too large.
    """
    progress = progress or Progress()
    layout = Layout(_header(picture, exact, MAX_QUALITY, model_id, tile))
    progress.begin(len(layout.tiles))

    def code(i: int) -> Unit:
        return code_lossless(i, _kept(picture.pixels[layout.box(i).index], exact))

    units = []
    for unit in mapped(code, range(len(layout.tiles))):
        units.append(unit)
        progress.add(1)
    return _built(layout, picture, exact, units, hashlib.sha256())


def encode_still(
    model: LoadedModel,
    picture: Picture,
    quality: int,
    tile: int,
    *,
    exact: bool = False,
    progress: Progress | None = None,
) -> Encoded:
    """Every tile as the network codes it, or lossless where that is smaller.

    `quality` is in steps of 1/256 of the model's, `tile` in pixels, `exact` as for `encode_lossless`. Raises
    LimitError for a picture that is too large.
    """
    import torch

    from codec.pixels import analyse
    from codec.still.learned import code_learned

    progress = progress or Progress()
    layout = Layout(_header(picture, exact, quality, model.info.id_bytes, tile))
    progress.begin(2 * sum(area.size for area in layout.tiles))
    colours = picture.colours if exact else _seen_colours(picture, layout)
    latent = analyse(model, as_rgb(colours), torch.tensor(quality), lambda area: progress.add(area.size))
    del colours  # which may be a copy
    digest, units = hashlib.sha256(), []
    for i, coded in code_learned(layout, model, latent, quality):
        pixels = _kept(picture.pixels[layout.box(i).index], exact)
        alpha = code_alpha(pixels[:, :, -1]) if layout.has_alpha else None
        unit = Unit(i, coded.stream, coded.check, alpha=alpha)
        lossless = _smaller_lossless(pixels, unit)
        if lossless is None:
            digest.update(coded.latent)
        units.append(lossless or unit)
        progress.add(layout.tiles[i].size)
    return _built(layout, picture, exact, units, digest)


def _kept(pixels: NDArray[np.uint8], exact: bool) -> NDArray[np.uint8]:
    return pixels if exact else cleared(pixels)


def _header(picture: Picture, exact: bool, quality: int, model_id: bytes, tile: int) -> Header:
    check_dimensions(*picture.size)
    check_size(picture.metadata)
    content = hashlib.sha256()
    for top in range(0, picture.size[1], _ROWS):
        content.update(np.ascontiguousarray(_kept(picture.pixels[top : top + _ROWS], exact)).data)
    return Header(
        *picture.size,
        quality,
        (model_id,),
        content.digest()[:CONTENT_ID_BYTES],
        tile,
        colour_mode=GREY if picture.colours.shape[2] == 1 else RGB,
        alpha=WITH_ALPHA if picture.has_alpha else NO_ALPHA,
    )


def _seen_colours(picture: Picture, layout: Layout) -> NDArray[np.uint8]:
    """(H, W, 1 or 3) with smooth colours under full transparency, tile by tile to bound the memory."""
    if not picture.has_alpha or picture.alpha.all():
        return picture.colours
    colours = picture.colours.copy()
    for i in range(len(layout.tiles)):
        part = layout.box(i).index
        colours[part] = filled(colours[part], picture.alpha[part])
    return colours


def _smaller_lossless(pixels: NDArray[np.uint8], learned: Unit) -> Unit | None:
    size = len(learned.pack())
    if not may_be_smaller(pixels, size):
        return None
    unit = code_lossless(learned.tile_index, pixels)
    return unit if len(unit.pack()) < size else None


def _built(layout: Layout, picture: Picture, exact: bool, units: list[Unit], digest: hashlib._Hash) -> Encoded:
    data = build_still(layout.header, units, picture.metadata)
    return Encoded(data, picture, exact, layout, tuple(units), digest.hexdigest())
