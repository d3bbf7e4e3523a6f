"""Sizes of the networks that restore pictures; without torch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, Literal

from bitstream.errors import ModelFileError
from codec.network.shapes import Shapes, blocks_tensors, conv_tensors

FORMAT = "wisp-restore"  # of their files
Kind = Literal["denoise", "colorize"]
PLANES = {"denoise": (4, 3), "colorize": (1, 2)}  # inputs and outputs: RGB and sigma -> noise; luma -> chroma
_LARGEST = 4096  # of any size


@dataclass(frozen=True)
class RestoreConfig:
    """A U-net: `fold` pixels a side become channels; each level has a width and a number of blocks.

    Blocks of all levels but the last are there twice, on the way down and on the way up. Raises ModelFileError.
    """

    kind: str
    fold: int
    widths: tuple[int, ...]
    blocks: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.kind not in PLANES:
            raise ModelFileError(f"kind {self.kind!r} is none of {', '.join(PLANES)}")
        if not self.widths or len(self.widths) != len(self.blocks):
            raise ModelFileError("widths and blocks are not lists of the same length, one number for each level")
        for size in (self.fold, *self.widths, *self.blocks):
            if type(size) is not int or not 1 <= size <= _LARGEST:
                raise ModelFileError(f"size {size!r} is not a whole number within 1..{_LARGEST}")

    @classmethod
    def from_json(cls, text: str) -> RestoreConfig:
        """Raises ModelFileError."""
        try:
            values: dict[str, Any] = json.loads(text)
            widths, blocks = tuple(values.pop("widths")), tuple(values.pop("blocks"))
            return cls(widths=widths, blocks=blocks, **values)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ModelFileError(f"its configuration is damaged: {error}") from None

    def canonical_json(self) -> str:
        """One text for one configuration."""
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":"))

    @property
    def inputs(self) -> int:
        """Planes that the network sees."""
        return PLANES[self.kind][0]

    @property
    def outputs(self) -> int:
        """Planes that it makes."""
        return PLANES[self.kind][1]

    @property
    def multiple(self) -> int:
        """Sides of pictures are multiples of it."""
        return int(self.fold * 2 ** (len(self.widths) - 1))

    @property
    def reach(self) -> int:
        """Pixels on each side of a pixel that can change it, at most."""
        side, total = self.fold, 0
        for level, count in enumerate(self.blocks):
            last = level == len(self.blocks) - 1
            total += side * (count * (1 if last else 2) + 1)
            side *= 2
        return total

    @property
    def macs_per_pixel(self) -> float:
        """Multiplications a pixel."""
        total, area = 0.0, float(self.fold**2)
        total += (self.inputs + self.outputs) * self.widths[0]
        for level, (width, count) in enumerate(zip(self.widths, self.blocks, strict=True)):
            last = level == len(self.blocks) - 1
            total += (6 * width**2 + 9 * width) * count * (1 if last else 2) / area
            if not last:
                total += 4 * width * self.widths[level + 1] * 2 / (area * 4)
            area *= 4
        return total

    def tensors(self) -> Shapes:
        """Names and shapes of all weights."""
        folded, widths = self.fold**2, self.widths
        yield from conv_tensors("stem", self.inputs * folded, widths[0])
        for way in ("encoder", "decoder"):
            for level in range(len(widths) - 1):
                yield from blocks_tensors(f"{way}.{level}", self.blocks[level], widths[level])
        for level, (a, b) in enumerate(pairwise(widths)):
            yield from conv_tensors(f"down.{level}", 4 * a, b)
            yield from conv_tensors(f"up.{level}", b, 4 * a)
        yield from blocks_tensors("middle", self.blocks[-1], widths[-1])
        yield from conv_tensors("head", widths[0], self.outputs * folded)
