"""What a run leaves beside its results: CSV, CompressAI's curves, the report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from benchmarks.measures.catalog import INFOS
from benchmarks.rd.records import Point
from benchmarks.rd.results import Results
from benchmarks.rd.tables import to_compressai, to_csv
from benchmarks.report.build import write_report
from bitstream.errors import FileAccessError, UnsupportedError
from codec.files.output import write_output

REPORT = "report.html"
TABLES = ("bjontegaard",)
NEEDED = (*TABLES, "plotly")


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


def write_outputs(results: Results, folder: Path) -> None:
    """results.csv, compressai/DATASET-CODEC.json and report.html. Raises FileAccessError."""
    measures = [name for name in INFOS if any(name in point.measures for point in results.points)]
    texts = {"results.csv": to_csv(results.points, measures)}
    gathered: dict[tuple[str, str], list[Point]] = defaultdict(list)
    for point in results.points:
        gathered[point.dataset, point.codec].append(point)
    for (dataset, codec), points in gathered.items():
        texts[f"compressai/{dataset}-{codec}.json"] = to_compressai(points, results.titles.get(codec, codec))
    write_report(folder / REPORT, results, folder, INFOS)
    for name, text in texts.items():
        write_output(str(folder / name), text.encode(errors="backslashreplace"), overwrite=True, make_folders=True)
