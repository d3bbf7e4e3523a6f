"""What is coded: the benchmark's own sequences, and the first frames of the videos of a folder."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np

from benchmarks.datasets import Sample
from benchmarks.video.sequences import MADE, RATE, Pixels
from bitstream.errors import CorruptError, FileAccessError, RequestError, WispError
from codec.formats.video.read.open import open_source
from codec.formats.video.read.source import MediaSource
from codec.notes import note
from codec.pixels.frame import Frame

OWN = "wisp-sequences"  # the set of those that are made here
ENDINGS = (
    ".y4m", ".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".ts", ".mpg", ".mpeg", ".264", ".265", ".hevc", ".ivf",
    ".obu",
)  # fmt: skip
LEAST_FRAMES = 2
_DIGEST = 16  # hexadecimal digits


@dataclass(frozen=True)
class SequenceInfo:
    """What reports need of a sequence. `pixels` are 16 hexadecimal digits of a SHA-256 over shape, rate and frames."""

    dataset: str
    name: str
    width: int
    height: int
    frames: int
    rate: str  # frames a second, "25" or "30000/1001"
    origin: str  # "made here", or the file's name
    pixels: str


@dataclass(frozen=True)
class Source:
    """A sequence of at most `frames` frames: the file `path`, or without one that of MADE called `name`, of `size`
    (width, height)."""

    dataset: str
    name: str
    frames: int
    path: Path | None = None
    size: tuple[int, int] = (0, 0)

    @property
    def sample(self) -> Sample:
        """What stands for it where the picture benchmark's parts ask for a sample."""
        return Sample(self.dataset, self.name, self.path or Path(self.name))

    def read(self) -> Iterator[Pixels]:
        """(H, W, 3) uint8 sRGB, one frame at a time. Raises and notes as `open_source` does."""
        with self._opened() as (_, frames):
            yield from frames

    @contextmanager
    def _opened(self) -> Iterator[tuple[Fraction, Iterator[Pixels]]]:
        """Frames a second, and the frames."""
        if self.path is None:
            yield RATE, MADE[self.name](*self.size, self.frames)
            return
        try:
            with open_source(self.path, audio=False) as video:
                yield video.clip.rate or RATE, islice(_even_rgb(video), self.frames)
        except WispError as error:
            raise type(error)(f"{self.path}: {error}") from error

    def survey(self) -> SequenceInfo:
        """Reads it once. Raises as `read`, and CorruptError for fewer than LEAST_FRAMES frames."""
        count, height, width = 0, 0, 0
        with self._opened() as (rate, frames):
            hashed = hashlib.sha256(str(rate).encode())
            for pixels in frames:
                height, width, _ = pixels.shape
                hashed.update(repr(pixels.shape).encode())
                hashed.update(pixels.tobytes())
                count += 1
        if count < LEAST_FRAMES:
            raise CorruptError(f"{self.path or self.name} has {count} frames, and {LEAST_FRAMES} are the least")
        origin = "made here" if self.path is None else self.path.name
        digest = hashed.hexdigest()[:_DIGEST]
        return SequenceInfo(self.dataset, self.name, width, height, count, str(rate), origin, digest)


def own_sources(size: tuple[int, int], frames: int, names: Sequence[str] = ()) -> list[Source]:
    """The benchmark's own sequences, `names` of them or all. Raises RequestError for an unknown name."""
    unknown = [name for name in names if name not in MADE]
    if unknown:
        raise RequestError(f"no sequence is called {', '.join(unknown)}; there are {', '.join(MADE)}")
    return [Source(OWN, name, frames, size=size) for name in MADE if not names or name in names]


def folder_sources(text: str, frames: int) -> list[Source]:
    """The videos that lie directly in the folder of "[NAME=]DIR"; other files are left out with a note.

    Raises FileAccessError (no such folder) and RequestError (no video in it, or no name that a set can have).
    """
    name, equals, place = text.partition("=")
    folder = Path(place if equals else text).expanduser()
    dataset = name if equals else folder.resolve().name
    if dataset in ("", ".", "..") or "/" in dataset or "\\" in dataset:  # it names a folder of files
        raise RequestError(f"a set cannot have the name {dataset!r}: write NAME=DIR")
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise FileAccessError(f"{folder}: {error.strerror or error}") from error
    videos = [path for path in files if path.suffix.lower() in ENDINGS]
    if len(videos) < len(files):
        note(f"{len(files) - len(videos)} files of {folder} are no videos by their ending and left out")
    if not videos:
        raise RequestError(f"no videos in {folder}")
    stems = Counter(path.stem for path in videos)
    return [Source(dataset, p.stem if stems[p.stem] == 1 else p.name, frames, p) for p in videos]


def _even_rgb(video: MediaSource) -> Iterator[Pixels]:
    """Grey as RGB, alpha left away; so are a last odd row and column, for 4:2:0 has none."""
    for item in video:
        if isinstance(item, Frame):
            pixels = item.pixels if item.pixels.shape[2] >= 3 else item.pixels[:, :, [0, 0, 0]]
            yield np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2, :3])
