"""What `make_pack` takes out of its sources."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PictureFormat = Literal["webp", "avif"]


@dataclass(frozen=True, kw_only=True)
class PackSettings:
    """Which crops of pictures, or clips of videos, a pack holds.

    Attributes:
        size: side of a crop, in pixels of the pack.
        frames: None for crops of pictures; else clips of so many frames of videos, below each other in one picture.
        per_source: crops of a picture, or clips of a video, at most.
        downscale: (from, to), 1 and more: how many pixels of the source make one of the pack, drawn anew for each
            crop. For sources that were coded with loss, all videos among them: it washes their artefacts out. Sources
            without loss keep their size.
        downscale_all: of pictures that are stored without loss as well.
        texture: how much textured crops are preferred, or clips that move: their chance to be taken grows with this
            power of the mean gradient, or of the difference between frames. With 0 all have the same chance.
        graphics: name the crops g_ as drawings and screenshots instead of p_ as photographs.
        picture_format: "webp" is lossless, "avif" of quality 95 in 4:4:4: some 46 dB and two fifths of the size.
        seed: of all that is drawn, from 0 on.
        limit: crops, or clips, of the whole pack at most, None without end.
    """

    size: int = 384
    frames: int | None = None
    per_source: int = 4
    downscale: tuple[float, float] = (1.5, 3.0)
    downscale_all: bool = False
    texture: float = 1.0
    graphics: bool = False
    picture_format: PictureFormat = "webp"
    seed: int = 0
    limit: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.downscale[0] <= self.downscale[1]:
            raise ValueError(f"a downscale range begins at 1 or more and does not fall: {self.downscale}")
        if min(self.size, self.per_source, 1 if self.limit is None else self.limit) < 1 or self.texture < 0:
            raise ValueError("size, crops of a source and the limit are 1 or more, texture is 0 or more")
        if self.frames is not None and self.frames < 2:
            raise ValueError("a clip has two frames or more")
