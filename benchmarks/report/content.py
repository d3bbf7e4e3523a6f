"""What a report shows of results: codecs, measures, and by dataset the points, means, BD-rates and times."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from statistics import median

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.bd import BdRow
from benchmarks.rd.records import Absence, Failure, Point
from benchmarks.rd.results import Results
from benchmarks.report.clips import PICTURE_WORDS, SEQUENCE_WORDS, Clips
from benchmarks.report.tables import MeanPoint, bd_tables, mean_points

Rows = dict[str, list[BdRow]]  # by the anchor's id


@dataclass(frozen=True)
class CodecShown:
    """A codec with points, or a published curve, whose `command` is then its source."""

    id: str
    title: str
    version: str = "published curve"
    command: str = ""
    prediction: str = ""
    published: bool = False

    @property
    def wisp(self) -> bool:
        return not self.published and (self.id == "wisp" or self.id.startswith("wisp-"))


@dataclass(frozen=True)
class DatasetShown:
    """`means` and `bd` are by the measure's id, the former then by codec; `seconds` of encode and decode by codec."""

    name: str
    points: list[Point]
    images: list[str]
    means: dict[str, dict[str, list[MeanPoint]]]
    bd: dict[str, Rows]
    seconds: dict[str, tuple[float, float]]

    def rows(self, measure: str, anchor: str) -> dict[str, BdRow]:
        """By codec, what is known of it against the anchor, smallest first."""
        return {row.codec: row for row in self.bd[measure].get(anchor, ())}

    def compared(self, measure: str, anchor: str) -> dict[str, BdRow]:
        """As `rows`, without the anchor's own."""
        return {codec: row for codec, row in self.rows(measure, anchor).items() if codec != anchor}


@dataclass(frozen=True)
class Content:
    """All of it. With `clips` the results are of sequences; `notes` are for the reader."""

    results: Results
    clips: Clips | None
    codecs: dict[str, CodecShown]
    measures: list[MeasureInfo]
    datasets: list[DatasetShown]
    notes: list[str] = field(default_factory=list)

    @property
    def words(self) -> Mapping[str, str]:
        """For a picture, or a sequence."""
        return PICTURE_WORDS if self.clips is None else SEQUENCE_WORDS

    @property
    def drawn(self) -> list[CodecShown]:
        """In the order of drawing: Wisp last, above the others."""
        return sorted(self.codecs.values(), key=lambda codec: codec.wisp)

    def anchors(self, dataset: DatasetShown, measure: str) -> list[str]:
        """Ids of the codecs that others can be compared with, the usual one first."""
        found = [codec for codec in self.codecs if codec in dataset.bd[measure]]
        wanted = self.clips.anchor if self.clips else "jpeg"
        usual = next((codec for codec in found if codec == wanted or (not self.clips and codec.startswith(wanted))), "")
        return sorted(found, key=lambda codec: codec != usual)


def content_of(results: Results, infos: Mapping[str, MeasureInfo], clips: Clips | None = None) -> Content:
    """What the page shows of `results`; `infos` are the measures that may occur, in the order of the page."""
    measures, unknown = _measures(results, infos)
    names = dict.fromkeys([*(point.dataset for point in results.points), *(shown.dataset for shown in results.equal)])
    datasets = [_dataset(name, results, measures, clips) for name in names]
    content = Content(results, clips, _codecs(results), measures, datasets)
    if unknown:
        content.notes.append(f"Measures that this version does not know are left out: {', '.join(unknown)}.")
    return content


def _codecs(results: Results) -> dict[str, CodecShown]:
    infos = {codec.id: codec for run in results.runs for codec in run.codecs}
    here = dict.fromkeys(point.codec for point in results.points)
    found = {}
    for codec in (*(name for name in infos if name in here), *(name for name in here if name not in infos)):
        info = infos.get(codec)
        prediction = str(info.options.get("prediction", "")) if info else ""
        version, command = (info.version, info.command) if info else ("", "")
        found[codec] = CodecShown(codec, info.title if info else codec, version, command, prediction)
    for curve in results.curves:
        found[curve.id] = CodecShown(curve.id, curve.name, command=curve.source, published=True)
    return found


def _measures(results: Results, infos: Mapping[str, MeasureInfo]) -> tuple[list[MeasureInfo], list[str]]:
    """Those that occur, in the order of `infos`, and the ids that it lacks: whether more is better is not known."""
    every = [*(p.measures for p in results.points), *(c.measures for c in results.curves)]
    ids = {name for values in (*every, *(e.measures for e in results.equal)) for name in values}
    return [info for name, info in infos.items() if name in ids], sorted(ids - infos.keys())


def _dataset(name: str, results: Results, measures: list[MeasureInfo], clips: Clips | None) -> DatasetShown:
    points = [point for point in results.points if point.dataset == name]
    means, bd = {}, {}
    for info in measures:
        means[info.id] = mean_points(points, info.id)
        bd[info.id] = bd_tables(points, info.id, higher_is_better=info.higher_is_better, curves=results.curves)
    images = sorted({point.image for point in points})
    return DatasetShown(name, points, images, means, bd, _seconds(points, clips))


def _seconds(points: Iterable[Point], clips: Clips | None) -> dict[str, tuple[float, float]]:
    """By codec, the medians of encode and decode seconds per megapixel, of sequences per frame; not where they were
    not taken."""
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for point in points:
        if point.encode_seconds > 0 and point.decode_seconds > 0:
            units = clips.frames_of(point) if clips else point.width * point.height / 1e6
            taken[point.codec].append((point.encode_seconds / units, point.decode_seconds / units))
    return {codec: (median(p[0] for p in pairs), median(p[1] for p in pairs)) for codec, pairs in taken.items()}


def absences(results: Results) -> list[Absence]:
    """The latest word on each; not those that another run had."""
    here = {point.codec for point in results.points} | {name for p in results.points for name in p.measures}
    latest = {(absence.what, absence.id): absence for run in results.runs for absence in run.absent}
    return [absence for absence in latest.values() if absence.id not in here]


def failures(results: Results) -> list[Failure]:
    """The latest of each point; not those that succeeded later."""
    made = {point.key for point in results.points}
    latest = {(f.dataset, f.image, f.codec, f.quality): f for f in results.failures}
    return [failure for key, failure in latest.items() if key not in made]


def finite(value: float | None) -> bool:
    """Whether a value is there and can be drawn."""
    return value is not None and math.isfinite(value)
