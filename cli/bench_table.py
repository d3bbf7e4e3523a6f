"""BD-rates on a terminal, of pictures and of clips."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.table import Table

    from benchmarks.measures.interface import MeasureInfo
    from benchmarks.rd.bd import BdRate, BdRow, Method
    from benchmarks.rd.records import Point
    from benchmarks.rd.results import Results

_CODEC_WIDTH, _MEASURE_WIDTH, _CLIP_WIDTH, _NUMBER_WIDTH = 36, 25, 31, 11  # characters
LITTLE = 0.5  # overlap below which a number says little
_WORDS = (
    "Percent of bytes at equal quality, negative is smaller. avg.: over the averaged curves, which flatters codecs"
    " whose rate hardly differs between {many}. each: the mean of every {one}'s own. lap: the part of both curves'"
    f" range of quality that avg. covers; below {LITTLE:.0%} (marked ?) it says little. A dash: not enough points, or"
    " some {one} has none."
)
_OF_CLIPS = (
    " fps: median frames a second of coding raw video, within the threads asked for. All of it is in bd.csv and"
    " results.csv."
)


def print_bd_tables(results: Results, anchor: str, measures: Sequence[str] = (), method: Method = "pchip") -> None:
    """For every set percent of bytes by measure, against `anchor` (the first codec of a set that lacks it). Of clips
    against its all-intra twin as well, with the speeds, and the first measure's by sequence."""
    from benchmarks.measures.catalog import INFOS
    from benchmarks.rd.bd import anchors_of, bd_table
    from benchmarks.rd.records import taken_measures
    from cli.console import console as new_console

    console = new_console()
    shown = [INFOS[name] for name in taken_measures(results.points, measures or INFOS)]
    if not shown:
        console.print("no measure was taken, so there are no BD-rates", highlight=False)
        return
    clips = any(point.prediction for point in results.points)
    for dataset in sorted({point.dataset for point in results.points}):
        points = [point for point in results.points if point.dataset == dataset]
        for against in anchors_of(anchor, list(dict.fromkeys(point.codec for point in points))):
            rows = {
                info.id: bd_table(points, against, info.id, higher_is_better=info.higher_is_better,
                                  curves=results.curves, method=method)
                for info in shown
            }  # fmt: skip
            count = f"{len({point.image for point in points})} {'sequences' if clips else 'pictures'}"
            title = f"{dataset}, {count}: BD-rate against {against} in percent"
            fit = max((console.width - _CODEC_WIDTH - clips * _CLIP_WIDTH) // _MEASURE_WIDTH, 1)
            for first in range(0, len(shown), fit):
                console.print(_table(title, shown[first : first + fit], rows, results.titles, points if clips else ()))
            if clips:
                console.print(_by_sequence(shown[0], against, rows[shown[0].id], results.titles, points, console.width))
    one, many = ("sequence", "sequences") if clips else ("picture", "pictures")
    console.print(_WORDS.format(one=one, many=many) + _OF_CLIPS * clips, highlight=False)


def _table(
    title: str,
    infos: Sequence[MeasureInfo],
    tables: dict[str, list[BdRow]],
    titles: dict[str, str],
    clips: Sequence[Point],
) -> Table:
    """`clips` are the points that prediction and speeds come from; none for pictures."""
    table = _new(title, "\ncodec", "\nprediction", clips)
    for info in infos:
        table.add_column(f"{info.title}\navg.", justify="right", no_wrap=True)
        table.add_column("\neach", justify="right", no_wrap=True)
        table.add_column("\nlap", justify="right", no_wrap=True, style="dim")
    for way in ("encode", "decode") if clips else ():
        table.add_column(f"{way}\nfps", justify="right", no_wrap=True)
    by_codec = {name: {row.codec: row for row in rows} for name, rows in tables.items()}
    order = dict.fromkeys([*(row.codec for row in tables[infos[0].id]), *(point.codec for point in clips)])
    for codec in order:
        cells = [cell for info in infos for cell in _cells(by_codec[info.id].get(codec))]
        _add(table, codec, titles, clips, [*cells, *_speeds(clips, codec)])
    return table


def _by_sequence(
    info: MeasureInfo, anchor: str, rows: Sequence[BdRow], titles: dict[str, str], clips: Sequence[Point], width: int
) -> Table:
    """One measure's BD-rate by sequence, of as many sequences as fit."""
    names = sorted({f"{point.dataset}/{point.image}" for point in clips})
    fit = max((width - _CODEC_WIDTH - _CLIP_WIDTH) // _NUMBER_WIDTH, 1)
    more = f", {fit} of {len(names)}; all are in bd.csv" if len(names) > fit else ""
    table = _new(f"by sequence{more}: {info.title}, against {anchor}", "codec", "prediction", clips)
    for name in names[:fit]:
        table.add_column(name.partition("/")[2], justify="right", max_width=_NUMBER_WIDTH - 3, overflow="ellipsis")
    for row in rows:
        _add(table, row.codec, titles, clips, [_percent(row.per_image.get(name)) for name in names[:fit]])
    return table


def _new(title: str, codec: str, prediction: str, clips: Sequence[Point]) -> Table:
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    table.add_column(codec, max_width=_CODEC_WIDTH, no_wrap=True)
    if clips:
        table.add_column(prediction, no_wrap=True)
    return table


def _add(table: Table, codec: str, titles: dict[str, str], clips: Sequence[Point], cells: Sequence[str]) -> None:
    """A row; the prediction, which the titles of video codecs end with, has a column of its own."""
    title = titles.get(codec, codec)
    prediction = next((point.prediction for point in clips if point.codec == codec), "")
    head = [title.removesuffix(f", {prediction}"), prediction] if clips else [title]
    table.add_row(*head, *cells, style="bold" if codec.startswith("wisp") else "")


def _cells(row: BdRow | None) -> list[str]:
    if row is None:
        return ["-", "-", ""]
    each, averaged = row.mean_per_image, row.averaged
    overlap = "" if averaged is None else f"{averaged.overlap:.0%}"
    return [_percent(averaged), "-" if each is None else f"{each:+.1f}", overlap]


def _percent(rate: BdRate | None) -> str:
    return "-" if rate is None else f"{rate.percent:+.1f}{'?' if rate.overlap < LITTLE else ''}"


def _speeds(clips: Sequence[Point], codec: str) -> list[str]:
    from benchmarks.rd.tables import frames_per_second

    pairs = [frames_per_second(point) for point in clips if point.codec == codec]
    if not pairs:
        return ["", ""] if clips else []
    medians = [median(pair[way] for pair in pairs) for way in (0, 1)]
    return [f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}" for speed in medians]
