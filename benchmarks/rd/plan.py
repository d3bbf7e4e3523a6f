"""What a run has to do: codecs x sources x qualities, less what the results hold already."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from benchmarks.codecs.interface import BaseCodec
from benchmarks.datasets import RESTORED, Sample
from benchmarks.rd.jobs import Footage, PointJob, Setting
from benchmarks.rd.records import VIEWER, CodecInfo, EqualSize, Failure, Key, Point, Record

QUICK_IMAGES = QUICK_POINTS = 4


def spread(count: int, wanted: int) -> list[int]:
    """`wanted` indices of 0..count-1 at even distances, both ends among them."""
    if count <= wanted:
        return list(range(count))
    return [round(i * (count - 1) / (wanted - 1)) for i in range(wanted)]


def points_of(codec: BaseCodec, footage: Sequence[Footage], setting: Setting, *, quick: bool = False) -> list[PointJob]:
    """Everything that `codec` is to do, source by source. Harmed pictures are coded by Wisp only: the question
    is what a second coding of a JPEG costs or mends, not how other codecs fare with it."""
    qualities = [codec.qualities[i] for i in spread(len(codec.qualities), QUICK_POINTS)] if quick else codec.qualities
    mine = [each for each in footage if each.info.dataset != RESTORED or codec.id.startswith("wisp")]
    return [PointJob(codec, each, quality, setting) for each in mine for quality in qualities]


def quick_samples(samples: Sequence[Sample]) -> list[Sample]:
    """Four pictures of every set, spread over it."""
    by_set: dict[str, list[Sample]] = {}
    for sample in samples:
        by_set.setdefault(sample.dataset, []).append(sample)
    return [found[i] for found in by_set.values() for i in spread(len(found), QUICK_IMAGES)]


def frame_name(name: str, number: int, frames: int) -> str:
    """What a frame is called among the viewer's pictures, a still as its source is; `sequence_and_frame` undoes it."""
    return f"{name}, frame {number}" if frames > 1 else name


def sequence_and_frame(image: str) -> tuple[str, int]:
    """Raises ValueError for what is no frame's name."""
    name, comma, number = image.rpartition(", frame ")
    if not comma or not number.isdecimal():
        raise ValueError(f"{image} names no frame")
    return name, int(number)


class Finished:
    """Which records of earlier runs still hold: same source, codec, version and options; and where this run would
    make the point (`keys`), every measure there and, where files are kept in `keep`, their file whole."""

    def __init__(
        self,
        infos: Mapping[str, CodecInfo],
        footage: Sequence[Footage],
        measures: Collection[str],
        keep: Path | None,
        keys: Collection[Key],
    ) -> None:
        self._infos, self._measures, self._keep, self._keys = infos, set(measures), keep, set(keys)
        self._digests = {(each.info.dataset, each.info.name): each.info.pixels for each in footage}
        self._clips = any(each.info.frames > 1 for each in footage)

    def planned(self, point: Point) -> bool:
        """Whether this run has its codec and its source; others are left as they are."""
        return point.codec in self._infos and (point.dataset, point.image) in self._digests

    def is_stale(self, record: Record, folder: Path) -> bool:
        """Whether it is to go: this run makes it again, or it is of another version or source than this run's."""
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
        info, name = self._infos.get(record.codec), record.image
        if self._clips:
            try:
                name, _ = sequence_and_frame(name)
            except ValueError:
                return False
        return (
            (info is None or record.version == info.version)
            and record.pixels == self._digests.get((record.dataset, name), record.pixels)
            and _is_whole(folder / record.file, record.bytes)
            and (folder / record.shown).is_file()
        )


def _is_whole(path: Path, size: int) -> bool:
    try:
        return path.is_file() and path.stat().st_size == size
    except OSError:
        return False
