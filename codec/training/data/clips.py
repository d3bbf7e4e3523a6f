"""Clips out of videos: so many frames of one scene, of the same square, moving ones preferred."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.errors import WispError
from codec.formats.video.read.open import open_source
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture, as_rgb
from codec.training.data.cutting import LEAST_TEXTURE, Cut, Sample, Why, sample
from codec.training.data.hashes import Excluded, perceptual_hash
from codec.training.data.settings import PackSettings
from codec.training.data.sources import Entry, left_out, quietly
from codec.training.data.squares import Square, StrengthMap, chance_key, draw_squares, grey, texture_map

_THUMBNAIL = (64, 36)
_BINS = 32
_OTHER_COLOURS = 0.25  # share of a thumbnail's pixels that change their place in the histogram of luma at a cut
_OTHER_PICTURE = 40.0  # mean difference of thumbnails, of 255, that no motion makes
_OUT_OF_LINE, _NOTICED = 4.0, 6.0  # a cut among calm frames: so many times the difference before, and so much at least
_REDUCED = 4  # side of the pixels that motion is measured of
_LEAST_MOTION = 0.5  # mean difference of two frames' luma, of 255


@dataclass(frozen=True)
class _Clip:
    frames: NDArray[np.uint8]  # (N, S, S, 3)
    square: Square
    first: Frame


class SceneCuts:
    """Hears the frames of a video one after the other and tells where a new scene begins.

    That is where the histogram of luma changes, or thumbnails differ more than motion explains, also by what they did
    just before. Fast pans may count as cuts: that costs a clip, a cut that is missed would spoil one.
    """

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None
        self._usual = 0.0

    def begins(self, pixels: NDArray[np.uint8]) -> bool:
        """Whether a frame (H, W, 3) is the first of a scene."""
        thumbnail = Image.fromarray(pixels).convert("L").resize(_THUMBNAIL, Image.Resampling.BOX)
        now, before = np.asarray(thumbnail, np.float32), self._last
        self._last = now
        if before is None:
            return True
        difference = float(np.abs(now - before).mean())
        sudden = difference > max(_OUT_OF_LINE * self._usual, _NOTICED)
        cut = difference > _OTHER_PICTURE or (_moved_share(before, now) > _OTHER_COLOURS and difference > _NOTICED)
        cut = cut or (sudden and self._usual > 0)
        self._usual = 0.0 if cut else difference
        return cut


def _moved_share(before: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    counts = [np.histogram(one, _BINS, (0, 256))[0] for one in (before, now)]
    return float(np.abs(counts[0] - counts[1]).sum()) / 2 / before.size


class ClipCutter:
    """Takes clips of videos by the settings; none of what is excluded."""

    def __init__(self, settings: PackSettings, excluded: Excluded) -> None:
        self._settings, self._excluded = settings, excluded
        self._frames = settings.frames or 1

    def __call__(self, entry: Entry) -> Cut:
        """Read it once and choose. Where it ends in an error, what came before is taken."""
        try:
            source = _sha256(entry.path)
        except OSError as error:
            return Cut(why="unreadable", message=f"{entry.name} left out: {error.strerror or error}")
        rng = np.random.default_rng((self._settings.seed, int(source[:16], 16)))
        choice = _Choice(self._settings, rng, self._excluded)
        message = ""
        try:
            with quietly():
                for scene in _windows(entry, self._frames):
                    choice.consider(scene)
        except WispError as error:
            if not choice.seen:
                return Cut(why="unreadable", message=left_out(entry, error))
            message = f"{entry.name} broke off: {error}"
        samples: list[Sample] = []
        for clip in choice.taken():
            square, middle = clip.square, clip.frames[self._frames // 2]
            column = clip.frames.reshape(-1, *clip.frames.shape[2:])
            when: dict[str, Any] = {"frames": self._frames, "first_frame": clip.first.number}
            samples.append(
                sample(
                    f"v_{source[:12]}_{len(samples)}",
                    column,
                    self._settings.picture_format,
                    perceptual_hash(middle),
                    entry,
                    source,
                    square.facts,
                    **when,
                    seconds=clip.first.seconds,
                    motion=square.weight,
                )
            )
        return Cut(tuple(samples), choice.why_none(), None, choice.excluded, message)


class _Choice:
    """The clips of one video that are kept while it is read: a sample with chances by their motion."""

    def __init__(self, settings: PackSettings, rng: np.random.Generator, excluded: Excluded) -> None:
        self._settings, self._rng, self._guarded = settings, rng, excluded
        self._kept: list[tuple[float, int, _Clip]] = []  # a heap, the least wanted first
        self.seen = self.excluded = 0
        self._small = False

    def consider(self, frames: list[Frame]) -> None:
        """Frames of one scene, which may become a clip."""
        self.seen += 1
        pixels = [as_rgb(Picture(frame.pixels).colours) for frame in frames]
        height, width = pixels[0].shape[:2]
        if min(height, width) < self._settings.size * self._settings.downscale[0]:
            self._small = True
            return
        squares = draw_squares(
            (height, width), _motion_map(pixels), self._settings, self._settings.downscale, _LEAST_MOTION, self._rng
        )
        texture = texture_map(pixels[0])
        squares = [one for one in squares if texture.mean(one.x, one.y, one.side) >= LEAST_TEXTURE]
        luck = float(self._rng.random())
        if not squares:
            return
        if self._guarded and self._guarded.has_hash(perceptual_hash(pixels[len(pixels) // 2])):
            self.excluded += 1
            return
        square = squares[0]
        key = -chance_key(luck, square.weight, self._settings.texture)
        if len(self._kept) == self._settings.per_source and key <= self._kept[0][0]:
            return
        clip = _Clip(np.stack([square.cut(one, self._settings.size) for one in pixels]), square, frames[0])
        heapq.heappush(self._kept, (key, self.seen, clip))
        if len(self._kept) > self._settings.per_source:
            heapq.heappop(self._kept)

    def taken(self) -> list[_Clip]:
        """In the order of time."""
        return [clip for _, _, clip in sorted(self._kept, key=lambda kept: kept[1])]

    def why_none(self) -> Why:
        """The reason where nothing was taken."""
        if self._kept:
            return ""
        if not self.seen:
            return "short"
        return "small" if self._small else "excluded" if self.excluded else "still"


def _windows(entry: Entry, count: int) -> Iterator[list[Frame]]:
    """Runs of `count` frames, one behind the other, none of which has a cut."""
    cuts, window = SceneCuts(), list[Frame]()
    with open_source(str(entry.path), audio=False) as items:
        for frame in items:
            if not isinstance(frame, Frame):
                continue
            if cuts.begins(as_rgb(Picture(frame.pixels).colours)):
                window = []
            window.append(frame)
            if len(window) == count:
                yield window
                window = []


def _motion_map(pixels: list[NDArray[np.uint8]]) -> StrengthMap:
    """Mean absolute difference of each frame's luma (0..255) to the next one's."""
    luma = [grey(one, _REDUCED) for one in pixels]
    return StrengthMap(np.mean([np.abs(b - a) for a, b in pairwise(luma)], axis=0), _REDUCED)


def _sha256(path: Path) -> str:
    found = hashlib.sha256()
    with path.open("rb") as file:
        while part := file.read(1 << 20):
            found.update(part)
    return found.hexdigest()
