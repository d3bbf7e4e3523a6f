"""Real bytes against the entropy estimate: what file, range coder and skipping cost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import live_paths, read_picture
from bitstream.rangecoder import Kind
from bitstream.tables import ideal_bits
from codec.api import Codec
from codec.model.loaded import LoadedModel
from codec.model.quality import to_model_quality
from codec.still.trial import emit

QUALITIES = (30, 60, 95)
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
    def within(self) -> bool:
        return self.bytes <= self.estimate * (1 + MOST_RELATIVE) + MOST_BYTES


def measure_sizes(codec: Codec) -> Iterator[SizeRow]:
    """Every LIVE picture at three qualities."""
    model = codec.load(codec.model_info.id)
    everything = model.coding_everything()
    for path in live_paths():
        picture = read_picture(path)
        for quality in QUALITIES:
            sink = IdealLength(model)
            emit(everything, picture, to_model_quality(model.file.quality_curve, quality), sink)
            yield SizeRow(path.stem, quality, len(codec.encode(picture, quality)), sink.bits / 8)
