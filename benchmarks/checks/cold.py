"""A cold decode of a thumbnail, as a process, beside what any program with torch takes."""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from PIL import Image

from benchmarks.checks.check import Check, Run
from benchmarks.datasets import DEMO_PICTURE
from benchmarks.processes import WISP, run_process

MOST_SECONDS = 0.8  # above `import torch`
REPEATS = 9


@dataclass(frozen=True)
class ColdRow:
    """Median wall seconds, runs taken in turn."""

    import_torch: float
    decode_thumbnail: float
    info: float


def measure(run: Run) -> None:
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
        runs = [[run_process(command).seconds for command in commands] for _ in range(REPEATS + 1)]
    row = ColdRow(*(median(column) for column in zip(*runs[1:], strict=True)))  # the first one warms the disk
    run.row(row, f"import torch {row.import_torch:.2f} s, wisp info {row.info:.2f} s")
    above = row.decode_thumbnail - row.import_torch
    run.hold(f"wisp decode of a thumbnail {row.decode_thumbnail:.2f} s, above torch: ", above, MOST_SECONDS, " s")


CHECK = Check("cold start: wisp decode of a thumbnail above `import torch`", 1, measure, usual=True)
