"""The small networks of the studies: reconstruct pictures, take noise out of them, or colour them.

Losses are of values within 0..1. Everything is in memory, and an epoch goes once through the pictures.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from bitstream.errors import RequestError
from codec.training.autoencoders import Autoencoder, Shape
from codec.training.data.draws import Augmentation, Sampler
from codec.training.data.picture_set import PictureSet, Wanted, open_set
from codec.training.data.pool import as_crops
from codec.training.distributed import Processes
from codec.training.recipe import Recipe
from codec.training.start import start_weights
from codec.training.task import Inputs, Validation, generator, sizes_of, train_parts

Aim = Literal["reconstruct", "denoise", "colorize"]
_AT_ONCE = 128  # pictures
_HELD_OUT = 0xFFFFFFFF  # the step whose noise held-out pictures get
_HIGHEST_PSNR = 99.0  # dB, of a picture that is as it was
_SSIM_SIDE = 11
# ITU-R BT.601 in full range, as in JPEG: luma, and chroma around 0.5
_YCBCR = torch.tensor([
    [0.299, 0.587, 0.114],
    [-0.299 / 1.772, -0.587 / 1.772, 0.5],
    [0.5, -0.587 / 1.402, -0.114 / 1.402],
])  # fmt: skip


@dataclass(frozen=True)
class Sizes:
    """The recipe's `[network]`: what is learned (aim), by which network (kind, layers, range, head, see Autoencoder),
    from which pictures.

    `sigma` is the deviation of the noise, for values within 0..1; `rotate` turns pictures by up to so many degrees in
    training; `pictures` are those that are taken at most, 0: all; `whole` resizes pictures rather than cut crops.
    """

    aim: str = "reconstruct"
    kind: str = "convolutional"
    layers: str = "64-32-16"
    range: str = "unit"
    head: str = ""
    sigma: float = 0.1
    rotate: float = 0.0
    pictures: int = 2000
    whole: bool = False

    def __post_init__(self) -> None:
        if self.aim not in get_args(Aim):
            raise RequestError(f"recipe: network: aim = {self.aim!r} is none of {', '.join(get_args(Aim))}")
        if not 0 <= self.sigma <= 1 or not 0 <= self.rotate <= 180 or self.pictures < 0:
            raise RequestError("recipe: network: sigma lies within 0..1, rotate within 0..180, pictures from 0 on")


class AutoencoderTask:
    """See Task. The score is the loss of held-out pictures."""

    waiting: tuple[str, ...] = ()

    def __init__(self, recipe: Recipe, pictures: PictureSet, processes: Processes) -> None:
        self._recipe, self._processes, self.pictures = recipe, processes, pictures
        self.sizes = sizes_of(Sizes, recipe)
        _, height, width, channels = pictures.training.shape
        if self.sizes.aim == "colorize" and channels != 3:
            raise RequestError("these pictures are grey: there are no colours to learn")
        torch.manual_seed(recipe.seed)
        values = pictures.training / 255.0
        inputs, outputs = (1, 2) if self.sizes.aim == "colorize" else (channels, channels)
        self.network = Autoencoder(
            self.sizes.kind,
            Shape(inputs, outputs, height, width),
            _numbers(self.sizes.layers),
            range=self.sizes.range,
            head=self.sizes.head,
            dropout=recipe.dropout,
            mean=float(values.mean()),
            deviation=max(float(values.std()), 1e-3),
            centre=0.5 if self.sizes.aim == "colorize" else float(values.mean()),
        )
        start_weights(self.network, recipe.start)
        self.network.to(processes.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        train_parts(self.network, recipe.train)
        batch = min(recipe.batch, len(pictures.training) * processes.world)
        augmentation = Augmentation(flip=recipe.flip, transpose=recipe.transpose)
        self._sampler = Sampler(
            len(pictures.training), batch, recipe.seed, augmentation, processes.rank, processes.world
        )
        self.epoch = len(self._sampler)
        self._training = torch.from_numpy(pictures.training).to(processes.device)

    def draw(self, step: int, lowest_quality: float) -> Inputs:
        """-> what the network gets (B, C, H, W), and what it should make of it."""
        draws = self._sampler.draws(step)
        pixels = self._training[[draw.picture for draw in draws]].permute(0, 3, 1, 2).float() / 255
        flip = torch.tensor([draw.flip for draw in draws], device=pixels.device)[:, None, None, None]
        pixels = torch.where(flip, pixels.flip(3), pixels)
        turn = torch.tensor([draw.transpose for draw in draws], device=pixels.device)[:, None, None, None]
        pixels = torch.where(turn, pixels.transpose(2, 3), pixels) if turn.any() else pixels
        random = generator(self._recipe.seed, step, self._processes.rank)
        return self.given(_rotated(pixels, self.sizes.rotate, random), random)

    def given(self, pixels: Tensor, random: torch.Generator) -> Inputs:
        """Pixels (B, C, H, W) in 0..1 -> what the network gets, and what it should make of it."""
        if self.sizes.aim == "colorize":
            planes = torch.einsum("ij,bjhw->bihw", _YCBCR.to(pixels.device), pixels)
            return planes[:, :1].contiguous(), planes[:, 1:] + 0.5
        if self.sizes.aim == "denoise":
            noise = torch.randn(pixels.shape, generator=random, device="cpu").to(pixels.device)
            return (pixels + self.sizes.sigma * noise).clamp(0, 1), pixels
        return pixels, pixels

    def loss(self, *inputs: Tensor) -> dict[str, Tensor]:
        """The weighted sum of mean squared and mean absolute error, and the accuracy."""
        given, wanted = inputs
        made = self.network(given.contiguous(memory_format=torch.channels_last))
        return {"loss": self._loss(made, wanted).mean(), "accuracy": _accuracy(made.detach(), wanted).mean()}

    def _loss(self, made: Tensor, wanted: Tensor) -> Tensor:
        """-> of each picture (B,)."""
        error = (made - wanted).flatten(1)
        return self._recipe.mse * error.square().mean(1) + self._recipe.l1 * error.abs().mean(1)

    def validate(self) -> Validation:
        """Means over the held-out pictures: loss, accuracy, exact values, PSNR in dB, SSIM."""
        rows = [self._measured(given, wanted, pixels) for (given, wanted), pixels in self._held_out()]
        means = {name: torch.cat([row[name] for row in rows]).mean().item() for name in rows[0]}
        return Validation(means["loss"], [means])

    def _held_out(self) -> list[tuple[Inputs, Tensor]]:
        random, found = generator(self._recipe.seed, _HELD_OUT), []
        for first in range(0, len(self.pictures.held_out), _AT_ONCE):
            some = np.ascontiguousarray(self.pictures.held_out[first : first + _AT_ONCE])
            pixels = torch.from_numpy(some).to(self._processes.device).permute(0, 3, 1, 2).float() / 255
            found.append((self.given(pixels, random), pixels))
        return found

    def _measured(self, given: Tensor, wanted: Tensor, pixels: Tensor) -> dict[str, Tensor]:
        made = self.network(given.contiguous(memory_format=torch.channels_last))
        loss = {"loss": self._loss(made, wanted), "accuracy": _accuracy(made, wanted)}
        shown = _levels(self.shown(given, made))
        likeness = {"exact": (shown == _levels(pixels)).float().flatten(1).mean(1), **likeness_of(shown, pixels)}
        if self.sizes.aim == "colorize":
            likeness["chroma"] = 255 * (made.clamp(0, 1) - wanted).abs().flatten(1).mean(1)
        return loss | likeness

    def shown(self, given: Tensor, made: Tensor) -> Tensor:
        """What the network made, as a picture (B, 1 or 3, H, W) around 0..1."""
        if self.sizes.aim != "colorize":
            return made
        planes = torch.cat([given, made - 0.5], 1)
        return torch.einsum("ij,bjhw->bihw", torch.linalg.inv(_YCBCR).to(made.device), planes)

    @torch.no_grad()
    def looks(self) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Held-out pictures as the network gets them, and what it makes of them, (N, H, W, 1 or 3) uint8 both."""
        self.network.eval()
        before, after = [], []
        for (given, _), _pixels in self._held_out():
            before.append(as_crops(given))
            after.append(as_crops(self.shown(given, self.network(given))))
        return np.concatenate(before), np.concatenate(after)

    @torch.no_grad()
    def untouched(self) -> dict[str, float]:
        """PSNR and SSIM of what the network gets, and the loss and chroma error of leaving it as it is."""
        rows = []
        for (given, wanted), pixels in self._held_out():
            left = torch.full_like(wanted, 0.5) if self.sizes.aim == "colorize" else given
            row = {"loss": self._loss(left, wanted), "accuracy": _accuracy(left, wanted)}
            row |= likeness_of(_levels(self.shown(given, left)), pixels)
            if self.sizes.aim == "colorize":
                row["chroma"] = 255 * (left - wanted).abs().flatten(1).mean(1)
            rows.append(row)
        return {name: torch.cat([row[name] for row in rows]).mean().item() for name in rows[0]}

    def metadata(self) -> dict[str, str]:
        """The recipe, by which the network can be made again."""
        return {"autoencoder": self._recipe.toml()}


def open_task(recipe: Recipe, sources: Sequence[Path], processes: Processes, _: Path) -> AutoencoderTask:
    """One of the small networks on the pictures of `sources`."""
    if recipe.ms_ssim:
        raise RequestError("recipe: autoencoder: the losses are mse and l1")
    sizes = sizes_of(Sizes, recipe)
    wanted = Wanted(recipe.crop, sizes.whole, sizes.pictures, recipe.validation, recipe.seed)
    return AutoencoderTask(recipe, open_set(sources, wanted), processes)


def likeness_of(shown: Tensor, pixels: Tensor) -> dict[str, Tensor]:
    """PSNR in dB and SSIM of pictures in levels against those in 0..1, (B,) each."""
    from pytorch_msssim import ssim

    true = _levels(pixels)
    error = (shown - true).square().flatten(1).mean(1)
    psnr = (10 * torch.log10(255**2 / error.clamp_min(1e-9))).clamp_max(_HIGHEST_PSNR)
    missing = [max(0, _SSIM_SIDE - side) for side in shown.shape[2:]]
    padded = [F.pad(values, (0, missing[1], 0, missing[0]), mode="replicate") for values in (shown, true)]
    return {"psnr": psnr, "ssim": ssim(*padded, data_range=255.0, size_average=False)}


def _levels(values: Tensor) -> Tensor:
    return values.clamp(0, 1).mul(255).round()


def _accuracy(made: Tensor, wanted: Tensor) -> Tensor:
    """The share of values that round to 0 or 1 as they should (Keras' accuracy of one channel), (B,)."""
    return ((made > 0.5) == (wanted > 0.5)).float().flatten(1).mean(1)


def _rotated(pixels: Tensor, degrees: float, random: torch.Generator) -> Tensor:
    """Each picture turned by up to so many degrees either way, continued by reflection."""
    if not degrees:
        return pixels
    drawn = torch.rand(len(pixels), generator=random, device="cpu").to(pixels.device)
    angle = math.radians(degrees) * (2 * drawn - 1)
    zero = torch.zeros_like(angle)
    rows = [torch.stack([angle.cos(), -angle.sin(), zero], 1), torch.stack([angle.sin(), angle.cos(), zero], 1)]
    grid = F.affine_grid(torch.stack(rows, 1), list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, mode="bilinear", padding_mode="reflection", align_corners=False)


def _numbers(layers: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, layers.split("-")))
    except ValueError:
        raise RequestError(f"recipe: network: layers = {layers!r} is not like 64-32-16") from None
