"""Does memory grow with a clip's length? Many small frames there and back."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run
from bitstream.errors import UnsupportedError
from codec.api import Codec
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter

WIDTH, HEIGHT, RATE = 64, 48, 25
EARLY, LATE = 1_000, 10_000  # frames
MOST = 1.05  # times the memory at EARLY that may be held at LATE
_STATM = Path("/proc/self/statm")


@dataclass(frozen=True)
class Soak:
    """Resident memory in MiB at frame EARLY and at frame LATE."""

    what: str
    early: float
    late: float


def resident_mib() -> float:
    """What this process holds now. Raises UnsupportedError where the system does not tell (it is Linux that does)."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError as error:
        raise UnsupportedError("resident memory is read from /proc, which is not here") from error
    import resource

    return pages * resource.getpagesize() / (1 << 20)


def small_frames(count: int) -> Iterator[NDArray[np.uint8]]:
    """Deterministic frames (48, 64, 3) uint8: a gradient that moves under noise; every tenth frame stands still."""
    chance = np.random.default_rng(3)
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    frame = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    for number in range(count):
        if number % 10 != 9:
            smooth = 128 + 80 * np.sin((rows + 2 * columns + number) / 9)[:, :, None] * [1.0, 0.7, -0.6]
            frame = np.clip(smooth + chance.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
        yield frame


def soak_encode(codec: Codec, path: Path) -> Soak:
    """Write LATE frames to a file."""
    early = 0.0
    with VideoWriter(path, (WIDTH, HEIGHT), RATE, quality=60, overwrite=True, codec=codec) as writer:
        for number, frame in enumerate(small_frames(LATE), 1):
            writer.write(frame)
            early = resident_mib() if number == EARLY else early
        return Soak("encode", early, resident_mib())


def soak_decode(codec: Codec, path: Path, *, seekable: bool, workers: int | None) -> Soak:
    """Read them all again, as from a file or as from a pipe."""
    early = late = 0.0
    name = f"decode {'a file' if seekable else 'a pipe'}, {workers or 'several'} at a time"
    with path.open("rb") as file:
        source: BinaryIO = file if seekable else _Pipe(file)  # type: ignore[assignment]
        video = open_video(source, codec=codec, workers=workers)
        for frame in video:
            early = resident_mib() if frame.number == EARLY - 1 else early
            late = resident_mib() if frame.number == LATE - 1 else late
        video.close()
    return Soak(name, early, late)


class _Pipe(io.RawIOBase):
    """Only reads forward."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


def measure(run: Run) -> None:
    """Encode and decode 10,000 frames of 64x48 pixels and compare the memory held at frames 1,000 and 10,000."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "soak.wisp")
        works: list[Callable[[Codec, Path], Soak]] = [soak_encode]
        works += [partial(soak_decode, seekable=file, workers=n) for file, n in ((True, 1), (False, 1), (True, None))]
        for work in works:
            soak = work(run.codec, path)
            run.row(soak)
            run.hold(f"{soak.what}: {soak.early:.0f} MiB at frame {EARLY}, {soak.late:.0f} at {LATE}: ",
                     soak.late / soak.early, MOST, " times")  # fmt: skip


CHECK = Check("memory at frame 10,000 of a clip over that at frame 1,000", 15, measure)
