"""The report's viewer in a real browser: divider, zoom, errors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks.report.build import write_report
from tests.support import report_results as samples
from tests.support.chromium import Visit, visit
from tests.support.report_pages import (
    LOADED,
    Reports,
    choose,
    drag,
    loaded,
    middle,
    pixels,
    screenshot,
    split,
    switch,
)


def test_both_pictures_are_what_was_decoded(seen: Visit, found: Reports) -> None:
    assert seen.text("#tag-left").startswith("JPEG 4:2:0")
    assert seen.text("#tag-right").startswith("Wisp, effort 4")
    assert np.array_equal(pixels(seen, "canvas-right"), found.shown("wisp-e4"))
    jpeg = found.shown("jpeg420").astype(int)
    assert np.abs(pixels(seen, "canvas-left") - jpeg).mean() < 0.5  # decoders of JPEG may round alike or not
    choose(seen, "#view-left", "Original")
    assert np.array_equal(pixels(seen, "canvas-left"), found.shown("original"))
    switch(seen, "#view-rate", "0.5 bpp")
    seen.page.wait_for_function(LOADED)
    assert seen.text("#tag-left").startswith("Original")
    assert np.array_equal(pixels(seen, "canvas-right"), found.shown("wisp-e4", 0.5))
    choose(seen, "#view-image", samples.HOSTILE)
    seen.page.wait_for_function(LOADED)
    expected = found.shown("wisp-e4", 0.5, samples.HOSTILE)
    assert np.array_equal(pixels(seen, "canvas-right"), expected)
    assert seen.eval("() => view.decoded.size") == 3  # the other picture is forgotten


def test_sizes_that_differ_are_marked(seen: Visit) -> None:
    assert seen.page.locator(".card .low").all_text_contents() == ["+3.0\u00a0%"]
    switch(seen, "#view-rate", "0.5 bpp")
    seen.page.wait_for_function(LOADED)
    assert seen.page.locator(".card .low").count() == 0
    assert "bytes" in seen.text(".card[data-codec=wisp-e4]")
    assert "PSNR" in seen.text(".card[data-codec=wisp-e4]")


def test_divider_follows_mouse(seen: Visit) -> None:
    assert split(seen) == 50
    before = screenshot(seen)
    width = before.shape[1]
    drag(seen, middle(seen, "#divider"), (-width / 4, 0))
    assert split(seen) == pytest.approx(25, abs=1)
    after = screenshot(seen)
    strip = slice(int(width * 0.3), int(width * 0.42))
    assert not np.array_equal(before[: before.shape[0] // 3, strip], after[: before.shape[0] // 3, strip])
    assert np.array_equal(before[:50, int(width * 0.6) :], after[:50, int(width * 0.6) :])
    drag(seen, middle(seen, "#divider"), (-width, 0))
    assert split(seen) == 0


def test_divider_follows_keys(seen: Visit) -> None:
    divider = seen.page.locator("#divider")
    assert divider.get_attribute("role") == "slider"
    divider.focus()
    for key, expected in (("ArrowLeft", 48), ("Shift+ArrowRight", 58), ("PageDown", 48), ("Home", 0), ("End", 100)):
        seen.page.keyboard.press(key)
        assert split(seen) == expected
    assert seen.eval("() => stage.x") == 0


def test_divider_follows_a_finger(found: Reports) -> None:
    with loaded(found, viewport={"width": 420, "height": 800}, has_touch=True, is_mobile=True) as seen:
        x, y = middle(seen, "#divider")
        session = seen.page.context.new_cdp_session(seen.page)
        for kind, at in (("touchStart", x), ("touchMove", x + 20), ("touchMove", x + 80), ("touchEnd", None)):
            points = [] if at is None else [{"x": at, "y": y}]
            session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        box = seen.page.locator("#frame").bounding_box()
        assert box is not None
        assert split(seen) == pytest.approx(50 + 8000 / box["width"], abs=1.5)


@pytest.mark.parametrize("gain", [8, 20])
def test_errors_are_drawn_as_they_are(seen: Visit, found: Reports, gain: int) -> None:
    switch(seen, "#view-mode", "errors")
    seen.page.locator("#gain").fill(str(gain))
    seen.page.wait_for_function(
        "(gain) => document.getElementById('view-note').textContent.includes(`${gain};`)", arg=gain
    )
    difference = np.abs(found.shown("wisp-e4").astype(int) - found.shown("original"))
    assert difference.max() > 0
    assert np.array_equal(pixels(seen, "canvas-right"), np.minimum(255, difference * gain))
    assert seen.text("#tag-right").endswith(f"mean error {difference.mean():.2f} of 255")
    choose(seen, "#view-left", "Original")
    assert pixels(seen, "canvas-left").max() == 0
    switch(seen, "#view-mode", "pictures")
    assert np.array_equal(pixels(seen, "canvas-right"), found.shown("wisp-e4"))


def test_zoom_and_panning(seen: Visit) -> None:
    def scale() -> float:
        transform = seen.eval("() => getComputedStyle(document.getElementById('canvas-left')).transform")
        return float(transform.removeprefix("matrix(").split(",")[0])

    whole = scale()
    before = screenshot(seen)
    seen.page.locator("#zoom-in").click()
    assert scale() == pytest.approx(2 * whole)
    assert seen.text("#zoom-value") == "2\u00d7"
    assert seen.eval("() => getComputedStyle(document.getElementById('canvas-left')).imageRendering") == "pixelated"
    assert not np.array_equal(screenshot(seen), before)
    x, y = middle(seen, "#frame")
    drag(seen, (x + 60, y + 40), (-50, -30))
    assert split(seen) == 50
    place = seen.eval("() => [stage.x, stage.y]")
    width, height = seen.eval("() => [frame.clientWidth, frame.clientHeight]")
    assert place == pytest.approx([-width / 2 - 50, -height / 2 - 30], abs=1)
    seen.page.mouse.move(x, y)
    seen.page.mouse.wheel(0, -200)
    seen.page.wait_for_function("() => stage.zoom > 2")
    for _ in range(4):
        seen.page.locator("#frame").press("+")
    assert scale() == pytest.approx(8 * whole)
    assert seen.page.locator("#zoom-in").is_disabled()
    drag(seen, (x + 60, y + 40), (9999, 9999))
    assert seen.eval("() => [stage.x, stage.y]") == [0, 0]  # no further than the border
    seen.page.locator("#zoom-reset").click()
    assert scale() == pytest.approx(whole)


def test_without_an_original_there_are_no_errors(found: Reports, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, samples.partial(tmp_path)["an original"], tmp_path, samples.INFOS)
    with visit(found.browser, path) as seen:
        seen.page.wait_for_function(LOADED)
        assert seen.page.locator("#view-mode input").evaluate_all("(all) => all.every((each) => each.disabled)")
        assert seen.page.locator(".card").count() == 2
