"""Search for vectors: simple and slow, for preparing training clips that come without any.

From a quarter of the size, where every displacement is tried, to whole and then quarter pixels around the best, with
neighbours' vectors as further starts. What is made small is the sum of absolute differences of luma over a block and
its surroundings plus a price for vectors that differ from their neighbours'.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from codec.motion.compensation import BLOCK, block_corners, displaced, luma, squares

_COARSE = 4  # the size of the first search is a so manyth
_REACH = 8  # pixels there: 32 of the picture
_PRICE = 5.0  # sums of absolute differences that a bit of a vector is worth
_AROUND = 4  # pixels of a block's surroundings that count, on each side
_SQUARE = tuple((y, x) for y in (-1, 0, 1) for x in (-1, 0, 1))


def search(reference: Tensor, picture: Tensor, start: Tensor | None = None) -> Tensor:
    """uint8 (3, H, W) each, sides multiples of 16 -> vectors (H/16, W/16, 2) that predict the picture.

    `start`: vectors to begin with as well, such as those of a shorter distance, scaled.
    """
    before, now = luma(reference), luma(picture)
    field = search_whole(before, now, start)
    level = _Level(before.round(), now, BLOCK, _PRICE)
    field = field * 4
    field = level.refined(field, [], steps=(2, 1), fraction=4)
    return level.refined(field, list(_neighbours(field)), steps=(), fraction=4)


def search_whole(before: Tensor, now: Tensor, start: Tensor | None = None, price: float = _PRICE) -> Tensor:
    """Luma (H, W) of two pictures, levels of 0..255, sides multiples of 16 -> vectors (H/16, W/16, 2) in whole pixels.

    `start` as in `search`; the `price` of a bit is larger where noise would pay for vectors that follow it.
    """
    field = _coarse(before, now, price) * _COARSE
    for scale in (2, 1):
        level = _Level(_smaller(before, scale), _smaller(now, scale), BLOCK // scale, price)
        found = field // scale
        starts = [] if start is None else [torch.div(start, 4 * scale, rounding_mode="floor")]
        found = level.refined(found, [*_neighbours(found), *starts], steps=(2, 1), fraction=1)
        field = found * scale
    return field


def _coarse(before: Tensor, now: Tensor, price: float) -> Tensor:
    """The best displacement of each block (rows, columns, 2) at a quarter of the size, in pixels there."""
    small, wanted = _smaller(before, _COARSE), _smaller(now, _COARSE)
    height, width = wanted.shape
    around = F.pad(small[None, None], (_REACH,) * 4, mode="replicate")[0, 0]
    moved = around.unfold(0, height, 1).unfold(1, width, 1).flatten(0, 1)  # by every displacement
    errors = F.pad((moved - wanted).abs(), (2,) * 4, mode="replicate")
    reach = torch.arange(-_REACH, _REACH + 1)
    shifts = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), -1).reshape(-1, 2)
    prices = price * _bits(shifts * _COARSE * 4, torch.zeros(2))
    costs = F.avg_pool2d(errors, 8, 4) * BLOCK**2 + prices[:, None, None]
    return shifts[costs.argmin(0)]


def _smaller(plane: Tensor, scale: int) -> Tensor:
    return F.avg_pool2d(plane[None], scale)[0]


def _bits(vectors: Tensor, expected: Tensor) -> Tensor:
    """About what vectors (..., 2) in quarter pixels cost beside expected ones."""
    return 1 + 2 * torch.log2(1 + (vectors - expected).abs().float()).sum(-1)


def _neighbours(field: Tensor) -> Iterable[Tensor]:
    """Fields (rows, columns, 2): of zeros, medians, and each block's four neighbours'."""
    yield torch.zeros_like(field)
    yield _medians(field)
    for shift, axis in ((1, 0), (-1, 0), (1, 1), (-1, 1)):
        yield torch.roll(field, shift, axis)


def _medians(field: Tensor) -> Tensor:
    """Of the 3x3 vectors around each."""
    around = F.pad(field.permute(2, 0, 1)[None].float(), (1, 1, 1, 1), mode="replicate")
    medians = F.unfold(around, 3).reshape(2, 9, -1).median(1).values
    return medians.reshape(2, *field.shape[:2]).permute(1, 2, 0).to(field.dtype)


class _Level:
    """One size of the two pictures: costs of vectors for all blocks at once."""

    def __init__(self, before: Tensor, now: Tensor, block: int, price: float) -> None:
        self._before, self._scale, self._price = before[None], BLOCK // block, price
        top, left = block_corners(now.shape[0] * self._scale, now.shape[1] * self._scale)
        around = _AROUND // self._scale
        self._side, self._top, self._left = (
            block + 2 * around,
            top // self._scale - around,
            left // self._scale - around,
        )
        self._wanted = squares(now[None], self._top, self._left, self._side)

    def refined(self, field: Tensor, others: list[Tensor], *, steps: tuple[int, ...], fraction: int) -> Tensor:
        """The best of `field` and `others`, then of squares of falling `steps` around it; units of 1/`fraction`."""
        expected = _medians(field)
        to_quarters = 4 // fraction * self._scale

        def cost(vectors: Tensor) -> Tensor:
            flat = vectors.reshape(-1, 2)
            if fraction == 1:
                found = squares(self._before, self._top + flat[:, 0], self._left + flat[:, 1], self._side)
            else:
                found = displaced(self._before, flat, self._top, self._left, self._side)
            error = (found - self._wanted).abs().mean((1, 2, 3)) * BLOCK**2
            return error.reshape(field.shape[:2]) + self._price * _bits(vectors * to_quarters, expected * to_quarters)

        field = _best([field, *others], cost)
        for step in steps:
            field = _best([field + step * torch.tensor(offset) for offset in _SQUARE], cost)
        return field


def _best(fields: list[Tensor], cost: Callable[[Tensor], Tensor]) -> Tensor:
    """Of each block the cheapest vector."""
    chosen = torch.stack([cost(field) for field in fields]).argmin(0)
    return torch.stack(fields).gather(0, chosen[None, :, :, None].expand(1, *fields[0].shape))[0]
