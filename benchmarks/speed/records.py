"""What a run of `wisp bench speed` was asked and what it found."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from benchmarks.mosaic import Size

Direction = Literal["encode", "decode"]
DIRECTIONS: tuple[Direction, ...] = ("encode", "decode")
SIZES = tuple(Size(*sides) for sides in ((64, 64), (256, 256), (768, 512), (1920, 1080), (4096, 3072), (6000, 4000)))
WISP = "wisp-e4"
PEERS = ("jpeg420", "webp", "avif", "jpegxl", "heic")
ANCHOR = "avif"  # the strongest of the formats that are in wide use: what Wisp has to be held against
COMMAND = "wisp command"  # the rows of `wisp encode` and `wisp decode` as a user starts them
PSNR = 32.0  # dB: what Wisp's default quality reaches on the mosaic of 768x512
LEAST_SECONDS = 1e-3  # shorter calls tell of the timer and the call, not of the pixels


@dataclass(frozen=True)
class SpeedSettings:
    """What to measure.

    Every codec's quality is the one nearest `psnr` dB on the mosaic of 768x512. A cold measurement is the median of
    `cold_runs` processes up to a megapixel, of one above. A warm one is the median of up to `warm_runs` calls after
    one that does not count, as many as fit into `warm_seconds`; a call longer than that is made once and counts.
    """

    codecs: tuple[str, ...] = (WISP, *PEERS)
    sizes: tuple[Size, ...] = SIZES
    threads: tuple[int, ...] = (1, 2)
    psnr: float = PSNR
    cold_runs: int = 3
    warm_runs: int = 7
    warm_seconds: float = 3.0


@dataclass(frozen=True)
class Participant:
    """A codec that took part, at the quality that was chosen for it, with its rate and PSNR on 768x512."""

    id: str
    title: str
    version: str
    command: str
    quality: float
    bpp: float
    psnr: float


@dataclass(frozen=True)
class Row:
    """One codec, size, number of threads and direction. Wall seconds; peak resident memory of the cold process."""

    codec: str
    width: int
    height: int
    threads: int
    direction: Direction
    bytes: int | None
    warm_seconds: float | None
    warm_runs: int
    cold_seconds: float | None
    cold_runs: int
    peak_mib: float | None

    @property
    def size(self) -> Size:
        return Size(self.width, self.height)

    @property
    def warm_seconds_per_megapixel(self) -> float | None:
        return None if self.warm_seconds is None else self.warm_seconds / self.size.megapixels


@dataclass(frozen=True)
class StartUp:
    """A process that codes nothing, or next to nothing."""

    what: str
    seconds: float
    peak_mib: float


@dataclass(frozen=True)
class Missing:
    """A codec that could not take part, and the way to get it."""

    id: str
    title: str
    reason: str
    remedy: str


@dataclass(frozen=True)
class Fault:
    """A picture that a codec could not code or decode."""

    codec: str
    size: str
    threads: int
    direction: Direction
    message: str


@dataclass(frozen=True)
class SpeedReport:
    """All that was found; `machine` and `versions` as benchmarks/machine.py tells them.

    `load` is how many processes the machine was running on average in the minute before: 0 where nothing disturbed.
    """

    settings: SpeedSettings
    machine: Mapping[str, str]
    versions: Mapping[str, str]
    load: float
    participants: tuple[Participant, ...]
    rows: tuple[Row, ...]
    start_up: tuple[StartUp, ...]
    absent: tuple[Missing, ...]
    faults: tuple[Fault, ...]

    def row(self, codec: str, size: Size, threads: int, direction: Direction) -> Row | None:
        """The one of these, if it was measured."""
        wanted = (codec, size, threads, direction)
        return next((row for row in self.rows if (row.codec, row.size, row.threads, row.direction) == wanted), None)

    def of(self, codec: str, threads: int, direction: Direction) -> list[Row]:
        """A codec's rows, smallest size first."""
        wanted = (codec, threads, direction)
        return sorted(
            (row for row in self.rows if (row.codec, row.threads, row.direction) == wanted), key=lambda r: r.size.pixels
        )

    def ratio(self, row: Row, anchor: str) -> float | None:
        """Warm seconds over the anchor's for the same picture, direction and number of threads."""
        other = self.row(anchor, row.size, row.threads, row.direction)
        if other is None or other.warm_seconds is None or row.warm_seconds is None:
            return None
        return row.warm_seconds / other.warm_seconds

    def mean_ratio(self, codec: str, threads: int, direction: Direction, anchor: str) -> float | None:
        """Geometric mean of `ratio` over the sizes that both have."""
        return geometric_mean([self.ratio(row, anchor) for row in self.of(codec, threads, direction)])

    def growth(self, codec: str, threads: int, direction: Direction) -> float | None:
        """The exponent e of warm seconds = c * pixels ** e."""
        rows = self.of(codec, threads, direction)
        return fitted_exponent([(row.size.pixels, row.warm_seconds) for row in rows if row.warm_seconds is not None])

    def as_dict(self, anchor: str) -> dict[str, Any]:
        """For JSON: the fields, and what follows from them."""
        rows = [
            {
                **asdict(row),
                "warm_seconds_per_megapixel": row.warm_seconds_per_megapixel,
                "ratio_to_anchor": self.ratio(row, anchor),
            }
            for row in self.rows
        ]
        summary = [
            {
                "codec": participant.id,
                "threads": threads,
                "direction": direction,
                "mean_ratio_to_anchor": self.mean_ratio(participant.id, threads, direction, anchor),
                "growth_exponent": self.growth(participant.id, threads, direction),
            }
            for participant in self.participants
            for threads in self.settings.threads
            for direction in DIRECTIONS
        ]
        return {"kind": "wisp speed", "anchor": anchor, **asdict(self), "rows": rows, "summary": summary}


def in_words(threads: int) -> str:
    """ "1 thread", "2 threads"."""
    return f"{threads} thread{'s' if threads > 1 else ''}"


def geometric_mean(ratios: Sequence[float | None]) -> float | None:
    """Of those that there are; None where there are none."""
    logs = [math.log(ratio) for ratio in ratios if ratio]
    return math.exp(sum(logs) / len(logs)) if logs else None


def fitted_exponent(points: Sequence[tuple[int, float]], least: float = LEAST_SECONDS) -> float | None:
    """Slope of the least-squares line through (log pixels, log seconds) of the points of `least` seconds or more.

    None where fewer than two sizes have so many.
    """
    logs = np.log([(pixels, seconds) for pixels, seconds in points if seconds >= least])
    if len({pixels for pixels, seconds in points if seconds >= least}) < 2:
        return None
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
