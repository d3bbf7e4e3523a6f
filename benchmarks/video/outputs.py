"""What a run leaves beside its results: results.csv, bd.csv, CompressAI's curves, the report."""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

from benchmarks.rd.bd import BdRate, bd_table
from benchmarks.rd.outputs import REPORT
from benchmarks.rd.records import Point
from benchmarks.rd.results import Results
from benchmarks.rd.tables import to_compressai
from benchmarks.report.clips import Clips
from benchmarks.video.choose import anchors_of
from benchmarks.video.equal import sequence_and_frame
from benchmarks.video.measures import INFOS
from benchmarks.video.sources import SequenceInfo
from benchmarks.video.surveys import Surveys, read_surveys
from codec.files.output import write_output

AVERAGED, MEAN = "(averaged curves)", "(mean of sequences)"  # in the place of a sequence's name
_COLUMNS = (
    "dataset", "sequence", "width", "height", "frames", "rate", "codec", "prediction", "version", "quality", "bytes",
    "kbit_per_s", "bpp", "encode_fps", "decode_fps", "threads", "jobs", "command",
)  # fmt: skip


def prediction_of(point: Point) -> str:
    """ "all intra" or "predicted"."""
    return str(point.options.get("prediction", ""))


def frames_of(point: Point) -> int:
    """How many frames the point's sequence has, which its size and its rate a pixel tell."""
    return max(round(8 * point.bytes / (point.bpp * point.width * point.height)), 1)


def frames_per_second(point: Point) -> tuple[float, float]:
    """Encoded and decoded ones; 0 where no time was taken."""
    seconds = (point.encode_seconds, point.decode_seconds)
    encoded, decoded = (frames_of(point) / each if each > 0 else 0.0 for each in seconds)
    return encoded, decoded


def kilobits_per_second(point: Point, info: SequenceInfo) -> float:
    """Of the stream when it is played."""
    return 8 * point.bytes * float(Fraction(info.rate)) / info.frames / 1000


def taken_measures(points: Iterable[Point]) -> list[str]:
    """Ids, in the order of reports."""
    taken = {name for point in points for name in point.measures}
    return [name for name in INFOS if name in taken]


def to_csv(points: Sequence[Point], surveys: Surveys) -> str:
    """One row a point; a measure of an exact sequence is "inf", one that was not taken is empty."""
    measures = taken_measures(points)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_COLUMNS, *measures])
    for point in points:
        info = surveys.get((point.dataset, point.image))
        encoded, decoded = frames_per_second(point)
        row: Mapping[str, object] = {
            "dataset": point.dataset,
            "sequence": point.image,
            "width": point.width,
            "height": point.height,
            "frames": frames_of(point),
            "rate": info.rate if info else "",
            "codec": point.codec,
            "prediction": prediction_of(point),
            "version": point.version,
            "quality": point.quality,
            "bytes": point.bytes,
            "kbit_per_s": f"{kilobits_per_second(point, info):.6g}" if info else "",
            "bpp": point.bpp,
            "encode_fps": f"{encoded:.6g}",
            "decode_fps": f"{decoded:.6g}",
            "threads": point.threads,
            "jobs": point.jobs,
            "command": point.command,
        }
        writer.writerow([*(row[name] for name in _COLUMNS), *(point.measures.get(name, "") for name in measures)])
    return out.getvalue()


def to_bd_csv(points: Sequence[Point], anchor: str) -> str:
    """BD-rates in percent against `anchor` and its twin: of every sequence, their mean, and of averaged curves."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(
        ["dataset", "measure", "anchor", "codec", "prediction", "sequence", "bd_rate_percent", "overlap", "from", "to"]
    )
    predictions = {point.codec: prediction_of(point) for point in points}
    for dataset in sorted({point.dataset for point in points}):
        own = [point for point in points if point.dataset == dataset]
        for measure in taken_measures(own):
            for against in anchors_of(anchor, list(dict.fromkeys(point.codec for point in own))):
                for row in bd_table(own, against, measure, higher_is_better=INFOS[measure].higher_is_better):
                    start = [dataset, measure, against, row.codec, predictions[row.codec]]
                    for name, rate in row.per_image.items():
                        writer.writerow([*start, name.partition("/")[2], *_cells(rate)])
                    if row.mean_per_image is not None:
                        writer.writerow([*start, MEAN, f"{row.mean_per_image:.4f}", "", "", ""])
                    if row.averaged is not None:
                        writer.writerow([*start, AVERAGED, *_cells(row.averaged)])
    return out.getvalue()


def _cells(rate: BdRate) -> list[str]:
    return [f"{rate.percent:.4f}", f"{rate.overlap:.4f}", f"{rate.low:.6g}", f"{rate.high:.6g}"]


def _curve(points: Sequence[Point], title: str) -> str:
    """In CompressAI's format; times are of a whole sequence."""
    found = json.loads(to_compressai(points, title))
    sequences = len({point.image for point in points})
    found["description"] = f"{points[0].version}; {sequences} sequences, {prediction_of(points[0])}"
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def write_outputs(results: Results, folder: Path, anchor: str) -> None:
    """results.csv, bd.csv, compressai/DATASET-CODEC.json and report.html. Raises FileAccessError, CorruptError."""
    from benchmarks.report.build import write_report

    clips = Clips(anchor, frames_of, sequence_and_frame)
    write_report(folder / REPORT, results, folder, INFOS, clips)
    texts = {
        "results.csv": to_csv(results.points, read_surveys(folder)),
        "bd.csv": to_bd_csv(results.points, anchor),
    }
    gathered: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in results.points:
        gathered[point.dataset, point.codec].append(point)
    for (dataset, codec), points in gathered.items():
        texts[f"compressai/{dataset}-{codec}.json"] = _curve(points, results.titles.get(codec, codec))
    for name, text in texts.items():
        write_output(str(folder / name), text.encode(errors="backslashreplace"), overwrite=True, make_folders=True)
