"""The network of the denoiser and the colouriser: a U-net of the codec's blocks.

Pictures are folded into channels (pixel_unshuffle); each level below has half the resolution and more channels, and
what was there on the way down is added on the way up (Ronneberger et al., arXiv 1505.04597). Blocks that mix channels
point by point and neighbours channel by channel do well in such a net (Chen et al., NAFNet, arXiv 2204.04676).
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.network.layers import Block, Conv, added
from codec.restore.config import RestoreConfig


class RestoreNetwork(nn.Module):
    """(B, inputs, H, W) float32 -> (B, outputs, H, W); sides are multiples of `config.multiple`.

    Without gradients blocks update their input in place, as in the codec.
    """

    def __init__(self, config: RestoreConfig) -> None:
        super().__init__()
        self.config = config
        folded, widths = config.fold**2, config.widths
        self.stem = Conv(config.inputs * folded, widths[0])
        self.encoder = nn.ModuleList(_blocks(n, c) for n, c in zip(config.blocks[:-1], widths, strict=False))
        self.down = nn.ModuleList(Conv(4 * a, b) for a, b in pairwise(widths))
        self.middle = _blocks(config.blocks[-1], widths[-1])
        self.up = nn.ModuleList(Conv(b, 4 * a) for a, b in pairwise(widths))
        self.decoder = nn.ModuleList(_blocks(n, c) for n, c in zip(config.blocks[:-1], widths, strict=False))
        self.head = Conv(widths[0], config.outputs * folded)

    def forward(self, x: Tensor) -> Tensor:
        h = self.stem(_channels_last(F.pixel_unshuffle(x, self.config.fold)))
        passed = []
        for blocks, down in zip(self.encoder, self.down, strict=True):
            h = blocks(h)
            passed.append(h)
            h = down(_channels_last(F.pixel_unshuffle(h, 2)))
        h = self.middle(h)
        for blocks, up in zip(reversed(self.decoder), reversed(self.up), strict=True):
            h = blocks(added(passed.pop(), F.pixel_shuffle(up(h), 2)))
        return F.pixel_shuffle(self.head(h), self.config.fold)


def _blocks(count: int, channels: int) -> nn.Sequential:
    return nn.Sequential(*(Block(channels) for _ in range(count)))


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


def denoised(network: RestoreNetwork, noisy: Tensor, sigma: Tensor) -> Tensor:
    """Take noise out.

    Args:
        noisy: (B, 3, H, W) float32, RGB within 0..1.
        sigma: (B, 1, H, W), the standard deviation of the noise at each pixel, on the same scale. Where it is 0 the
            picture stays as it is.

    Returns (B, 3, H, W), unclamped. The network estimates the noise (Zhang et al., DnCNN, arXiv 1608.03981) as a
    multiple of sigma, which it sees beside the picture (Zhang et al., FFDNet, arXiv 1710.04026).
    """
    return noisy - sigma * network(torch.cat([noisy - 0.5, sigma], 1))


def colored(network: RestoreNetwork, luma: Tensor) -> Tensor:
    """(B, 1, H, W) luma within 0..1 -> chroma (B, 2, H, W), Cb and Cr within about +-0.5."""
    return network(luma - 0.5)
