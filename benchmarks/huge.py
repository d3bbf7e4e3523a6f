"""Pictures of extreme size as whole processes, with their time and peak memory: `python -m benchmarks.huge`."""

from __future__ import annotations

import json
import multiprocessing
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import numpy as np
from PIL import Image

from benchmarks.core.processes import WISP, mosaic
from benchmarks.timing import run_process

SIDE = 10_000  # pixels: 100 megapixels
MOST_MIB = 2.5e9 / 2**20
SHAPES = ((65_535, 1), (1, 65_535), (65_535, 64), (1, 1))


@dataclass(frozen=True)
class HugeRow:
    """One command on one picture: wall seconds, peak resident memory, bytes of its output."""

    what: str
    command: str
    seconds: float
    peak_mib: float
    bytes: int


def measure(what: str, folder: Path, source: Path, *options: str, parts: bool = False) -> Iterator[HugeRow]:
    """Encode `source` with `options` and decode it to PPM; with `parts` also make a thumbnail and a crop."""
    coded, decoded = folder / "coded.wisp", folder / "decoded.ppm"
    commands = {"encode": ["encode", str(source), "-o", str(coded), *options], "decode": ["decode", str(coded)]}
    if parts:
        commands["thumbnail"] = ["decode", str(coded), "--downscale", "16"]
        commands["crop"] = ["decode", str(coded), "--crop", "3000,3000,500,500"]
    for name, command in commands.items():
        target = [] if name == "encode" else ["-o", str(decoded)]
        run = run_process([*WISP, *command, *target, "--overwrite"])
        yield HugeRow(what, name, run.seconds, run.peak_mib, (coded if name == "encode" else decoded).stat().st_size)


def measure_huge(folder: Path) -> Iterator[HugeRow]:
    """The shapes, then 100 megapixels in RGB, lossless, and with alpha."""
    rng = np.random.default_rng(1)
    narrow, large, with_alpha = folder / "narrow.ppm", folder / "large.ppm", folder / "alpha.tif"
    for width, height in SHAPES:
        Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(narrow)
        yield from measure(f"{width}x{height} noise", folder, narrow)
    writer = multiprocessing.get_context("spawn").Process(target=_write_large, args=(large, with_alpha))
    writer.start()
    writer.join()
    yield from measure("100 megapixels", folder, large, parts=True)
    yield from measure("100 megapixels --lossless", folder, large, "--lossless")
    yield from measure("100 megapixels RGBA", folder, with_alpha)


def _write_large(opaque: Path, with_alpha: Path) -> None:
    """A mosaic, and the same with alpha. In a process of its own: others inherit the peak memory of their parent."""
    picture = mosaic(SIDE)
    Image.fromarray(picture).save(opaque)
    alpha = np.tile(np.arange(SIDE) * 255 // SIDE, (SIDE, 1)).astype(np.uint8)
    Image.fromarray(np.dstack([picture, alpha])).save(with_alpha)


@click.command()
@click.option("--output", type=click.Path(path_type=Path), help="A JSON file for every figure.")
def main(output: Path | None) -> None:
    """Encode and decode pictures of extreme size."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for row in measure_huge(Path(folder)):
            rows.append(row)
            click.echo(
                f"{row.what:<26} {row.command:<10} {row.seconds:6.1f} s {row.peak_mib:6.0f} MiB {row.bytes:>10} bytes"
            )
    if output is not None:
        output.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    raise SystemExit(1 if max(row.peak_mib for row in rows) > MOST_MIB else 0)


if __name__ == "__main__":
    main()
