"""The page of a benchmark's results: curves, pictures at equal size, BD-rates, speed, and how it was made."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.results import Results
from benchmarks.report.clips import Clips
from benchmarks.report.content import Content, content_of
from benchmarks.report.figures import figures_of
from benchmarks.report.made import head_facts, how_it_was_made
from benchmarks.report.page import Html, Part, Section, build_page, filled, json_text, part, place, write_page
from benchmarks.report.pictures import Pictures
from benchmarks.report.viewer import viewer_data
from benchmarks.report.words import BD_NOTE


def build_report(results: Results, folder: Path, infos: Mapping[str, MeasureInfo], clips: Clips | None = None) -> str:
    """The HTML of `results`; `folder` holds the files that its records of equal size name.

    `infos` are the measures that may occur, by id, in the order in which the page offers them. With `clips`
    the results are of sequences.
    """
    content = content_of(results, infos, clips)
    pictures = Pictures(folder)
    viewer = json_text(viewer_data(content, pictures))
    holders = [f'<script type="application/json" id="data">{viewer}</script>'] + [
        f'<script type="text/plain" id="{name}" data-type="{media_type}">{text}</script>'
        for name, media_type, text in pictures
    ]
    count = sum(not codec.published for codec in content.codecs.values())
    return build_page(
        f"Wisp: rate and distortion of {count} codec{'' if count == 1 else 's'}",
        _sections(content),
        kicker="Wisp \u00b7 rate and distortion",
        head=head_facts(content),
        nav=_nav(content),
        figures=figures_of(content),
        holders="\n".join(holders),
        scripts=("stage", "viewer"),
    )


def write_report(
    path: Path, results: Results, folder: Path, infos: Mapping[str, MeasureInfo], clips: Clips | None = None
) -> None:
    """Write `build_report`'s page to `path`, whole or not at all. Raises FileAccessError."""
    write_page(path, build_report(results, folder, infos, clips))


def _sections(content: Content) -> list[Section]:
    words = content.words
    one, many, picture = words["one"], words["many"], words["One"]

    def section(name: str, title: str, *parts: Part) -> Section:
        """With its figure, between a line above and a note, which follow the choices."""
        return Section(title, [place(f"{name}-intro", "intro"), *parts, place(f"{name}-note", "note")], name)

    image = f'<label>{picture} <select id="curve-image" name="image"></select></label>'
    axis = _switch("rate-axis", "Rate axis", "rate", {"log": "logarithmic", "linear": "linear"})
    way = _switch("speed-way", "Time to", "way", {"encode": "encode", "decode": "decode"})
    table = Html(f'<div class="scroll">{place("bd-table")}</div>')
    return [
        section("curves", "Rate and distortion", _controls(image + axis), place("curves-plot")),
        section("viewer", f"{words['shown']} at equal file size", Html(filled(part("viewer.html"), words))),
        section("bd", "BD-rate", table, place("bd-plot"), Html(BD_NOTE.format(one=one, many=many))),
        section("speed", "Speed against rate", _controls(way), place("speed-plot")),
        section("images", f"{picture} by {one}", place("images-plot")),
        Section("How it was made", how_it_was_made(content), "setting"),
    ]


def _nav(content: Content) -> str:
    """The choices for the whole page."""

    def select(name: str, title: str, options: Iterable[str], hidden: str = "") -> str:
        inside = "".join(f'<option value="{value}">{escape(text)}</option>' for value, text in enumerate(options))
        return f'<label class="{hidden}">{title} <select id="{name}" name="{name}">{inside}</select></label>'

    datasets = [dataset.name for dataset in content.datasets]
    choices = (
        select("dataset", content.words["Many"], datasets, "only" if len(datasets) < 2 else "")
        + select("measure", "Measure", [info.title for info in content.measures])
        + select("anchor", "Anchor", [])
    )
    return f'<nav id="choices" aria-label="What is shown">{choices}</nav>'


def _controls(inside: str) -> Html:
    return Html(f'<div class="controls">{inside}</div>')


def _switch(name: str, legend: str, choice: str, values: Mapping[str, str]) -> str:
    """Radio buttons side by side, the first one chosen."""
    buttons = "".join(
        f'<label><input type="radio" name="{choice}" value="{value}"{"" if number else " checked"}>'
        f"<span>{text}</span></label>"
        for number, (value, text) in enumerate(values.items())
    )
    return f'<fieldset id="{name}"><legend>{legend}</legend><span class="switch">{buttons}</span></fieldset>'
