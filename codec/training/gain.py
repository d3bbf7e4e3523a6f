"""What training gained on pictures that were held out, as a run's table of validations tells it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from codec.notes import note
from codec.training.log import VALIDATION, read_table
from codec.training.run import Run

Rows = Sequence[Mapping[str, float]]


@dataclass(frozen=True)
class Gain:
    """From the start to the best validation: its step, and BD-rate in per cent (negative: smaller at equal PSNR).

    `rate` is None where the two curves cannot be compared: PSNR must rise with quality, and both must overlap.
    """

    step: int
    rate: float | None


def gain(run: Run) -> Gain | None:
    """The gain of a run that was validated before its first step; None for another."""
    rows = read_table(run.folder / VALIDATION)
    start = [row for row in rows if row["step"] == 0]
    if not start:
        return None
    best = min(rows, key=lambda row: row["score"])["step"]
    return Gain(int(best), _bd_rate(start, [row for row in rows if row["step"] == best]))


def _bd_rate(anchor: Rows, other: Rows) -> float | None:
    """Bjontegaard, VCEG-M33, by PCHIP interpolation."""
    try:
        from bjontegaard import bd_rate
    except ImportError:
        note("what was gained is not measured: that needs pip install 'wisp-codec[train]'")
        return None
    curves = [sorted((row["bpp"], row["psnr"]) for row in rows) for rows in (anchor, other)]
    if any(after[1] <= before[1] for curve in curves for before, after in pairwise(curve)):
        return None
    rates, levels = ([[point[i] for point in curve] for curve in curves] for i in (0, 1))
    if min(levels[0][-1], levels[1][-1]) <= max(levels[0][0], levels[1][0]):
        return None
    options = {"method": "pchip", "require_matching_points": False, "min_overlap": 0}
    return float(bd_rate(rates[0], levels[0], rates[1], levels[1], **options))
