"""Clips to measure on: the benchmark's own sequences, and the first frames of the videos of a folder."""

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

from benchmarks.raw import Pixels
from benchmarks.sequences import MADE, RATE
from benchmarks.sources import DIGEST, ClipInfo, Source, listed, named_folder
from bitstream.errors import CorruptError, RequestError, WispError
from codec.formats.video.read.open import open_source
from codec.formats.video.read.source import MediaSource
from codec.pixels.frame import Frame

OWN = "wisp-sequences"  # the set of those that are made here
ENDINGS = (
    ".y4m", ".mp4", ".m4v", ".mkv", ".webm", ".mov", ".avi", ".ts", ".mpg", ".mpeg", ".264", ".265", ".hevc", ".ivf",
    ".obu",
)  # fmt: skip
LEAST_FRAMES = 2


@dataclass(frozen=True)
class Video(Source):
    """A sequence of at most `most` frames: the file `path`, or without one that of MADE called `name`, of `size`
    (width, height)."""

    many = "sequences"
    dataset: str
    name: str
    most: int
    path: Path | None = None
    size: tuple[int, int] = (0, 0)

    def frames(self) -> Iterator[Pixels]:
        """See Source. Raises and notes as `open_source` does."""
        with self._opened() as (_, frames):
            yield from frames

    @contextmanager
    def _opened(self) -> Iterator[tuple[Fraction, Iterator[Pixels]]]:
        """Frames a second, and the frames."""
        if self.path is None:
            yield RATE, MADE[self.name](*self.size, self.most)
            return
        try:
            with open_source(self.path, audio=False) as video:
                yield video.clip.rate or RATE, islice(_even_rgb(video), self.most)
        except WispError as error:
            raise type(error)(f"{self.path}: {error}") from error

    def survey(self) -> ClipInfo:
        """Reads it once. Raises as `frames`, and CorruptError for fewer than LEAST_FRAMES frames."""
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
        digest = hashed.hexdigest()[:DIGEST]
        return ClipInfo(self.dataset, self.name, width, height, count, str(rate), origin, digest)


def own_sources(size: tuple[int, int], frames: int, names: Sequence[str] = ()) -> list[Video]:
    """The benchmark's own sequences, `names` of them or all. Raises RequestError for an unknown name."""
    unknown = [name for name in names if name not in MADE]
    if unknown:
        raise RequestError(f"no sequence is called {', '.join(unknown)}; there are {', '.join(MADE)}")
    return [Video(OWN, name, frames, size=size) for name in MADE if not names or name in names]


def folder_sources(text: str, frames: int) -> list[Video]:
    """The videos that lie directly in the folder of "[NAME=]DIR". Raises as `named_folder` and `listed`."""
    dataset, folder = named_folder(text)
    videos = listed(folder, ENDINGS, "videos")
    stems = Counter(path.stem for path in videos)
    return [Video(dataset, p.stem if stems[p.stem] == 1 else p.name, frames, p) for p in videos]


def _even_rgb(video: MediaSource) -> Iterator[Pixels]:
    """Grey as RGB, alpha left away; so are a last odd row and column, for 4:2:0 has none."""
    for item in video:
        if isinstance(item, Frame):
            pixels = item.pixels if item.pixels.shape[2] >= 3 else item.pixels[:, :, [0, 0, 0]]
            yield np.ascontiguousarray(pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2, :3])
