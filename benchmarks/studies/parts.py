"""Parts of a study's page that several studies show: curves by epoch, and tables of what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from benchmarks.report.page import Html, Part, Plot, table
from benchmarks.report.plots import COLOURS, figure, short
from benchmarks.studies.runs import Trained
from benchmarks.studies.sheets import sheet
from benchmarks.studies.study import Findings
from codec.training.data.picture_set import PictureSet

_HEIGHT = 320  # pixels of a plot
_MARKED = 40  # points of a curve that are shown one by one, at most
Format = Callable[[float], str]
MEASURES: Mapping[str, tuple[str, Format]] = {  # what validation finds: heading, and how it is written
    "loss": ("Loss", "{:.4f}".format),
    "accuracy": ("Accuracy", "{:.4f}".format),
    "exact": ("Exact", "{:.4f}".format),
    "psnr": ("PSNR, dB", "{:.2f}".format),
    "ssim": ("SSIM", "{:.4f}".format),
    "chroma": ("Chroma error", "{:.2f}".format),
}
ACCURACY = (
    "Accuracy is the share of values that round to 0 or 1 as the true ones do; exact, the share of those that are "
    "right as whole numbers of 0 to 255."
)


def curves(trained: Sequence[Trained], name: str, heading: str, *, training: bool = False) -> Plot:
    """A measure by epoch, of every row; with `training` also that of the pictures that are trained on, dashed."""
    traces = []
    for number, each in enumerate(trained):
        colour = {"color": f"var(--series-{number % COLOURS})"}
        if training:
            values = {epoch: row[name] for epoch, row in each.losses.items()}
            traces.append(_trace(values, f"{each.row.title}, training", {**colour, "dash": "dot"}))
        held_out = {epoch: row[name] for epoch, row in each.curves.items()}
        traces.append(_trace(held_out, f"{each.row.title}, held out" if training else each.row.title, colour))
    axes = {"xaxis": {"title": {"text": "epoch"}}, "yaxis": {"title": {"text": heading}}}
    return Plot(figure(traces, height=_HEIGHT, **axes))


def _trace(values: Mapping[float, float], name: str, line: Mapping[str, str]) -> dict[str, object]:
    mode = "lines" if len(values) > _MARKED or line.get("dash") else "lines+markers"
    return {"x": list(map(short, values)), "y": list(map(short, values.values())), "name": name, "mode": mode,
            "line": dict(line), "marker": {"color": line["color"]}}  # fmt: skip


def measured(
    trained: Sequence[Trained], epochs: Sequence[int], names: Sequence[str], before: Mapping[str, float] | None = None
) -> Html:
    """A table: what the network gets (`before`), then each row after these epochs and at its best one."""
    rows = []
    if before is not None:
        rows.append(
            ["nothing done", "", *(MEASURES[name][1](before[name]) if name in before else "" for name in names)]
        )
    for each in trained:
        best, values = each.best
        shown = [(f"{epoch}", each.curves[epoch]) for epoch in epochs if epoch in each.curves]
        shown += [] if best in epochs else [(f"{best:g} (best)", values)]
        for place, (epoch, found) in enumerate(shown):
            cells = [MEASURES[name][1](found[name]) for name in names]
            rows.append(["" if place else each.row.title, epoch, *cells])
    return table(["Row", "Epoch", *(MEASURES[name][0] for name in names)], rows)


def looks(
    trained: Sequence[Trained], pictures: PictureSet, found: Findings, name: str, words: str, shown: int
) -> list[Part]:
    """`words`, then a sheet of every row: what goes in, what comes out, what it should be. `name` begins its file's."""
    parts: list[Part] = [words]
    for each in trained:
        given, made = each.with_best().looks()
        lines = [list(line[:shown]) for line in (given, made, pictures.held_out)]
        parts.append(found.show(f"{name}-{each.row.name}", sheet(lines), each.row.title))
    return parts
