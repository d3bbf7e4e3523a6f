"""`wisp bench video`: rate, distortion and speed of Wisp and the video codecs beside it, on sequences."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click

from bitstream.errors import WispError
from cli import bench_options, options
from cli.bench_progress import RunShown
from cli.command import WispCommand, say

if TYPE_CHECKING:
    from rich.table import Table

    from benchmarks.rd.bd import BdRate, BdRow
    from benchmarks.rd.records import Point
    from benchmarks.rd.results import Results

FOLDER = "wisp-video"
SIZE, FRAMES, VIEWER_FRAMES = "640x360", 60, 5
QUICK_SIZE, QUICK_FRAMES, QUICK_VIEWER_FRAMES = "320x180", 24, 3
RATES, QUICK_RATES = (0.2, 0.5), (0.3,)  # bits per pixel of the viewer
_CODEC_WIDTH, _NUMBER_WIDTH, _OTHER_WIDTH = 42, 11, 34  # characters
LITTLE = 0.5  # overlap below which a number says little
EPILOG = """\b
Examples:
  wisp bench video --quick                         a minute or two
  wisp bench video                                 the three own sequences, every codec that is installed
  wisp bench video --videos uvg=~/uvg --frames 120 -o uvg
  wisp bench video --codecs x264-veryslow,x264-veryslow-intra,wisp --anchor x264-veryslow
"""


@click.command(cls=WispCommand, short_help="Rate, distortion and speed beside video codecs.", epilog=EPILOG)
@click.option(
    "-o",
    "--output",
    default=FOLDER,
    show_default=True,
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Results and report go here; a run that was cut off goes on.",
)
@click.option(
    "--sequences",
    callback=bench_options.names,
    metavar="NAME,...",
    help='Of the own ones: pan-zoom, scroll, noise; or "none".  [default: all; with --videos none]',
)
@click.option("--videos", multiple=True, metavar="[NAME=]DIR", help="A folder of videos, repeatable.")
@click.option(
    "--frames", type=click.IntRange(2, 100_000), metavar="N", help=f"First frames of each.  [default: {FRAMES}]"
)
@click.option("--size", metavar="WxH", help=f"Of the own sequences, even numbers.  [default: {SIZE}]")
@click.option(
    "--codecs", "names", callback=bench_options.names, metavar="NAME,...", help="Only these; an unknown name lists all."
)
@click.option("--measures", callback=bench_options.names, metavar="NAME,...", help="Which.  [default: all: psnr,"
              "psnr-yuv611,ms-ssim,vmaf]")  # fmt: skip
@click.option(
    "--anchor",
    metavar="NAME",
    help="Codec that BD-rates are against, beside its twin with or without -intra.  [default: x264-medium]",
)
@click.option(
    "--viewer-bpp",
    "viewer",
    multiple=True,
    type=click.FloatRange(0.01, 24),
    metavar="BPP",
    help="Rates of the report's frames.  [default: 0.2, 0.5]",
)
@click.option("--no-viewer", is_flag=True, help="Leave the viewer's frames out.")
@click.option(
    "--quick",
    is_flag=True,
    help=f"{QUICK_FRAMES} frames of {QUICK_SIZE}, one preset of each encoder, four qualities, one rate in the viewer.",
)
@click.option("--jobs", type=click.IntRange(1, 256), metavar="N", help="Codecs at a time.  [default: one a core]")
@click.option(
    "--threads", type=click.IntRange(1, 256), default=1, show_default=True, metavar="N", help="Threads of each."
)
@click.option(
    "--progress",
    type=click.Choice(["auto", "json", "none"]),
    default="auto",
    show_default=True,
    help="How progress is shown on standard error.",
)
@options.debug
def video(
    output: Path,
    sequences: tuple[str, ...],
    videos: tuple[str, ...],
    frames: int | None,
    size: str | None,
    names: tuple[str, ...],
    measures: tuple[str, ...],
    anchor: str | None,
    viewer: tuple[float, ...],
    no_viewer: bool,
    quick: bool,
    jobs: int | None,
    threads: int,
    progress: str,
) -> None:
    """Code sequences with Wisp, x264, x265, SVT-AV1, VP9 and libaom, at many qualities, and compare.

    Every encoder codes each sequence twice: with its usual prediction, and all intra as Wisp does; tables say which.
    What is not installed is listed with the way to get it. Results go to DIR as results.jsonl, sequences.json,
    results.csv, bd.csv, compressai/*.json and report.html, one file that opens offline. A finished point is not
    computed again unless its codec's version or options, or the sequence, changed.
    """
    from benchmarks.rd.outputs import REPORT, check_packages, make_folder
    from benchmarks.video.choose import ANCHOR, check_anchor, chosen_codecs, chosen_measures, chosen_sources
    from benchmarks.video.outputs import write_outputs
    from benchmarks.video.run import Request, run_benchmark
    from codec.work.threads import cores

    check_packages()
    length = frames or (QUICK_FRAMES if quick else FRAMES)
    sources = chosen_sources(sequences, videos, size or (QUICK_SIZE if quick else SIZE), length)
    codecs = chosen_codecs(names, quick=quick)
    wanted = chosen_measures(measures)
    check_anchor(anchor, names, output)
    rates = () if no_viewer else viewer or (QUICK_RATES if quick else RATES)
    shown = QUICK_VIEWER_FRAMES if quick else VIEWER_FRAMES
    request = Request(codecs, sources, wanted, threads, jobs or cores(), rates, shown, quick)
    make_folder(output)
    with VideoRunShown(progress) as show:
        results = run_benchmark(request, output, shlex.join(["wisp", *sys.argv[1:]]), show)
    write_outputs(results, output, anchor or ANCHOR)
    print_tables(results, anchor or ANCHOR)
    click.echo(f"report: {output / REPORT}")
    if show.failures:
        raise WispError(f"points that failed: {show.failures}; the same command tries them again")


class VideoRunShown(RunShown):
    """Shows how a run goes, under the name of this command."""

    def _say(self, message: str) -> None:
        if self._bar is not None:
            self._bar.console.print(f"wisp: bench video: {message}", markup=False, highlight=False, soft_wrap=True)
        elif self._kind == "json":
            click.echo(json.dumps({"event": "message", "text": message}), err=True)
        else:
            say("bench video", message)


def print_tables(results: Results, anchor: str) -> None:
    """For every set and anchor: BD-rates in every measure with the speeds, then the first measure's by sequence."""
    from benchmarks.video.choose import anchors_of
    from benchmarks.video.outputs import taken_measures
    from cli.console import console as new_console

    console = new_console()
    if not taken_measures(results.points):
        console.print("no measure was taken, so there are no BD-rates", highlight=False)
        return
    for dataset in sorted({point.dataset for point in results.points}):
        points = [point for point in results.points if point.dataset == dataset]
        for against in anchors_of(anchor, list(dict.fromkeys(point.codec for point in points))):
            console.print(_measures_table(dataset, points, against, results.titles))
            console.print(_sequences_table(points, against, results.titles, console.width))
    console.print(
        "Percent of bytes at equal quality, negative is smaller. mean: of the sequences' own numbers. avg.: over the"
        " averaged curves. lap: the part of both curves' range of quality that avg. covers; below"
        f" {LITTLE:.0%} (marked ?) it says little. A dash: not enough points, or no quality in common. fps: median"
        " frames a second of coding raw video, within the threads asked for. All of it is in bd.csv and results.csv.",
        highlight=False,
    )


def _rows(points: Sequence[Point], anchor: str, measure: str) -> dict[str, BdRow]:
    from benchmarks.rd.bd import bd_table
    from benchmarks.video.measures import INFOS

    better = INFOS[measure].higher_is_better
    return {row.codec: row for row in bd_table(points, anchor, measure, higher_is_better=better)}


def _measures_table(dataset: str, points: Sequence[Point], anchor: str, titles: dict[str, str]) -> Table:
    from rich.table import Table

    from benchmarks.video.measures import INFOS
    from benchmarks.video.outputs import prediction_of, taken_measures

    measures = taken_measures(points)
    sequences = len({point.image for point in points})
    heading = f"{dataset}, {sequences} sequences: BD-rate against {anchor} in percent"
    table = Table(title=heading, title_justify="left")
    table.add_column("\ncodec", max_width=_CODEC_WIDTH, no_wrap=True)
    table.add_column("\nprediction", no_wrap=True)
    for measure in measures:
        table.add_column(f"{INFOS[measure].title}\nmean", justify="right", no_wrap=True)
        table.add_column("\navg.", justify="right", no_wrap=True)
        table.add_column("\nlap", justify="right", no_wrap=True, style="dim")
    table.add_column("encode\nfps", justify="right", no_wrap=True)
    table.add_column("decode\nfps", justify="right", no_wrap=True)
    rows = {measure: _rows(points, anchor, measure) for measure in measures}
    predictions = {point.codec: prediction_of(point) for point in points}
    order = [*rows[measures[0]], *(codec for codec in predictions if codec not in rows[measures[0]])]
    for codec in order:
        cells = [_bare(titles.get(codec, codec)), predictions[codec]]
        for measure in measures:
            cells += _bd_cells(rows[measure].get(codec))
        table.add_row(*cells, *_speeds(points, codec), style="bold" if codec.startswith("wisp") else "")
    return table


def _bare(title: str) -> str:
    """Without the prediction, which has a column of its own."""
    return title.rpartition(", ")[0] or title


def _bd_cells(row: BdRow | None) -> list[str]:
    if row is None:
        return ["-", "-", ""]
    each, averaged = row.mean_per_image, row.averaged
    overlap = "" if averaged is None else f"{averaged.overlap:.0%}"
    return ["-" if each is None else f"{each:+.1f}", _percent(averaged), overlap]


def _percent(rate: BdRate | None) -> str:
    return "-" if rate is None else f"{rate.percent:+.1f}{'?' if rate.overlap < LITTLE else ''}"


def _speeds(points: Sequence[Point], codec: str) -> list[str]:
    from benchmarks.video.outputs import frames_per_second

    pairs = [frames_per_second(point) for point in points if point.codec == codec]
    medians = [median(pair[way] for pair in pairs) for way in (0, 1)]
    return [f"{speed:,.0f}" if speed >= 100 else f"{speed:.3g}" for speed in medians]


def _sequences_table(points: Sequence[Point], anchor: str, titles: dict[str, str], width: int) -> Table:
    """The first measure's BD-rate by sequence, of as many sequences as fit."""
    from rich.table import Table

    from benchmarks.video.measures import INFOS
    from benchmarks.video.outputs import prediction_of, taken_measures

    measure = taken_measures(points)[0]
    names = sorted({f"{point.dataset}/{point.image}" for point in points})
    fit = max((width - _OTHER_WIDTH - _CODEC_WIDTH) // _NUMBER_WIDTH, 1)
    more = f", {fit} of {len(names)}; all are in bd.csv" if len(names) > fit else ""
    title = f"by sequence{more}: {INFOS[measure].title}, against {anchor}"
    table = Table(title=title, title_justify="left")
    table.add_column("codec", max_width=_CODEC_WIDTH, no_wrap=True)
    table.add_column("prediction", no_wrap=True)
    for name in names[:fit]:
        table.add_column(name.partition("/")[2], justify="right", max_width=_NUMBER_WIDTH - 3, overflow="ellipsis")
    predictions = {point.codec: prediction_of(point) for point in points}
    for codec, row in _rows(points, anchor, measure).items():
        cells = [_percent(row.per_image.get(name)) for name in names[:fit]]
        bold = "bold" if codec.startswith("wisp") else ""
        table.add_row(_bare(titles.get(codec, codec)), predictions[codec], *cells, style=bold)
    return table
