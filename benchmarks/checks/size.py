"""Real bytes against the entropy estimate: what file, range coder and skipping cost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run
from bitstream.rangecoder import Kind
from bitstream.tables import ideal_bits
from codec.model.loaded import LoadedModel
from codec.model.quality import to_model_quality
from codec.still.trial import emit

QUALITIES = (30, 60, 75)  # without detail
MOST_RELATIVE, MOST_BYTES = 0.005, 96


class IdealLength:
    """A sink that adds up ideal code lengths under the model's fitted tables."""

    def __init__(self, model: LoadedModel) -> None:
        self._tables, self.bits = model.tables, 0.0

    def encode(self, kind: Kind, index: NDArray[np.integer[Any]], symbols: NDArray[np.integer[Any]]) -> None:
        """See SymbolSink."""
        self.bits += ideal_bits(list(self._tables[kind]), index, symbols)


@dataclass(frozen=True)
class SizeRow:
    """One picture at one quality: the file's bytes, and the estimate with every symbol coded (T = 0)."""

    picture: str
    quality: float
    bytes: int
    estimate: float

    @property
    def excess(self) -> float:
        """Bytes above what is allowed."""
        return self.bytes - self.estimate * (1 + MOST_RELATIVE) - MOST_BYTES


def measure(run: Run) -> None:
    """Every LIVE picture at three qualities."""
    everything = run.model.coding_everything()
    rows = []
    for name, picture in run.pictures():
        for quality in QUALITIES:
            sink = IdealLength(run.model)
            emit(everything, picture, to_model_quality(run.model.file.quality_curve, quality), sink)
            rows.append(SizeRow(name, quality, len(run.codec.encode(picture, quality)), sink.bits / 8))
            run.row(rows[-1])
    worst = max(rows, key=lambda row: row.excess)
    mean = sum(row.bytes / row.estimate for row in rows) / len(rows)
    over = worst.bytes - worst.estimate
    run.say(f"bytes over estimate: mean {mean:.4f}, worst {over:+.0f} of {worst.bytes} ({worst.picture} at "
            f"{worst.quality:g})")  # fmt: skip
    within = sum(row.excess <= 0 for row in rows)
    run.expect(f"{within} of {len(rows)} within estimate + {MOST_RELATIVE:.1%} + {MOST_BYTES} bytes", worst.excess <= 0)


CHECK = Check("real bytes against the entropy estimate, LIVE at three qualities", 1, measure, usual=True)
