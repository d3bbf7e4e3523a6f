"""What a block of 16x16 pixels of a predicted frame will cost, known before it is coded.

Its own bits plus lambda times its squared error are floor + slope * log2(1 + mse / knee), mse that of the luma of its
prediction from the decoded reference: within 5 % over three orders of magnitude. Fitted to image-v1, by quality.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# slope in bits, knee in squared levels, floor in bits, at qualities 0, 8, ..., 64
_FITTED = (
    (23.4, 269.0, 2.1), (28.7, 148.0, 3.0), (33.8, 73.9, 3.9), (40.4, 36.8, 5.0), (48.7, 18.1, 6.5),
    (61.5, 9.3, 8.9), (80.6, 5.0, 13.0), (109.0, 2.9, 20.0), (156.0, 2.0, 32.0),
)  # fmt: skip
_APART = 8
_TOP = 63.9  # just below the last


@dataclass(frozen=True)
class BlockCost:
    """The model at one quality."""

    slope: float
    knee: float
    floor: float

    @classmethod
    def at(cls, quality: float) -> BlockCost:
        """Of a quality 0..63, log-linear between those that were fitted."""
        below, share = divmod(min(_TOP, max(0.0, quality)) / _APART, 1)
        pairs = zip(_FITTED[int(below)], _FITTED[int(below) + 1], strict=True)
        return cls(*(a ** (1 - share) * b**share for a, b in pairs))

    def of_error(self, mse: Tensor) -> Tensor:
        """Bits beyond the floor, of mean squared errors of luma in levels."""
        return self.slope * torch.log2(1 + mse / self.knee)
