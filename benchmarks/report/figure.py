"""One rate-distortion figure as SVG, for a README: `python -m benchmarks.report.figure RESULTS -o rd.svg`."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.measures.catalog import INFOS
from benchmarks.measures.interface import MeasureInfo
from benchmarks.rd.bd import RateCurve, averaged_curves
from benchmarks.rd.results import FILE_NAME, Results, read_results
from bitstream.errors import RequestError
from codec.files.output import Writing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito (2008): told apart with any kind of colour vision. Black is Wisp's.
COLOURS = ("#E69F00", "#56B4E9", "#009E73", "#0072B2", "#D55E00", "#CC79A7", "#999999", "#B8A800")
DASHES = ("-", "--", ":")
MOST_BPP = 2.0


def rd_figure(results: Results, dataset: str, info: MeasureInfo, codecs: tuple[str, ...] = ()) -> str:
    """SVG of the averaged curves of `codecs` (all: none named). Raises RequestError where there is no such point."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    points = [point for point in results.points if point.dataset == dataset]
    curves = averaged_curves(points, info.id)
    unknown = [name for name in codecs if name not in curves]
    if unknown or not curves:
        raise RequestError(f"no points of {', '.join(unknown) or dataset} with {info.id} in these results")
    pictures = len({point.image for point in points})
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "wisp", "font.family": "sans-serif", "font.size": 10}):
        figure = Figure(figsize=(9, 5), layout="constrained")
        axes = figure.add_subplot()
        chosen = {name: curve for name, curve in curves.items() if not codecs or name in codecs}
        for number, (name, curve) in enumerate(chosen.items()):
            _draw(axes, number, name, results.titles.get(name, name), curve)
        shown = [value for curve in chosen.values() for bpp, value in zip(*curve, strict=True) if bpp <= MOST_BPP]
        axes.set_xlim(0, MOST_BPP)
        axes.set_ylim(min(shown, default=0), max(shown, default=1))
        axes.margins(y=0.05)
        axes.set_xlabel("bits per pixel (whole file)")
        axes.set_ylabel(f"{info.title} ({info.unit})" if info.unit else info.title)
        axes.set_title(f"{dataset.upper()}, mean of {pictures} pictures", loc="left", fontsize=11)
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        for side in ("top", "right"):
            axes.spines[side].set_visible(False)
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), frameon=False, fontsize=9)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def _draw(axes: Axes, number: int, name: str, title: str, curve: RateCurve) -> None:
    if name.startswith("wisp"):
        axes.plot(*curve, color="black", linewidth=2.4, marker="o", markersize=4, label=title, zorder=3)
        return
    colour, dash = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
    axes.plot(*curve, color=colour, linestyle=dash, linewidth=1.4, marker=".", markersize=5, label=title)


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, help="The SVG file.")
@click.option("--dataset", default="live", show_default=True)
@click.option("--measure", type=click.Choice(list(INFOS)), default="psnr", show_default=True)
@click.option("--codec", "codecs", multiple=True, help="Only these, repeatable.")
def main(results: Path, output: str, dataset: str, measure: str, codecs: tuple[str, ...]) -> None:
    """Draw the averaged curves of RESULTS, a results.jsonl or its folder."""
    found = read_results(results / FILE_NAME if results.is_dir() else results)
    Writing(overwrite=True).write(output, rd_figure(found, dataset, INFOS[measure], codecs).encode())


if __name__ == "__main__":
    main()
