"""Pictures of large and of extreme size as whole processes, with their time and peak memory."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.checks.check import Check, Run
from benchmarks.mosaic import Size, mosaic
from benchmarks.processes import WISP, run_process

LARGE, HUGE = Size(4096, 4096), Size(10_000, 10_000)
MOST_MIB = 2.5e9 / 2**20
SHAPES = ((65_535, 1), (1, 65_535), (65_535, 64), (1, 1))


@dataclass(frozen=True)
class LargeRow:
    """One command on one picture: wall seconds, peak resident memory, bytes of its output."""

    what: str
    command: str
    seconds: float
    peak_mib: float
    bytes: int


def _code(run: Run, what: str, source: Path, *options: str, parts: bool = False) -> None:
    """Encode `source` with `options` and decode it to PPM; with `parts` also make a thumbnail and a crop."""
    coded, decoded = source.with_name("coded.wisp"), source.with_name("decoded.ppm")
    commands = {"encode": ["encode", str(source), "-o", str(coded), *options], "decode": ["decode", str(coded)]}
    if parts:
        commands["thumbnail"] = ["decode", str(coded), "--downscale", "16"]
        commands["crop"] = ["decode", str(coded), "--crop", "3000,3000,500,500"]
    for name, command in commands.items():
        target = [] if name == "encode" else ["-o", str(decoded)]
        found = run_process([*WISP, *command, *target, "--overwrite"])
        size = (coded if name == "encode" else decoded).stat().st_size
        run.row(LargeRow(what, name, found.seconds, found.peak_mib, size))
        run.hold(f"{what:<26} {name:<10} {found.seconds:6.1f} s {size:>10} bytes ", found.peak_mib, MOST_MIB, " MiB")


def measure_large(run: Run) -> None:
    """A mosaic of 4096x4096."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder, "large.ppm")
        Image.fromarray(mosaic(LARGE)).save(picture)
        _code(run, str(LARGE), picture)


def measure_huge(run: Run) -> None:
    """The shapes, then 100 megapixels in RGB, lossless, and with alpha."""
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as folder:
        narrow, large, with_alpha = (Path(folder, name) for name in ("narrow.ppm", "large.ppm", "alpha.tif"))
        for width, height in SHAPES:
            Image.fromarray(rng.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(narrow)
            _code(run, f"{width}x{height} noise", narrow)
        picture = mosaic(HUGE)
        Image.fromarray(picture).save(large)
        alpha = np.tile(np.arange(HUGE.width) * 255 // HUGE.width, (HUGE.height, 1)).astype(np.uint8)
        Image.fromarray(np.dstack([picture, alpha])).save(with_alpha)
        del picture, alpha
        _code(run, "100 megapixels", large, parts=True)
        _code(run, "100 megapixels --lossless", large, "--lossless")
        _code(run, "100 megapixels RGBA", with_alpha)


CHECK = Check("time and peak memory of wisp encode and decode at 4096x4096", 1, measure_large, usual=True)
HUGE_CHECK = Check("the same from 65535x1 to 100 megapixels, lossless and RGBA too", 15, measure_huge)
