"""BD-rates on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from benchmarks.measures.interface import MeasureInfo
    from benchmarks.rd.bd import BdRate, BdRow, Method
    from benchmarks.rd.results import Results

_CODEC_WIDTH, _MEASURE_WIDTH = 36, 25  # characters
LITTLE = 0.5  # overlap below which a number says little


def print_bd_tables(results: Results, anchor: str, measures: Sequence[str] = (), method: Method = "pchip") -> None:
    """One table for every set of pictures: percent of bytes by measure, against `anchor` (the first codec of a set that
    lacks it)."""
    from benchmarks.measures.catalog import INFOS
    from benchmarks.rd.bd import bd_table
    from cli.console import console as new_console

    console = new_console()
    shown = [INFOS[name] for name in measures or INFOS if any(name in point.measures for point in results.points)]
    if not shown:
        console.print("no measure was taken, so there are no BD-rates", highlight=False)
        return
    for dataset in sorted({point.dataset for point in results.points}):
        points = [point for point in results.points if point.dataset == dataset]
        codecs = list(dict.fromkeys(point.codec for point in points))
        against = anchor if anchor in codecs else codecs[0]
        rows = {
            info.id: bd_table(points, against, info.id, higher_is_better=info.higher_is_better, curves=results.curves,
                              method=method)
            for info in shown
        }  # fmt: skip
        pictures = len({point.image for point in points})
        title = f"{dataset}, {pictures} pictures: BD-rate against {against} in percent"
        fit = max((console.width - _CODEC_WIDTH) // _MEASURE_WIDTH, 1)
        for first in range(0, len(shown), fit):
            console.print(_table(title, shown[first : first + fit], rows, results.titles))
    console.print(
        "Percent of bytes at equal quality, negative is smaller. avg.: over the averaged curves, which flatters codecs"
        " whose rate hardly differs between pictures. each: the mean of every picture's own. lap: the part of both"
        f" curves' range of quality that avg. covers; below {LITTLE:.0%} (marked ?) it says little. A dash: not enough"
        " points, or some picture has none.",
        highlight=False,
    )


def _table(title: str, infos: Sequence[MeasureInfo], tables: dict[str, list[BdRow]], titles: dict[str, str]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column("\ncodec", max_width=_CODEC_WIDTH, no_wrap=True)
    for info in infos:
        table.add_column(f"{info.title}\navg.", justify="right", no_wrap=True)
        table.add_column("\neach", justify="right", no_wrap=True)
        table.add_column("\nlap", justify="right", no_wrap=True, style="dim")
    by_codec = {name: {row.codec: row for row in rows} for name, rows in tables.items()}
    for row in tables[infos[0].id]:
        cells = [titles.get(row.codec, row.codec)]
        for info in infos:
            cells += _cells(by_codec[info.id].get(row.codec))
        table.add_row(*cells, style="bold" if row.codec.startswith("wisp") else "")
    return table


def _cells(row: BdRow | None) -> list[str]:
    if row is None:
        return ["-", "-", ""]
    each = row.mean_per_image
    return [_averaged(row.averaged), "-" if each is None else f"{each:+.1f}", _overlap(row.averaged)]


def _averaged(rate: BdRate | None) -> str:
    if rate is None:
        return "-"
    return f"{rate.percent:+.1f}{'?' if rate.overlap < LITTLE else ''}"


def _overlap(rate: BdRate | None) -> str:
    return "" if rate is None else f"{rate.overlap:.0%}"
