"""The contract of a measure of distortion, of pictures and of clips, and what a reader must know of its number."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from benchmarks.raw import Pixels

Compute = Callable[[Pixels, Pixels], float]  # of a reference and what came back, (H, W, 3) uint8 each


@dataclass(frozen=True)
class MeasureInfo:
    """What reports need of a measure.

    `id` is its key in results; `title` and `unit` head its column; where `higher_is_better` is False, BD-rate is
    taken over the negated number.
    """

    id: str
    title: str
    unit: str
    higher_is_better: bool
    source: str  # the paper, and the package that computes it


class Measure(ABC):
    """A measure that can run here. It compares a clip with what came back: `begin`, `add` for each pair of frames,
    `value`."""

    def __init__(self, info: MeasureInfo, version: str) -> None:
        self.info, self.version = info, version

    @abstractmethod
    def begin(self, folder: Path) -> None:
        """Forget the last clip; `folder` is there for files."""

    @abstractmethod
    def add(self, reference: Pixels, shown: Pixels) -> None:
        """The next frame, (H, W, 3) uint8 each, of one size."""

    @abstractmethod
    def value(self) -> float:
        """Of the frames since `begin`; inf where all are exact and the measure has no end."""


class MeanOfFrames(Measure):
    """`of_frame` gives a frame's value, inf where it is exact. A picture's is its value; in the mean of several frames
    each counts as `most` at most. `finish` turns the mean into the measure's unit. All exact is inf."""

    def __init__(
        self,
        info: MeasureInfo,
        version: str,
        of_frame: Compute,
        *,
        most: float = math.inf,
        finish: Callable[[float], float] = float,
    ) -> None:
        super().__init__(info, version)
        self._of_frame, self._most, self._finish = of_frame, most, finish
        self._values: list[float] = []

    def begin(self, folder: Path) -> None:
        """See Measure."""
        self._values = []

    def add(self, reference: Pixels, shown: Pixels) -> None:
        """See Measure. Raises ValueError for unlike pictures: NumPy would compare unlike shapes or wrap unlike types
        silently; and RuntimeError for NaN, which results files do not know."""
        if reference.shape != shown.shape or reference.dtype != shown.dtype:
            kinds = f"{reference.shape} {reference.dtype} and {shown.shape} {shown.dtype}"
            raise ValueError(f"{self.info.id} of unlike pictures: {kinds}")
        value = float(self._of_frame(reference, shown))
        if math.isnan(value):
            raise RuntimeError(f"{self.info.id} is not a number")
        self._values.append(value)

    def value(self) -> float:
        """See Measure."""
        if not any(map(math.isfinite, self._values)):
            return math.inf
        if len(self._values) == 1:
            return self._finish(self._values[0])
        return self._finish(fmean(min(value, self._most) for value in self._values))

    def compute(self, reference: Pixels, shown: Pixels) -> float:
        """Of two pictures (H, W, 3) uint8."""
        self._values = []
        self.add(reference, shown)
        return self.value()
