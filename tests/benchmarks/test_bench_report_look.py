"""What the report says and how it looks with many codecs, tied efforts, single points and few settings."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmarks.rd.records import CodecInfo, Curve, Point
from benchmarks.rd.results import Results
from benchmarks.report.build import build_report
from tests.support import report_results as samples
from tests.support.chromium import Visit, visit
from tests.support.report_pages import choose, traces

MANY = {
    "jpeg420": "JPEG 4:2:0",
    **{f"codec{i}": f"A codec with a long name, number {i}" for i in range(10)},
    "wisp-e1": "Wisp, effort 1",
    "wisp-e4": "Wisp, effort 4",
}


class Opener:
    """Opens the report of any results."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder

    def __call__(self, results: Results, **options: Any) -> AbstractContextManager[Visit]:
        path = self.folder / "report.html"
        path.write_text(build_report(results, self.folder, samples.INFOS), "utf-8")
        return visit(self.browser, path, **{"viewport": {"width": 1400, "height": 900}, **options})


@pytest.fixture(scope="module")
def opened(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Opener:
    return Opener(browser, tmp_path_factory.mktemp("look"))


def many(settings: int = 5, saved: float = 0.0) -> Results:
    """Thirteen codecs of two pictures; effort 1 takes the part `saved` less than effort 4."""
    points = []
    for place, codec in enumerate(MANY):
        rate = {"wisp-e1": 0.5 * (1 - saved), "wisp-e4": 0.5}.get(codec, 1 - 0.02 * place)
        for image in (0, 1):
            for step in range(settings):
                value = 27 + 3 * step + image + 0.1 * step * rate
                bpp = 0.1 * 2**step * rate
                points.append(samples.point("first", ("a", "b")[image], codec, 10 * step, bpp, {"psnr": value}))
    codecs = tuple(CodecInfo(name, title, "1", {}, name) for name, title in MANY.items())
    return Results(runs=[replace(samples.run(), codecs=codecs)], points=points)


@pytest.fixture(scope="module")
def tied() -> Results:
    return many()


def released() -> list[Point]:
    """Points of a codec at rates that no two pictures share."""
    found = [
        samples.point("first", image, "released", bpp, bpp, {"psnr": 30 + bpp})
        for image, bpp in (("a", 0.4), ("a", 0.9), ("b", 0.5), ("b", 1.1))
    ]
    return [replace(point, encode_seconds=0.0, decode_seconds=0.0) for point in found]


@pytest.mark.parametrize(("saved", "named"), [(0.0, "effort 4"), (0.0004, "effort 4"), (0.01, "effort 1")])
def test_of_equal_efforts_the_headline_names_the_highest(opened: Opener, saved: float, named: str) -> None:
    with opened(many(saved=saved)) as seen:
        assert f"files of Wisp, {named} are" in seen.text("#lede")
        assert "settings" not in seen.text("#lede")
        assert [trace["name"] for trace in traces(seen, "images-plot")] == [f"Wisp, {named}"]


def test_few_settings_are_said(opened: Opener) -> None:
    results = many(settings=4)
    results.points = [p for p in results.points if not (p.codec == "codec0" and p.quality > 20)] + released()
    with opened(results) as seen:
        assert seen.text("#lede").endswith("(BD-rate of averaged curves, 3 to 4 settings a codec).")


def test_without_an_anchor_the_headline_gives_ranges(opened: Opener) -> None:
    results = many(settings=4)
    results.points = [p for p in results.points if p.codec == "wisp-e4"]
    with opened(results) as seen:
        assert seen.text("#title") == "1 codec on 2 pictures"
        assert seen.text("#lede") == (
            "Wisp, effort 4: 0.05 to 0.4 bits per pixel, PSNR 27.00\u00a0dB to 37.15\u00a0dB, 4 settings a codec."
        )


def test_points_without_common_settings_are_drawn_single(opened: Opener, tied: Results) -> None:
    own = released()
    with opened(replace(tied, points=[*tied.points, *own])) as seen:
        single = seen.eval("() => byId('curves-plot').data.find((trace) => trace.name === 'released')")
        assert single["mode"] == "markers"
        assert sorted(zip(single["x"], single["y"], strict=True)) == sorted((p.bpp, p.measures["psnr"]) for p in own)
        assert all("quality" not in text and "<br>" in text for text in single["customdata"])
        assert len(traces(seen, "curves-plot")) == len(MANY) + 1
        assert seen.text("#curves-note") == "Single points of all pictures, for no setting has a mean: released."
        choose(seen, "#curve-image", "b")
        assert next(t["x"] for t in traces(seen, "curves-plot") if t["name"] == "released") == [0.5, 1.1]
        assert seen.text("#curves-note") == ""


def test_every_codec_has_a_look_of_its_own(opened: Opener, tied: Results) -> None:
    curves = [Curve(f"Paper {i}", "paper.json", (0.2, 0.5, 1.1), {"psnr": (29.0, 33.0, 37.5)}) for i in range(9)]
    with opened(replace(tied, curves=curves)) as seen:
        drawn = seen.eval("() => byId('curves-plot').data.map(({line}) => [line.color, line.dash])")
        assert len({tuple(look) for look in drawn}) == len(drawn) == len(MANY) + len(curves)
        assert seen.text("#curves-note").startswith("Published, over their authors' pictures: Paper")


def test_long_names_leave_the_figures_their_room(opened: Opener) -> None:
    """Those that do not fit are cut; the table has them whole."""
    results = many()
    codecs = tuple(replace(codec, title=codec.title + " and more" * 20) for codec in results.runs[0].codecs)
    results.runs[0] = replace(results.runs[0], codecs=codecs)
    room = "(id) => byId(id).querySelector('.plotly .bglayer, .nsewdrag').getBoundingClientRect().width"
    for width in (500, 1400):
        with opened(results, viewport={"width": width, "height": 900}) as seen:
            for plot in ("curves-plot", "speed-plot", "images-plot", "bd-plot"):
                assert seen.eval(room.replace(".plotly .bglayer, ", ""), plot) > 0.45 * width, plot
            assert codecs[0].title in seen.eval("() => byId('bd-table').data[0].cells.values[0].join()")
            assert seen.eval("() => document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("option", ["", " --no-viewer"])
def test_a_report_without_viewer_says_why_or_leaves_it_out(opened: Opener, tied: Results, option: str) -> None:
    run = replace(tied.runs[0], command=f"wisp bench rd{option}")
    with opened(replace(tied, runs=[run])) as seen:
        assert seen.page.locator("#viewer").is_visible() == bool(option)
        assert not seen.page.locator("#viewer-body").is_visible()
        assert not option or "--no-viewer" in seen.text("#viewer-intro")
