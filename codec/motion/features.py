"""What the prior of predicted frames may know of the vectors."""

from __future__ import annotations

import torch
from torch import Tensor

_MOST = 64  # quarter pixels
_UNIT = 8  # quarter pixels that count as 1


def vector_features(vectors: Tensor) -> Tensor:
    """Vectors (B, h, w, 2) -> (B, 4, h, w): distances (dy, dx) from the left, then from the upper neighbour's.

    They are multiples of 1/8 (quarter pixels divided by 8) of at most 8, and 0 where there is no neighbour.
    """
    left = torch.cat([vectors[:, :, :1], vectors[:, :, :-1]], 2)
    upper = torch.cat([vectors[:, :1], vectors[:, :-1]], 1)
    distances = torch.cat([(vectors - left).abs(), (vectors - upper).abs()], 3)
    return distances.clamp(0, _MOST).float().div(_UNIT).permute(0, 3, 1, 2)
