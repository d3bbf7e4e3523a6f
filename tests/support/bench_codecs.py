"""Toy codecs for the benchmark's tests, and the benchmark in this process, where a run costs no second.

The codecs are importable, picklable and without torch, as spawned processes want them.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from PIL import Image

from benchmarks.codecs.interface import AbsentError, ImageCodec
from benchmarks.datasets import Sample, folder_samples
from benchmarks.raw import Pixels
from benchmarks.rd import jobs, probe, run
from benchmarks.rd.records import Absence, Failure, Point
from benchmarks.rd.results import Results
from benchmarks.rd.run import Request, run_benchmark
from benchmarks.sources import Source

_HEADER = struct.Struct("<HHB")


class Toy(ImageCodec):
    """Keeps the `quality` highest bits of every sample. Every call of `encode` adds a line to `log`."""

    ending = "toy"
    qualities: tuple[float, ...] = (1, 3, 5, 7)

    def __init__(
        self,
        id: str = "toy",
        *,
        version: str = "toy 1",
        options: Mapping[str, object] | None = None,
        qualities: Sequence[float] = (1, 3, 5, 7),
        log: Path | None = None,
    ) -> None:
        self.id, self.title, self.qualities = id, f"Toy {id}", tuple(qualities)
        self.options = options or {"level": 6}
        self._version, self._log = version, log

    def open(self, threads: int) -> None:
        """Nothing is needed."""

    @property
    def version(self) -> str:
        return self._version

    def command(self, quality: float) -> str:
        return f"toy -q {quality:g} in.png out.toy"

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        if self._log is not None:
            with self._log.open("a") as log:
                log.write(f"{self.id} {quality:g}\n")
        kept = pixels >> np.uint8(8 - int(quality))
        return _HEADER.pack(*pixels.shape[:2], int(quality)) + zlib.compress(kept.tobytes())

    def decode(self, data: bytes) -> Pixels:
        height, width, bits = _HEADER.unpack_from(data)
        kept = np.frombuffer(zlib.decompress(data[_HEADER.size :]), np.uint8).reshape(height, width, 3)
        half = np.uint8(1 << (7 - bits)) if bits < 8 else np.uint8(0)
        return (kept << np.uint8(8 - bits)) | half


class Faulty(Toy):
    """Does `fault` at the quality `at`, as long as there is no file `healed`."""

    def __init__(self, fault: str, at: float = 3, *, healed: Path | None = None, **settings: Any) -> None:
        super().__init__(**{"id": f"faulty-{fault}", **settings})
        self._fault, self._at, self._healed = fault, at, healed

    def encode(self, pixels: Pixels, quality: float) -> bytes:
        if quality == self._at and self._fault != "shape" and not self._is_healed():
            FAULTS[self._fault]()
        return super().encode(pixels, quality)

    def decode(self, data: bytes) -> Pixels:
        shown = super().decode(data)
        wrong = self._fault == "shape" and _HEADER.unpack_from(data)[2] == self._at and not self._is_healed()
        return shown[:-1] if wrong else shown

    def _is_healed(self) -> bool:
        return self._healed is not None and self._healed.exists()


def _raise() -> None:
    raise RuntimeError("out of bits")


def _exit_python() -> None:
    raise SystemExit(3)


def _exit() -> None:
    os._exit(3)


def _crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


FAULTS: Mapping[str, Callable[[], None]] = {"raise": _raise, "leave": _exit_python, "exit": _exit, "crash": _crash}


class Absent(Toy):
    """Cannot be opened."""

    def open(self, threads: int) -> None:
        raise AbsentError("libtoy is not installed", "apt install libtoy")


class Deadly(Toy):
    """Ends the process that opens it."""

    def open(self, threads: int) -> None:
        os._exit(1)


def paint(seed: int, height: int = 24, width: int = 32) -> Pixels:
    """(H, W, 3): waves and a little noise, another picture for every seed."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[:height, :width]
    waves = [120 + 60 * np.sin(rows / (4 + c + seed)) + 50 * np.cos(columns / (3 + c)) for c in range(3)]
    return (np.stack(waves, axis=-1) + random.normal(0, 4, (height, width, 3))).clip(0, 255).astype(np.uint8)


def picture_folder(folder: Path, names: Iterable[str] = "ab", height: int = 24, width: int = 32) -> Path:
    """`folder` with a PNG picture for every name."""
    folder.mkdir(parents=True, exist_ok=True)
    for seed, name in enumerate(names):
        Image.fromarray(paint(seed, height, width)).save(folder / f"{name}.png")
    return folder


def picture_samples(folder: Path, names: Iterable[str] = "ab", dataset: str = "set") -> list[Sample]:
    """The same as samples of `dataset`."""
    return folder_samples(dataset, picture_folder(folder, names))


def live_release(root: Path) -> Path:
    """A small made-up LIVE release: two references, three JPEG pictures of them."""
    for folder in ("refimgs", "jpeg"):
        (root / folder).mkdir(parents=True)
    lines = []
    for seed, (name, file, rate, quality) in enumerate(
        (("house", 3, 0.8453, 30), ("house", 7, 0.2, 5), ("woman", 9, 1.5, 70), ("woman", 12, 0, 0))
    ):
        pixels = paint(len(name) + ord(name[0]), 32, 48)
        Image.fromarray(pixels).save(root / "refimgs" / f"{name}.bmp")
        shown = Image.fromarray(pixels)
        if rate:
            shown.save(root / f"{seed}.jpg", quality=quality)
            shown = Image.open(root / f"{seed}.jpg").convert("RGB")
        shown.save(root / "jpeg" / f"img{file}.bmp")
        lines.append(f"{name}.bmp img{file}.bmp {rate}\n")
    (root / "jpeg" / "info.txt").write_text("".join(lines))
    return root


@dataclass
class Heard:
    """A listener that remembers."""

    absences: list[Absence] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    begun: tuple[int, int] | None = None
    finished: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)

    def absent(self, absence: Absence) -> None:
        self.absences.append(absence)

    def begin(self, total: int, finished: int) -> None:
        self.begun = (total, finished)

    def noted(self, source: Source, note: str) -> None:
        self.notes[source.name] = note

    def left_out(self, source: Source, reason: str) -> None:
        self.refused[source.name] = reason

    def done(self, group: str, failures: Sequence[Failure]) -> None:
        self.finished.append(group)
        self.failures += failures


def in_turn(
    function: Callable[[Any], Any], groups: Sequence[Sequence[Any]], workers: int
) -> Generator[tuple[int, int, Any], None, None]:
    """As `in_own_processes`, here: every group begins with nothing opened, everything is pickled."""
    for number, group in enumerate(groups):
        jobs._open.clear()
        jobs._warm.clear()
        jobs.measures_of.cache_clear()
        jobs.workplace.__init__()  # type: ignore[misc]
        for index, item in enumerate(group):
            yield number, index, pickle.loads(pickle.dumps(function(pickle.loads(pickle.dumps(item)))))


@contextmanager
def one_process() -> Iterator[None]:
    """Runs of the benchmark stay in this process, and leave its environment as it was."""
    here = [mock.patch.object(module, "in_own_processes", in_turn) for module in (probe, run)]
    with here[0], here[1], mock.patch.dict(os.environ):
        yield


def bench(
    folder: Path,
    codecs: Sequence[ImageCodec],
    samples: Sequence[Sample],
    *,
    measures: tuple[str, ...] = ("psnr",),
    keep: bool = False,
    heard: Heard | None = None,
    processes: int = 0,
    **request: Any,
) -> Results:
    """A run into `folder`; in this process, or in so many of its own at a time."""
    folder.mkdir(exist_ok=True)
    asked = Request(codecs, samples, measures, jobs=processes or 1, keep=keep, **request)
    if processes:
        return run_benchmark(asked, folder, "wisp bench rd", heard or Heard())
    with one_process():
        return run_benchmark(asked, folder, "wisp bench rd", heard or Heard())


def timeless(points: Iterable[Point]) -> list[Point]:
    """The points in one order, without what differs between any two runs."""
    same = [replace(point, encode_seconds=0.0, decode_seconds=0.0, jobs=1) for point in points]
    return sorted(same, key=lambda point: point.key)
