"""What is to be done to a picture or video before it is written; without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from codec.restore.config import Kind

MAX_SIGMA = 100.0  # levels of 0..255


@dataclass(frozen=True)
class Denoising:
    """Take noise out.

    Args:
        sigma: standard deviation of the noise in levels of 0..255; None estimates it.
        model: the file of a denoiser; by default the first that is found.

    Raises:
        ValueError: a sigma out of 0..100.
    """

    kind: ClassVar[Kind] = "denoise"
    sigma: float | None = None
    model: Path | None = None

    def __post_init__(self) -> None:
        if self.sigma is not None and not 0 <= self.sigma <= MAX_SIGMA:
            raise ValueError(f"sigma {self.sigma} is not within 0..{MAX_SIGMA:g}")

    @staticmethod
    def mode(before: str) -> str:
        """Pillow's name of the channels of what comes out."""
        return before


def denoising(sigma: float | Literal["auto"], model: Path | None = None) -> Denoising:
    """As users say it: "auto", or a number in levels. Raises ValueError."""
    return Denoising(None if sigma == "auto" else float(sigma), model)


@dataclass(frozen=True)
class Colorizing:
    """Give a grey picture colours; of one with colours its luma counts.

    Args:
        model: the file of a colouriser; by default the first that is found.
    """

    kind: ClassVar[Kind] = "colorize"
    model: Path | None = None

    @staticmethod
    def mode(before: str) -> str:
        """Pillow's name of the channels of what comes out."""
        return "RGBA" if before.endswith("A") else "RGB"


Restoration = Denoising | Colorizing
