"""What an anchor changes: the table and the strip of BD-rates, those of single pictures, and speed against them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.bd import BdRate, BdRow
from benchmarks.report import words
from benchmarks.report.content import Content, DatasetShown
from benchmarks.report.looks import SHOWN, empty, label, looks_of, widths
from benchmarks.report.plots import Figures, Json, figure, short
from benchmarks.report.words import LOW_OVERLAP, NOTHING, plain, signed

COMPARISON = ("dataset", "measure", "anchor")
WAYS = ("encode", "decode")
_TICKS = (-90, -80, -60, -40, -20, 0, 25, 50, 100, 200, 400, 900)
_CLEAR = "rgba(0,0,0,0)"
_HOVER = "<b>%{{fullData.name}}</b><br>{0}%{{customdata[0]:+.1f}} %<br>overlap %{{customdata[1]}} %<extra></extra>"


def compared(content: Content, state: Callable[[Content, DatasetShown, MeasureInfo, str], Json]) -> dict[str, Json]:
    """The states of a layer by COMPARISON, each made by `state`."""
    return {
        f"{d}/{m}/{anchor}": state(content, dataset, info, anchor)
        for d, dataset in enumerate(content.datasets)
        for m, info in enumerate(content.measures)
        for anchor in content.anchors(dataset, info.id)
    }


def add_comparisons(found: Figures, content: Content) -> None:
    """The table, the strip of every codec's pictures with their averaged number, picture by picture, and speed."""
    _add_table(found, content)
    found.layer("rates", COMPARISON, compared(content, _rates))
    bars = {"type": "scatter", "mode": "markers", "name": "averaged curves", "showlegend": False,
            "hovertemplate": "averaged curves<br>%{customdata:+.1f} %<extra></extra>",
            "marker": {"symbol": "line-ns-open", "size": 20, "line": {"width": 3}, "color": "var(--ink)"}}  # fmt: skip
    traces = [*_dots(content, 7, opacity=0.6, hovertemplate=_HOVER.format("")), bars]
    base = _ratio_figure(traces, "Nothing to compare: the anchor has no curve of this measure.")
    base["layout"]["showlegend"] = False
    base["layout"]["yaxis"]["showgrid"] = False
    found.figures["bd-plot"] = [found.layer("bd", [], {"": base}), "rates",
                                found.layer("bd rows", COMPARISON, compared(content, _bd_state))]  # fmt: skip
    _add_images(found, content)
    _add_speed(found, content)


def _dots(content: Content, size: int, **more: Any) -> list[Json]:
    """A trace of dots for each codec."""
    looks = looks_of(content.codecs.values())
    return [
        {"type": "scatter", "mode": "markers", "name": label(codec.title), "cliponaxis": False,
         "marker": {"color": looks[codec.id].colour, "symbol": looks[codec.id].symbol, "size": size}, **more}
        for codec in content.drawn
    ]  # fmt: skip


def _ratio(percent: float) -> float | None:
    """Where a BD-rate lies on a logarithmic axis: half the size is as far from 0 as twice the size."""
    return short(1 + max(percent, -99.9) / 100, 4)


def _ratio_figure(traces: list[Json], reason: str) -> Json:
    """With an axis of `_ratio`, and 0 % always on it; `reason` where there is nothing to compare."""
    base = figure(traces, **empty(reason))
    zero = {"type": "line", "x0": 1, "x1": 1, "y0": 0, "y1": 1, "yref": "paper", "layer": "below",
            "line": {"color": "var(--soft)", "width": 1}}  # fmt: skip
    axis = base["layout"]["xaxis"]
    axis.update(type="log", tickvals=list(map(_ratio, _TICKS)))
    axis["ticktext"] = [signed(tick).replace(".0", "") for tick in _TICKS]
    base["layout"]["yaxis"].update(tickfont={"color": "var(--ink)"})
    base["layout"]["shapes"] = [zero]
    return base


def _rates(content: Content, dataset: DatasetShown, info: MeasureInfo, anchor: str) -> Json:
    """The BD-rate of every picture, by codec; hollow where the ranges of quality overlap little."""
    rows = dataset.compared(info.id, anchor)
    looks = looks_of(content.codecs.values())
    traces = []
    for codec in content.drawn:
        of = rows[codec.id].per_image if codec.id in rows else {}
        rates = [of.get(f"{dataset.name}/{image}") for image in dataset.images] if of else []
        symbol = looks[codec.id].symbol
        symbols = [f"{symbol}-open" if rate and rate.overlap < LOW_OVERLAP else symbol for rate in rates]
        traces.append({
            "x": [_ratio(rate.percent) if rate else None for rate in rates],
            "customdata": [[short(rate.percent, 4), round(100 * rate.overlap)] if rate else None for rate in rates],
            "showlegend": bool(of),
            "marker": {"symbol": symbols if len(set(symbols)) > 1 else next(iter(symbols), symbol)},
        })  # fmt: skip
    title = f"BD-rate against {plain(content.codecs[anchor].title)}"
    return {"data": traces, "layout": {"xaxis": {"title": {"text": title}}}}


def _bd_state(content: Content, dataset: DatasetShown, info: MeasureInfo, anchor: str) -> Json:
    """Which row of the strip is which codec's, smallest files at the top; and the averaged numbers."""
    rows = dataset.compared(info.id, anchor)
    places = {codec: len(rows) - 1 - place for place, codec in enumerate(rows)}
    averaged = {places[codec]: row.averaged.percent for codec, row in rows.items() if row.averaged}
    bars = {"x": [_ratio(percent) for percent in averaged.values()], "y": list(averaged),
            "customdata": [short(percent, 4) for percent in averaged.values()]}  # fmt: skip
    axis = {"visible": True, "tickvals": list(places.values()), "range": [-0.7, len(rows) - 0.3],
            "ticktext": [label(content.codecs[codec].title) for codec in rows]}  # fmt: skip
    dots = [{"y": [places.get(codec.id)] * len(dataset.images)} for codec in content.drawn]
    shown = {**SHOWN, "yaxis": axis} if rows else {}
    return {"data": [*dots, bars], "layout": {**shown, "height": 110 + 32 * max(len(rows), 2)}}


def _add_table(found: Figures, content: Content) -> None:
    extra = ["Prediction"] if content.clips else []
    many = content.words["many"]
    heads = ["Codec", *extra, "Averaged curves", f"Mean of {many}", "Least \u2026 most", "Overlap"]
    align = ["left"] * (1 + len(extra)) + ["right"] * 4
    style: Json = {"align": align, "line": {"color": "var(--grid)"}, "fill": {"color": _CLEAR}}
    table = {"type": "table", "columnwidth": [340, *(90 for _ in extra), 110, 130, 170, 190],
             "header": {"values": heads, "height": 30, **style, "font": {"color": "var(--soft)"}},
             "cells": {"height": 30, **style, "font": {"size": 13}}}  # fmt: skip
    base = figure([table], margin=dict.fromkeys("lrtb", 1))
    found.figures["bd-table"] = [found.layer("bd table", [], {"": base}),
                                 found.layer("table", COMPARISON, compared(content, _table_state))]  # fmt: skip


def _table_state(content: Content, dataset: DatasetShown, info: MeasureInfo, anchor: str) -> Json:
    cells, colours, marks = [], [], []
    for codec, row in dataset.rows(info.id, anchor).items():
        about = content.codecs[codec]
        cells.append(_table_row(content, codec, row, anchor))
        colours.append("var(--accent)" if about.wisp else "var(--soft)" if codec == anchor else "var(--ink)")
        little = codec != anchor and row.averaged is not None and row.averaged.overlap < LOW_OVERLAP
        marks.append("var(--mark-back)" if little else _CLEAR)
    columns = [list(column) for column in zip(*cells, strict=True)]
    fill = [[_CLEAR] * len(cells)] * (len(columns) - 1) + [marks]
    lines = sum(1 + len(row[0]) // 48 for row in cells)
    return {"data": [{"cells": {"values": columns, "font": {"color": [colours]}, "fill": {"color": fill}}}],
            "layout": {"height": 36 + 30 * lines}}  # fmt: skip


def _table_row(content: Content, codec: str, row: BdRow, anchor: str) -> list[str]:
    about = content.codecs[codec]
    title = about.title
    if content.clips and about.prediction:  # a column of its own says it
        title = title.removesuffix(f", {about.prediction}")
    name = plain(title) + (" (published)" if about.published else "")
    first = [f"<b>{name}</b>" if about.wisp else name, *([about.prediction] if content.clips else [])]
    if codec == anchor:
        return [*first, "the anchor", "", "", ""]
    percents = [rate.percent for rate in row.per_image.values()]
    mean = row.mean_per_image
    return [
        *first,
        signed(row.averaged.percent) if row.averaged else NOTHING,
        NOTHING if mean is None else signed(mean),
        f"{signed(min(percents))}\u00a0\u2026\u00a0{signed(max(percents))}" if percents else NOTHING,
        _overlap(row.averaged, list(row.per_image.values()), content.words["many"]),
    ]


def _overlap(averaged: BdRate | None, single: list[BdRate], many: str) -> str:
    low = sum(rate.overlap < LOW_OVERLAP for rate in single)
    text = f"{averaged.overlap:.0%}".replace("%", "\u00a0%") if averaged else NOTHING
    return f"{text}, {low} of {len(single)} {many} low" if low else text


def _add_images(found: Figures, content: Content) -> None:
    reason = f"No {content.words['one']} has a BD-rate here: it takes two settings of each codec and a shared range."
    base = _ratio_figure(_dots(content, 10, hovertemplate=_HOVER.format("%{y}<br>")), reason)
    base["layout"]["yaxis"].update(type="category")
    names, heights = {}, {}
    for d, dataset in enumerate(content.datasets):
        titles = [plain(image) for image in dataset.images]
        ticks = {"tickvals": titles, "ticktext": [label(image, 1) for image in dataset.images]}
        names[str(d)] = {"data": [{"y": titles}] * len(content.codecs), "layout": {"yaxis": ticks}}
        height = 130 + 20 * len(dataset.images)
        for width, state in widths(content.drawn, max(height, 320), height).items():
            heights[f"{d}/{width}"] = state
    found.figures["images-plot"] = [
        found.layer("images", [], {"": base}),
        found.layer("image widths", ["dataset", "width"], heights),
        found.layer("image names", ["dataset"], names),
        "rates",
        found.layer("image order", COMPARISON, compared(content, _images_state)),
    ]


def _images_state(content: Content, dataset: DatasetShown, info: MeasureInfo, anchor: str) -> Json:
    """The best Wisp is seen at first, and gives the order; the others by their names in the legend."""
    some = [row for row in dataset.compared(info.id, anchor).values() if row.per_image]
    first = words.best_wisp(content, some, anchor) or next(
        (row for row in some if content.codecs[row.codec].wisp), next(iter(some), None)
    )
    if first is None:
        return {"data": [{"visible": True}] * len(content.codecs)}
    rates = {image: first.per_image.get(f"{dataset.name}/{image}") for image in dataset.images}
    order = sorted(dataset.images, key=lambda image: -(rate.percent if (rate := rates[image]) else -1e9))
    seen = [{"visible": True if codec.id == first.codec else "legendonly"} for codec in content.drawn]
    axis = {"visible": True, "categoryorder": "array", "categoryarray": [plain(image) for image in order],
            "range": [-0.7, len(order) - 0.3]}  # fmt: skip
    return {"data": seen, "layout": {**SHOWN, "yaxis": axis}}


def _add_speed(found: Figures, content: Content) -> None:
    unit = "frames per second" if content.clips else "seconds per megapixel"
    hover = f"<b>%{{fullData.name}}</b><br>BD-rate %{{x:+.1f}} %<br>%{{y:.3g}} {unit}<extra></extra>"
    base = figure(
        _dots(content, 13, hovertemplate=hover),
        **empty("No times to draw: choose another anchor or measure, or show a codec."),
    )
    base["layout"]["xaxis"].update(ticksuffix=" %", zeroline=True, zerolinecolor="var(--soft)")
    base["layout"]["yaxis"].update(type="log", dtick=1, tickformat="~g")
    ways, times = {}, {}
    for place, way in enumerate(WAYS):
        ways[way] = {"layout": {"yaxis": {"title": {"text": f"{unit}, {way}"}}}}
        for d, dataset in enumerate(content.datasets):
            taken = [dataset.seconds[c.id][place] if c.id in dataset.seconds else None for c in content.drawn]
            values = [1 / value if value and content.clips else value for value in taken]
            times[f"{d}/{way}"] = {"data": [{"y": [short(value)]} for value in values]}
    found.figures["speed-plot"] = [
        found.layer("speed", [], {"": base}),
        found.layer("speed widths", ["width"], widths(content.drawn, 480, 380)),
        found.layer("ways", ["way"], ways),
        found.layer("times", ["dataset", "way"], times),
        found.layer("speed rates", COMPARISON, compared(content, _speed_state)),
    ]


def _speed_state(content: Content, dataset: DatasetShown, info: MeasureInfo, anchor: str) -> Json:
    rows = dataset.rows(info.id, anchor)
    traces: list[Json] = []
    for codec in content.drawn:
        row = rows.get(codec.id)
        rate = short(row.averaged.percent, 4) if row and row.averaged and codec.id in dataset.seconds else None
        traces.append({"x": [rate], "showlegend": rate is not None})
    shown = SHOWN if any(trace["showlegend"] for trace in traces) else {}
    axis = {**shown.get("xaxis", {}), "title": {"text": f"BD-rate against {plain(content.codecs[anchor].title)}"}}
    return {"data": traces, "layout": {**shown, "xaxis": axis}}
