"""What a run has to do: codecs x pictures x qualities, less what the results hold already."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.codecs.interface import ImageCodec
from benchmarks.datasets import RESTORED, Sample
from benchmarks.rd.records import VIEWER, CodecInfo, EqualSize, Failure, Key, Point, Record

QUICK_IMAGES = QUICK_POINTS = 4


@dataclass(frozen=True)
class Task:
    """One picture to be coded at one quality."""

    sample: Sample
    quality: float


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` indices of 0..count-1 at even distances, both ends among them."""
    if count <= wanted:
        return list(range(count))
    return [round(i * (count - 1) / (wanted - 1)) for i in range(wanted)]


def tasks_of(codec: ImageCodec, samples: Sequence[Sample], *, quick: bool = False) -> list[Task]:
    """Everything that `codec` is to do, picture by picture. Harmed pictures are coded by Wisp only: the question
    is what a second coding of a JPEG costs or mends, not how other codecs fare with it."""
    qualities = [codec.qualities[i] for i in spread(len(codec.qualities), QUICK_POINTS)] if quick else codec.qualities
    mine = [sample for sample in samples if sample.dataset != RESTORED or codec.id.startswith("wisp")]
    return [Task(sample, quality) for sample in mine for quality in qualities]


def quick_samples(samples: Sequence[Sample]) -> list[Sample]:
    """Four pictures of every set, spread over it."""
    by_set: dict[str, list[Sample]] = {}
    for sample in samples:
        by_set.setdefault(sample.dataset, []).append(sample)
    return [found[i] for found in by_set.values() for i in spread(len(found), QUICK_IMAGES)]


class Finished:
    """Which records of earlier runs still hold: same picture, codec, version and options; and where this run would
    make the point (`keys`), every measure there and, where files are kept in `keep`, their file whole."""

    def __init__(
        self,
        infos: Mapping[str, CodecInfo],
        digests: Mapping[Sample, str],
        measures: Collection[str],
        keep: Path | None,
        keys: Collection[Key],
    ) -> None:
        self._infos, self._measures, self._keep, self._keys = infos, set(measures), keep, set(keys)
        self._digests = {(sample.dataset, sample.name): found for sample, found in digests.items()}

    def planned(self, point: Point) -> bool:
        """Whether this run has its codec and its picture; others are left as they are."""
        return point.codec in self._infos and (point.dataset, point.image) in self._digests

    def is_stale(self, record: Record, folder: Path) -> bool:
        """Whether it is to go: this run makes it again, or it is of another version or picture than this run's."""
        if isinstance(record, Point):
            wanted = record.key in self._keys
            return self.planned(record) and not (self._agrees(record) and (self._is_complete(record) or not wanted))
        if isinstance(record, Failure):
            viewed = record.codec == VIEWER and (record.dataset, record.image) in self._digests
            return viewed or record.key in self._keys
        if isinstance(record, EqualSize):
            return not self._equal_holds(record, folder)
        return False

    def _agrees(self, point: Point) -> bool:
        info = self._infos[point.codec]
        return (
            point.version == info.version
            and dict(point.options) == json.loads(json.dumps(dict(info.options)))
            and point.pixels == self._digests[point.dataset, point.image]
        )

    def _is_complete(self, point: Point) -> bool:
        kept = self._keep is None or _is_whole(self._keep / (point.file or ""), point.bytes)
        return kept and self._measures <= set(point.measures)

    def _equal_holds(self, record: EqualSize, folder: Path) -> bool:
        info = self._infos.get(record.codec)
        return (
            (info is None or record.version == info.version)
            and record.pixels == self._digests.get((record.dataset, record.image), record.pixels)
            and _is_whole(folder / record.file, record.bytes)
            and (folder / record.shown).is_file()
        )


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:
        return False
