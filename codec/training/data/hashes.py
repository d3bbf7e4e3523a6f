"""Pictures that look alike, by perceptual hashes of the library imagehash.

A picture's hash (phash, 64 bits) hardly changes with its size, its quality or its brightness: hashes of unlike
pictures differ in 12 bits and more. It changes with the part that is shown. For parts there are the hashes of its
segments (crop-resistant hashing, Steinebach et al. 2014), which found four of five crops that show 60 to 95 % of a
picture, at 0.7 of its size, and no wrong ones among 5356 pairs; of smaller crops they find fewer.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import FileAccessError, WispError
from codec.files.source import opened
from codec.formats.sniff import is_video
from codec.formats.video.read.open import open_source
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture, as_rgb
from codec.training.data.sources import TAR, Entry, find_pictures, find_videos, quietly, read_picture
from codec.training.extra import needed

ALIKE = 6  # bits: two crops, or two pictures, that are as good as the same
_GUARDED = 10  # bits: a picture to train on that may be one to test with
_EVERY = 5  # frames: of videos to test with
_ONES = np.array([value.bit_count() for value in range(256)], np.uint8)


def perceptual_hash(pixels: NDArray[np.uint8]) -> int:
    """64 bits, of a picture (H, W, 3) uint8."""
    return _number(needed("imagehash").phash(Image.fromarray(pixels)))


class Hashes:
    """A growing set of hashes."""

    def __init__(self, hashes: Iterable[int] = ()) -> None:
        self._hashes = np.fromiter(hashes, np.uint64)
        self._count = len(self._hashes)

    def __len__(self) -> int:
        return self._count

    def has_near(self, one: int, bits: int) -> bool:
        """Whether one of them differs from this in so many bits at most."""
        differing = (self._hashes[: self._count] ^ np.uint64(one)).view(np.uint8)
        return bool((_ONES[differing].reshape(-1, 8).sum(axis=1) <= bits).any())

    def add(self, one: int) -> None:
        """One more."""
        if self._count == len(self._hashes):
            self._hashes = np.resize(self._hashes, max(2 * self._count, 64))
        self._hashes[self._count] = one
        self._count += 1


class Excluded:
    """Pictures and videos to test with, which must not be trained on.

    `sources` are as of `find_pictures` and `find_videos`. Found again are pictures at any size and quality, also
    mirrored; most crops that show more than half of a picture, whichever of the two is the crop; frames of videos.
    Small parts of a picture are not found: originals that a test picture was cut of do not belong in training folders.
    Raises FileAccessError where a source is missing, holds nothing, or a picture cannot be read: it guards nothing.
    """

    def __init__(self, sources: Sequence[Path] = ()) -> None:
        self._hashes = Hashes()
        for source in sources:
            pictures, videos = _all_of(source)
            for entry in pictures:
                self._add_picture(entry)
            for entry in videos:
                self._add_video(entry)

    def __bool__(self) -> bool:
        return len(self._hashes) > 0

    def has(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether this is one of them, or a large part of one, or one is a large part of this."""
        return self.has_hash(perceptual_hash(pixels)) or any(map(self.has_hash, _segments(pixels)))

    def has_hash(self, one: int) -> bool:
        """Whether a picture with this hash is one of them, or a segment of one."""
        return self._hashes.has_near(one, _GUARDED)

    def _add_picture(self, entry: Entry) -> None:
        try:
            with quietly():
                pixels = read_picture(entry)
        except WispError as error:
            raise FileAccessError(f"{entry.name}, which is to be kept out, cannot be read: {error}") from error
        self._add_whole(pixels)
        for one in _segments(pixels):
            self._hashes.add(one)

    def _add_video(self, entry: Entry) -> None:
        with quietly(), open_source(str(entry.path), audio=False) as frames:
            for frame in frames:
                if isinstance(frame, Frame) and frame.number % _EVERY == 0:
                    self._add_whole(as_rgb(Picture(frame.pixels).colours))

    def _add_whole(self, pixels: NDArray[np.uint8]) -> None:
        for one in (pixels, np.ascontiguousarray(pixels[:, ::-1])):
            self._hashes.add(perceptual_hash(one))


def _segments(pixels: NDArray[np.uint8]) -> list[int]:
    """The hashes of what is brighter or darker than its surroundings."""
    imagehash = needed("imagehash")
    found = imagehash.crop_resistant_hash(Image.fromarray(pixels), hash_func=imagehash.phash)
    return [_number(one) for one in found.segment_hashes]


def _number(one: Any) -> int:
    return int(str(one), 16)


def _all_of(source: Path) -> tuple[list[Entry], list[Entry]]:
    """(pictures, videos) of a folder, a tar or a file. Raises FileAccessError where there are neither."""
    if not source.is_dir():
        alone = find_videos([source])
        with opened(source) as file:
            return ([], alone) if source.suffix.lower() != TAR and is_video(file) else (find_pictures([source]), [])
    videos: list[Entry] = []
    with suppress(FileAccessError):
        videos = find_videos([source])
    try:
        return find_pictures([source]), videos
    except FileAccessError:
        if not videos:
            raise
        return [], videos
