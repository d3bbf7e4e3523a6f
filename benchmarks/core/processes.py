"""Whole processes: a cold decode of a thumbnail, and time and memory of a large picture."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.datasets import DEMO_PICTURE, live_paths, read_picture
from benchmarks.timing import ProcessRun, run_process

WISP = (sys.executable, "-m", "cli.main")
MOST_COLD_SECONDS = 0.8
LARGE = 4096  # pixels a side: 16 megapixels
PART = 416  # pixels a side of a mosaic's parts: every LIVE picture has as many


@dataclass(frozen=True)
class ColdStart:
    """Median wall seconds, runs taken in turn."""

    import_torch: float
    decode_thumbnail: float
    info: float

    @property
    def above_torch(self) -> float:
        return self.decode_thumbnail - self.import_torch


def measure_cold_start(repeats: int = 9) -> ColdStart:
    """`wisp decode` of a 128x85 thumbnail beside `import torch` and `wisp info`."""
    with tempfile.TemporaryDirectory() as folder:
        picture, coded = Path(folder, "thumbnail.png"), Path(folder, "thumbnail.wisp")
        Image.open(DEMO_PICTURE).resize((128, 85)).save(picture)
        run_process([*WISP, "encode", str(picture)])
        commands = (
            [sys.executable, "-c", "import torch"],
            [*WISP, "decode", str(coded), "--overwrite"],
            [*WISP, "info", str(coded)],
        )
        runs = [[run_process(command).seconds for command in commands] for _ in range(repeats + 1)]
    return ColdStart(*(median(column) for column in zip(*runs[1:], strict=True)))  # the first one warms the disk


def mosaic(side: int) -> NDArray[np.uint8]:
    """A picture (side, side, 3) uint8 made of parts of the LIVE pictures."""
    parts = [read_picture(path)[:PART, :PART] for path in live_paths()]
    count = -(-side // PART)
    rows = [np.hstack([parts[(row * count + i) % len(parts)] for i in range(count)]) for row in range(count)]
    return np.vstack(rows)[:side, :side]


def measure_large(side: int = LARGE) -> tuple[ProcessRun, ProcessRun]:
    """Encode and decode a mosaic of `side` x `side` pixels, each as a process."""
    with tempfile.TemporaryDirectory() as folder:
        picture, coded = Path(folder, "large.ppm"), Path(folder, "large.wisp")
        Image.fromarray(mosaic(side)).save(picture)
        encode = run_process([*WISP, "encode", str(picture)])
        decode = run_process([*WISP, "decode", str(coded), "-o", str(Path(folder, "decoded.ppm"))])
    return encode, decode
