"""A picture in memory: 8-bit channels and what comes with them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.metadata import Metadata
from codec.pixels.geometry import Box

Level = TypeVar("Level", bound=np.generic)
MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}  # by the number of channels


@dataclass(frozen=True, repr=False)
class Picture:
    """`pixels` is (height, width, channels) uint8: L, LA, RGB or RGBA, upright, alpha not multiplied in."""

    pixels: NDArray[np.uint8]
    metadata: Metadata = field(default_factory=Metadata)

    def __repr__(self) -> str:
        return f"Picture({self.size[0]}x{self.size[1]} {self.mode}, {self.metadata})"

    @property
    def mode(self) -> str:
        """Pillow's name of the channels."""
        return MODES[self.pixels.shape[2]]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.pixels.shape[1], self.pixels.shape[0]

    @property
    def has_alpha(self) -> bool:
        return self.pixels.shape[2] in (2, 4)

    @property
    def alpha(self) -> NDArray[np.uint8]:
        """(H, W), a view. Only where `has_alpha`."""
        return self.pixels[:, :, -1]

    @property
    def colours(self) -> NDArray[np.uint8]:
        """(H, W, 1 or 3), a view: the channels without alpha."""
        return self.pixels[:, :, :-1] if self.has_alpha else self.pixels

    def image(self) -> Image.Image:
        """The pixels as a Pillow image, without metadata."""
        flat = self.pixels[:, :, 0] if self.pixels.shape[2] == 1 else self.pixels
        return Image.fromarray(flat)

    def without(self, kinds: Collection[str]) -> Picture:
        """The same without these kinds of metadata (names of Metadata's fields)."""
        return replace(self, metadata=replace(self.metadata, **dict.fromkeys(kinds, b"")))


def cropped(picture: Picture, crop: tuple[int, int, int, int] | None) -> Picture:
    """The part under (x, y, width, height), all of it where that is None. Raises RequestError beyond the picture."""
    if crop is None:
        return picture
    return replace(picture, pixels=picture.pixels[Box(*crop).check_within(*picture.size).index])


def channels(image: Image.Image) -> NDArray[np.uint8]:
    """An image of mode L, LA, RGB or RGBA -> (H, W, C)."""
    pixels = np.asarray(image)
    return pixels[:, :, None] if pixels.ndim == 2 else pixels


def as_rgb(colours: NDArray[Level]) -> NDArray[Level]:
    """(H, W, 1 or 3) -> (H, W, 3): grey three times. A view where it can be."""
    return np.broadcast_to(colours, (*colours.shape[:2], 3)) if colours.shape[2] == 1 else colours
