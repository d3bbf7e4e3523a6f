"""What the page needs of results, as plain JSON values.

Codecs, measures and images are named by their index in `codecs`, `measures` and their dataset's `images`, which keeps
twenty codecs' points small. A value of a measure is null where it is missing and "inf" where it is infinite.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from statistics import median

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.bd import BdRate, BdRow
from benchmarks.rd.records import EqualSize, Point
from benchmarks.rd.results import Results
from benchmarks.report.clips import PICTURE_WORDS, SEQUENCE_WORDS, Clips
from benchmarks.report.pictures import Pictures
from benchmarks.report.tables import bd_tables, mean_points

Json = dict[str, object]
ORIGINAL = "original"  # the codec id of a viewer's original
_DIGITS = 6  # significant, of every number in the page


def report_data(
    results: Results, infos: Mapping[str, MeasureInfo], pictures: Pictures, clips: Clips | None = None
) -> Json:
    """The page's data; what the viewer shows is added to `pictures`. With `clips` the results are of sequences."""
    codecs = _codecs(results)
    measures, unknown = _measures(results, infos)
    index = {str(codec["id"]): position for position, codec in enumerate(codecs)}
    names = dict.fromkeys([*(point.dataset for point in results.points), *(shown.dataset for shown in results.equal)])
    viewer, missing = _viewer(results, [info.id for info in measures], pictures, clips)
    notes = []
    if unknown:
        notes.append(f"Measures that this version does not know are left out: {', '.join(unknown)}.")
    if missing:
        notes.append(f"{missing} of the viewer's pictures are missing in the results' folder.")
    return {
        "clips": clips is not None,
        "words": PICTURE_WORDS if clips is None else SEQUENCE_WORDS,
        "anchor": clips.anchor if clips else None,
        "codecs": codecs,
        "measures": [asdict(info) for info in measures],
        "datasets": [_dataset(name, results, measures, index, clips) for name in names],
        "viewer": viewer,
        "runs": [asdict(run) for run in results.runs],
        "absent": _absent(results),
        "failures": _failures(results),
        "notes": notes,
    }


def _codecs(results: Results) -> list[Json]:
    infos = {codec.id: codec for run in results.runs for codec in run.codecs}
    here = dict.fromkeys(point.codec for point in results.points)
    codecs: list[Json] = []
    for codec in (*(name for name in infos if name in here), *(name for name in here if name not in infos)):
        info = infos.get(codec)
        codecs.append(
            {
                "id": codec,
                "title": info.title if info else codec,
                "version": info.version if info else "",
                "command": info.command if info else "",
                "wisp": codec == "wisp" or codec.startswith("wisp-"),
                "published": False,
                "prediction": str(info.options.get("prediction", "")) if info else "",
            }
        )
    for curve in results.curves:
        shared: Json = {
            "version": "published curve",
            "command": curve.source,
            "wisp": False,
            "published": True,
            "prediction": "",
        }
        codecs.append({"id": curve.id, "title": curve.name, **shared})
    return codecs


def _measures(results: Results, infos: Mapping[str, MeasureInfo]) -> tuple[list[MeasureInfo], list[str]]:
    """Those that occur, in the order of `infos`, and the ids that it lacks: whether more is better is not known."""
    every = [*(p.measures for p in results.points), *(c.measures for c in results.curves)]
    ids = {name for values in (*every, *(e.measures for e in results.equal)) for name in values}
    return [info for name, info in infos.items() if name in ids], sorted(ids - infos.keys())


def _absent(results: Results) -> list[Json]:
    """The latest word on each; not those that another run had."""
    here = {point.codec for point in results.points} | {name for p in results.points for name in p.measures}
    latest = {(absence.what, absence.id): absence for run in results.runs for absence in run.absent}
    return [asdict(absence) for absence in latest.values() if absence.id not in here]


def _failures(results: Results) -> list[Json]:
    """The latest of each point; not those that succeeded later."""
    made = {point.key for point in results.points}
    titles = results.titles
    latest = {(f.dataset, f.image, f.codec, f.quality): f for f in results.failures}
    return [{**asdict(f), "title": titles.get(f.codec, f.codec)} for key, f in latest.items() if key not in made]


def _dataset(
    name: str,
    results: Results,
    measures: Sequence[MeasureInfo],
    index: Mapping[str, int],
    clips: Clips | None,
) -> Json:
    points = [point for point in results.points if point.dataset == name]
    images = sorted({point.image for point in points})
    place = {image: position for position, image in enumerate(images)}
    curves = {}
    tables = {}
    for number, info in enumerate(measures):
        means: dict[int, list[list[object]]] = {
            index[codec]: [[_short(value) for value in point] for point in found]
            for codec, found in mean_points(points, info.id).items()
        }
        for curve in results.curves:
            if info.id in curve.measures:
                pairs = zip(curve.bpp, curve.measures[info.id], strict=True)
                means[index[curve.id]] = [[None, _short(bpp), _short(value)] for bpp, value in pairs]
        curves[number] = means
        found = bd_tables(points, info.id, higher_is_better=info.higher_is_better, curves=results.curves)
        sign = 1 if info.higher_is_better else -1
        tables[number] = {
            index[anchor]: [_row(row, index, place, sign) for row in rows] for anchor, rows in found.items()
        }
    return {
        "name": name,
        "images": images,
        "points": [
            [
                place[point.image],
                index[point.codec],
                _short(point.quality),
                point.bytes,
                _short(point.bpp),
                [_value(point.measures, info.id) for info in measures],
            ]
            for point in points
        ],
        "curves": curves,
        "bd": tables,
        "seconds": _seconds(points, index, clips),
        "threads": sorted({point.threads for point in points}),
        "jobs": sorted({point.jobs for point in points}),
    }


def _row(row: BdRow, index: Mapping[str, int], place: Mapping[str, int], sign: int) -> Json:
    """Of one codec against one anchor; overlaps are 0..1, limits in the measure's own direction."""

    def rate(value: BdRate) -> list[float]:
        low, high = sorted((sign * value.low, sign * value.high))
        return [_short(number) for number in (value.percent, value.overlap, low, high)]

    mean = row.mean_per_image
    return {
        "codec": index[row.codec],
        "averaged": rate(row.averaged) if row.averaged else None,
        "mean": None if mean is None else _short(mean),
        "images": [
            [place[name.partition("/")[2]], _short(value.percent), _short(value.overlap)]
            for name, value in row.per_image.items()
        ],
    }


def _seconds(points: Iterable[Point], index: Mapping[str, int], clips: Clips | None) -> dict[int, list[float]]:
    """By codec, the medians of encode and decode seconds per megapixel, of sequences per frame; not where they were
    not taken."""
    taken: dict[str, list[tuple[float, float]]] = defaultdict(list)
    for point in points:
        if point.encode_seconds > 0 and point.decode_seconds > 0:
            units = clips.frames_of(point) if clips else point.width * point.height / 1e6
            taken[point.codec].append((point.encode_seconds / units, point.decode_seconds / units))
    return {
        index[codec]: [_short(median(pair[way] for pair in pairs)) for way in (0, 1)] for codec, pairs in taken.items()
    }


def _viewer(
    results: Results, measures: Sequence[str], pictures: Pictures, clips: Clips | None
) -> tuple[list[Json], int]:
    """By picture, the original and the groups of equal size; and how many pictures could not be read."""
    latest = {(e.dataset, e.image, e.target_bpp, e.codec): e for e in results.equal}
    titles = results.titles
    missing = 0
    entries: dict[tuple[str, str], Json] = {}
    groups: dict[tuple[str, str], dict[float, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for record in latest.values():
        key = (record.dataset, record.image)
        entry = entries.setdefault(key, {"dataset": record.dataset, "image": record.image, "original": None})
        if clips:
            entry["sequence"], entry["frame"] = clips.sequence_and_frame(record.image)
        original = record.codec == ORIGINAL
        picture = pictures.add_shown(record.shown) if original else pictures.add_coded(record.file, record.shown)
        if picture is None:
            missing += 1
            continue
        shown = _shown(record, "Original" if original else titles.get(record.codec, record.codec), picture, measures)
        if original:
            entry["original"] = shown
        else:
            groups[key][record.target_bpp].append(shown)
    for key, entry in entries.items():
        entry["groups"] = [{"target": _short(t), "pictures": found} for t, found in sorted(groups[key].items())]
    return [entry for entry in entries.values() if entry["original"] or entry["groups"]], missing


def _shown(record: EqualSize, title: str, picture: str, measures: Sequence[str]) -> Json:
    return {
        "codec": record.codec,
        "title": title,
        "setting": record.setting,
        "bytes": record.bytes,
        "bpp": _short(record.bpp),
        "values": [_value(record.measures, name) for name in measures],
        "picture": picture,
    }


def _value(values: Mapping[str, float], name: str) -> float | str | None:
    value = values.get(name)
    if value is None or math.isnan(value):
        return None
    return _short(value) if math.isfinite(value) else "inf"


def _short(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")
