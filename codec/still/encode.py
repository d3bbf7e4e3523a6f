"""Pictures -> coded units: each tile by the network, or losslessly. A file, or a frame's record, is made from them.

Lossless pictures need no network: torch is imported only where a tile is learned.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bitstream.chunks import OVERHEAD as CHUNK_OVERHEAD
from bitstream.header import CONTENT_ID_BYTES, GREY, NO_ALPHA, RGB, WITH_ALPHA, Header
from bitstream.limits import MAX_QUALITY, check_dimensions
from bitstream.metadata import check_size
from bitstream.still import build_still, still_size
from bitstream.units import Unit
from codec.model.quality import Point
from codec.pixels.geometry import Area
from codec.pixels.picture import Picture, as_rgb
from codec.pixels.transparency import cleared, filled
from codec.settings import EncodeSettings
from codec.still.effort import begin_coding, coding_passes, refinement_steps
from codec.still.layout import Layout
from codec.still.lossless import code_alpha, code_lossless, smaller_lossless
from codec.still.regions import levels_of_tiles
from codec.work.progress import Progress
from codec.work.stages import stage
from codec.work.threads import mapped

if TYPE_CHECKING:
    from torch import Tensor

    from codec.model.loaded import LoadedModel

_ROWS = 256  # hashed at a time, which bounds the memory


@dataclass(frozen=True)
class CodedPicture:
    """A picture's coded units, one a tile in file order.

    `picture` came in; its colours under full transparency are kept only where it was coded with `exact`. The
    header of `layout` lacks the content id. `level` is the picture's on the one scale of base and detail. `latents`
    maps learned tiles to their latent bytes, `details` to the symbols of their detail, where the coder kept them.
    """

    picture: Picture
    exact: bool
    layout: Layout
    units: tuple[Unit, ...]
    latents: Mapping[int, bytes]
    level: int = MAX_QUALITY
    details: Mapping[int, NDArray[np.int16]] = field(default_factory=dict, repr=False)

    def pixels_of(self, i: int) -> NDArray[np.uint8]:
        """The channels of tile `i` as they were to be coded, (H, W, C) uint8."""
        return _kept(self.picture.pixels[self.layout.box(i).index], self.exact)

    @property
    def lossless_tiles(self) -> int:
        return sum(not unit.learned for unit in self.units)

    @property
    def latents_sha256(self) -> str:
        """Of the latents that were kept, in file order: what decoding the file must give."""
        return hashlib.sha256(b"".join(self.latents[i] for i in sorted(self.latents))).hexdigest()

    @property
    def header(self) -> Header:
        """With the content id: the first bytes of the SHA-256 of the pixels as coded."""
        content = hashlib.sha256()
        for top in range(0, self.picture.size[1], _ROWS):
            content.update(np.ascontiguousarray(_kept(self.picture.pixels[top : top + _ROWS], self.exact)).data)
        return replace(self.layout.header, content_id=content.digest()[:CONTENT_ID_BYTES])

    @cached_property
    def data(self) -> bytes:
        """The `.wisp` file of this picture, metadata included, made when it is first asked for."""
        return build_still(self.header, self.units, self.picture.metadata)

    @property
    def size(self) -> int:
        """Bytes of `data`, which is not made for it."""
        return still_size(self.layout.header, self.units, self.picture.metadata)


def encode_lossless(
    picture: Picture, model_id: bytes, settings: EncodeSettings, *, progress: Progress | None = None
) -> CodedPicture:
    """Every tile lossless. `model_id` (8 bytes) only fills the header's table, which may not be empty.

    Raises LimitError for a picture that is too large.
    """
    progress = progress or Progress()
    exact = settings.exact
    layout = Layout(_header(picture, MAX_QUALITY, model_id, settings))
    progress.begin(len(layout.tiles))

    def code(i: int) -> Unit:
        return code_lossless(i, _kept(picture.pixels[layout.box(i).index], exact), settings.effort)

    units = []
    with stage("lossless coding"):
        for unit in mapped(code, range(len(layout.tiles))):
            units.append(unit)
            progress.add(1)
    return CodedPicture(picture, exact, layout, tuple(units), {})


def encode_still(
    model: LoadedModel,
    picture: Picture,
    level: int,
    settings: EncodeSettings,
    *,
    lossless: Collection[int] = (),
    keep_latents: bool = False,
    features: dict[Area, Tensor] | None = None,
    detail: bool = True,
    progress: Progress | None = None,
) -> CodedPicture:
    """Every tile as the network codes it, or lossless where that is smaller; the tiles `lossless` in any case.

    `level` is 0..16128: the model's quality in steps of 1/256 or, with `detail` and where the model has it, what
    `point_at` makes of it. `features` as in `analyse`. Raises LimitError for a picture that
    is too large, RequestError for a region outside it.
    """
    import torch

    from codec.still.pixel_path import analyse, quality_field

    coding = _Coding(model, picture, level, settings, progress or Progress(), detail=detail)
    layout, effort, told = coding.layout, settings.effort, coding.progress
    with torch.inference_mode(False):  # the caller may be in it, and refinement needs gradients
        begin_coding(told, sum(area.size for area in layout.tiles), effort)
        units = {i: code_lossless(i, coding.channels(i), effort, coding.delta(i)) for i in lossless}
        coding.pass_over(units, coding_passes(effort))
        colours = picture.colours if settings.exact else _seen_colours(picture, layout)
        with stage("analysis"):
            qualities = quality_field(layout.tiles, coding.qualities, layout.field)
            latent = analyse(model, as_rgb(colours), qualities, lambda area: told.add(area.size), features)
        learned, z = [i for i in range(len(layout.tiles)) if i not in units], None
        if refinement_steps(effort):
            plain = {i: unit for i, unit, _ in coding.coded(latent, learned)}
            done = {i: unit for i, unit in plain.items() if not unit.learned}
            coding.pass_over(done, coding_passes(effort) - 1)
            units |= done
            learned = [i for i in learned if plain[i].learned]
            z = coding.refined(latent, learned, colours)
        latents: dict[int, bytes] = {}
        for i, unit, latent_bytes in coding.coded(latent, learned, z):
            units[i] = unit
            if unit.learned and (keep_latents or coding.detailed):
                latents[i] = latent_bytes
        details = coding.add_detail(units, latents, colours, keep=keep_latents)
    ordered = tuple(units[i] for i in range(len(layout.tiles)))
    if any(unit.detail for unit in ordered) and (layer := model.own_detail):
        layout = Layout(replace(layout.header, model_ids=(model.info.id_bytes, layer.info.id_bytes)))
    coded = CodedPicture(picture, settings.exact, layout, ordered, latents, level, details)
    return coded if keep_latents else replace(coded, latents={})


class _Coding:
    """One picture being coded by the network: what the steps of `encode_still` share."""

    def __init__(
        self,
        model: LoadedModel,
        picture: Picture,
        level: int,
        settings: EncodeSettings,
        progress: Progress,
        *,
        detail: bool,
    ) -> None:
        self._model, self._picture, self._settings, self.progress = model, picture, settings, progress
        point = model.point_at if detail else Point
        self.layout = Layout(_header(picture, point(level).quality, model.info.id_bytes, settings))
        points = [point(own) for own in levels_of_tiles(settings.regions, self.layout, level)]
        self.qualities, self.step_codes = [p.quality for p in points], [p.step_code for p in points]

    @property
    def detailed(self) -> bool:
        """Whether any tile is to have detail."""
        return any(code is not None for code in self.step_codes)

    def pass_over(self, tiles: Collection[int], passes: int) -> None:
        """What would have been done with these tiles is not needed."""
        if tiles:
            self.progress.add(passes * sum(self.layout.tiles[i].size for i in tiles))

    def channels(self, i: int) -> NDArray[np.uint8]:
        """Of tile `i`, as they are to be coded."""
        return _kept(self._picture.pixels[self.layout.box(i).index], self._settings.exact)

    def delta(self, i: int) -> int:
        """The quality of tile `i` less that of the header."""
        return self.qualities[i] - self.layout.header.quality

    @property
    def seen(self) -> NDArray[np.bool_] | None:
        """(H, W): the pixels whose colours count; None for all."""
        return self._picture.alpha != 0 if self._picture.has_alpha and not self._settings.exact else None

    def add_detail(
        self, units: dict[int, Unit], latents: dict[int, bytes], colours: NDArray[np.uint8], *, keep: bool
    ) -> Mapping[int, NDArray[np.int16]]:
        """Give the units their detail -> with `keep` its symbols by tile.

        A tile that is smaller without loss now becomes so; its neighbours' bases depend on it, and all begin anew.
        """
        layer = self._model.own_detail
        if not self.detailed or layer is None:
            return {}
        from codec.still.detail import code_details
        from codec.still.measure import shown

        while True:
            symbols, smaller, coded = {}, {}, {}
            base = shown(self.layout, units, lambda _: self._model, latents, {})
            given = (self._model, layer, self.layout, units, latents, self.step_codes, (colours, self.seen), base)
            with stage("detail"):
                for i, detail, values in code_details(*given):
                    size = units[i].packed_size + detail.packed_size + CHUNK_OVERHEAD
                    if unit := smaller_lossless(self.channels(i), units[i], size, self._settings.effort):
                        smaller[i] = unit
                    coded[i] = replace(units[i], detail=detail)
                    if keep:
                        symbols[i] = values
            if not smaller:
                units.update(coded)
                return symbols
            units.update(smaller)
            for i in smaller:
                del latents[i]

    def refined(self, latent: Tensor, learned: list[int], colours: NDArray[np.uint8]) -> Mapping[int, Tensor]:
        """Improve the latents of these tiles where they lie -> the hyper-latents to code them with."""
        from codec.refine.picture import refine_tiles

        target = (colours, self.seen)
        settings, qualities = self._settings, self.qualities
        with stage("refinement"):
            return refine_tiles(self._model, self.layout, latent, qualities, learned, target, settings, self.progress)

    def coded(
        self, latent: Tensor, chosen: list[int], z: Mapping[int, Tensor] | None = None
    ) -> Iterator[tuple[int, Unit, bytes]]:
        """-> tile, its unit, the latent bytes of the learned one."""
        from codec.still.learned import code_learned

        effort = self._settings.effort
        coded_tiles = code_learned(self.layout, self._model, latent, self.qualities, chosen, z)
        while True:
            with stage("entropy coding"):
                tile = next(coded_tiles, None)
            if tile is None:
                return
            i, coded = tile
            with stage("lossless coding"):
                pixels = self.channels(i)
                alpha = code_alpha(pixels[:, :, -1], effort) if self.layout.has_alpha else None
                unit = Unit(i, coded.stream, coded.check, quality_delta=self.delta(i), alpha=alpha)
                unit = smaller_lossless(pixels, unit, unit.packed_size, effort) or unit
            self.progress.add(self.layout.tiles[i].size)
            yield i, unit, coded.latent


def _kept(pixels: NDArray[np.uint8], exact: bool) -> NDArray[np.uint8]:
    return pixels if exact else cleared(pixels)


def _header(picture: Picture, quality: int, model_id: bytes, settings: EncodeSettings) -> Header:
    """Of a file or sequence, but for the content id."""
    check_dimensions(*picture.size)
    check_size(picture.metadata)
    return Header(
        *picture.size,
        quality,
        (model_id,),
        bytes(CONTENT_ID_BYTES),
        settings.tile_size,
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
