"""What the tests of refinement share: a file with its settings, what it costs, and efforts of fewer steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import codec.still.effort
from codec.api import Codec
from codec.model.quality import to_model_quality
from codec.pixels.picture import Picture
from codec.refine.descent import Descent, Refined, Window, lagrange_multiplier
from codec.settings import EncodeSettings, Tune
from codec.still import lossless
from codec.still.check import try_out
from codec.still.encode import CodedPicture, encode_still
from codec.still.regions import Region
from codec.work.progress import Progress
from tests.support.scenes import Pixels, photo

_plain: dict[tuple[Any, ...], CodedPicture] = {}
WORD_BITS = 32  # a stream ends with a whole word


def cut(top: int, left: int, height: int, width: int, mode: str = "RGB") -> Pixels:
    """A part of the real picture of 256x320 that the tests have."""
    return np.ascontiguousarray(photo(256, 320, mode)[top : top + height, left : left + width])


def refined(
    codec: Codec,
    pixels: Pixels,
    quality: float = 75,
    *,
    effort: int = 5,
    tile: int = 1024,
    exact: bool = False,
    tune: Tune = "psnr",
    regions: tuple[Region, ...] = (),
    progress: Progress | None = None,
) -> CodedPicture:
    """The file, decoded from its bytes and compared with what the encoder says of it."""
    model = codec.load(codec.model_info.id)
    settings = EncodeSettings(tile=tile, exact=exact, effort=effort, tune=tune, regions=regions)
    steps = to_model_quality(model.file.quality_curve, quality)
    encoded = encode_still(model, Picture(pixels), steps, settings, keep_latents=True, detail=False, progress=progress)
    try_out(encoded, codec.load)
    return encoded


def plain(codec: Codec, pixels: Pixels, quality: float = 75, **options: Any) -> CodedPicture:
    """As `refined` without refinement; remembered, for many tests compare with the same file."""
    chooses = vars(lossless)["may_be_smaller"], tuple(sorted(options.items()))
    key = (codec, quality, pixels.shape, pixels.tobytes(), chooses)
    if key not in _plain:
        _plain[key] = refined(codec, pixels, quality, effort=4, **options)
    return _plain[key]


def lagrangian(codec: Codec, encoded: CodedPicture) -> float:
    """Bits of the file + lambda * squared levels of what it decodes to, hidden pixels left out."""
    source, shown = encoded.picture, Picture(codec.decode_array(encoded.data))
    squared = np.square(source.colours.astype(np.float64) - shown.colours).mean(axis=2)
    if source.has_alpha and not encoded.exact:
        squared[source.alpha == 0] = 0
    total = 8.0 * len(encoded.data)
    for i, unit in enumerate(encoded.units):
        weight = lagrange_multiplier(encoded.layout.quality(unit))
        total += weight * float(squared[encoded.layout.box(i).index].sum())
    return total


def most_allowed(before: float, words: int = 1) -> float:
    """The Lagrangian that a refined file may have at most.

    Refinement compares by a model of the decoder that rounds some symbols otherwise, so that on a picture of a few
    hundred bytes the real file may come out a little worse; and the words at the streams' ends are luck.
    """
    return before * 1.02 + WORD_BITS * words


@contextmanager
def steps_of_effort_5(count: int) -> Iterator[None]:
    """Effort 5 makes so many steps: where not their gain is looked at."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(codec.still.effort._REFINEMENT_STEPS, 5, count)
        yield


@contextmanager
def watched_windows() -> Iterator[list[tuple[Window, Refined]]]:
    """Every window as it was before it was refined, with what became of it, in order."""
    seen: list[tuple[Window, Refined]] = []
    refine = Descent.refine

    def watching(self: Descent, window: Window, *rest: Any) -> Refined:
        before = replace(window, latent=window.latent.clone())
        done = refine(self, window, *rest)
        seen.append((before, done))
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Descent, "refine", watching)
        yield seen
