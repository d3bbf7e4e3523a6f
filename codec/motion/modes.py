"""Which reference each block is predicted from, and which blocks are copied: chosen as an encoder does, in bits.

A block of 16x16 pixels takes the mean of two predictions, the first or the second one. A block of 64x64, which is one
hyper-latent position, is coded, or copied: the prediction itself.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from codec.motion.compensation import BLOCK, luma
from codec.motion.cost import BlockCost

MEAN, FIRST, SECOND = range(3)
COPIED = 64  # pixels a side of a block that may be copied
_PER_COPIED = COPIED // BLOCK
_SECOND_WEIGHT = torch.tensor([16.0, 0.0, 32.0], device="cpu")  # of the second prediction by mode, in 32nds
_WEIGHTS = 32 * 64  # units of a weight between block centres: 32 and 8 in each direction

# What a mode is likely to be by the upper and the left block's (mean outside): a guess, until tables are fitted.
_LIKELY = torch.tensor(
    [
        [[0.90, 0.05, 0.05], [0.40, 0.50, 0.10], [0.40, 0.10, 0.50]],
        [[0.40, 0.50, 0.10], [0.15, 0.80, 0.05], [0.34, 0.33, 0.33]],
        [[0.40, 0.10, 0.50], [0.34, 0.33, 0.33], [0.15, 0.05, 0.80]],
    ],
    device="cpu",
)


def fronts(rows: int, columns: int) -> list[tuple[Tensor, Tensor]]:
    """Blocks (rows, columns) with equal x + 2y, which know their left, upper and upper right neighbours, in order."""
    number = torch.arange(columns) + 2 * torch.arange(rows)[:, None]
    found = [torch.nonzero(number == k, as_tuple=True) for k in range(columns + 2 * rows - 2)]
    return [(y, x) for y, x in found if len(y)]


def block_mse(a: Tensor, b: Tensor, side: int) -> Tensor:
    """Two planes (H, W) -> mean squared differences of their blocks (H/side, W/side)."""
    return F.avg_pool2d((a - b).square()[None], side)[0]


def choose_modes(first: Tensor, second: Tensor, picture: Tensor, cost: BlockCost) -> Tensor:
    """Two predictions and the picture (3, H, W) -> the cheapest mode of each block, (H/16, W/16) int64."""
    wanted, a, b = luma(picture), luma(first), luma(second)
    costs = torch.stack([cost.of_error(block_mse(p, wanted, BLOCK)) for p in ((a + b) / 2, a, b)], -1)
    prices = -torch.log2(_LIKELY)
    rows, columns = costs.shape[:2]
    modes = torch.full((rows + 1, columns + 1), MEAN)  # a row above and a column on the left of the picture
    for y, x in fronts(rows, columns):
        modes[y + 1, x + 1] = (costs[y, x] + prices[modes[y, x + 1], modes[y + 1, x]]).argmin(-1)
    return modes[1:, 1:]


def blended(first: Tensor, second: Tensor, modes: Tensor) -> Tensor:
    """Two predictions uint8 (3, H, W) and modes -> the prediction, uint8.

    Weights go bilinearly from block centre to block centre, in whole numbers; the sum is rounded once, half up.
    """
    weights = F.interpolate(_SECOND_WEIGHT[modes][None, None], scale_factor=BLOCK, mode="bilinear", align_corners=False)
    weight = (weights[0] * (_WEIGHTS // 32)).round().long()
    return ((first * (_WEIGHTS - weight) + second * weight + _WEIGHTS // 2) // _WEIGHTS).to(torch.uint8)


def choose_coded(prediction: Tensor, picture: Tensor, cost: BlockCost, multiplier: float) -> Tensor:
    """Prediction and picture (3, H, W), sides multiples of 64 -> (1, H/64, W/64): 1 where coding is cheaper, else 0.

    `multiplier` is lambda: bits a pixel for a squared level, mean of the colours.
    """
    prediction, picture = prediction.float(), picture.float()
    own = cost.of_error(block_mse(luma(prediction), luma(picture), BLOCK)) + cost.floor
    coding = F.avg_pool2d(own[None], _PER_COPIED) * _PER_COPIED**2
    error = F.avg_pool2d((prediction - picture).square().mean(0)[None], COPIED)
    return (coding < multiplier * COPIED**2 * error).float()
