"""The contract of a codec in the benchmark.

A codec is one encoder at one setting, swept over `qualities`. It is built without importing its library (building
it never fails); `open` imports, loads and checks, and says by `AbsentError` what is missing and how to get it. After
that `encode` turns a picture into the bytes of a whole file, `decode` turns them back, and nothing else may be
needed: neither side sees what the other one knew. `options` is everything that changes the bytes besides the
quality and the version; together the three name a point, so that a finished one is not computed twice.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


class AbsentError(Exception):
    """A codec or measure cannot run here.

    Args:
        reason: what is missing, in a few words.
        remedy: how to get it: a command, or where to put a file.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(f"{reason} ({remedy})")
        self.reason = reason
        self.remedy = remedy


class ImageCodec(ABC):
    """One encoder at one setting.

    Class attributes:
        id: what results, `--codecs` and kept files call it: lower case, digits, hyphens.
        title: what reports call it.
        ending: of a kept file, without the dot.
        qualities: the sweep, from the smallest files to the largest; the numbers are the encoder's own.
        slow: whether a point takes minutes.
    """

    id: str
    title: str
    ending: str
    qualities: tuple[float, ...]
    options: Mapping[str, object]
    slow: bool = False  # left out unless asked for by name or by `--slow`

    @abstractmethod
    def open(self, threads: int) -> None:
        """Import and load what encode and decode need, for `threads` threads. Raises AbsentError."""

    @property
    @abstractmethod
    def version(self) -> str:
        """The versions that the bytes depend on ("libavif 1.4.2, Pillow 13.0.0"); after `open`."""

    @abstractmethod
    def command(self, quality: float) -> str:
        """The call or command line that makes the same file from in.png, for a reader who wants to repeat it."""

    @abstractmethod
    def encode(self, pixels: Pixels, quality: float) -> bytes:
        """A whole file of `pixels` (H, W, 3) uint8, sRGB."""

    @abstractmethod
    def decode(self, data: bytes) -> Pixels:
        """(H, W, 3) uint8."""
