"""The contract of a video codec in the benchmark; for pictures see benchmarks/codecs/interface.py.

A codec is one encoder at one preset and one kind of prediction, swept over `qualities`. Building it imports nothing;
`open` does, and says by `AbsentError` what is missing. `encode` turns a raw clip into the file of a whole stream and
`decode` turns that back into raw frames of the same layout, neither knowing more than the file. `options` is
everything that changes the bytes besides the quality and the version, and says the `prediction`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

from benchmarks.video.raw import Layout, RawClip

INTRA, PREDICTED = "all intra", "predicted"  # `options["prediction"]`: frames on their own, or from one another


class VideoCodec(ABC):
    """One encoder at one setting.

    Class attributes:
        id: what results and `--codecs` call it: lower case, digits, hyphens.
        title: what reports call it; it says the kind of prediction.
        ending: of the stream's file, without the dot.
        layout: of the raw clips that it codes.
        qualities: the sweep, from the smallest streams to the largest; the numbers are the encoder's own.
        step: the smallest difference of two qualities that changes anything.
        usual, quick: whether it takes part without being named, and with `--quick`.
    """

    id: str
    title: str
    ending: str
    layout: Layout
    qualities: tuple[float, ...]
    step: float = 1.0
    quality_name: str  # "CRF", "quality"
    options: Mapping[str, object]
    usual: bool = True
    quick: bool = False

    @abstractmethod
    def open(self, threads: int) -> None:
        """Import and load what encode and decode need, for `threads` threads. Raises AbsentError."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The versions that the bytes depend on; after `open`."""

    @abstractmethod
    def command(self, quality: float) -> str:
        """The command line that makes the same stream, for a reader who wants to repeat it."""

    @abstractmethod
    def encode(self, clip: RawClip, quality: float, path: Path) -> None:
        """Write the stream of `clip`, which is of `layout`, to `path`."""

    @abstractmethod
    def decode(self, path: Path, raw: BinaryIO) -> None:
        """Append every frame of the stream to `raw`, in `layout`."""
