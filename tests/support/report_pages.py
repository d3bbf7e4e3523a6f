"""The report of small results, open in a real browser, and what tests do with it there."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.rd.results import Results
from benchmarks.report.build import write_report
from tests.support import report_results as samples
from tests.support.chromium import Visit, visit

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LOADED = "() => view.shown.every((p) => view.decoded.has(p.picture)) && document.querySelectorAll('.card').length"

CHOOSE_LAST_AND_FIRST = """(ids) => {
    for (const select of ids.map((id) => document.getElementById(id))) {
        for (const option of [select.options[select.length - 1], select.options[0]]) {
            select.value = option?.value ?? "";
            select.dispatchEvent(new Event("change"));
        }
    }
}"""
READ_CANVAS = """(id) => {
    const canvas = document.getElementById(id);
    const copy = document.createElement("canvas");
    Object.assign(copy, { width: canvas.width, height: canvas.height });
    const context = copy.getContext("2d", { willReadFrequently: true });
    context.drawImage(canvas, 0, 0);
    return [copy.width, copy.height, [...context.getImageData(0, 0, copy.width, copy.height).data]];
}"""


@dataclass(frozen=True)
class Reports:
    """A browser, and the report of `results` whose files are in `folder`."""

    browser: Browser
    results: Results
    folder: Path

    def open(self, **options: Any) -> AbstractContextManager[Visit]:
        """The report; `options` as for `visit`."""
        return visit(self.browser, self.folder / "report.html", **options)

    def shown(self, codec: str, target: float = 1.5, image: str = "monarch") -> NDArray[np.uint8]:
        """(H, W, 3): a picture of the viewer as its codec decoded it."""
        key = (image, codec, target)
        record = next(e for e in self.results.equal if (e.image, e.codec, e.target_bpp) == key)
        return np.asarray(Image.open(self.folder / record.shown))


def reports(browser: Browser, folder: Path) -> Reports:
    """A report, made in `folder`."""
    results = samples.whole(folder)
    write_report(folder / "report.html", results, folder, samples.INFOS)
    return Reports(browser, results, folder)


@contextmanager
def loaded(found: Reports, **options: Any) -> Iterator[Visit]:
    """The report with its viewer's pictures decoded."""
    with found.open(**options) as seen:
        seen.page.wait_for_function(LOADED)
        yield seen


def traces(seen: Visit, plot: str) -> Any:
    """Names and coordinates of what a plot shows; neither what its legend leaves out nor what is hidden by it."""
    return seen.eval(
        "(id) => document.getElementById(id).data.filter((trace) => trace.showlegend && trace.visible !== 'legendonly')"
        ".map(({name, x, y}) => ({name, x, y}))",
        plot,
    )


def table_cells(seen: Visit) -> list[list[str]]:
    """The rows of the table of BD-rates, as they are, with Plotly's markup."""
    columns = seen.eval("() => document.getElementById('bd-table').data[0].cells.values ?? []")
    return [list(row) for row in zip(*columns, strict=True)]


def pixels(seen: Visit, canvas: str) -> NDArray[np.uint8]:
    """(H, W, 3) of a canvas."""
    width, height, data = seen.eval(READ_CANVAS, canvas)
    return np.array(data, np.uint8).reshape(height, width, 4)[..., :3]


def screenshot(seen: Visit) -> NDArray[np.uint8]:
    """(H, W, 3) of the viewer's frame."""
    return np.asarray(Image.open(io.BytesIO(seen.page.locator("#frame").screenshot())).convert("RGB"))


def split(seen: Visit) -> float:
    """Per cent, as the handle says and as the upper picture is cut."""
    said = float(seen.page.locator("#divider").get_attribute("aria-valuenow") or "nan")
    cut = seen.eval("() => getComputedStyle(document.getElementById('layer-right')).clipPath")
    assert f"{said:g}" == f"{round(float(cut.rpartition(' ')[2].rstrip('%)'))):g}"
    return said


def middle(seen: Visit, selector: str) -> tuple[float, float]:
    """Of an element, in pixels of the window, into which it is scrolled."""
    seen.page.locator(selector).scroll_into_view_if_needed()
    box = seen.page.locator(selector).bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def drag(seen: Visit, start: tuple[float, float], by: tuple[float, float]) -> None:
    """With the mouse, button down."""
    seen.page.mouse.move(*start)
    seen.page.mouse.down()
    seen.page.mouse.move(start[0] + by[0] / 2, start[1] + by[1] / 2)
    seen.page.mouse.move(start[0] + by[0], start[1] + by[1])
    seen.page.mouse.up()


def choose(seen: Visit, select: str, label: str) -> None:
    """An option of a select."""
    seen.page.locator(select).select_option(label=label)


def switch(seen: Visit, fieldset: str, text: str) -> None:
    """One of several buttons."""
    seen.page.locator(f"{fieldset} .switch label", has_text=text).click()
