"""What a run leaves beside its results: CSV, BD-rates, CompressAI's curves, the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.measures.catalog import infos_of
from benchmarks.rd.plan import sequence_and_frame
from benchmarks.rd.records import Point, taken_measures
from benchmarks.rd.results import Results
from benchmarks.rd.surveys import read_surveys
from benchmarks.rd.tables import to_bd_csv, to_compressai, to_csv
from benchmarks.report.build import write_report
from benchmarks.report.clips import Clips
from bitstream.errors import FileAccessError, UnsupportedError
from codec.files.output import Writing

REPORT = "report.html"
TABLES = ("bjontegaard",)
PAGE = ("plotly",)
NEEDED = (*TABLES, *PAGE)


def check_packages(needed: Sequence[str] = NEEDED) -> None:
    """Raises UnsupportedError before hours of work end without a table."""
    for name in needed:
        try:
            import_module(name)
        except ImportError as error:
            raise UnsupportedError(f"{name} is needed ({error}): pip install 'wisp-codec[bench]'") from error


def make_folder(folder: Path) -> None:
    """For results. Raises FileAccessError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileAccessError(f"{folder}: {error.strerror or error}") from error


def write_outputs(results: Results, folder: Path, clip_anchor: str | None = None) -> None:
    """results.csv, compressai/DATASET-CODEC.json and report.html; of clips, whose BD-rates are against `clip_anchor`,
    also bd.csv. Raises FileAccessError, CorruptError."""
    infos = infos_of(clips=clip_anchor is not None)
    measures = taken_measures(results.points, infos)
    texts, clips = {}, None
    if clip_anchor is None:
        texts["results.csv"] = to_csv(results.points, measures)
    else:
        texts["results.csv"] = to_csv(results.points, measures, read_surveys(folder))
        texts["bd.csv"] = to_bd_csv(results.points, clip_anchor, infos)
        clips = Clips(clip_anchor, lambda point: point.frames, sequence_and_frame)
    gathered: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in results.points:
        gathered[point.dataset, point.codec].append(point)
    for (dataset, codec), points in gathered.items():
        texts[f"compressai/{dataset}-{codec}.json"] = to_compressai(points, results.titles.get(codec, codec))
    write_report(folder / REPORT, results, folder, infos, clips)
    for name, text in texts.items():
        Writing(overwrite=True, make_folders=True).write(str(folder / name), text.encode(errors="backslashreplace"))
