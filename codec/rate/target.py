"""What a user may ask for instead of a quality; without torch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from codec.work.choices import check_choice

TargetKind = Literal["size", "bpp", "psnr", "ms-ssim"]
SIZE_KINDS = ("size", "bpp")
_LEAST_SIZE = 0.98  # of the size that is asked for
_EXCESS_DB = 0.05  # beyond the distortion that is asked for
_RANGES = {"size": (1, math.inf), "bpp": (0, math.inf), "psnr": (0, 100), "ms-ssim": (0, 1)}  # ends excluded but 1 byte


@dataclass(frozen=True)
class Bounds:
    """Where a measured value has to lie, ends included; `beyond_is_bad` where too much is worse than too little."""

    low: float
    high: float
    beyond_is_bad: bool

    @classmethod
    def of(cls, target: Target, pixels: int) -> Bounds:
        """Of a target, for a picture of so many pixels, on the scale of `Target.scaled`."""
        if target.is_size:
            most = math.floor(target.value if target.kind == "size" else target.value * pixels / 8)
            return cls(target.scaled(math.ceil(_LEAST_SIZE * most)), target.scaled(most), beyond_is_bad=True)
        low = target.scaled(target.value)
        return cls(low, low + _EXCESS_DB, beyond_is_bad=False)

    @property
    def aim(self) -> float:
        return (self.low + self.high) / 2

    def hold(self, value: float) -> bool:
        return self.low <= value <= self.high

    def allow(self, value: float) -> bool:
        """Whether the target is kept, however far beyond."""
        return value <= self.high if self.beyond_is_bad else value >= self.low


@dataclass(frozen=True)
class Target:
    """What the file of a picture has to meet, instead of a quality.

    Args:
        kind: "size" or "bpp" (of the whole file, never exceeded), "psnr" or "ms-ssim" (of the picture, reached or
            hardly exceeded).
        value: bytes, bits per pixel, dB, or 0..1.

    Raises:
        ValueError: another kind, or a value that no picture can reach.
    """

    kind: TargetKind
    value: float

    def __post_init__(self) -> None:
        check_choice(self.kind, TargetKind)
        low, high = _RANGES[self.kind]
        if not (low < self.value < high or (self.kind == "size" and self.value == low)):
            raise ValueError(f"a {self.name} of {self.value:g} cannot be reached by any picture")

    @property
    def name(self) -> str:
        """As people write it."""
        return self.kind if self.is_size else self.kind.upper()

    @property
    def is_size(self) -> bool:
        return self.kind in SIZE_KINDS

    def scaled(self, value: float) -> float:
        """Bytes, dB or MS-SSIM -> the scale of the search, on which the quality moves them evenly: logarithm, dB."""
        if self.is_size:
            return math.log(max(value, 1))
        return value if self.kind == "psnr" else decibels(value)

    @property
    def asked(self) -> str:
        """The value as it was asked for."""
        if self.kind == "bpp":
            return f"{self.value:.4f} bpp"
        return self.in_words(self.scaled(self.value), 1)

    def in_words(self, scaled: float, pixels: int) -> str:
        """A value of the search's scale as it was asked for."""
        if self.kind == "psnr":
            return f"{scaled:.2f} dB"
        if self.kind == "ms-ssim":
            return f"{1 - 10 ** (-scaled / 10):.5f}"
        size = round(math.exp(scaled))
        return f"{size} bytes" if self.kind == "size" else f"{8 * size / pixels:.4f} bpp"


def decibels(ms_ssim: float) -> float:
    """MS-SSIM 0..1 -> -10 log10 of what it lacks, as the field plots it; inf for 1."""
    return math.inf if ms_ssim >= 1 else -10 * math.log10(1 - ms_ssim)
