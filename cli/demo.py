"""`wisp demo`: a bundled photograph at several qualities, beside JPEG."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli import options
from cli.command import WispCommand
from cli.inputs import opened

if TYPE_CHECKING:
    from benchmarks.demo import Comparison

QUALITIES = (10, 30, 50, 75, 95)


def _compared(ratio: float) -> str:
    return f"{1 - ratio:.0%} smaller" if ratio < 1 else f"{ratio - 1:.0%} larger"


def _print_table(name: str, size: tuple[int, int], rows: list[Comparison]) -> None:
    from rich.table import Table

    from cli.console import console

    table = Table(title=f"{name}, {size[0]} x {size[1]}: Wisp, and JPEG of the same PSNR", title_justify="left")
    for heading in ("quality", "Wisp bytes", "bpp", "PSNR dB", "encode s", "decode s", "JPEG bytes", "bpp", "PSNR dB"):
        table.add_column(heading, justify="right")
    table.add_column("Wisp is", justify="right", style="bold")
    for row in rows:
        wisp, jpeg = row.wisp, row.jpeg
        cells = [f"{row.quality:g}", f"{wisp.bytes:,}", f"{wisp.bpp:.3f}", f"{wisp.psnr:.2f}"]
        cells += [f"{row.encode_seconds:.2f}", f"{row.decode_seconds:.2f}"]
        cells += [
            f"{jpeg.bytes:,}",
            f"{jpeg.bpp:.3f}",
            f"{jpeg.psnr:.2f}",
            _compared(wisp.bytes / jpeg.bytes),
        ]
        table.add_row(*cells)
    console().print(table)


@click.command(
    cls=WispCommand,
    short_help="Compare with JPEG on a bundled photograph.",
    epilog="\b\nExamples:\n  wisp demo\n  wisp demo --keep results\n  wisp demo photo.png\n",
)
@click.argument("input", required=False)
@click.option("--keep", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Keep every file here.")
@options.overwrite
@options.arithmetic
@options.debug
def demo(input: str | None, keep: Path | None, overwrite: bool, arithmetic: options.Arithmetic) -> None:
    """Encode a photograph at several qualities, decode it again, and compare with JPEG.

    INPUT is a picture of yours; without it a bundled photograph is taken.
    """
    from benchmarks.datasets import DEMO_PICTURE, read_picture
    from codec.files.output import Writing

    name, writing = input or str(DEMO_PICTURE), Writing(overwrite)
    with opened(name) as source:
        picture = read_picture(source)
    if keep is not None:
        keep.mkdir(parents=True, exist_ok=True)
    codec = arithmetic.codec()
    from benchmarks.demo import compare, keep_files, kept_names

    if keep is not None:
        for quality in QUALITIES:
            for path in kept_names(keep, Path(name).stem, quality):
                writing.check(str(path))
    rows = [compare(codec, picture, quality) for quality in QUALITIES]
    _print_table(Path(name).name, (picture.shape[1], picture.shape[0]), rows)
    if keep is not None:
        keep_files(keep, Path(name).stem, rows, writing)
        click.echo(f"files kept in {keep}")
