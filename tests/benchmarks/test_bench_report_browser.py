"""The report in a real browser, opened from a file without a network."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.rd.bd import bd_table
from benchmarks.report.build import build_report
from tests.support import report_results as samples
from tests.support.chromium import Visit, visit
from tests.support.report_pages import (
    CHOOSE_LAST_AND_FIRST,
    LOADED,
    Reports,
    choose,
    loaded,
    middle,
    switch,
    table_cells,
    traces,
)


def test_everything_is_drawn_offline(seen: Visit) -> None:
    assert seen.text("#title") == "3 codecs on 2 pictures"
    assert "smaller" in seen.text("#lede")
    assert len(traces(seen, "curves-plot")) == 4
    assert len(traces(seen, "speed-plot")) == 3
    assert len(traces(seen, "images-plot")) == 1
    assert len(table_cells(seen)) == 4
    assert "\u221246.7\u00a0%" in seen.text("#bd-table")
    assert seen.page.locator(".card").count() == 3
    assert "Up to 2 processes" in seen.text("#speed-note")
    setting = seen.text("#setting")
    assert "no program far" in setting
    assert "pip install lost" in setting
    assert "too much" in setting
    assert seen.eval("() => Plotly.version.length") > 0


def test_harmful_names_stay_text(seen: Visit) -> None:
    choose(seen, "#view-image", samples.HOSTILE)
    choose(seen, "#curve-image", samples.HOSTILE)
    seen.page.wait_for_function(LOADED)
    x, y = middle(seen, "#images-plot .points path >> nth=0")
    seen.page.mouse.move(x, y)
    seen.page.wait_for_selector("#images-plot .hoverlayer text")
    assert seen.eval("() => window.harmed === undefined")
    assert seen.eval("() => document.querySelectorAll('body img, svg a').length") == 0
    assert samples.HOSTILE in seen.page.locator("#view-image option").all_text_contents()
    assert samples.HOSTILE in seen.text("#setting")
    for cut in ("#images-plot .yaxislayer-above", "#curves-plot .legend", "#bd-plot .yaxislayer-above"):
        assert "&amp;<b>" in seen.text(cut), cut  # as text
    assert "<b>%{x}{{data}}</script><img" in seen.text("#bd-table")


def test_measure_anchor_and_dataset_change_what_is_shown(seen: Visit, found: Reports) -> None:
    def cells() -> dict[str, str]:
        return {row[0].removeprefix("<b>").removesuffix("</b>"): row[1] for row in table_cells(seen)}

    def expected(dataset: str, anchor: str, measure: str, codec: str) -> str:
        own = [p for p in found.results.points if p.dataset == dataset]
        table = bd_table(own, anchor, measure, higher_is_better=measure == "psnr")
        rate = next(row for row in table if row.codec == codec).averaged
        assert rate is not None
        return f"{rate.percent:+.1f}\u00a0%".replace("-", "\u2212")

    wisp, jpeg = samples.CODECS["wisp-e4"], samples.CODECS["jpeg420"]
    assert cells()[wisp] == expected("first", "jpeg420", "psnr", "wisp-e4")
    assert cells()[jpeg] == "the anchor"
    choose(seen, "#anchor", wisp)
    assert cells()[jpeg] == expected("first", "wisp-e4", "psnr", "jpeg420")
    curves = traces(seen, "curves-plot")
    choose(seen, "#measure", "Distance")
    assert cells()[jpeg] == expected("first", "wisp-e4", "distance", "jpeg420")
    assert traces(seen, "curves-plot") != curves
    assert "lower is better" in seen.text("#curves-plot .ytitle")
    speeds = traces(seen, "speed-plot")
    images = traces(seen, "images-plot")
    choose(seen, "#dataset", "second")
    assert cells()[jpeg] == expected("second", "wisp-e4", "distance", "jpeg420")
    assert seen.text("#title") == "3 codecs on 3 pictures"
    assert traces(seen, "speed-plot") != speeds
    assert traces(seen, "images-plot") != images
    assert seen.page.locator("#view-image option").all_text_contents() == ["wing"]


def test_a_published_anchor_has_no_pictures(seen: Visit) -> None:
    choose(seen, "#anchor", samples.PUBLISHED.name)
    assert traces(seen, "images-plot") == []
    assert "No picture has a BD-rate" in seen.text("#images-plot")
    assert len(traces(seen, "speed-plot")) == 3
    choose(seen, "#anchor", samples.CODECS["jpeg420"])
    assert len(traces(seen, "images-plot")) == 1


def test_curves_of_one_picture_and_hidden_codecs(seen: Visit, found: Reports) -> None:
    names = [trace["name"] for trace in traces(seen, "curves-plot")]
    assert names[-1] == "Wisp, effort 4"  # drawn above the others
    choose(seen, "#curve-image", "monarch")
    own = [p for p in found.results.points if (p.image, p.codec) == ("monarch", "wisp-e4")]
    last = traces(seen, "curves-plot")[-1]
    assert last["x"] == pytest.approx([p.bpp for p in own])
    assert last["y"] == pytest.approx([p.measures["psnr"] for p in own])
    assert len(traces(seen, "curves-plot")) == 3  # not the published one
    seen.page.locator("#curves-plot .legendtoggle >> nth=-1").click()
    hidden = "byId('curves-plot').data.filter((trace) => trace.visible === 'legendonly')"
    seen.page.wait_for_function(f"() => {hidden}.length")
    (name,) = seen.eval(f"() => {hidden}.map((trace) => trace.name)")
    choose(seen, "#curve-image", "mean of 2 pictures")
    assert [trace["name"] for trace in traces(seen, "curves-plot")] == [n for n in names if n != name]


def test_rate_axis_and_speed_ways(seen: Visit) -> None:
    kind = "() => document.getElementById('curves-plot').layout.xaxis.type"
    assert seen.eval(kind) == "log"
    switch(seen, "#rate-axis", "linear")
    assert seen.eval(kind) in {"linear", "-"}
    encode = {trace["y"][0] for trace in traces(seen, "speed-plot")}
    switch(seen, "#speed-way", "decode")
    decode = {trace["y"][0] for trace in traces(seen, "speed-plot")}
    assert len(encode) == 3
    assert len(decode) == 1  # all take 2 ms


def test_a_picture_is_picked_by_its_dot(seen: Visit) -> None:
    assert seen.page.locator("#view-image").input_value() == "monarch"
    place = seen.eval(
        "(name) => { const all = byId('images-plot').data; const at = all.findIndex((t) => t.visible === true);"
        " return all[at].y.findIndex((y) => y !== 'monarch'); }",
        samples.HOSTILE,
    )
    seen.page.mouse.click(*middle(seen, f"#images-plot .trace .point >> nth={place}"))
    seen.page.wait_for_function("() => document.getElementById('view-image').value !== 'monarch'")
    assert seen.page.locator("#view-image").input_value() == samples.HOSTILE
    assert seen.page.locator("#curve-image option:checked").text_content() == samples.HOSTILE


def test_every_control_is_reached_by_keyboard(seen: Visit) -> None:
    wanted = set(
        seen.eval(
            "() => [...document.querySelectorAll('select, button, input[type=range], #frame, #divider, summary')]"
            ".filter((e) => e.checkVisibility() && !e.disabled).map((e, i) => (e.dataset.place = i, i))"
        )
    )
    for _ in range(len(wanted) + 20):
        seen.page.keyboard.press("Tab")
        place = seen.eval("() => document.activeElement.dataset.place")
        wanted.discard(int(place or -1))
    assert wanted == set()


def test_dark_light_and_paper(found: Reports) -> None:
    backgrounds = []
    for scheme in ("light", "dark"):
        with loaded(found, color_scheme=scheme) as seen:
            backgrounds.append(seen.eval("() => getComputedStyle(document.documentElement).backgroundColor"))
            colour = "() => document.getElementById('curves-plot').data.at(-1).line.color"
            on_screen = seen.eval(colour)
            assert seen.page.pdf().startswith(b"%PDF")
            assert seen.eval(colour) == on_screen
            seen.eval("() => dispatchEvent(new Event('beforeprint'))")
            backgrounds.append(seen.eval("() => getComputedStyle(document.documentElement).backgroundColor"))
    assert backgrounds[0] != backgrounds[2]
    assert backgrounds[0] == backgrounds[1] == backgrounds[3]


@pytest.mark.parametrize("width", [400, 1400])
def test_the_page_is_as_wide_as_the_window(found: Reports, width: int) -> None:
    with loaded(found, viewport={"width": width, "height": 800}) as seen:
        assert seen.eval("() => document.documentElement.scrollWidth") == width


def test_pages_of_incomplete_results(found: Reports, tmp_path: Path) -> None:
    for lacking, results in samples.partial(tmp_path).items():
        path = tmp_path / f"without {lacking}.html"
        path.write_text(build_report(results, tmp_path, samples.INFOS), "utf-8")
        with visit(found.browser, path) as seen:
            if results.equal:
                seen.page.wait_for_function(LOADED)
            assert seen.page.locator("#viewer-body").is_visible() == bool(results.equal), lacking
            seen.eval(CHOOSE_LAST_AND_FIRST, ["measure", "anchor", "dataset", "curve-image"])
            assert seen.text("#title"), lacking
            empty = "No points to draw" in seen.text("#curves-plot")
            assert (traces(seen, "curves-plot") == []) == empty, lacking
            assert "NaN" not in seen.text("main"), lacking
            assert "undefined" not in seen.text("main"), lacking
