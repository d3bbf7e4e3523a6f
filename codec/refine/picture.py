"""Refinement of a picture's tiles, window by window: the memory does not grow with the picture."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from codec.model.loaded import LoadedModel
from codec.network.shapes import FOLD
from codec.pixels.geometry import LATENT, Area
from codec.pixels.picture import as_rgb
from codec.refine.descent import Descent, Window
from codec.refine.distortion import Wanted, distortion_of
from codec.refine.prior import SmoothPrior
from codec.settings import EncodeSettings
from codec.still.effort import STEP_COST, refinement_steps
from codec.still.entropy import hyper_latents
from codec.still.layout import Layout
from codec.still.pixel_path import folded, quality_field
from codec.work.progress import Progress

_SIDE = 64  # latents of a window: 1.8 GB with bf16, 3 GB without
_MARGIN = 3  # latents around a window that its pixels are made with: what lies further off hardly shows
_SHARED = 1  # latents around a window whose pixels count, for they are made of it, too
_PER_HYPER = 4  # latents a side that one hyper-latent covers

_TELLING_STEP = 2

Target = tuple[NDArray[np.uint8], NDArray[np.bool_] | None]  # colours (H, W, 1 or 3), which pixels are seen


def refine_tiles(
    model: LoadedModel,
    layout: Layout,
    latent: Tensor,
    qualities: Sequence[int],
    chosen: Sequence[int],
    target: Target,
    settings: EncodeSettings,
    progress: Progress,
) -> Mapping[int, Tensor]:
    """Improve the latents (1, cy, h, w) of the chosen tiles in place -> each one's z (1, cz, H/4, W/4).

    A window's surroundings are held; so one after the other sees what became of those before it.
    """
    z = {i: hyper_latents(model, latent[(..., *layout.tiles[i].index)]) for i in chosen}
    windows = [(i, core) for i in chosen for core in _windows(layout.tiles[i])]
    clock = _Clock(settings.effort, sum(core.size for _, core in windows), progress)
    quality = quality_field(layout.tiles, list(qualities), layout.field)
    device = model.runtime.device
    with torch.enable_grad(), torch.autocast(device.type, enabled=False):
        descent = Descent(model.synthesis, SmoothPrior(model), model.info.skip_below)
        for i, core in windows:
            outer = core.grown(_MARGIN, layout.field)
            inner = core.within(layout.tiles[i])
            window = Window(
                latent=latent[(..., *outer.index)].to(device),
                outer=outer,
                core=core,
                z=z[i][(..., *_over(inner).index)],
                quality=qualities[i],
                qualities=(quality if quality.ndim == 0 else quality[outer.index]).to(device),
                distortion=distortion_of(_wanted(layout, target, core, outer, device), settings.tune),
            )
            steps = refinement_steps(settings.effort)
            done = descent.refine(window, steps, partial(clock.step, core.size))
            latent[(..., *core.index)] = done.latent.cpu()
            clock.skip(core.size * (steps - done.steps))
    return z


def _over(inner: Area) -> Area:
    """The hyper-latents over an area of latents, which begins and ends with some."""
    return Area(*(side // _PER_HYPER for side in (inner.top, inner.bottom, inner.left, inner.right)))


def _windows(tile: Area) -> Iterator[Area]:
    for top in range(tile.top, tile.bottom, _SIDE):
        for left in range(tile.left, tile.right, _SIDE):
            yield Area(top, min(top + _SIDE, tile.bottom), left, min(left + _SIDE, tile.right))


def _wanted(layout: Layout, target: Target, core: Area, outer: Area, device: torch.device) -> Wanted:
    colours, seen = target
    counted = core.grown(_SHARED, layout.field)
    box, frame = layout.pixels(counted), layout.pixels(outer)
    shape = (1, 1, outer.height * LATENT, outer.width * LATENT)  # beyond the picture, too
    weight = torch.zeros(shape, dtype=torch.float32, device="cpu")
    weight[(0, 0, *box.within(frame).index)] = 1 if seen is None else torch.from_numpy(seen[box.index]).float()
    weight = F.pixel_unshuffle(weight, FOLD).contiguous(memory_format=torch.channels_last)
    pixels = folded(as_rgb(colours), outer).to(device=device, dtype=torch.float32).div_(255).sub_(0.5)
    return Wanted(pixels, weight.to(device), grey=colours.shape[2] == 1)


class _Clock:
    """Counts steps, and tells after the second how long all of them will take: the first one warms up."""

    def __init__(self, effort: int, latents: int, progress: Progress) -> None:
        self._effort, self._total, self._progress = effort, latents * refinement_steps(effort), progress
        self._last, self._steps = time.perf_counter(), 0

    def step(self, latents: int) -> None:
        """One step over so many latents is done."""
        self._progress.add(STEP_COST * latents)
        now = time.perf_counter()
        self._steps += 1
        if self._steps == _TELLING_STEP:
            seconds = (now - self._last) * self._total / latents
            self._progress.tell(f"effort {self._effort}: about {_in_words(seconds)}")
        self._last = now

    def skip(self, latent_steps: int) -> None:
        """So many steps times latents will not be needed."""
        self._progress.add(STEP_COST * latent_steps)


def _in_words(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
