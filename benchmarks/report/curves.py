"""Rate and distortion curves: of the mean of all pictures, or of one."""

from __future__ import annotations

from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.records import Point
from benchmarks.report import words
from benchmarks.report.content import Content, DatasetShown, finite
from benchmarks.report.looks import SHOWN, empty, label, looks_of, widths
from benchmarks.report.plots import Figures, Json, figure, short
from benchmarks.report.words import counted, plain

MEAN = "mean"
RATE_TICKS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20)


def add_curves(found: Figures, content: Content) -> None:
    """The figure with its choices of picture and rate axis."""
    looks = looks_of(content.codecs.values())
    traces = [
        {
            "type": "scatter", "name": label(codec.title), "cliponaxis": False, "connectgaps": True,
            "line": {"color": looks[codec.id].colour, "width": 3.2 if codec.wisp else 1.8,
                     "dash": looks[codec.id].dash},
            "marker": {"color": looks[codec.id].colour, "symbol": looks[codec.id].symbol,
                       "size": 9 if codec.wisp else 7},
        }
        for codec in content.drawn
    ]  # fmt: skip
    reason = f"No points to draw: choose another measure or {content.words['one']}, or show a codec."
    base = figure(traces, **empty(reason), legend={"font": {"color": "var(--ink)"}})
    base["layout"]["xaxis"]["title"] = {"text": "bits per pixel"}
    rates = {"log": {"type": "log", "tickvals": RATE_TICKS, "ticktext": list(map(str, RATE_TICKS))},
             "linear": {"type": "linear", "rangemode": "tozero"}}  # fmt: skip
    measures = {}
    for m, info in enumerate(content.measures):
        title = plain(words.headed(info)) + ("" if info.higher_is_better else ", lower is better")
        values = [p.measures.get(info.id, 0.0) for p in content.results.points]
        digits = 4 if max(map(abs, filter(finite, values)), default=9) < 2 else 2
        hover = (f"<b>%{{fullData.name}}</b><br>%{{customdata}}%{{x:.3g}} bpp<br>{plain(info.title)} "
                 f"%{{y:.{digits}f}} {info.unit}<extra></extra>")  # fmt: skip
        measures[str(m)] = {
            "data": [{"hovertemplate": hover}] * len(traces),
            "layout": {"yaxis": {"title": {"text": title}}},
        }
    points, states, texts = {}, {}, {}
    for d, dataset in enumerate(content.datasets):
        own = _by_image(dataset)
        for i, image in enumerate(dataset.images):
            points[f"{d}/{i}"] = {"data": [_places(own.get((image, codec.id), [])) for codec in content.drawn]}
        for m, info in enumerate(content.measures):
            states[f"{d}/{m}/{MEAN}"], texts[f"{d}/{m}/{MEAN}"] = _mean_state(content, dataset, info)
            for i, image in enumerate(dataset.images):
                state, text = _image_state(content, own, image, info)
                states[f"{d}/{m}/{i}"], texts[f"{d}/{m}/{i}"] = state, text
    found.texts.append(found.layer("curve texts", ["dataset", "measure", "image"], texts))
    found.figures["curves-plot"] = [
        found.layer("curves", [], {"": base}),
        found.layer("curve widths", ["width"], widths(content.drawn, 560, 380)),
        found.layer("rate axis", ["rate"], {name: {"layout": {"xaxis": axis}} for name, axis in rates.items()}),
        found.layer("curve measures", ["measure"], measures),
        found.layer("curve points", ["dataset", "image"], points),
        found.layer("curve values", ["dataset", "measure", "image"], states),
    ]


def _by_image(dataset: DatasetShown) -> dict[tuple[str, str], list[Point]]:
    found: dict[tuple[str, str], list[Point]] = {}
    for point in sorted(dataset.points, key=lambda point: point.bpp):
        found.setdefault((point.image, point.codec), []).append(point)
    return found


def _setting(quality: float, bpp: float) -> str:
    """For the hover; released files have their rate in place of a quality."""
    return "" if quality == bpp else f"quality {quality:g}<br>"


def _places(points: list[Point]) -> Json:
    return {"x": [short(p.bpp) for p in points], "customdata": [_setting(p.quality, p.bpp) for p in points]}


def _curves_intro(content: Content, info: MeasureInfo, first: str) -> str:
    way = "up" if info.higher_is_better else "down"
    more = (" Rates are of whole streams. Wisp codes RGB, the others 4:2:0; what the conversion to that and back costs "
            "is counted as theirs.") if content.clips else ""  # fmt: skip
    return f"{first} at each setting; {way} and to the left is better.{more}"


def _image_state(
    content: Content, own: dict[tuple[str, str], list[Point]], image: str, info: MeasureInfo
) -> tuple[Json, Json]:
    traces: list[Json] = []
    without, exact = [], 0
    for codec in content.drawn:
        points = own.get((image, codec.id), [])
        values = [point.measures.get(info.id) for point in points]
        exact += sum(value == float("inf") for value in values)
        any_ = any(map(finite, values))
        if not any_ and not codec.published:
            without.append(codec.title)
        traces.append({"y": [short(v) for v in values], "mode": "lines+markers", "showlegend": any_})
    notes = [f"No curve here: {', '.join(without)}."] if without else []
    if exact:
        notes.append(f"{counted(exact, 'exact point')} cannot be drawn on this scale.")
    intro = _curves_intro(content, info, f"One {content.words['one']}")
    shown = SHOWN if any(trace["showlegend"] for trace in traces) else {}
    return {"data": traces, "layout": shown}, {"curves-intro": intro, "curves-note": " ".join(notes)}


def _mean_state(content: Content, dataset: DatasetShown, info: MeasureInfo) -> tuple[Json, Json]:
    """The averaged curves; of a codec whose settings have no mean the points of all pictures."""
    curves = {curve.id: curve for curve in content.results.curves if info.id in curve.measures}
    here = {point.codec for point in dataset.points}
    traces: list[Json] = []
    published: list[str] = []
    singles: list[str] = []
    without: list[str] = []
    for codec in content.drawn:
        mode = "lines+markers"
        found: list[tuple[str, float, float]] = []
        if codec.published and (curve := curves.get(codec.id)):
            pairs = zip(curve.bpp, curve.measures[info.id], strict=True)
            found = [("published<br>", bpp, value) for bpp, value in pairs if finite(value)]
            published.append(codec.title)
        elif codec.id in here:
            means = dataset.means[info.id].get(codec.id, [])
            found = [(_setting(quality, bpp), bpp, value) for quality, bpp, value in means]
            if not found:
                mode = "markers"
                found = [
                    (f"{plain(p.image)}<br>{_setting(p.quality, p.bpp)}", p.bpp, p.measures[info.id])
                    for p in dataset.points
                    if p.codec == codec.id and finite(p.measures.get(info.id))
                ]
                (singles if found else without).append(codec.title)
        found.sort(key=lambda point: point[1])
        traces.append({
            "x": [short(bpp) for _, bpp, _ in found], "y": [short(value) for _, _, value in found], "mode": mode,
            "customdata": [setting for setting, _, _ in found], "showlegend": bool(found),
            "marker": {"opacity": 0.5 if mode == "markers" else 1},
        })  # fmt: skip
    many = content.words["many"]
    notes = [f"Published, over their authors' {many}: {', '.join(published)}."] if published else []
    if singles:
        notes.append(f"Single points of all {many}, for no setting has a mean: {', '.join(singles)}.")
    if without:
        notes.append(f"No curve here: {', '.join(without)}. A mean needs finite values of all {many} at one setting.")
    intro = _curves_intro(content, info, f"Mean rate and mean distortion of all {many}")
    shown = SHOWN if any(trace["showlegend"] for trace in traces) else {}
    return {"data": traces, "layout": shown}, {"curves-intro": intro, "curves-note": " ".join(notes)}
