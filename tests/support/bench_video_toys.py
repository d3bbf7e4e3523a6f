"""Toy codecs for the video benchmark's tests, and `wisp bench video` in this process, into the folder out/ of an empty
one.

The codecs are importable, picklable and without torch.
"""

from __future__ import annotations

import csv
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from benchmarks.codecs.interface import INTRA, PREDICTED, AbsentError, VideoCodec
from benchmarks.raw import RawClip, write_planes
from benchmarks.rd.jobs import THREAD_VARIABLES
from benchmarks.rd.records import Point
from benchmarks.rd.results import FILE_NAME, Results, read_results
from tests.support.bench_codecs import in_turn
from tests.support.cli_runner import invoke

SMALL = ("--size", "48x32", "--frames", "4", "--progress", "none", "--jobs", "1")


class ToyVideo(VideoCodec):
    """Keeps the `quality` highest bits of every sample, with prediction of their differences. A file "healed" beside
    the results keeps a faulty one from failing, and every encode adds a line to the file "log" there."""

    ending = "toy"
    qualities = (1, 2, 3, 4, 5, 6)
    quality_name = "bits"
    quick = True

    def __init__(self, id: str, *, version: str = "toy 1", fault: str = "") -> None:
        self.id = id
        prediction = INTRA if id.endswith("-intra") or id == "wisp" else PREDICTED
        self.title = f"Toy {id}, {prediction}"
        self.options = {"prediction": prediction}
        self._version, self._fault = version, fault

    def open(self, threads: int) -> None:
        if self._fault == "absent":
            raise AbsentError("libtoy is not installed", "apt install libtoy")

    @property
    def version(self) -> str:
        return self._version

    def command(self, quality: float) -> str:
        return f"toy {quality:g}"

    def encode(self, clip: RawClip, quality: float, path: Path) -> None:
        if clip.frames > 2:  # no warming
            with Path("log").open("a") as log:
                log.write(f"{self.id} {quality:g}\n")
        if self._fault == "encode" and quality == 3 and not Path("healed").exists():
            raise RuntimeError("out of bits")
        bits = round(quality)
        kept = np.stack([planes[0] >> np.uint8(8 - bits) for planes in clip.planes()])
        if self.options["prediction"] == PREDICTED:
            kept = np.diff(kept, axis=0, prepend=np.zeros_like(kept[:1]))
        path.write_bytes(
            bytes([bits, self.options["prediction"] == PREDICTED, len(kept)]) + zlib.compress(kept.tobytes())
        )

    def decode(self, path: Path, raw: BinaryIO) -> None:
        data = path.read_bytes()
        bits, predicted, frames = data[:3]
        kept = np.frombuffer(zlib.decompress(data[3:]), np.uint8).reshape(frames, -1)
        kept = np.cumsum(kept, axis=0, dtype=np.uint8) if predicted else kept
        for frame in kept[: -1 if self._fault == "short" else None]:
            write_planes(raw, [(frame << np.uint8(8 - bits)) | np.uint8(1 << (7 - bits))])


def toys(**faults: str) -> dict[str, VideoCodec]:
    names = ("x264-medium", "x264-medium-intra", "wisp", *faults)
    return {name: ToyVideo(name, fault=faults.get(name, "")) for name in names}


def stay_here(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Commands run in `folder`, the benchmark within this process and with toys."""
    monkeypatch.chdir(folder)
    for name in THREAD_VARIABLES:
        monkeypatch.setenv(name, "1")
    for module in ("run", "probe"):
        monkeypatch.setattr(f"benchmarks.rd.{module}.in_own_processes", in_turn)
    monkeypatch.setattr("benchmarks.rd.choose.video_catalog", toys)


def bench(*arguments: str, small: Sequence[str] = SMALL) -> tuple[int, str, list[str]]:
    """-> exit status, standard output, lines of standard error."""
    done = invoke("bench", "video", "-o", "out", *small, "--measures", "psnr", *arguments)
    return done.exit_code, done.stdout, done.stderr.splitlines()


def results() -> Results:
    return read_results(Path("out", FILE_NAME))


def timeless(points: Sequence[Point]) -> list[Point]:
    return sorted((replace(p, encode_seconds=0.0, decode_seconds=0.0) for p in points), key=lambda p: p.key)


def rows(name: str) -> list[dict[str, str]]:
    with Path("out", name).open(newline="") as file:
        return [*csv.DictReader(file)]
