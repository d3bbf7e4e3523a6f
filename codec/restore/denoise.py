"""The denoiser on whole pictures, window by window, and on videos."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray

from bitstream.sequence.audio import AudioPacket
from codec.pixels.frame import Frame
from codec.pixels.geometry import Area, windows
from codec.pixels.picture import Picture, as_rgb
from codec.restore.network import RestoreNetwork, denoised
from codec.restore.noise import noise_sigma
from codec.restore.temporal import Guided, averaged
from codec.work.progress import Progress

_WINDOW = 1024  # pixels a side, halo not counted: bounds the memory
_LEVELS = 255
_NEIGHBOURS = 2  # frames on each side of one that help
_PACE = 0.2  # share of a frame in the running estimate of a clip's noise


class Denoiser:
    """See Restorer. `sigma` in levels of 0..255; None estimates it."""

    def __init__(self, network: RestoreNetwork, sigma: float | None) -> None:
        self._network, self._sigma = network, sigma

    def still(self, picture: Picture, progress: Progress) -> Picture:
        """The same without its noise; alpha and metadata stay."""
        sigma = estimated(picture) if self._sigma is None else self._sigma
        colours = without_noise(self._network, picture.colours, sigma, progress)
        return replace(picture, pixels=_with_alpha(colours, picture))

    def clip(self, items: Iterator[Frame | AudioPacket]) -> Iterator[Frame | AudioPacket]:
        """See Restorer. Frames come out when the next ones are there."""
        line: deque[_Seen | AudioPacket] = deque()  # what has still to come out
        near: deque[_Seen] = deque(maxlen=2 * _NEIGHBOURS + 1)  # the last frames
        for item in items:
            if isinstance(item, Frame):
                near.append(self._seen(item, near[-1] if near else None))
                line.append(near[-1])
            else:
                line.append(item)
            while line and not (isinstance(line[0], _Seen) and near[-1].number < line[0].number + _NEIGHBOURS):
                yield self._out(line.popleft(), near)
        while line:
            yield self._out(line.popleft(), near)

    def _seen(self, frame: Frame, before: _Seen | None) -> _Seen:
        picture = Picture(frame.pixels)
        sigma = self._sigma
        if sigma is None:
            sigma = estimated(picture)
            if before is not None:
                sigma = before.sigma + _PACE * (sigma - before.sigma)
        number = 0 if before is None else before.number + 1
        guided = Guided(picture.colours, without_noise(self._network, picture.colours, sigma))
        return _Seen(frame, number, sigma, guided)

    def _out(self, item: _Seen | AudioPacket, near: Iterable[_Seen]) -> Frame | AudioPacket:
        if isinstance(item, AudioPacket):
            return item
        others = [other.guided for other in near if 0 < abs(other.number - item.number) <= _NEIGHBOURS]
        if not item.sigma or not others:
            colours = item.guided.guide
        else:
            colours = without_noise(self._network, *averaged(item.guided, others, item.sigma))
        return replace(item.frame, pixels=_with_alpha(colours, Picture(item.frame.pixels)))


@dataclass(frozen=True)
class _Seen:
    """A frame of a clip, counted from 0, with the sigma of its noise in levels."""

    frame: Frame
    number: int
    sigma: float
    guided: Guided


def _with_alpha(colours: NDArray[np.uint8], picture: Picture) -> NDArray[np.uint8]:
    return np.dstack([colours, picture.alpha]) if picture.has_alpha else colours


def estimated(picture: Picture) -> float:
    """The noise of what is seen of a picture, in levels."""
    shown = picture.alpha > 0 if picture.has_alpha else None
    return noise_sigma(picture.colours, shown)


def without_noise(
    network: RestoreNetwork,
    colours: NDArray[np.uint8] | NDArray[np.float32],
    sigma: float | NDArray[np.float32],
    progress: Progress | None = None,
) -> NDArray[np.uint8]:
    """Take noise out of pixels.

    Args:
        colours: (H, W, 1 or 3), levels of 0..255.
        sigma: of the noise, in levels: one number, or (H, W).

    Returns (H, W, 1 or 3). Windows overlap by as much as the network sees, so that they leave no trace.
    """
    if not np.any(sigma):
        return np.asarray(colours).round().clip(0, _LEVELS).astype(np.uint8)
    height, width, channels = colours.shape
    unit = network.config.multiple
    field = ceil(height / unit), ceil(width / unit)
    halo = ceil(network.config.reach / unit)
    areas = list(windows(field, _WINDOW // unit))
    result = np.empty(colours.shape, np.uint8)
    progress = progress or Progress()
    progress.begin(len(areas))
    for core in areas:
        area = core.grown(halo, field)
        found = _window(network, colours, sigma, _pixels(area, unit))
        inner, place = _pixels(core.within(area), unit), _pixels(core, unit)
        target = result[place.index]
        target[:] = found[inner.index][: target.shape[0], : target.shape[1], :channels]
        progress.add(1)
    return result


def _pixels(area: Area, unit: int) -> Area:
    """In pixels instead of squares of `unit` pixels."""
    return Area(area.top * unit, area.bottom * unit, area.left * unit, area.right * unit)


def _window(
    network: RestoreNetwork,
    colours: NDArray[np.uint8] | NDArray[np.float32],
    sigma: float | NDArray[np.float32],
    area: Area,
) -> NDArray[np.uint8]:
    """Pixels under `area`, which is continued by reflection where it goes beyond the picture -> the same, restored."""
    noisy = reflected(as_rgb(colours[area.index]), area.height, area.width)
    device = network.head.weight.device
    level = np.full(noisy.shape[:2], sigma) if isinstance(sigma, float | int) else sigma[area.index]
    level = reflected(level.astype(np.float32), area.height, area.width)
    with torch.no_grad(), torch.autocast(device.type, enabled=False):
        planes = torch.from_numpy(noisy.astype(np.float32)).to(device).permute(2, 0, 1)[None] / _LEVELS
        clean = denoised(network, planes, torch.from_numpy(level).to(device)[None, None] / _LEVELS)[0]
        if colours.shape[2] == 1:
            clean = clean.mean(0, keepdim=True)
        levels = clean.mul_(_LEVELS).round_().clamp_(0, _LEVELS).to(torch.uint8)
        return levels.permute(1, 2, 0).cpu().numpy()


def reflected(pixels: NDArray[np.generic], height: int, width: int) -> NDArray[np.generic]:
    """(H, W, ...) continued at the bottom and to the right, as in a mirror, to `height` and `width`."""
    missing = height - pixels.shape[0], width - pixels.shape[1]
    if not any(missing):
        return pixels
    return np.pad(pixels, ((0, missing[0]), (0, missing[1]), *((0, 0),) * (pixels.ndim - 2)), mode="symmetric")
