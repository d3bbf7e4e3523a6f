"""What else than the quality decides how a still picture is coded; without torch."""

from __future__ import annotations

from dataclasses import dataclass

from bitstream.limits import DEFAULT_TILE, MAX_QUALITY, MAX_TILE, MIN_TILE, TILE_STEP
from codec.choices import Tune, check_choice
from codec.effort import DEFAULT_EFFORT, FIRST_REFINED, check_effort
from codec.still.layout import Layout
from codec.still.regions import ROI_TILE, Region, steps_of_tiles


@dataclass(frozen=True)
class StillSettings:
    """As `Codec.encode` has them.

    `tile` in pixels a side, `exact` keeps colours under full transparency, `regions` move the quality of the
    tiles that they cover.
    """

    tile: int = DEFAULT_TILE
    exact: bool = False
    effort: int = DEFAULT_EFFORT
    tune: Tune = "psnr"
    regions: tuple[Region, ...] = ()

    def __post_init__(self) -> None:
        if not isinstance(self.tile, int) or not MIN_TILE <= self.tile <= MAX_TILE or self.tile % TILE_STEP:
            raise ValueError(f"tile {self.tile!r} is not a multiple of {TILE_STEP} within {MIN_TILE}..{MAX_TILE}")
        if not all(isinstance(region, Region) for region in self.regions):
            raise TypeError("regions are codec.Region")
        check_effort(self.effort)
        check_choice(self.tune, Tune)
        if self.tune != "psnr" and self.effort < FIRST_REFINED:
            raise ValueError(f"tune {self.tune} needs an effort of {FIRST_REFINED} or more")

    def qualities(self, layout: Layout) -> list[int]:
        """Each tile's quality in steps of 1/256: the header's, moved by the regions."""
        base = layout.header.quality
        return [min(max(base + moved, 0), MAX_QUALITY) for moved in steps_of_tiles(self.regions, layout)]


def still_settings(
    *, tile: int | None, exact: bool, effort: int, tune: Tune, regions: tuple[Region, ...]
) -> StillSettings:
    """Without a `tile` the default one, a smaller one where regions are to be followed. Raises ValueError."""
    chosen = tile if tile is not None else ROI_TILE if regions else DEFAULT_TILE
    return StillSettings(chosen, exact, effort, tune, regions)
