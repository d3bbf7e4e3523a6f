"""Results for other programs: a CSV of every point, and CompressAI's curves, out and in."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from statistics import mean

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.bd import BdRate, anchors_of, bd_table
from benchmarks.rd.records import Curve, Point, taken_measures
from benchmarks.rd.surveys import Surveys
from bitstream.errors import CorruptError, FileAccessError

_OF_PICTURES = (
    "dataset", "image", "width", "height", "codec", "version", "quality", "bytes", "bpp", "encode_seconds",
    "decode_seconds", "threads", "jobs", "file", "command",
)  # fmt: skip
_OF_CLIPS = (
    "dataset", "sequence", "width", "height", "frames", "rate", "codec", "prediction", "version", "quality", "bytes",
    "kbit_per_s", "bpp", "encode_fps", "decode_fps", "threads", "jobs", "command",
)  # fmt: skip
_BD = (
    "dataset", "measure", "anchor", "codec", "prediction", "sequence", "bd_rate_percent", "overlap", "from", "to",
)  # fmt: skip
AVERAGED, MEAN = "(averaged curves)", "(mean of sequences)"  # in the place of a sequence's name
# Names in CompressAI's results (its eval_model and bench commands, and the files of its results folder).
_OURS = {
    "psnr": "psnr", "psnr-rgb": "psnr", "ms-ssim": "ms-ssim", "ms-ssim-rgb": "ms-ssim", "ms-ssim-db": "ms-ssim",
    "lpips": "lpips", "lpips-rgb": "lpips",
}  # fmt: skip
_THEIRS = {"psnr": "psnr-rgb", "ms-ssim": "ms-ssim-rgb", "lpips": "lpips"}


def frames_per_second(point: Point) -> tuple[float, float]:
    """Encoded and decoded ones; 0 where no time was taken."""
    seconds = (point.encode_seconds, point.decode_seconds)
    encoded, decoded = (point.frames / each if each > 0 else 0.0 for each in seconds)
    return encoded, decoded


def to_csv(points: Sequence[Point], measures: Sequence[str], surveys: Surveys | None = None) -> str:
    """One row a point, of clips where there are `surveys`; a measure of an exact picture or clip is "inf", one that was
    not taken is empty."""
    columns = _OF_PICTURES if surveys is None else _OF_CLIPS
    rows = []
    for point in points:
        cells = vars(point) if surveys is None else {**vars(point), **_of_clip(point, surveys)}
        fixed = ["" if cells[name] is None else cells[name] for name in columns]
        rows.append([*fixed, *(point.measures.get(measure, "") for measure in measures)])
    return _written([*columns, *measures], rows)


def _of_clip(point: Point, surveys: Surveys) -> dict[str, object]:
    """What a row of a clip says besides."""
    info = surveys.get((point.dataset, point.image))
    kilobits = 8 * point.bytes * float(Fraction(info.rate)) / info.frames / 1000 if info else 0.0
    encoded, decoded = frames_per_second(point)
    return {
        "sequence": point.image,
        "frames": point.frames,
        "rate": info.rate if info else "",
        "prediction": point.prediction,
        "kbit_per_s": f"{kilobits:.6g}" if info else "",
        "encode_fps": f"{encoded:.6g}",
        "decode_fps": f"{decoded:.6g}",
    }


def to_bd_csv(points: Sequence[Point], anchor: str, infos: Mapping[str, MeasureInfo]) -> str:
    """BD-rates in percent against `anchor` and its twin: of every sequence, their mean, and of averaged curves."""
    rows: list[list[object]] = []
    predictions = {point.codec: point.prediction for point in points}
    for dataset in sorted({point.dataset for point in points}):
        own = [point for point in points if point.dataset == dataset]
        for measure in taken_measures(own, infos):
            for against in anchors_of(anchor, list(dict.fromkeys(point.codec for point in own))):
                for row in bd_table(own, against, measure, higher_is_better=infos[measure].higher_is_better):
                    start = [dataset, measure, against, row.codec, predictions[row.codec]]
                    for name, rate in row.per_image.items():
                        rows.append([*start, name.partition("/")[2], *_cells(rate)])
                    if row.mean_per_image is not None:
                        rows.append([*start, MEAN, f"{row.mean_per_image:.4f}", "", "", ""])
                    if row.averaged is not None:
                        rows.append([*start, AVERAGED, *_cells(row.averaged)])
    return _written(_BD, rows)


def _cells(rate: BdRate) -> list[str]:
    return [f"{rate.percent:.4f}", f"{rate.overlap:.4f}", f"{rate.low:.6g}", f"{rate.high:.6g}"]


def _written(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    return out.getvalue()


def to_compressai(points: Sequence[Point], title: str) -> str:
    """One codec's points averaged over the pictures at each quality, as CompressAI writes its results.

    MS-SSIM is the index 0..1 there, so its decibels are turned back picture by picture. Times are of whole clips.
    """
    gathered: dict[float, list[Point]] = defaultdict(list)
    for point in points:
        gathered[point.quality].append(point)
    rows = [gathered[q] for q in sorted(gathered, key=lambda q: (mean(point.bpp for point in gathered[q]), q))]
    results: dict[str, list[float]] = {"bpp": [mean(p.bpp for p in row) for row in rows]}
    for ours, theirs in _THEIRS.items():
        if all(ours in point.measures for point in points):
            values = [[_plain(ours, point.measures[ours]) for point in row] for row in rows]
            if all(math.isfinite(value) for row_values in values for value in row_values):
                results[theirs] = [mean(row_values) for row_values in values]
    results["encoding_time"] = [mean(p.encode_seconds for p in row) for row in rows]
    results["decoding_time"] = [mean(p.decode_seconds for p in row) for row in rows]
    count, prediction = len({point.image for point in points}), points[0].prediction
    what = f"{count} sequences, {prediction}" if prediction else f"{count} pictures"
    described = {"name": title, "description": f"{points[0].version}; {what}", "results": results}
    return json.dumps(described, indent=2, ensure_ascii=False) + "\n"


def _plain(measure: str, value: float) -> float:
    return 1 - 10 ** (-value / 10) if measure == "ms-ssim" else value


def read_curve(name: str, path: Path) -> Curve:
    """A published curve from a file in CompressAI's format. Raises FileAccessError, CorruptError.

    MS-SSIM may be the index or decibels there: what is nowhere above 1 is taken for the index.
    """
    try:
        content = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FileAccessError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise CorruptError(f"{path} is not JSON: {error}") from error
    try:
        results = content["results"]
        bpp = tuple(float(value) for value in results["bpp"])
        measures = {
            _OURS[theirs]: _in_our_unit(_OURS[theirs], [float(value) for value in values])
            for theirs, values in results.items()
            if theirs in _OURS
        }
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise CorruptError(f"{path} is not in CompressAI's format: it lacks results with bpp and measures") from error
    if not measures or not bpp or any(len(values) != len(bpp) for values in measures.values()):
        raise CorruptError(f"{path}: bpp and measures of its results must be lists of one length")
    if not all(math.isfinite(value) for values in (bpp, *measures.values()) for value in values):
        raise CorruptError(f"{path}: a number of its results is not finite")
    if min(bpp) <= 0:
        raise CorruptError(f"{path}: bpp of its results must be above 0")
    return Curve(name, str(path), bpp, measures)


def _in_our_unit(measure: str, values: list[float]) -> tuple[float, ...]:
    if measure == "ms-ssim" and max(values, default=2.0) <= 1.0:
        return tuple(-10 * math.log10(1 - value) if value < 1.0 else math.inf for value in values)
    return tuple(values)
