"""How pictures and frames are encoded: one object from the command line, Python and Pillow down to the coder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, TypedDict

from bitstream.limits import DEFAULT_TILE, MAX_TILE, MIN_TILE, TILE_STEP
from codec.model.quality import check_quality
from codec.rate.target import Target
from codec.still.effort import DEFAULT_EFFORT, FIRST_REFINED, check_effort
from codec.still.regions import ROI_TILE, Region
from codec.work.choices import check_choice

DEFAULT_QUALITY = 75  # of 0..100
Tune = Literal["psnr", "ms-ssim"]


class EncodeOptions(TypedDict, total=False):
    """The fields of `EncodeSettings` but the quality, as keyword arguments of `encode` and `VideoWriter`."""

    target: Target | None
    lossless: bool
    exact: bool
    effort: int
    tune: Tune
    tile: int | None
    regions: Sequence[Region]


@dataclass(frozen=True, kw_only=True)
class EncodeSettings:
    """How a picture, or every frame of a sequence, is encoded.

    Args:
        quality: 0..100; equal steps look like equal steps of PSNR. A tile that is smaller losslessly is stored
            losslessly.
        target: a file size, bits per pixel, PSNR or MS-SSIM to meet instead of `quality`; pictures only.
        lossless: store every tile losslessly; `quality` is ignored.
        exact: keep the colours of fully transparent pixels, as `cwebp -exact` does; otherwise they may change.
        effort: 1..9. From 5 on the latents of each picture are refined by gradient descent: smaller files, 30 to
            400 times the time. Below 4 only lossless coding is faster.
        tune: the measure that refinement improves at a given size.
        tile: side of the independently coded tiles in pixels, a multiple of 64 in 64..4096. None: 1024, or 128
            with `regions`.
        regions: rectangles or maps of higher or lower quality, in every frame of a sequence.

    Raises:
        ValueError, TypeError: a value out of range, or settings that exclude each other.
    """

    quality: float = DEFAULT_QUALITY
    target: Target | None = None
    lossless: bool = False
    exact: bool = False
    effort: int = DEFAULT_EFFORT
    tune: Tune = "psnr"
    tile: int | None = None
    regions: Sequence[Region] = ()

    def __post_init__(self) -> None:
        check_quality(self.quality)
        check_effort(self.effort)
        check_choice(self.tune, Tune)
        object.__setattr__(self, "regions", tuple(self.regions))
        if not isinstance(self.target, Target | None):
            raise TypeError(f"target {self.target!r} is no Target")
        if not all(isinstance(region, Region) for region in self.regions):
            raise TypeError("regions must be of the class Region")
        size = self.tile_size
        if not isinstance(size, int) or not MIN_TILE <= size <= MAX_TILE or size % TILE_STEP:
            raise ValueError(f"tile {size!r} is not a multiple of {TILE_STEP} within {MIN_TILE}..{MAX_TILE}")
        if self.tune != "psnr" and self.effort < FIRST_REFINED:
            raise ValueError(f"tune {self.tune} needs an effort of {FIRST_REFINED} or more")
        if self.lossless and self.target is not None:
            raise ValueError(f"a {self.target.name} target and lossless exclude each other")
        if self.lossless and self.regions:
            raise ValueError("regions and lossless exclude each other")

    @property
    def is_for_ms_ssim(self) -> bool:
        """Whether MS-SSIM is the target, or what refinement improves."""
        return "ms-ssim" in (self.tune, self.target and self.target.kind)

    @property
    def tile_size(self) -> int:
        """Side of a tile in pixels."""
        return self.tile if self.tile is not None else ROI_TILE if self.regions else DEFAULT_TILE
