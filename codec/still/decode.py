"""Still pictures out: the units of a file -> channels, all of them or those under a crop.

Lossless tiles need no network, and torch is imported only where a learned tile is wanted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import CorruptError, UnsupportedError
from bitstream.header import Header
from bitstream.still import Still
from bitstream.units import Unit
from codec.pixels.geometry import LATENT, Area, Box, around, windows
from codec.pixels.picture import Picture, as_rgb
from codec.still.layout import BATCH_LATENTS, Layout
from codec.still.lossless import decode_alpha, decode_lossless
from codec.work.progress import Progress
from codec.work.threads import mapped

if TYPE_CHECKING:
    from codec.model.loaded import LoadedModel
    from codec.still.learned import DecodedTile
    from codec.still.pixel_path import LatentField

ModelLoader = Callable[[str], "LoadedModel"]  # by id, 16 hexadecimal digits


@dataclass(frozen=True)
class Decoded:
    """A picture or its crop, without metadata, and how many tiles were decoded for it."""

    picture: Picture
    tiles_decoded: int


def decode_still(
    still: Still,
    load: ModelLoader,
    *,
    crop: Box | None = None,
    progress: Progress | None = None,
    digest: hashlib._Hash | None = None,
    preview: bool = False,
) -> Decoded:
    """Decode the tiles that `crop` needs, halo included, or all; their latent bytes go into `digest` in file order.

    With `preview` detail is left out.

    No pixel is handed out before every one of them has passed its check. Raises CorruptError,
    UnsupportedError, ModelNotFoundError, ModelFileError or ExactnessError; RequestError for a crop that
    reaches beyond the picture.
    """
    job = Decoding(still.header, dict(enumerate(still.units)), load, crop, digest=digest, preview=preview)
    job.run(progress or Progress())
    return Decoded(Picture(job.canvas), len(job.decoded))


@dataclass(frozen=True)
class DecodedLatents:
    """A picture's latent field, that of lossless tiles included; the hash runs over the learned ones."""

    model: LoadedModel
    field: LatentField
    sha256: str


def decode_latents(still: Still, load: ModelLoader, *, batch_latents: int = BATCH_LATENTS) -> DecodedLatents:
    """The whole latent field of a picture with a learned tile, no more than `batch_latents` decoded at a time.

    Raises as decode_still; ValueError where no tile is learned.
    """
    if not still.models_used:
        raise ValueError("no tile of the picture is learned: it has no latents")
    digest = hashlib.sha256()
    units = dict(enumerate(still.units))
    job = Decoding(still.header, units, load, batch_latents=batch_latents, digest=digest, preview=True)
    model, size = job.model(), job.layout.field
    every = list(range(len(job.layout.tiles)))
    field = job.latents(model, every, Area(0, size[0], 0, size[1]), Progress())
    return DecodedLatents(model, field, digest.hexdigest())


def check_units(still: Still, load: ModelLoader, *, batch_latents: int = BATCH_LATENTS) -> str:
    """Decode and check every unit of a file, but synthesise nothing -> `latents_sha256`. Raises as decode_still."""
    digest = hashlib.sha256()
    Decoding(still.header, dict(enumerate(still.units)), load, batch_latents=batch_latents, digest=digest).check()
    return digest.hexdigest()


class Decoding:
    """One picture being decoded: `units` by tile index, `canvas` (h, w, C) uint8 shows the `view`.

    `faults` is None where the first fault is raised; a dictionary takes each tile's, and the job goes on. `lost` is the
    same for detail: without it the tile is shown. `digest` takes the latent bytes of the learned tiles in file order.
    With `preview` no detail is decoded.
    """

    def __init__(
        self,
        header: Header,
        units: Mapping[int, Unit],
        load: ModelLoader,
        crop: Box | None = None,
        faults: dict[int, CorruptError] | None = None,
        batch_latents: int = BATCH_LATENTS,
        digest: hashlib._Hash | None = None,
        lost: dict[int, CorruptError] | None = None,
        preview: bool = False,
    ) -> None:
        self.layout = Layout(header)
        self.view = self.layout.whole if crop is None else crop.check_within(header.width, header.height)
        self.units, self.faults, self._lost, self._load = units, faults, lost, load
        self._detailed = {i for i, unit in units.items() if unit.detail and not preview}
        # Where faults are kept, tiles are decoded one by one, so that a fault costs no other tile.
        self._batch_latents = batch_latents if faults is None else 0
        self.decoded: set[int] = set()
        self._symbols: dict[int, NDArray[np.int16]] = {}  # of the tiles' detail, until it is shown
        self._digest = digest
        self.canvas = np.zeros((self.view.height, self.view.width, len(header.mode)), np.uint8)

    def run(self, progress: Progress) -> None:
        """Fill the canvas."""
        wanted = [i for i in range(len(self.layout.tiles)) if self.layout.box(i).meet(self.view)]
        learned = [i for i in wanted if self.is_learned(i)]
        if learned:
            self._show_learned(learned, progress)
        rest = [i for i in wanted if i in self.units and i not in self.decoded and not self.is_learned(i)]
        if not learned:
            progress.begin(len(rest))
        for _ in mapped(self._lossless, rest):
            progress.add(1)

    def check(self) -> None:
        """Decode every unit, and make no pixels of latents."""
        learned = [i for i in range(len(self.layout.tiles)) if self.is_learned(i)]
        if learned:
            for _ in self._learned_tiles(self.model(), learned):
                pass
        for i in range(len(self.layout.tiles)):
            if not self.is_learned(i):
                self._lossless(i)
            elif self.layout.has_alpha:
                self._show_alpha(i)

    def is_learned(self, i: int) -> bool:
        """Whether there is a learned unit of tile `i`."""
        return i in self.units and self.units[i].learned

    def model(self) -> LoadedModel:
        """The one model of the learned units. Raises UnsupportedError where they name several."""
        slots = {unit.model_slot for unit in self.units.values() if unit.learned}
        details = {unit.detail.model_slot for unit in self.units.values() if unit.detail}
        if len(slots) > 1 or len(details) > 1:
            raise UnsupportedError("tiles of one picture are coded with different models")
        return self._load(self.layout.header.model_ids[slots.pop()].hex())

    def _fault(self, i: int, error: CorruptError) -> None:
        if self.faults is None:
            raise error
        self.faults.setdefault(i, error)

    def _lose(self, i: int, error: CorruptError) -> None:
        """Tile `i` is shown without its detail, where that is allowed."""
        if self._lost is None:
            raise error
        self._lost[i] = error

    def _lossless(self, i: int) -> NDArray[np.uint8] | None:
        """Decode and show a lossless tile -> its channels, None where it is damaged."""
        box, colours = self.layout.box(i), self.layout.header.colours
        try:
            pixels = decode_lossless(self.units[i], box.height, box.width, colours, self.layout.name(i))
        except CorruptError as error:
            self._fault(i, error)
            return None
        self.decoded.add(i)
        self._paste(box, pixels, slice(None))
        return pixels

    def _learned_tiles(self, model: LoadedModel, chosen: list[int]) -> Iterator[DecodedTile]:
        from codec.still.learned import decode_learned

        for tile in decode_learned(
            self.layout, self.units, model, chosen, self._fault, self._batch_latents, self._detailed, self._lose
        ):
            if self._digest is not None:
                self._digest.update(tile.latent)
            self.decoded.add(tile.index)
            yield tile

    def _show_learned(self, learned: list[int], progress: Progress) -> None:
        """Decode what the learned tiles of the view depend on, and show them."""
        model, layout = self.model(), self.layout
        halo = model.synthesis_halo
        shown = {i: Area.over(box) for i in learned if (box := layout.box(i).meet(self.view))}
        halos = [area.grown(halo, layout.field) for area in shown.values()]
        needed = sorted(set().union(*map(layout.under, halos)) & self.units.keys())
        steps = sum(layout.tiles[i].size for i in needed) + sum(area.size for area in shown.values())
        progress.begin(steps)
        self._detailed &= shown.keys()
        latents = self.latents(model, needed, around(halos), progress)
        for core in windows(layout.field):
            parts = [part for area in shown.values() if (part := area.meet(core))]
            if parts:
                self._synthesise(model, latents, parts)
                progress.add(sum(part.size for part in parts))
        for i in learned:
            if i in self._symbols:
                self._add_detail(i, model)
            if layout.has_alpha:
                self._show_alpha(i)

    def latents(self, model: LoadedModel, needed: list[int], area: Area, progress: Progress) -> LatentField:
        """The latent field over `area` from the tiles `needed`, all decoded and checked."""
        from codec.still.learned import FieldBuilder

        builder = FieldBuilder(self.layout, self.units, model, area)
        for tile in self._learned_tiles(model, [i for i in needed if self.is_learned(i)]):
            builder.add(tile.index, tile.y16)
            if tile.detail is not None:
                self._symbols[tile.index] = tile.detail
            progress.add(self.layout.tiles[tile.index].size)
        for i in needed:
            if not self.is_learned(i) and (pixels := self._lossless(i)) is not None:
                builder.add_pixels(i, as_rgb(pixels[:, :, : self.layout.header.colours]))
                progress.add(self.layout.tiles[i].size)
        return builder.field()

    def _synthesise(self, model: LoadedModel, latents: LatentField, parts: list[Area]) -> None:
        from codec.still.pixel_path import synthesise_area

        colours, area = self.layout.header.colours, around(parts)
        pixels = synthesise_area(model, latents, area, grey=colours == 1)
        for part in parts:
            box = self.layout.pixels(part)
            self._paste(box, pixels[box.within(self.layout.pixels(area)).index], slice(colours))

    def _add_detail(self, i: int, model: LoadedModel) -> None:
        """Put what the view shows of a tile's detail onto its base."""
        from codec.detail.pixels import detailed, left_of

        detail, box = self.units[i].detail, self.layout.box(i)
        part = box.meet(self.view)
        assert detail is not None and part is not None
        blocks = Area.over(part.within(box))
        left = left_of(self._symbols.pop(i)[(..., *blocks.index)], detail.step_code, model.runtime.device)
        rows, columns = part.y - box.y - blocks.top * LATENT, part.x - box.x - blocks.left * LATENT
        base = self.canvas[(*part.within(self.view).index, slice(self.layout.header.colours))]
        base[...] = detailed(base, left[rows : rows + part.height, columns : columns + part.width])

    def _show_alpha(self, i: int) -> None:
        box = self.layout.box(i)
        try:
            alpha = decode_alpha(self.units[i], box.height, box.width, self.layout.name(i))
        except CorruptError as error:
            self._fault(i, error)
        else:
            self._paste(box, alpha[:, :, None], slice(-1, None))

    def _paste(self, box: Box, pixels: NDArray[np.uint8], channels: slice) -> None:
        """Put what the view shows of `box` onto the canvas."""
        shown = box.meet(self.view)
        if shown is not None:
            self.canvas[(*shown.within(self.view).index, channels)] = pixels[shown.within(box).index]
