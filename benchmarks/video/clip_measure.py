"""What a measure of clips is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path

from benchmarks.video.sequences import Pixels


class ClipMeasure(ABC):
    """Compares one clip with what came back: `begin`, `add` for each pair of frames, `value`."""

    id: str
    version: str

    @abstractmethod
    def begin(self, folder: Path) -> None:
        """Forget the last clip; `folder` is there for files."""

    @abstractmethod
    def add(self, reference: Pixels, shown: Pixels) -> None:
        """The next frame, (H, W, 3) uint8 each, of one size."""

    @abstractmethod
    def value(self) -> float:
        """Of the frames since `begin`; inf where all are exact and the measure has no end."""
