"""What training gained on pictures that were held out, as a run's table of validations tells it."""

from __future__ import annotations

from dataclasses import dataclass

from bitstream.errors import UnsupportedError
from codec.notes import note
from codec.training.bd import bd_rate
from codec.training.log import VALIDATION, read_table
from codec.training.run import Run


@dataclass(frozen=True)
class Gain:
    """From the start to the best validation: its step, and BD-rate in per cent (negative: smaller at equal PSNR).

    `rate` is None where `bd_rate` is.
    """

    step: int
    rate: float | None


def gain(run: Run) -> Gain | None:
    """The gain of a run that was validated before its first step; None for another."""
    rows = read_table(run.folder / VALIDATION)
    if not any(row["step"] == 0 for row in rows):
        return None
    best = min(rows, key=lambda row: row["score"])["step"]
    curves = [[(row["bpp"], row["psnr"]) for row in rows if row["step"] == step] for step in (0, best)]
    try:
        return Gain(int(best), bd_rate(*curves))
    except UnsupportedError as error:
        note(f"what was gained is not measured: {error}")
        return Gain(int(best), None)
