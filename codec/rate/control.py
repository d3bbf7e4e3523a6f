"""Encoding to a target: the search over qualities, and lossless tiles where the network ends."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from torch import Tensor

from bitstream.errors import TargetError
from bitstream.limits import MAX_QUALITY
from codec.model.loaded import LoadedModel
from codec.notes import note
from codec.pixels.distortion import seen_ms_ssim, seen_psnr
from codec.pixels.geometry import Area
from codec.pixels.picture import Picture
from codec.rate.search import Curve, Range, solve
from codec.rate.target import Bounds, Target
from codec.rate.typical import Typical, hint_of
from codec.settings import EncodeSettings
from codec.still.check import decoded
from codec.still.effort import DEFAULT_EFFORT, refinement_steps
from codec.still.encode import CodedPicture, encode_lossless, encode_still
from codec.still.lossless import code_lossless
from codec.work.progress import Progress

_MOST_KEPT_FEATURES = 1 << 24  # pixels: 16 bytes of each
_MOST_REFINED = 6  # measurements with refinement
_FINE_TILE = 128  # pixels a side at most where some tiles are to be lossless and others not


def encode_to_target(
    model: LoadedModel,
    picture: Picture,
    target: Target,
    settings: EncodeSettings,
    progress: Progress,
    *,
    keep_latents: bool = False,
) -> CodedPicture:
    """Encode `picture` so that it meets `target`; with `keep_latents` the result has its latents.

    Raises TargetError, which names the range, where neither the network nor lossless tiles reach it.
    """
    return _Search(model, picture, target, settings, progress, keep_latents).result()


class _Search:
    """One picture on its way to a target; only the best file so far is kept."""

    def __init__(
        self,
        model: LoadedModel,
        picture: Picture,
        target: Target,
        settings: EncodeSettings,
        progress: Progress,
        keep_latents: bool,
    ) -> None:
        self._keep_latents = keep_latents or not target.is_size
        self._model, self._picture, self._target, self._settings = model, picture, target, settings
        pixels = picture.size[0] * picture.size[1]
        self._bounds, self._typical = Bounds.of(target, pixels), Typical(target.kind, hint_of(target.kind, picture))
        self._per_pixel = math.log(pixels / 8) if target.is_size else 0.0  # from bits per pixel to bytes
        self._progress, self._done = progress, 0.0
        self._kept: CodedPicture | None = None  # the best that is allowed
        self._kept_value = math.nan
        self._lowest = int(model.file.quality_curve[0])  # below it size and error do not quite rise and fall
        self._lossless: frozenset[int] = frozenset()
        self._features: dict[Area, Tensor] | None = {} if pixels <= _MOST_KEPT_FEATURES else None

    def result(self) -> CodedPicture:
        """The file. Raises TargetError."""
        found = self._solved()
        if isinstance(found, int):
            return self._best_told(found)
        if self._target.is_size:
            return self._beyond_size(found)
        if found.highest < self._bounds.low:
            return self._partly_lossless(found)
        if math.isinf(found.lowest):
            return self._best_told(self._lowest)
        raise self._out_of_reach(found)

    def _best(self, quality: int) -> CodedPicture:
        """The best file so far, that of `quality` where there is none."""
        if self._kept is None:
            self._measured(quality)
        if self._kept is None:  # refinement may trade what the network just reaches for a smaller file
            self._settings = self._plain
            self._measured(quality)
        assert self._kept is not None
        return self._kept

    def _best_told(self, quality: int) -> CodedPicture:
        """As `_best`, with a note where it is not what was asked for."""
        encoded = self._best(quality)
        if encoded.lossless_tiles == len(encoded.units):
            note("is stored losslessly: that is smaller than any lossy coding")
        elif math.isinf(self._kept_value):
            note(f"{self._target.asked} is exceeded at every quality")
        else:
            self._tell_jump()
        return encoded

    def _tell_jump(self) -> None:
        """A note where the best file is not within the bounds."""
        if not self._bounds.hold(self._kept_value) and math.isfinite(self._kept_value):
            got = self._in_words(self._kept_value)
            note(f"{got} is the nearest to {self._target.asked} that the quality's steps give")

    def _beyond_size(self, reach: Range) -> CodedPicture:
        """Larger than the network makes it: without loss, if that fits."""
        if reach.highest > self._bounds.high:
            raise self._out_of_reach(reach)
        lossless = encode_lossless(self._picture, self._model.info.id_bytes, self._settings)
        size = self._target.scaled(lossless.size)
        if size > self._bounds.high:
            raise self._out_of_reach(reach, without_loss=size)
        note(f"is stored losslessly, in {self._in_words(size)}: more bytes could not improve it")
        return lossless

    def _partly_lossless(self, reach: Range) -> CodedPicture:
        """Better than the network makes it: the fewest lossless tiles that reach the target, best gains first."""
        coarse = self._settings
        self._settings = replace(self._settings, tile=min(self._settings.tile_size, _FINE_TILE))
        self._kept = None
        order = self._by_gain(self._coded(MAX_QUALITY, self._plain))
        fewest, most = 1, len(order)
        while fewest < most:
            middle = (fewest + most) // 2
            value = self._value(self._coded(MAX_QUALITY, self._plain, frozenset(order[:middle])))
            fewest, most = (fewest, middle) if value >= self._bounds.low else (middle + 1, most)
        self._lossless = frozenset(order[:most])
        if most < len(order):
            found = self._solved()
            encoded = self._best(found if isinstance(found, int) else MAX_QUALITY)
        whole = encode_lossless(self._picture, self._model.info.id_bytes, coarse)
        if most == len(order) or encoded.size >= whole.size:
            encoded = whole
        else:
            self._tell_jump()
        count, tiles = encoded.lossless_tiles, len(encoded.units)
        what = f"{count} of {tiles} tiles are" if count < tiles else "it is"
        note(f"the network ends at {self._target.name} {self._in_words(reach.highest)} here: {what} stored losslessly")
        return encoded

    def _by_gain(self, best: CodedPicture) -> list[int]:
        """The tiles by the error that they lose without loss, for each byte that this costs more."""
        shown = self._shown(best)
        gains = {}
        for i, learned in enumerate(best.units):
            error = np.square(shown.pixels[best.layout.box(i).index].astype(np.float64) - best.pixels_of(i)).sum()
            more = code_lossless(i, best.pixels_of(i), self._settings.effort).packed_size - learned.packed_size
            gains[i] = float(error) / max(more, 1)
        return sorted(gains, key=lambda i: -gains[i])

    def _out_of_reach(self, reach: Range, without_loss: float | None = None) -> TargetError:
        lowest, highest = self._in_words(reach.lowest), self._in_words(reach.highest)
        more = f", or {self._in_words(without_loss)} without loss" if without_loss is not None else ""
        return TargetError(f"{self._target.asked} is out of reach: this picture takes from {lowest} to {highest}{more}")

    def _solved(self) -> int | Range:
        """Search without refinement first, then, where that is wanted, from there with it."""
        guess = self._typical.inverse(self._bounds.aim - self._per_pixel)
        if not refinement_steps(self._settings.effort):
            curve = Curve(self._measured, self._typical, lowest=self._lowest)
            found = solve(curve, self._bounds, guess)
            return _reach(curve) if found is None else found
        plain = Curve(self._plain_value, self._typical, lowest=self._lowest)
        found = solve(plain, self._bounds, guess)
        if found is None:
            reach = _reach(plain)
            if not reach.lowest - self._most_gained < self._bounds.aim < reach.highest + self._most_gained:
                return reach
            found = self._lowest if reach.lowest > self._bounds.high else MAX_QUALITY
        curve = Curve(self._measured, self._typical, plain.rise_at(found), _MOST_REFINED, self._lowest)
        found = solve(curve, self._bounds, found)
        if found is not None:
            return found
        plain.values |= curve.values  # the end that was tried with refinement, the other without
        return _reach(plain)

    def _plain_value(self, quality: int) -> float:
        return self._value(self._coded(quality, self._plain, self._lossless))

    @property
    def _plain(self) -> EncodeSettings:
        """Without refinement."""
        return replace(self._settings, effort=DEFAULT_EFFORT, tune="psnr")

    @property
    def _most_gained(self) -> float:
        """By refinement, on the search's scale: with a wide margin."""
        return 0.3 if self._target.is_size else 1.5

    def _measured(self, quality: int) -> float:
        """Encode in full, and keep the file if it may be wanted."""
        part = self._progress.within(self._done, self._done + (1 - self._done) / 2, tell=self._done == 0)
        self._done += (1 - self._done) / 2
        encoded = self._coded(quality, self._settings, self._lossless, part)
        value = self._value(encoded)
        aim = self._bounds.aim
        if self._bounds.allow(value) and (self._kept is None or abs(value - aim) < abs(self._kept_value - aim)):
            self._kept, self._kept_value = encoded, value
        return value

    def _coded(
        self,
        quality: int,
        settings: EncodeSettings,
        lossless: frozenset[int] = frozenset(),
        progress: Progress | None = None,
    ) -> CodedPicture:
        return encode_still(
            self._model,
            self._picture,
            quality,
            settings,
            lossless=lossless,
            keep_latents=self._keep_latents,
            features=self._features,
            progress=progress,
        )

    def _value(self, encoded: CodedPicture) -> float:
        """What the target asks about a file, on the search's scale."""
        if self._target.is_size:
            return self._target.scaled(encoded.size)
        measure = seen_psnr if self._target.kind == "psnr" else seen_ms_ssim
        return self._target.scaled(measure(encoded.picture, self._shown(encoded)))

    def _shown(self, encoded: CodedPicture) -> Picture:
        return decoded(encoded, lambda _: self._model)

    def _in_words(self, value: float) -> str:
        return self._target.in_words(value, self._picture.size[0] * self._picture.size[1])


def _reach(curve: Curve) -> Range:
    return Range(curve.at(curve.lowest), curve.at(MAX_QUALITY))
