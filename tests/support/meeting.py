"""Encoding to a target for the tests: the file, what it decodes to, and what was told."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from codec.api import Codec
from codec.notes import WispNote
from codec.pixels.distortion import seen_ms_ssim
from codec.pixels.picture import Picture
from codec.rate.target import Target
from codec.settings import EncodeSettings
from codec.still.check import Trial, try_out
from codec.still.encode import CodedPicture
from codec.work.progress import Progress

NEAREST = "is the nearest to"  # of the note where the bounds are jumped over
_LEAST_SIZE, _EXCESS_DB = 0.98, 0.05  # as README.md promises
_ROUNDING = 1e-9  # dB


@dataclass(frozen=True)
class Met:
    """A file for a target: `trial` is made of its bytes, after comparing them with what was encoded."""

    target: Target
    encoded: CodedPicture
    trial: Trial
    notes: tuple[str, ...]

    @property
    def bytes(self) -> int:
        return len(self.encoded.data)

    @property
    def lossless(self) -> list[int]:
        """The tiles that are."""
        return [unit.tile_index for unit in self.encoded.units if not unit.learned]

    @property
    def value(self) -> float:
        """What the file decodes to, in dB or as MS-SSIM; or its bytes."""
        if self.target.is_size:
            return self.bytes
        if self.target.kind == "psnr":
            return self.trial.psnr
        return seen_ms_ssim(self.encoded.picture, self.trial.decoded)

    @property
    def most_bytes(self) -> int:
        """That a size target allows."""
        width, height = self.encoded.picture.size
        return math.floor(self.target.value * (1 if self.target.kind == "size" else width * height / 8))

    @property
    def kept(self) -> bool:
        """Whether a size is not exceeded, a distortion reached."""
        return self.bytes <= self.most_bytes if self.target.is_size else self._excess >= -_ROUNDING

    @property
    def close(self) -> bool:
        """Whether hardly less than the size is used, or hardly more than the distortion given."""
        if self.target.is_size:
            return self.bytes >= math.ceil(_LEAST_SIZE * self.most_bytes)
        return self._excess <= _EXCESS_DB + _ROUNDING

    @property
    def _excess(self) -> float:
        return self.target.scaled(self.value) - self.target.scaled(self.target.value)


def meet(wisp: Codec, pixels: NDArray[np.uint8], target: Target, progress: Progress | None = None, **given: Any) -> Met:
    """Encode to a target; `given` as in `Codec.encode`, from `effort` to `exact`."""
    settings = EncodeSettings(target=target, **given)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", WispNote)
        encoded = wisp.encode_picture(Picture(pixels), settings, keep_latents=True, progress=progress)
    notes = tuple(str(warning.message) for warning in caught if warning.category is WispNote)
    return Met(target, encoded, try_out(encoded, wisp.load), notes)


def plain(wisp: Codec, pixels: NDArray[np.uint8], target: Target, quality: float, tile: int) -> Met:
    """The same picture of a quality, to know what can be asked for."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WispNote)  # that a high quality reaches little
        encoded = wisp.encode_picture(Picture(pixels), EncodeSettings(quality=quality, tile=tile), keep_latents=True)
    return Met(target, encoded, wisp.try_out(encoded), ())
