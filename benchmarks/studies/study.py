"""A study from its request to its page: the rows are trained, measured, and written down.

OUT/report.html      the page, with everything in it       OUT/NAME/          a row: its run and weights, see Run
OUT/results.json     what was measured                     OUT/NAME/epochs/   its weights after some epochs
OUT/*.png            the sheets of pictures
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Protocol

from benchmarks.machine import machine, versions
from benchmarks.report.page import Html, Part, Section, build_page, code, facts, folded, picture, table, write_page
from benchmarks.studies.request import Request, Row
from benchmarks.studies.runs import Listener, Trained, train_rows
from benchmarks.studies.sheets import Picture
from bitstream.errors import OutputExistsError
from codec.files.output import Writing
from codec.training.data.picture_set import PictureSet, open_set
from codec.training.sheet import png

REPORT, RESULTS = "report.html", "results.json"


@dataclass
class Findings:
    """What a study found: sections of the page, sheets by name, and what belongs in the results beside the rows."""

    sections: list[Section] = field(default_factory=list)
    sheets: dict[str, Picture] = field(default_factory=dict)
    results: dict[str, Any] = field(default_factory=dict)

    def show(self, name: str, shown: Picture, caption: str) -> Html:
        """Keep a sheet -> what shows it on the page."""
        self.sheets[name] = shown
        return picture(png(shown), caption, "image/png")


class Study(Protocol):
    """One of the studies."""

    @property
    def title(self) -> str:
        """Of the page."""

    def rows(self, request: Request, pictures: PictureSet) -> list[Row]:
        """What is trained. Raises RequestError."""

    def findings(self, request: Request, pictures: PictureSet, trained: Sequence[Trained]) -> Findings:
        """What came of it."""


def run_study(
    study: Study,
    request: Request,
    out: Path,
    listener: Listener,
    *,
    device: str = "auto",
    resume: bool = False,
    overwrite: bool = False,
) -> bool:
    """Train what is missing in `out`, then write the page, the results and the sheets; False where it was stopped.

    Raises as `train` and `open_set`; OutputExistsError where `out` holds the study already.
    """
    if (out / RESULTS).exists() and not (resume or overwrite):
        raise OutputExistsError(f"{out} holds a study already")
    pictures = open_set(request.images, request.wanted)
    rows = study.rows(request, pictures)
    trained = train_rows(
        rows, pictures, request.images, out, request.shown_epochs, listener,
        device=device, resume=resume, overwrite=overwrite,
    )  # fmt: skip
    if trained is None:
        return False
    findings = study.findings(request, pictures, trained)
    writing = Writing(overwrite=True)
    for name, shown in findings.sheets.items():
        writing.write(str(out / f"{name}.png"), png(shown))
    text = json.dumps(_results(study, request, pictures, trained, findings), indent=1, ensure_ascii=False)
    writing.write(str(out / RESULTS), text.encode())
    sections = [*findings.sections, Section("The rows", _settings(trained)), Section("How it was made", _made(request))]
    count = f"{len(pictures.training):,} pictures of {pictures.training.shape[2]}x{pictures.training.shape[1]}"
    lede = f"{count} to train on, {len(pictures.held_out):,} held out, {_ended(trained)}"
    write_page(out / REPORT, build_page(study.title, sections, lede=lede))
    return True


def _ended(trained: Sequence[Trained]) -> str:
    seconds = sum(row.outcome.seconds for row in trained)
    return f"{len(trained)} network{'' if len(trained) == 1 else 's'} in {seconds / 60:.1f} minutes of training"


def _settings(trained: Sequence[Trained]) -> list[Part]:
    """How each row was made, in words and as its recipe."""
    headings = [
        "Row",
        "What it is",
        "Weights",
        "Ends in",
        "Loss",
        "Batch",
        "Adam",
        "Dropout",
        "Turned",
        "Epochs",
        "Seconds",
    ]
    rows = []
    for each in trained:
        recipe, sizes = each.row.recipe, each.task.sizes
        span = {"unit": "0 to 1", "signed": "-1 to 1", "standard": "mean 0, deviation 1"}[sizes.range]
        turned = [
            *(["mirrored"] if recipe.flip else []),
            *(["quarter turns"] if recipe.transpose else []),
            *([f"{sizes.rotate:g} degrees"] if sizes.rotate else []),
        ]
        rows.append([
            each.row.title, each.row.words, f"{each.weights:,}", f"{each.task.network.head} ({span})",
            "L1" if recipe.l1 else "MSE", str(recipe.batch), f"{recipe.adam:g}, {recipe.decay}", f"{recipe.dropout:g}",
            ", ".join(turned) or "no", f"{max(each.curves):g}{' (early)' if each.outcome.ended == 'early' else ''}",
            f"{each.outcome.seconds:.0f}",
        ])  # fmt: skip
    recipes = [folded(each.row.title, Html(f"<pre>{escape(each.row.recipe.toml())}</pre>")) for each in trained]
    return [table(headings, rows), *recipes]


def _made(request: Request) -> list[Part]:
    pairs = [
        ("pictures", ", ".join(map(str, request.images))),
        ("seed", str(request.seed)),
        *machine().items(),
        ("command", code(_command())),
    ]
    return [facts(pairs), folded("Packages", facts(versions().items()))]


def _command() -> str:
    return shlex.join(["wisp", *sys.argv[1:]])


def _results(
    study: Study, request: Request, pictures: PictureSet, trained: Sequence[Trained], findings: Findings
) -> Mapping[str, Any]:
    return {
        "study": study.title,
        "command": _command(),
        "machine": machine(),
        "versions": versions(),
        "images": list(map(str, request.images)),
        "training": len(pictures.training),
        "held_out": len(pictures.held_out),
        "size": list(pictures.training.shape[1:]),
        "rows": [_result(each, request.shown_epochs) for each in trained],
        **findings.results,
    }


def _result(each: Trained, epochs: Sequence[int]) -> Mapping[str, Any]:
    epoch, best = each.best
    return {
        "name": each.row.name,
        "title": each.row.title,
        "weights": each.weights,
        "recipe": each.row.recipe.plain(),
        "ended": each.outcome.ended,
        "seconds": round(each.outcome.seconds, 1),
        "best": {"epoch": epoch, **best},
        "after": {str(number): each.curves[number] for number in epochs if number in each.curves},
    }
