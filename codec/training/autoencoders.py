"""The autoencoders of the studies: small networks from a picture to a code and back, as textbooks have them.

A network takes and gives values within 0..1 whatever it computes in; `encode` and `decode` are its two halves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, TypeAlias, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from bitstream.errors import RequestError

Kind = Literal["convolutional", "transposed", "skip", "residual", "unpadded", "dense", "bottleneck"]
Range = Literal["unit", "signed", "standard"]
Head = Literal["sigmoid", "relu", "tanh", "none"]
HEADS: dict[str, tuple[Head, ...]] = {  # of each range the first is the usual one
    "unit": ("sigmoid", "relu", "none"),
    "signed": ("tanh", "none"),
    "standard": ("none",),
}
MOST_WEIGHTS = 30_000_000  # of one fully connected layer
_QUIET, _EDGE = 0.1, 0.02  # what the last weights begin with; how near to 0 and 1 outputs begin
_LAYERS = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
_Layer: TypeAlias = "nn.Conv2d | nn.ConvTranspose2d | nn.Linear"


@dataclass(frozen=True)
class Shape:
    """What a network is made for: channels in and out, and pixels a side of its pictures."""

    inputs: int
    outputs: int
    height: int
    width: int


class Autoencoder(nn.Module):
    """A network by its kind.

    Args:
        kind: convolutional (3x3, ReLU, max-pooling, nearest up-sampling), transposed (likewise, with transposed
            convolutions on the way back), skip (as transposed, what each pooling took is added again on the way back:
            Mao et al., arXiv 1603.09056), unpadded (convolutions without padding or pooling), dense, bottleneck
            (convolutions and pooling, fully connected layers, up-sampling), or residual, which is no autoencoder:
            convolutions at full size that say what is to be added to the picture (Zhang et al., arXiv 1608.03981).
        layers: channels, or units, from the picture to the code; the way back mirrors them.
        range: what it computes in: unit (0..1), signed (-1..1), or standard (less the mean, over the deviation).
        head: the last function, which fits the range; "" is the range's usual one.
        dropout: share of the features after each layer that are left out at random in training.
        mean, deviation: of the training pictures, 0..1, for the range standard.
        centre: the mean of what is to be made, 0..1, which outputs begin around.

    Raises RequestError for what does not go together.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(
        self,
        kind: str,
        shape: Shape,
        layers: Sequence[int],
        *,
        range: str = "unit",
        head: str = "",
        dropout: float = 0.0,
        mean: float = 0.5,
        deviation: float = 0.25,
        centre: float = 0.5,
    ) -> None:
        super().__init__()
        if kind not in get_args(Kind) or range not in HEADS or not layers or min(layers) < 1:
            raise RequestError(f"there is no network {kind} of layers {layers} in the range {range}")
        self.head = head or ("none" if kind == "residual" else HEADS[range][0])
        if self.head not in HEADS[range]:
            raise RequestError(f"the head {head} does not fit the range {range}: take {' or '.join(HEADS[range])}")
        offset, scale = {"unit": (0.0, 1.0), "signed": (0.5, 0.5), "standard": (mean, deviation)}[range]
        self.register_buffer("mean", torch.tensor(offset))
        self.register_buffer("deviation", torch.tensor(scale))
        self.core: _Core = _CORES[kind](shape, layers, dropout) if kind in _CORES else _Pooled(
            shape, layers, dropout, transposed=kind != "convolutional", skip=kind == "skip"
        )  # fmt: skip
        level = (min(max(centre, _EDGE), 1 - _EDGE) - offset) / scale
        before = {"sigmoid": lambda: math.log(level / (1 - level)), "tanh": lambda: math.atanh(level)}
        _initialise(self.core, before.get(self.head, lambda: level)())

    def encode(self, pixels: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in 0..1 -> the code, (B, N) or (B, N, h, w)."""
        return self.core.encode(self._normal(pixels))[0]

    def decode(self, code: Tensor) -> Tensor:
        """The way back, of a network without skips, to pixels (B, C, H, W)."""
        return self._shown(self.core.decode(code, ()))

    def forward(self, pixels: Tensor) -> Tensor:
        """Pixels (B, C, H, W) in 0..1 -> what the network makes of them, which may lie beyond 0..1."""
        normal = self._normal(pixels)
        code, skipped = self.core.encode(normal)
        made = self.core.decode(code, skipped)
        return self._shown(made + normal if isinstance(self.core, _Residual) else made)

    def _normal(self, pixels: Tensor) -> Tensor:
        return (pixels - self.mean) / self.deviation

    def _shown(self, made: Tensor) -> Tensor:
        if self.head != "none":
            made = {"sigmoid": torch.sigmoid, "relu": torch.relu, "tanh": torch.tanh}[self.head](made)
        return made * self.deviation + self.mean


class _Core(nn.Module, ABC):
    """Both halves, in the network's own range."""

    last: _Layer

    def output(self) -> _Layer:
        """The last layer."""
        return self.last

    @abstractmethod
    def encode(self, x: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """-> the code, and what the way back may add."""

    @abstractmethod
    def decode(self, code: Tensor, skipped: Sequence[Tensor]) -> Tensor:
        """-> the picture, before the head."""


class _Pooled(_Core):
    """A convolution, ReLU and max-pooling by 2 a layer; back a convolution, ReLU and up-sampling by 2."""

    def __init__(self, shape: Shape, layers: Sequence[int], dropout: float, *, transposed: bool, skip: bool) -> None:
        super().__init__()
        channels = [shape.inputs, *layers]
        back = [layers[-1], *reversed(layers)]
        self.down = nn.ModuleList(_conv(a, b) for a, b in pairwise(channels))
        self.up = nn.ModuleList(_conv(a, b, transposed=transposed) for a, b in pairwise(back))
        self.last = _conv(layers[0], shape.outputs, transposed=transposed)
        self.drop = nn.Dropout2d(dropout)
        self._skip, self._size, self._step = skip, (shape.height, shape.width), 2 ** len(layers)

    def encode(self, x: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See _Core."""
        height, width = (-side % self._step for side in x.shape[2:])
        x = F.pad(x, (0, width, 0, height), mode="replicate") if height or width else x
        skipped = []
        for conv in self.down:
            x = self.drop(F.relu(conv(x)))
            skipped.append(x)
            x = F.max_pool2d(x, 2)
        return x, skipped if self._skip else ()

    def decode(self, code: Tensor, skipped: Sequence[Tensor]) -> Tensor:
        """See _Core."""
        x = code
        for number, conv in enumerate(self.up):
            x = F.interpolate(self.drop(F.relu(conv(x))), scale_factor=2, mode="nearest")
            x = x + skipped[-1 - number] if skipped else x
        made: Tensor = self.last(x)
        return made[:, :, : self._size[0], : self._size[1]]


class _Straight(_Core):
    """Convolutions with ReLU behind each, and nothing else, on the way to the code."""

    down: nn.ModuleList
    drop: nn.Module

    def encode(self, x: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See _Core."""
        for conv in self.down:
            x = self.drop(F.relu(conv(x)))
        return x, ()


class _Residual(_Straight):
    """Convolutions at full size with ReLU between them, the last of which begins at zero: nothing is added at first."""

    def __init__(self, shape: Shape, layers: Sequence[int], dropout: float) -> None:
        super().__init__()
        if shape.inputs != shape.outputs:
            raise RequestError("a residual network gives as many channels as it takes")
        channels = [shape.inputs, *layers]
        self.down = nn.ModuleList(_conv(a, b) for a, b in pairwise(channels))
        self.last = _conv(layers[-1], shape.outputs)
        self.drop = nn.Dropout2d(dropout)

    def decode(self, code: Tensor, skipped: Sequence[Tensor]) -> Tensor:
        """See _Core."""
        made: Tensor = self.last(code)
        return made


class _Unpadded(_Straight):
    """3x3 convolutions without padding, which each take a pixel off every border; transposed ones put it back."""

    def __init__(self, shape: Shape, layers: Sequence[int], dropout: float) -> None:
        super().__init__()
        if min(shape.height, shape.width) <= 2 * len(layers):
            raise RequestError(f"{len(layers)} layers without padding leave nothing of {shape.width}x{shape.height}")
        channels = [shape.inputs, *layers]
        back = [*reversed(layers)]
        self.down = nn.ModuleList(nn.Conv2d(a, b, 3) for a, b in pairwise(channels))
        self.up = nn.ModuleList(nn.ConvTranspose2d(a, b, 3) for a, b in pairwise(back))
        self.last = nn.ConvTranspose2d(layers[0], shape.outputs, 3)
        self.drop = nn.Dropout2d(dropout)

    def decode(self, code: Tensor, skipped: Sequence[Tensor]) -> Tensor:
        """See _Core."""
        x = code
        for conv in self.up:
            x = self.drop(F.relu(conv(x)))
        return self.last(x)


class _Dense(_Core):
    """Fully connected layers with ReLU."""

    def __init__(self, shape: Shape, layers: Sequence[int], dropout: float) -> None:
        super().__init__()
        sizes = [shape.inputs * shape.height * shape.width, *layers]
        values = shape.outputs * shape.height * shape.width
        self.down = nn.ModuleList(_linear(a, b) for a, b in pairwise(sizes))
        self.up = nn.ModuleList(_linear(a, b) for a, b in pairwise([*reversed(layers)]))
        self.last = _linear(layers[0], values)
        self.drop = nn.Dropout(dropout)
        self._shape = (shape.outputs, shape.height, shape.width)

    def encode(self, x: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See _Core."""
        x = x.flatten(1)
        for layer in self.down:
            x = self.drop(F.relu(layer(x)))
        return x, ()

    def decode(self, code: Tensor, skipped: Sequence[Tensor]) -> Tensor:
        """See _Core."""
        x = code
        for layer in self.up:
            x = self.drop(F.relu(layer(x)))
        return self.last(x).unflatten(1, self._shape)


class _Bottleneck(_Core):
    """Convolutions and pooling, then a fully connected layer to the code, the last of `layers`; back the same way."""

    def __init__(self, shape: Shape, layers: Sequence[int], dropout: float) -> None:
        super().__init__()
        if len(layers) < 2:
            raise RequestError("a bottleneck has a layer of convolution and one that is fully connected, at least")
        *channels, code = layers
        step = 2 ** len(channels)
        self._place = (channels[-1], -(-shape.height // step), -(-shape.width // step))
        self.outer = _Pooled(shape, channels, dropout, transposed=False, skip=False)
        values = math.prod(self._place)
        self.down, self.up = _linear(values, code), _linear(code, values)
        self.drop = nn.Dropout(dropout)

    def output(self) -> _Layer:
        """See _Core."""
        return self.outer.output()

    def encode(self, x: Tensor) -> tuple[Tensor, Sequence[Tensor]]:
        """See _Core."""
        features, _ = self.outer.encode(x)
        return self.drop(F.relu(self.down(features.flatten(1)))), ()

    def decode(self, code: Tensor, skipped: Sequence[Tensor]) -> Tensor:
        """See _Core."""
        features = self.drop(F.relu(self.up(code))).unflatten(1, self._place)
        return self.outer.decode(features, ())


_CORES: dict[str, type[_Residual] | type[_Unpadded] | type[_Dense] | type[_Bottleneck]] = {
    "residual": _Residual,
    "unpadded": _Unpadded,
    "dense": _Dense,
    "bottleneck": _Bottleneck,
}


def _conv(inputs: int, outputs: int, *, transposed: bool = False) -> nn.Conv2d | nn.ConvTranspose2d:
    kind = nn.ConvTranspose2d if transposed else nn.Conv2d
    return kind(inputs, outputs, 3, padding=1)


def _linear(inputs: int, outputs: int) -> nn.Linear:
    if inputs * outputs > MOST_WEIGHTS:
        raise RequestError(
            f"a fully connected layer of {inputs:,} x {outputs:,} weights is too large: take smaller pictures or layers"
        )
    return nn.Linear(inputs, outputs)


@torch.no_grad()
def _initialise(core: _Core, wanted: float) -> None:
    """Weights that keep features' size through ReLU (He et al., arXiv 1502.01852); outputs that begin at `wanted`.

    Were they to begin elsewhere, the first steps would push all of them the same way, and digits were learned as black.
    A residual network adds nothing at first.
    """
    for module in core.modules():
        if isinstance(module, _LAYERS):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    last = core.output()
    residual = isinstance(core, _Residual)
    last.weight.mul_(0.0 if residual else _QUIET)
    nn.init.constant_(last.bias, 0.0 if residual else wanted)  # type: ignore[arg-type]
