"""Lossless units and alpha planes: a tile's channels <-> VP8L, with the check of what is decoded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import CorruptError
from bitstream.units import LOSSLESS, Unit, check16
from codec.still import vp8l
from codec.still.effort import DEFAULT_EFFORT

# A lossless unit is tried in full where a quick trial of samples comes below this multiple of the learned one:
# quick coding is up to a third larger, and samples are not the whole.
_WORTH_TRYING = 3
_SAMPLE = 64  # pixels a side
_SAMPLES = 8


def code_lossless(index: int, pixels: NDArray[np.uint8], effort: int = DEFAULT_EFFORT, delta: int = 0) -> Unit:
    """Tile number `index` from its channels (H, W, C), C = 2 and 4 with alpha last; `delta` is its quality delta."""
    colours, alpha = _constant_alpha_apart(pixels)
    stream = vp8l.encode(colours, effort)
    check = check16(np.ascontiguousarray(colours).tobytes())
    return Unit(index, stream, check, kind=LOSSLESS, quality_delta=delta, alpha=alpha)


def _constant_alpha_apart(pixels: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int | bytes | None]:
    """-> the channels that the VP8L picture holds, alpha as a Unit has it."""
    if pixels.shape[2] in (1, 3):
        return pixels, None
    alpha = pixels[:, :, -1]
    first = int(alpha.flat[0])
    return (pixels[:, :, :-1], first) if (alpha == first).all() else (pixels, b"")


def code_alpha(alpha: NDArray[np.uint8], effort: int = DEFAULT_EFFORT) -> int | bytes:
    """A plane (H, W) as a learned unit has it: its one value, or VP8L."""
    first = int(alpha.flat[0])
    return first if (alpha == first).all() else vp8l.encode(alpha[:, :, None], effort)


def decode_lossless(unit: Unit, height: int, width: int, colours: int, what: str) -> NDArray[np.uint8]:
    """-> (height, width, colours or colours + 1) uint8. Raises CorruptError, naming the unit by `what`."""
    varies = isinstance(unit.alpha, bytes)
    try:
        pixels = vp8l.decode(unit.stream, height, width, colours + varies)
    except CorruptError as error:
        raise CorruptError(f"{what}: {error}") from None
    if check16(np.ascontiguousarray(pixels).tobytes()) != unit.check:
        raise CorruptError(f"{what}: the decoded pixels fail their check")
    if not isinstance(unit.alpha, int):
        return pixels
    return np.dstack([pixels, np.full((height, width), unit.alpha, np.uint8)])


def decode_alpha(unit: Unit, height: int, width: int, what: str) -> NDArray[np.uint8]:
    """The alpha (height, width) of a learned unit. Raises CorruptError."""
    if isinstance(unit.alpha, int):
        return np.full((height, width), unit.alpha, np.uint8)
    try:
        return vp8l.decode(unit.alpha or b"", height, width, 1)[:, :, 0]
    except CorruptError as error:
        raise CorruptError(f"{what}: alpha: {error}") from None


def may_be_smaller(pixels: NDArray[np.uint8], learned_bytes: int) -> bool:
    """Whether lossless coding of a tile (H, W, C) stands a chance against `learned_bytes`: a quick trial of samples."""
    height, width, _ = pixels.shape
    samples = _samples(pixels)
    area = samples.shape[0] * samples.shape[1]
    quick = len(vp8l.encode(samples, vp8l.QUICK)) * height * width / area
    return quick < _WORTH_TRYING * learned_bytes


def _samples(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Squares spread over the tile, one below the other; the whole tile where it is not larger than they are."""
    height, width, _ = pixels.shape
    if height * width <= _SAMPLES * _SAMPLE**2 or min(height, width) < _SAMPLE:
        return pixels
    places = np.linspace(0, 1, _SAMPLES)
    scattered = (places * 0.618 * _SAMPLES) % 1  # golden-ratio steps: no two samples share a row or column
    tops = (places * (height - _SAMPLE)).astype(int)
    lefts = (scattered * (width - _SAMPLE)).astype(int)
    return np.vstack([pixels[t : t + _SAMPLE, x : x + _SAMPLE] for t, x in zip(tops, lefts, strict=True)])


def smaller_lossless(pixels: NDArray[np.uint8], learned: Unit, learned_bytes: int, effort: int) -> Unit | None:
    """The lossless unit of a tile's channels where it takes less than `learned_bytes`, those of its learned one."""
    if not may_be_smaller(pixels, learned_bytes):
        return None
    unit = code_lossless(learned.tile_index, pixels, effort, learned.quality_delta)
    return unit if unit.packed_size < learned_bytes else None
