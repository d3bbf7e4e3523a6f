"""Predicted frames: the image network's parts on what motion leaves, in the blocks of 64x64 pixels that are coded.

New inputs, zero at first, so that training begins with the image network as it is: the pixel path sees the prediction
and how far its two references disagree; the prior, which may see whole numbers only, the references' latents and how
vectors differ from their neighbours'. In blocks that are copied every depthwise layer sees zeros, as outside the
picture, so that a decoder can compute the coded regions alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.exact.prior import StepLayout, compand
from codec.exact.tensors import ACTIVATION_STEPS, STEPS
from codec.model.config import ModelConfig
from codec.motion.modes import COPIED
from codec.network.layers import Conv
from codec.network.shapes import FOLD, FOLDED
from codec.training.grid import GridConv, rounded
from codec.training.image_network import QUALITY_STEPS, Coded, ImageNetwork
from codec.training.prior import Noise, bits_of, finer

PREDICTED, INTRA = range(2)  # kinds of reference, each with a convolution of its own
VECTOR_FEATURES = 4
_LATENTS = COPIED // 16  # of a copied block, a side
_FOLDS = COPIED // FOLD


@dataclass(frozen=True)
class Predicted:
    """What frames are coded from.

    Attributes:
        pixels: (B, 3, H, W) the prediction, in 0..1; H and W multiples of 64.
        disagreement: (B, 3, H, W) first minus second reference's prediction, in -1..1; zeros where there is one.
        references: (R, B, cy, H/16, W/16) latents of the R references.
        intra: (R,) 1 for a reference that is a picture of the image network, 0 for a predicted one.
        vectors: (B, 4, H/16, W/16) of `vector_features`.
        coded: (B, 1, H/64, W/64) 1 for blocks that are coded, 0 for those that are copied.
    """

    pixels: Tensor
    disagreement: Tensor
    references: Tensor
    intra: Tensor
    vectors: Tensor
    coded: Tensor


class PredictedNetwork(ImageNetwork):
    """See the module; tensor names are the image network's, and those of the new inputs."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(config)
        self.enc_ctx, self.dec_ctx = Conv(2 * FOLDED, config.c), Conv(2 * FOLDED, config.c)
        self.known = nn.ModuleList(GridConv(config.cy, config.cp) for _ in (PREDICTED, INTRA))
        self.look = GridConv(VECTOR_FEATURES, config.cp)
        for conv in (self.enc_ctx, self.dec_ctx, *self.known, self.look):
            for parameter in conv.parameters():
                nn.init.zeros_(parameter)
        self.requires_grad_(True)

    def code(self, pixels: Tensor, given: Predicted, quality: Tensor, noise: Noise | None = None) -> Coded:
        """Code frames (B, 3, H, W) in 0..1 at qualities (B,) 0..63; bits, `noise` and result as of `ImageNetwork`."""
        context = _folded(torch.cat([given.pixels - 0.5, given.disagreement], 1))
        y = self._difference_latents(pixels - given.pixels, context, quality, given.coded)
        y_hat, y_bits, z_bits = self._rate(y, given, quality, noise)
        decoded = given.pixels + self._difference(y_hat, context, quality, given.coded)
        return Coded(decoded, y_hat, y_bits, z_bits)

    def _difference_latents(self, difference: Tensor, context: Tensor, quality: Tensor, coded: Tensor) -> Tensor:
        part, quality, keep = self.analysis, quality * QUALITY_STEPS, finer(coded, _FOLDS)
        half = len(part.blocks) // 2
        h = _through(part.blocks[:half], part.stem(_folded(difference)) + self.enc_ctx(context), keep)
        h = _through(part.blocks[half:], h * part.gain(quality), keep)
        h = part.down(F.pixel_unshuffle(h, 2).contiguous(memory_format=torch.channels_last))
        return cast(Tensor, part.head(_through(part.deep, h, finer(coded, _LATENTS))) * part.y_gain(quality))

    def _difference(self, y_hat: Tensor, context: Tensor, quality: Tensor, coded: Tensor) -> Tensor:
        part, quality = self.synthesis, quality * QUALITY_STEPS
        h = _through(part.deep, part.stem(y_hat * part.y_inv(quality)), finer(coded, _LATENTS))
        h = F.pixel_shuffle(part.up(h), 2).contiguous(memory_format=torch.channels_last) + self.dec_ctx(context)
        h = _through(part.blocks[: part.before], h, finer(coded, _FOLDS))
        h = _through(part.blocks[part.before :], h * part.gain(quality), finer(coded, _FOLDS))
        return F.pixel_shuffle(part.head(h), FOLD) * finer(coded, COPIED)

    def _rate(self, y: Tensor, given: Predicted, quality: Tensor, noise: Noise | None) -> tuple[Tensor, Tensor, Tensor]:
        """Latents -> y_hat, bits of y, bits of z (B,): as `TrainedPrior.forward`, of coded blocks alone."""
        prior, coded, steps = self.prior, given.coded, StepLayout(self.config)
        z = self.hyper_analysis(y * finer(coded, _LATENTS))
        z_hat = rounded(z) * coded
        z_bits = (bits_of(z, z_hat, prior.z_index(quality), noise) * coded).sum((1, 2, 3))
        features = prior.hyper(z_hat, quality, coded) + self._known(given)
        y_hat, y_bits = torch.zeros_like(y), torch.zeros_like(z_bits)
        kept = finer(coded, _LATENTS // 2)  # a step's values are laid out at half of the size
        for k in range(STEPS):
            mean, index = prior.step(k, features, y_hat, coded)
            residual = steps.pick(k, y) - mean
            whole = rounded(residual)
            y_bits = y_bits + (bits_of(residual, whole, index, noise) * kept).sum((1, 2, 3))
            y_hat = y_hat + steps.placed(k, (whole + mean) * kept)
        return y_hat, y_bits, z_bits

    def _known(self, given: Predicted) -> Tensor:
        """What references' latents and vectors add to the prior's features."""
        total = cast(Tensor, self.look(given.vectors))
        for latents, intra in zip(given.references, given.intra, strict=True):
            entered = compand(latents * ACTIVATION_STEPS) / ACTIVATION_STEPS
            total = total + self.known[INTRA](entered) * intra + self.known[PREDICTED](entered) * (1 - intra)
        return total


def _through(blocks: Iterable[nn.Module], h: Tensor, keep: Tensor) -> Tensor:
    for block in blocks:
        h = block(h, keep)
    return h


def _folded(pixels: Tensor) -> Tensor:
    return F.pixel_unshuffle(pixels, FOLD).contiguous(memory_format=torch.channels_last)
