"""`wisp bench video`: rate, distortion and speed of Wisp and the video codecs beside it, on sequences."""

from __future__ import annotations

from pathlib import Path

import click

from cli import bench_options, options
from cli.bench_options import shared
from cli.bench_run import run_and_report
from cli.command import WispCommand
from cli.progress import ProgressKind

FOLDER = "wisp-video"
SIZE, FRAMES, VIEWER_FRAMES = "640x360", 60, 5
QUICK_SIZE, QUICK_FRAMES, QUICK_VIEWER_FRAMES = "320x180", 24, 3
RATES, QUICK_RATES = (0.2, 0.5), (0.3,)  # bits per pixel of the viewer
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
@click.option("--measures", callback=bench_options.names, metavar="NAME,...", help="Which, or "
              '"all".  [default: psnr,psnr-yuv611,ms-ssim,vmaf]')  # fmt: skip
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
@shared
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
    progress: ProgressKind,
) -> None:
    """Code sequences with Wisp, x264, x265, SVT-AV1, VP9 and libaom, at many qualities, and compare.

    Every encoder codes each sequence twice: with its usual prediction, and all intra as Wisp does; tables say which.
    What is not installed is listed with the way to get it. Results go to DIR as results.jsonl, sequences.json,
    results.csv, bd.csv, compressai/*.json and report.html, one file that opens offline. A finished point is not
    computed again unless its codec's version or options, or the sequence, changed.
    """
    from benchmarks.rd.choose import CLIP_ANCHOR, check_anchor, chosen_measures, chosen_sources, chosen_video_codecs
    from benchmarks.rd.outputs import check_packages
    from benchmarks.rd.run import Request
    from codec.work.threads import cores

    check_packages()
    length = frames or (QUICK_FRAMES if quick else FRAMES)
    sources = chosen_sources(sequences, videos, size or (QUICK_SIZE if quick else SIZE), length)
    codecs = chosen_video_codecs(names, quick=quick)
    wanted = chosen_measures(measures, clips=True)
    check_anchor(anchor, names, output, clips=True)
    rates = () if no_viewer else viewer or (QUICK_RATES if quick else RATES)
    shown = QUICK_VIEWER_FRAMES if quick else VIEWER_FRAMES
    request = Request(codecs, sources, wanted, threads, jobs or cores(), rates, shown, quick)
    run_and_report(request, output, "bench video", progress, anchor or CLIP_ANCHOR, clips=True)
