"""Pictures in every mode for the tests, and files whose tiles are lossless where a test wants them so."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from bitstream.units import Unit
from codec.api import Codec
from codec.jobs.describe_still import FileDescription, probe
from codec.pixels.picture import Picture, channels
from codec.settings import EncodeSettings
from codec.still import encode as encoder
from codec.still.encode import CodedPicture
from codec.still.lossless import code_lossless
from tests.support.goldens import parrots

Pixels = NDArray[np.uint8]
Scene = Callable[[int, int, str], Pixels]
MODES = ("L", "LA", "RGB", "RGBA")
each_mode = pytest.mark.parametrize("mode", MODES)
each_alpha_mode = pytest.mark.parametrize("mode", ["LA", "RGBA"])


def photo(height: int, width: int, mode: str = "RGB") -> Pixels:
    """(H, W, C): ordinary content, mirrored where it is not large enough; alpha as `ramp`."""
    whole = parrots()
    missing = [(0, max(wanted - there, 0)) for wanted, there in zip((height, width), whole.shape, strict=False)]
    return in_mode(np.pad(whole, (*missing, (0, 0)), "symmetric")[:height, :width], mode)


def logo(height: int, width: int, mode: str = "RGB") -> Pixels:
    """(H, W, C): shapes, lines and text of few colours; alpha as `ramp`."""
    image = Image.new("RGB", (width, height), (250, 250, 245))
    draw = ImageDraw.Draw(image)
    draw.ellipse((width // 8, height // 8, width // 2, 3 * height // 4), (200, 30, 40), (0, 0, 0))
    draw.line((0, height, width, 0), (0, 60, 160), 2)
    for row in range(0, height, 12):
        draw.text((width // 3, row), "Wisp 0123456789", (10, 10, 10))
    return in_mode(channels(image).copy(), mode)


def noise(height: int, width: int, mode: str = "RGB", seed: int = 0) -> Pixels:
    """(H, W, C), alpha too: random, a third of it 0 and a third 255."""
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, len(mode)), np.uint8)
    if mode.endswith("A"):
        kind = rng.integers(0, 3, (height, width))
        pixels[:, :, -1] = np.where(kind == 0, 0, np.where(kind == 1, 255, pixels[:, :, -1]))
    return pixels


def ramp(height: int, width: int) -> Pixels:
    """(H, W): 255 in the left quarter, 0 in the right one, falling between them."""
    row = np.interp(np.arange(width), (width / 4, 3 * width / 4), (255, 0)).round().astype(np.uint8)
    return np.repeat(row[None], height, axis=0)


def in_mode(rgb: Pixels, mode: str, alpha: Pixels | int | None = None) -> Pixels:
    """(H, W, 3) -> (H, W, C); `alpha` is a plane or one value."""
    colours = rgb if mode.startswith("RGB") else np.ascontiguousarray(rgb[:, :, 1:2])
    if not mode.endswith("A"):
        return colours
    plane = ramp(*rgb.shape[:2]) if alpha is None else np.broadcast_to(np.uint8(alpha), rgb.shape[:2])
    return np.dstack([colours, plane])


def encode_choosing(
    codec: Codec,
    pixels: Pixels | Picture,
    lossless: Collection[int],
    quality: float = 50,
    tile: int = 64,
    *,
    exact: bool = False,
) -> CodedPicture:
    """CodedPicture with these tiles lossless and the others learned, whatever is smaller."""

    def chosen(pixels: Pixels, learned: Unit, _: int, effort: int) -> Unit | None:
        return code_lossless(learned.tile_index, pixels, effort) if learned.tile_index in lossless else None

    picture = pixels if isinstance(pixels, Picture) else Picture(pixels)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "smaller_lossless", chosen)
        settings = EncodeSettings(quality=quality, tile=tile, exact=exact)
        return codec.encode_picture(picture, settings, keep_latents=True)


def facts_of(data: bytes) -> FileDescription:
    """What `codec.probe` says of a still picture."""
    facts = probe(data)
    assert isinstance(facts, FileDescription)
    return facts
