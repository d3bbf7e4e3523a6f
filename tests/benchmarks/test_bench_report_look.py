"""What the report says and how it looks with many codecs, tied efforts, single points and few settings."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from benchmarks.rd.records import CodecInfo, Curve, Point
from benchmarks.rd.results import Results
from benchmarks.report.build import build_report
from tests.support import report_results as samples
from tests.support.chromium import Visit, chromium, visit
from tests.support.report_pages import choose, switch, traces

MANY = {
    "jpeg420": "JPEG 4:2:0",
    **{f"codec{i}": f"A codec with a long name, number {i}" for i in range(10)},
    "wisp-e1": "Wisp, effort 1",
    "wisp-e4": "Wisp, effort 4",
}
BOXES = """(plot) => [...document.querySelectorAll(`#${plot} .textpoint text`)].filter((e) => e.textContent)
    .map((e) => [e.textContent, e.getBoundingClientRect()]).map(([t, b]) => [t, b.left, b.top, b.right, b.bottom])"""


class Opener:
    """Opens the report of any results."""

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self.folder = browser, folder

    def __call__(self, results: Results, **options: Any) -> AbstractContextManager[Visit]:
        path = self.folder / "report.html"
        path.write_text(build_report(results, self.folder, samples.INFOS), "utf-8")
        return visit(self.browser, path, **{"viewport": {"width": 1400, "height": 900}, **options})


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opener]:
    with chromium() as browser:
        yield Opener(browser, tmp_path_factory.mktemp("look"))


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
        assert seen.page.locator("#images-codec option:checked").text_content() == f"Wisp, {named}"


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
        first = seen.eval("() => (({mode, x, y, text}) => ({mode, x, y, text}))(byId('curves-plot').data[0])")
        assert first["mode"] == "markers"
        assert sorted(zip(first["x"], first["y"], strict=True)) == sorted((p.bpp, p.measures["psnr"]) for p in own)
        assert all("quality" not in text and "<br>" in text for text in first["text"])
        assert len(traces(seen, "curves-plot")) == len(MANY) + 1
        assert seen.text("#curves-note") == "Single points of all pictures, for no setting has a mean: released."
        choose(seen, "#curve-image", "b")
        assert next(t["x"] for t in traces(seen, "curves-plot") if t["name"] == "released") == [0.5, 1.1]
        assert seen.text("#curves-note") == ""
        seen.page.locator("#legend button", has_text="released").click()
        choose(seen, "#curve-image", "mean of 2 pictures")
        assert len(traces(seen, "curves-plot")) == len(MANY)


def test_every_codec_has_a_look_of_its_own(opened: Opener, tied: Results) -> None:
    curves = [Curve(f"Paper {i}", "paper.json", (0.2, 0.5, 1.1), {"psnr": (29.0, 33.0, 37.5)}) for i in range(9)]
    with opened(replace(tied, curves=curves)) as seen:
        drawn = seen.eval("() => byId('curves-plot').data.map(({line}) => [line.color, line.dash])")
        assert len({tuple(look) for look in drawn}) == len(drawn) == len(MANY) + len(curves)
        chips = seen.eval(
            "() => [...document.querySelectorAll('#legend .swatch line')]"
            ".map((e) => [getComputedStyle(e).stroke, e.getAttribute('stroke-dasharray')])"
        )
        assert len({tuple(look) for look in chips}) == len(chips) == len(drawn)
        assert seen.text("#curves-note").startswith("Published, over their authors' pictures: Paper")


def test_the_table_of_bd_rates_has_room(opened: Opener, tied: Results) -> None:
    with opened(tied) as seen:
        heights = seen.eval("() => [...document.querySelectorAll('#bd-table .name')].map((e) => e.clientHeight)")
        assert len(heights) == len(MANY)
        assert len(set(heights)) == 1
        assert "logarithmic" in seen.text("#bd-intro")
        right = seen.eval("() => document.querySelector('#bd .scroll').getBoundingClientRect().right")
        ends = seen.eval(
            "() => [...document.querySelectorAll('#bd-table thead text')].map((e) => e.getBoundingClientRect().right)"
        )
        assert ends
        assert max(ends) <= right
    with opened(tied, viewport={"width": 500, "height": 900}) as seen:
        assert seen.eval("() => document.documentElement.scrollWidth") == 500


@pytest.mark.parametrize("width", [420, 1400])
def test_names_of_points_never_overlap(opened: Opener, tied: Results, width: int) -> None:
    with opened(tied, viewport={"width": width, "height": 900}) as seen:
        for way in ("encode", "decode"):
            switch(seen, "#speed-way", way)
            assert len(traces(seen, "speed-plot")) == len(MANY)
            boxes = seen.eval(BOXES, "speed-plot")
            assert 0 < len(boxes) < len(MANY)
            for (_, *one), (_, *other) in combinations(boxes, 2):
                apart = one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]
                assert apart, (one, other)
            hovers = seen.eval("() => byId('speed-plot').data.map((trace) => trace.hovertext[0])")
            assert all(any(title in text for text in hovers) for title in MANY.values())
            assert "point at a symbol" in seen.text("#speed-note")


def test_names_follow_the_width_of_the_window(opened: Opener, tied: Results) -> None:
    with opened(tied) as seen:
        wide = len(seen.eval(BOXES, "speed-plot"))
        seen.page.set_viewport_size({"width": 380, "height": 900})
        seen.page.wait_for_function(f"({BOXES})('speed-plot').length < {wide}")
        assert len(seen.eval(BOXES, "speed-plot")) < wide and len(traces(seen, "speed-plot")) == len(MANY)


@pytest.mark.parametrize("option", ["", " --no-viewer"])
def test_a_report_without_viewer_says_why_or_leaves_it_out(opened: Opener, tied: Results, option: str) -> None:
    run = replace(tied.runs[0], command=f"wisp bench rd{option}")
    with opened(replace(tied, runs=[run])) as seen:
        assert seen.page.locator("#viewer").is_visible() == bool(option)
        assert not seen.page.locator("#viewer-body").is_visible()
        assert not option or "--no-viewer" in seen.text("#viewer-intro")
