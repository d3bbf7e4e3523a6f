"""Showing what is left of a damaged picture.

A tile that is missing or fails a check is grey, and so are the pixels of learned neighbours that depend on it:
within the halo of the synthesis. Lossless tiles depend on nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from bitstream.errors import CorruptError
from bitstream.salvage import read_remains
from codec.notes import note_damaged
from codec.pixels.geometry import Box
from codec.pixels.picture import Picture
from codec.still.decode import Decoding, ModelLoader
from codec.work.progress import Progress

GREY, OPAQUE = 128, 255
DAMAGED_STATUS = CorruptError.exit_status  # of a command that showed only what was left


@dataclass(frozen=True)
class DamagedTile:
    """A tile of a picture that is lost.

    Attributes:
        index: in the file's order, row by row.
        box: the tile, in pixels.
        shown_grey: what is grey because of it, in pixels; of learned tiles also what depends on them next to it.
        reason: what is wrong with it.
    """

    index: int
    box: Box
    shown_grey: Box
    reason: str


@dataclass(frozen=True)
class SalvageReport:
    """What is lost of a damaged picture.

    Attributes:
        damaged: the lost tiles, in the file's order.
        tiles: how many the picture has.
        without_detail: tiles that are shown without detail, because theirs is damaged or may be missing.
        whole: False where anything of the file is damaged or missing, its end or its metadata too.
    """

    damaged: tuple[DamagedTile, ...]
    tiles: int
    whole: bool
    without_detail: tuple[int, ...] = ()


class Salvaged(NamedTuple):
    """The picture with its intact metadata, and what is lost of it."""

    picture: Picture
    report: SalvageReport


def salvage_still(data: bytes, load: ModelLoader) -> Salvaged:
    """Decode every intact tile of a file's bytes.

    Raises NotWispError, TruncatedError, CorruptError, UnsupportedError or LimitError where the header cannot
    be read, ModelNotFoundError and the like where the model cannot.
    """
    remains = read_remains(data)
    if remains.damaged:
        note_damaged(remains.damaged)
    faults: dict[int, CorruptError] = {}
    lost: dict[int, CorruptError] = {}
    job = Decoding(remains.header, remains.units, load, faults=faults, lost=lost)
    layout = job.layout
    for i in range(len(layout.tiles)):
        if i not in remains.units:
            faults[i] = CorruptError("missing, or fails its checksum")
    job.run(Progress())
    learned = {i for i in remains.units if job.is_learned(i) and i not in faults}
    halo = job.model().synthesis_halo if learned else 0
    damaged = []
    for i, fault in sorted(faults.items()):
        reach = layout.tiles[i].grown(halo, layout.field)
        touched = [part for j in layout.under(reach) & learned if (part := layout.tiles[j].meet(reach))]
        for box in [layout.box(i), *map(layout.pixels, touched)]:
            _make_grey(job.canvas[box.index], layout.has_alpha)
        grey = layout.pixels(reach) if touched else layout.box(i)
        damaged.append(DamagedTile(i, layout.box(i), grey, str(fault).removeprefix(f"{layout.name(i)}: ")))
    bare = {i for i in learned if not remains.units[i].detail} if len(remains.header.model_ids) > 1 else set()
    without = tuple(sorted(lost.keys() | (set() if remains.whole else bare)))
    report = SalvageReport(tuple(damaged), len(layout.tiles), remains.whole and not damaged and not without, without)
    return Salvaged(Picture(job.canvas, remains.metadata), report)


def _make_grey(pixels: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], has_alpha: bool) -> None:
    pixels[...] = GREY
    if has_alpha:
        pixels[..., -1] = OPAQUE
