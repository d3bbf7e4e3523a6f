"""Results for other programs: a CSV of every point, and CompressAI's curves, out and in."""

from __future__ import annotations

import csv
import io
import json
import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from benchmarks.rd.records import Curve, Point
from bitstream.errors import CorruptError, FileAccessError

_COLUMNS = (
    "dataset", "image", "width", "height", "codec", "version", "quality", "bytes", "bpp", "encode_seconds",
    "decode_seconds", "threads", "jobs", "file", "command",
)  # fmt: skip
# Names in CompressAI's results (its eval_model and bench commands, and the files of its results folder).
_OURS = {
    "psnr": "psnr", "psnr-rgb": "psnr", "ms-ssim": "ms-ssim", "ms-ssim-rgb": "ms-ssim", "ms-ssim-db": "ms-ssim",
    "lpips": "lpips", "lpips-rgb": "lpips",
}  # fmt: skip
_THEIRS = {"psnr": "psnr-rgb", "ms-ssim": "ms-ssim-rgb", "lpips": "lpips"}


def to_csv(points: Sequence[Point], measures: Sequence[str]) -> str:
    """One row a point; a measure of an exact picture is "inf", one that was not taken is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([*_COLUMNS, *measures])
    for point in points:
        fixed = ["" if getattr(point, name) is None else getattr(point, name) for name in _COLUMNS]
        writer.writerow([*fixed, *(point.measures.get(measure, "") for measure in measures)])
    return out.getvalue()


def to_compressai(points: Sequence[Point], title: str) -> str:
    """One codec's points averaged over the pictures at each quality, as CompressAI writes its results.

    MS-SSIM is the index 0..1 there, so its decibels are turned back picture by picture.
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
    pictures = len({point.image for point in points})
    described = {"name": title, "description": f"{points[0].version}; {pictures} pictures", "results": results}
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
