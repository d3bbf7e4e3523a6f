"""Clips for predicted frames: nine frames each, and the vectors between those that are predicted from each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bitstream.errors import FileAccessError, RequestError
from codec.motion.compensation import BLOCK
from codec.motion.order import CHAIN, GROUP, HIERARCHY
from codec.motion.search import search
from codec.training.data.kept import KeptArrays
from codec.training.data.sources import Entry, read_pictures

FRAMES = GROUP + 1
Pair = tuple[int, int]  # a frame and its reference
PAIRS: tuple[Pair, ...] = tuple(
    dict.fromkeys((step.frame, reference) for step in (*CHAIN, *HIERARCHY) for reference in step.references)
)
Vectors = Mapping[Pair, NDArray[np.int16]]  # (clips, H/16, W/16, 2) of each pair


class Clips:
    """Frames and vectors of clips, kept on disk in a run's folder."""

    def __init__(self, folder: Path, made_from: str, entries: Sequence[Entry], side: int, vectors: Vectors) -> None:
        """Read clips, columns of frames `side` pixels wide, and search for vectors where `vectors` are empty.

        What is no such clip is named in a note and left out. Raises FileAccessError where that leaves none.
        """
        count, blocks = len(entries), side // BLOCK
        self._kept = KeptArrays(
            folder,
            made_from,
            frames=((count, FRAMES, side, side, 3), np.uint8),
            vectors=((count, len(PAIRS), blocks, blocks, 2), np.int16),
            usable=((count,), np.uint8),
        )
        if not self._kept.ready:
            self._read(entries, side, vectors)
        self._usable = np.flatnonzero(self._kept["usable"])
        if not len(self._usable):
            raise FileAccessError(f"there is no clip of {FRAMES} frames of {side}x{side} pixels")

    def _read(self, entries: Sequence[Entry], side: int, vectors: Vectors) -> None:
        def frames_of(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
            height, width = pixels.shape[:2]
            if width != side or height < FRAMES * side:
                raise FileAccessError(f"{width}x{height} pixels are not {FRAMES} frames of {side}x{side}")
            return pixels[: FRAMES * side].reshape(FRAMES, side, side, 3)

        for index, frames in read_pictures(entries, frames_of):
            self._kept["frames"][index] = frames
            found = {pair: vectors[pair][index] for pair in PAIRS} if vectors else vectors_between(frames)
            self._kept["vectors"][index] = np.stack([found[pair] for pair in PAIRS])
            self._kept["usable"][index] = 1
        self._kept.finish()

    def __len__(self) -> int:
        return len(self._usable)

    def frames(self, index: int) -> torch.Tensor:
        """Of a clip, (9, 3, S, S) uint8."""
        return torch.from_numpy(np.array(self._kept["frames"][self._usable[index]])).permute(0, 3, 1, 2)

    def vectors(self, index: int) -> dict[Pair, torch.Tensor]:
        """Of a clip, (S/16, S/16, 2) int64 of each pair."""
        values = torch.from_numpy(np.array(self._kept["vectors"][self._usable[index]])).long()
        return dict(zip(PAIRS, values, strict=True))


def vectors_between(frames: NDArray[np.uint8]) -> dict[Pair, NDArray[np.int16]]:
    """Search for the vectors of all pairs in frames (9, S, S, 3): half a minute for each ten clips of 256x256."""
    pictures = torch.from_numpy(frames.copy()).permute(0, 3, 1, 2)
    found: dict[Pair, torch.Tensor] = {}
    for frame, reference in PAIRS:  # those of the chain come first
        start = None
        if reference > frame + 1 or frame > reference + 1:
            sign = 1 if frame > reference else -1
            one = found[(reference + 1, reference)] if sign > 0 else found[(reference, reference - 1)]
            start = one * (frame - reference)
        elif frame < reference:
            start = -found[(reference, frame)]
        found[(frame, reference)] = search(pictures[reference], pictures[frame], start)
    return {pair: vectors.numpy().astype(np.int16) for pair, vectors in found.items()}


def read_vectors(path: Path, count: int) -> Vectors:
    """Vectors that were found before: arrays `FRAME_REFERENCE` (clips, H/16, W/16, 2) of an .npz file.

    Raises FileAccessError, or RequestError where they are not of `count` clips.
    """
    try:
        with np.load(path) as file:
            vectors = {pair: file[f"{pair[0]}_{pair[1]}"] for pair in PAIRS}
    except (OSError, ValueError, KeyError) as error:
        raise FileAccessError(f"vectors {path} cannot be read: {error}") from error
    for values in vectors.values():
        if values.ndim != 4 or len(values) != count or values.shape[3] != 2:
            raise RequestError(f"vectors {path} are of {len(values)} clips, not of these {count}")
    return vectors
