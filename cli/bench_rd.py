"""`wisp bench rd`: rate and distortion of Wisp and the codecs beside it, on pictures."""

from __future__ import annotations

from pathlib import Path

import click

from cli import bench_options, options
from cli.bench_options import shared
from cli.bench_run import run_and_report
from cli.command import WispCommand
from cli.progress import ProgressKind

FOLDER = "wisp-rd"
RATES = (0.25, 0.5)  # bits per pixel of the viewer: what the web uses
QUICK_RATES = (0.5,)
EPILOG = """\b
Examples:
  wisp bench rd                                    the 29 LIVE pictures, everything that is installed
  wisp bench rd --quick --codecs jpeg420,avif,wisp-e4
  wisp bench rd --images kodak=~/kodak -o kodak    a folder of pictures
  wisp bench rd --slow --measures psnr,ssimulacra2
  wisp bench rd --curve ELIC=elic.json             with a published curve in CompressAI's format
"""


@click.command(cls=WispCommand, short_help="Rate and distortion beside other codecs.", epilog=EPILOG)
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
    "--images",
    multiple=True,
    metavar="[NAME=]DIR",
    help="A folder of pictures, repeatable; NAME: kodak, clic, tecnick, any.  [default: live]",
)
@click.option(
    "--live-root",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="The LIVE release: its JPEG pictures become points and inputs for restoration.",
)
@click.option(
    "--resize",
    "side",
    metavar="N",
    type=click.IntRange(1, 65535),
    help="Resize every picture to N x N first (224: the LIVE-compression study).",
)
@click.option(
    "--codecs", "names", callback=bench_options.names, metavar="NAME,...", help="Only these; an unknown name lists all."
)
@click.option(
    "--efforts",
    callback=bench_options.efforts,
    metavar="N,...",
    default="1,4",
    show_default=True,
    help="Efforts of Wisp.",
)
@click.option("--slow", is_flag=True, help="Wisp's refined efforts 5, 7 and 9 as well, which take hours.")
@click.option(
    "--measures",
    callback=bench_options.names,
    metavar="NAME,...",
    help='Which, or "all".  [default: psnr,psnr-yuv611,ssim,ms-ssim]',
)
@click.option(
    "--anchor",
    metavar="NAME",
    help="Codec that the table's BD-rates are against.  [default: jpeg420, else the first]",
)
@click.option("--curve", "curves", multiple=True, metavar="NAME=FILE", help="A published curve (CompressAI's JSON).")
@click.option("--compressai-weights", metavar="DIR", type=click.Path(path_type=Path), help="Their checkpoints.")
@click.option("--lpips-weights", metavar="FILE", type=click.Path(path_type=Path), help="torchvision's AlexNet.")
@click.option(
    "--viewer-bpp",
    "viewer",
    multiple=True,
    type=click.FloatRange(0.01, 24),
    metavar="BPP",
    help="Rates of the report's viewer.  [default: 0.25, 0.5]",
)
@click.option("--no-viewer", is_flag=True, help="Leave the viewer's pictures out.")
@click.option("--quick", is_flag=True, help="Four pictures of each set at four qualities, one rate in the viewer.")
@click.option("--keep", is_flag=True, help="Keep every coded file.")
@shared
@options.model
@options.debug
def rd(
    output: Path,
    images: tuple[str, ...],
    live_root: Path | None,
    side: int | None,
    names: tuple[str, ...],
    efforts: tuple[int, ...],
    slow: bool,
    measures: tuple[str, ...],
    anchor: str | None,
    curves: tuple[str, ...],
    compressai_weights: Path | None,
    lpips_weights: Path | None,
    viewer: tuple[float, ...],
    no_viewer: bool,
    quick: bool,
    keep: bool,
    jobs: int | None,
    threads: int,
    progress: ProgressKind,
    model: Path | None,
) -> None:
    """Code pictures with Wisp, JPEG and every other codec that is installed, at many qualities, and compare.

    What is not installed is listed with the way to get it. Results go to DIR as results.jsonl, results.csv,
    compressai/*.json (CompressAI's format) and report.html, one file that opens offline. A finished point is not
    computed again unless its codec's version or options changed.
    """
    from benchmarks.rd.choose import (
        PICTURE_ANCHOR,
        check_anchor,
        chosen_codecs,
        chosen_curve,
        chosen_measures,
        chosen_pictures,
    )
    from benchmarks.rd.outputs import check_packages
    from benchmarks.rd.run import Request
    from codec.work.threads import cores

    check_packages()
    samples, jpegs = chosen_pictures(images, live_root, side, quick=quick)
    check_anchor(anchor, names, output)
    file = None if model is None else str(model)
    codecs = chosen_codecs(names, efforts, slow=slow, model=file, compressai_weights=compressai_weights)
    wanted = chosen_measures(measures)
    request = Request(
        codecs,
        samples,
        wanted,
        threads,
        jobs or cores(),
        () if no_viewer else viewer or (QUICK_RATES if quick else RATES),
        quick=quick,
        keep=keep,
        lpips_weights=lpips_weights,
        jpegs=jpegs,
        curves=[chosen_curve(text) for text in curves],
    )
    run_and_report(request, output, "bench rd", progress, anchor or PICTURE_ANCHOR)
