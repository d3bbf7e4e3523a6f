"""Small pictures of one size that all lie in memory: those of a set's files, or crops of any pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import FileAccessError, RequestError
from codec.notes import note
from codec.training.data.batches import split
from codec.training.data.draws import fitted
from codec.training.data.small_sets import Pictures, is_set, read_set
from codec.training.data.sources import Entry, find_pictures, read_pictures

_HELD_OUT = 1 / 5  # share of the pictures, at most


@dataclass(frozen=True)
class Wanted:
    """Which pictures to take.

    Attributes:
        size: pixels a side; those of a set's files keep their own.
        whole: resize whole pictures to that size (Lanczos) rather than cut crops of it; a single picture always is.
        most: pictures in all, 0: as many as there are, which of folders is one crop a picture.
        held_out: of them, for validation; at most a fifth.
        seed: of the places of crops, and of what is held out.
    """

    size: int
    whole: bool
    most: int
    held_out: int
    seed: int


@dataclass(frozen=True)
class PictureSet:
    """Pictures (N, H, W, C) uint8 to train on, and others that never are; C is 1 (grey) or 3 (RGB)."""

    training: Pictures
    held_out: Pictures


def open_set(sources: Sequence[Path], wanted: Wanted) -> PictureSet:
    """Read the files of sets (see small_sets), or cut crops of the pictures in folders and tar files.

    Where a set has files of its own for tests, these are held out; of crops, those of some pictures. A single picture
    is trained on and validated on as well. Raises FileAccessError (nothing there, damaged) or RequestError.
    """
    for source in sources:
        if not source.exists():
            raise FileAccessError(f"{source}: no such file or folder")
    kinds = {is_set(source) for source in sources}
    if len(kinds) > 1:
        raise RequestError("files of sets and other pictures cannot be mixed")
    return _of_files(sources, wanted) if kinds == {True} else _of_pictures(sources, wanted)


def _of_files(sources: Sequence[Path], wanted: Wanted) -> PictureSet:
    read = [read_set(source) for source in sources]
    training, tests = (_joined([one for parts in read for one in parts[kind]]) for kind in (0, 1))
    random = np.random.default_rng(wanted.seed)
    most = wanted.most or sum(map(len, (training, tests)))
    if len(training) and len(tests):
        held_out = tests[random.permutation(len(tests))][: _held_out(min(most, len(training)), wanted)]
        return PictureSet(training[random.permutation(len(training))][: most - len(held_out)], held_out)
    every = training if len(training) else tests
    every = every[random.permutation(len(every))[:most]]
    count = _held_out(len(every), wanted)
    return _whole(every) if len(every) == 1 else PictureSet(every[count:], every[:count])


def _held_out(count: int, wanted: Wanted) -> int:
    return max(1, min(wanted.held_out, int(count * _HELD_OUT)))


def _joined(parts: Sequence[Pictures]) -> Pictures:
    shapes = {part.shape[1:] for part in parts}
    if len(shapes) > 1:
        sizes = " and ".join("x".join(map(str, shape)) for shape in sorted(shapes))
        raise RequestError(f"the pictures are not of one size: {sizes}")
    return np.concatenate(parts) if parts else np.empty((0, 1, 1, 1), np.uint8)


def _of_pictures(sources: Sequence[Path], wanted: Wanted) -> PictureSet:
    entries = find_pictures(sources)
    if len(entries) == 1:
        return _whole(_resized(entries, wanted.size))
    training, held_out = split(entries, max(1, int(len(entries) * _HELD_OUT)))
    most = wanted.most or len(entries)
    if wanted.whole:
        return PictureSet(_resized(training, wanted.size)[:most], _resized(held_out, wanted.size)[: wanted.held_out])
    tests = _held_out(most, wanted)
    return PictureSet(_crops(training, most - tests, wanted, 0), _crops(held_out, tests, wanted, 1))


def _whole(pictures: Pictures) -> PictureSet:
    note("there is one picture only: it is trained on, and validated on as well")
    return PictureSet(pictures, pictures)


def _resized(entries: Sequence[Entry], size: int) -> Pictures:
    def resize(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return np.asarray(Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS))

    return _stacked([pixels for _, pixels in read_pictures(entries, resize)], entries)


def _crops(entries: Sequence[Entry], count: int, wanted: Wanted, stream: int) -> Pictures:
    """`count` crops, as many of each picture as of the others, at random places."""
    size, each = wanted.size, -(-count // len(entries))
    found = []
    for index, pixels in read_pictures(entries, lambda pixels: fitted(pixels, size)):
        random = np.random.default_rng((wanted.seed, stream, index))
        places = [side - size + 1 for side in pixels.shape[:2]]
        for place in random.permutation(places[0] * places[1])[:each]:
            top, left = divmod(int(place), places[1])
            found.append(pixels[top : top + size, left : left + size].copy())
    crops = _stacked(found, entries)
    return crops[np.random.default_rng((wanted.seed, stream)).permutation(len(crops))[:count]]


def _stacked(pictures: Sequence[NDArray[np.uint8]], entries: Sequence[Entry]) -> Pictures:
    if not pictures:
        raise FileAccessError(f"none of {len(entries)} pictures can be used")
    return np.stack(pictures)
