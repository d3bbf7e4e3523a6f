"""Analysis (pixels -> latent), synthesis (latent -> pixels) and hyper analysis (latent -> hyper-latent).

Everything runs at 1/8 and 1/16 of the picture's resolution. Pictures enter and leave already folded into
(B, 192, H/8, W/8): pixel_unshuffle(8) of RGB - 0.5 (codec/still/pixel_path.py does that on bytes).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.model.config import ModelConfig
from codec.network.layers import Block, Conv, Gain, scaled
from codec.network.shapes import FOLDED


def _doubled(quality: Tensor) -> Tensor:
    """A quality map at 1/16 resolution -> at 1/8; one quality, or one for each picture of a batch, as it is."""
    return quality if quality.ndim < 2 else quality.repeat_interleave(2, 0).repeat_interleave(2, 1)


def _through(blocks: nn.ModuleList, h: Tensor) -> Tensor:
    for block in blocks:
        h = block(h)
    return h


def _channels_last(x: Tensor) -> Tensor:
    return x.contiguous(memory_format=torch.channels_last)


class Analysis(nn.Module):
    """(B, 192, 2h, 2w) folded pictures -> (B, cy, h, w) latents, their gains included."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.stem = Conv(FOLDED, config.c)
        self.gain = Gain(config.c)
        self.blocks = nn.ModuleList(Block(config.c) for _ in range(config.enc_depth))
        self.down = Conv(4 * config.c, config.cy)
        self.deep = nn.ModuleList(Block(config.cy) for _ in range(config.deep))
        self.head = Conv(config.cy, config.cy)
        self.y_gain = Gain(config.cy)

    def forward(self, x: Tensor, quality: Tensor) -> Tensor:
        """`quality` in steps of 1/256: (), an (h, w) map, or (B,)."""
        return self.finish(self.begin(x), quality)

    def begin(self, x: Tensor) -> Tensor:
        """-> features (1, c, 2h, 2w), which are the same for every quality."""
        return _through(self.blocks[: len(self.blocks) // 2], self.stem(x))

    def finish(self, h: Tensor, quality: Tensor) -> Tensor:
        """Features, which are used up -> latent."""
        h = scaled(h, self.gain(_doubled(quality)))
        h = _through(self.blocks[len(self.blocks) // 2 :], h)
        h = self.down(_channels_last(F.pixel_unshuffle(h, 2)))
        return self.head(_through(self.deep, h)) * self.y_gain(quality)


class Synthesis(nn.Module):
    """(B, cy, h, w) decoded latents -> (B, 192, 2h, 2w) folded pictures.

    The gain lies behind `before` of the blocks at 1/8: half of them where it is None.
    """

    def __init__(self, config: ModelConfig, before: int | None = None) -> None:
        super().__init__()
        self.before = config.dec_depth // 2 if before is None else before
        self.y_inv = Gain(config.cy)
        self.stem = Conv(config.cy, config.cy)
        self.deep = nn.ModuleList(Block(config.cy) for _ in range(config.deep))
        self.up = Conv(config.cy, 4 * config.c)
        self.gain = Gain(config.c)
        self.blocks = nn.ModuleList(Block(config.c) for _ in range(config.dec_depth))
        self.head = Conv(config.c, FOLDED)

    def forward(self, y_hat: Tensor, quality: Tensor) -> Tensor:
        """`quality` in steps of 1/256: (), an (h, w) map, or (B,)."""
        h = _through(self.deep, self.stem(y_hat * self.y_inv(quality)))
        h = _channels_last(F.pixel_shuffle(self.up(h), 2))
        h = scaled(_through(self.blocks[: self.before], h), self.gain(_doubled(quality)))
        return self.head(_through(self.blocks[self.before :], h))


class HyperAnalysis(nn.Module):
    """(B, cy, h, w) latent -> (B, cz, h/4, w/4) hyper-latent, unrounded."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        cy, cz = config.cy, config.cz
        self.net = nn.Sequential(
            Block(cy),
            nn.PixelUnshuffle(2),
            Conv(4 * cy, cy),
            Block(cy),
            nn.PixelUnshuffle(2),
            Conv(4 * cy, cz),
        )

    def forward(self, y: Tensor) -> Tensor:
        return self.net(y.clone())  # the first block updates what it is given


def set_precision(transform: nn.Module, dtype: torch.dtype) -> None:
    """Put the convolutions of every block into `dtype`; all else stays float32."""
    for module in transform.modules():
        if isinstance(module, Block):
            module.to(dtype)
