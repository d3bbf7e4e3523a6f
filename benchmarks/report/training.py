"""The page of a training run: curves, rate and distortion, pictures, recipe."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.report.page import Html, Part, Plot, Section, build_page, facts, folded, picture, table, write_page
from benchmarks.report.plots import figure, short
from codec.training.log import STEPS, VALIDATION, read_table
from codec.training.run import Run

NAME = "report.html"
_MARKED = 50  # points of a curve that are shown one by one, at most
_HEIGHT = 280  # pixels of a curve
_QUALITY, _STEP = "quality", "step"
_HIDDEN = (_STEP, "seconds", "score", _QUALITY)
Rows = Sequence[Mapping[str, float]]


def write_report(run: Run, title: str) -> Path:
    """Write the page into the run's folder -> its path. Raises FileAccessError."""
    steps, validation = read_table(run.folder / STEPS), read_table(run.folder / VALIDATION)
    sections = [
        Section("Loss", _curves(steps, [name for name in (steps[0] if steps else {}) if name not in _HIDDEN])),
        *_validation(validation),
        Section("Pictures", _pictures(run.sheets())),
        Section("How it was made", _made(run)),
    ]
    last = steps[-1] if steps else {}
    lede = f"{last.get(_STEP, 0):,.0f} steps in {last.get('seconds', 0) / 60:.1f} minutes"
    path = run.folder / NAME
    write_page(path, build_page(title, sections, lede=lede))
    return path


def _curves(rows: Rows, names: Sequence[str]) -> list[Part]:
    """A plot by step for each name."""
    return [_by_step(name, {row[_STEP]: row[name] for row in rows}) for name in names]


def _by_step(name: str, values: Mapping[float, float]) -> Plot:
    mode = "lines" if len(values) > _MARKED else "lines+markers"
    line = {"x": list(values), "y": [short(value) for value in values.values()], "name": name, "mode": mode}
    axes = {"xaxis": {"title": {"text": "step"}}, "yaxis": {"title": {"text": name}}}
    return Plot(figure([line], showlegend=False, height=_HEIGHT, **axes))


def _validation(rows: Rows) -> list[Section]:
    if not rows:
        return []
    last = [row for row in rows if row[_STEP] == rows[-1][_STEP]]
    content: list[Part] = [
        "On pictures that were never trained on; the lower the score the better.",
        _by_step("score", {row[_STEP]: row["score"] for row in rows}),
    ]
    if len(last) > 1 and {"bpp", "psnr"} <= set(last[0]):
        content.append(Plot(_rate_and_distortion(rows)))
    names = [name for name in last[0] if name not in (_STEP, "score")]
    content.append(table(names, [[f"{row[name]:.4g}" for name in names] for row in last]))
    return [Section("Validation", content)]


def _rate_and_distortion(rows: Rows) -> dict[str, Any]:
    """A curve for the first, a middle and the last validation."""
    steps = sorted({row[_STEP] for row in rows})
    chosen = [steps[0], steps[len(steps) // 2], steps[-1]]
    lines = []
    for step in dict.fromkeys(chosen):
        of_step = [row for row in rows if row[_STEP] == step]
        curve = {"x": [row["bpp"] for row in of_step], "y": [row["psnr"] for row in of_step]}
        lines.append({**curve, "name": f"step {step:,.0f}"})
    return figure(lines, xaxis={"title": {"text": "bits per pixel"}}, yaxis={"title": {"text": "PSNR in dB"}})


def _pictures(sheets: Sequence[Path]) -> list[Part]:
    if not sheets:
        return ["No validation has shown pictures yet."]
    chosen = dict.fromkeys([sheets[0], sheets[len(sheets) // 2], sheets[-1]])
    words = "Original, decoded, and the error eight times as large around grey."
    return [words, *(picture(path.read_bytes(), f"step {int(path.stem[5:]):,}", "image/png") for path in chosen)]


def _made(run: Run) -> list[Part]:
    pairs = [
        ("pictures", ", ".join(map(str, run.sources()))),
        *machine().items(),
        ("command", shlex.join(["wisp", *sys.argv[1:]])),
    ]
    return [facts(pairs), folded("The recipe", Html(f"<pre>{escape(run.recipe().toml())}</pre>"))]
