"""How far the colouriser's colours are from the true ones, in relation to a grey picture's; its speed on video."""

from __future__ import annotations

import time
from dataclasses import dataclass
from fractions import Fraction
from statistics import mean

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run
from benchmarks.sequences import pan_zoom
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.restore.restore import restored, restored_items
from codec.restore.settings import Colorizing

MOST_SHARE = 0.9  # of the error of a grey picture
MOST_LUMA = 2  # levels
VIDEO_SIZE, VIDEO_FRAMES = (640, 360), 12
SQUARE = 40  # pixels a side, of which the sides of frames are multiples
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True)
class ColourRow:
    """One picture: mean distance to the true colours in the plane of Cb and Cr, in levels; most change of luma."""

    picture: str
    error: float
    grey: float
    luma: float


@dataclass(frozen=True)
class ColouredClip:
    """Mean change of chroma from one frame to the next, in levels: one by one and as a video; seconds a frame."""

    true: float
    alone: float
    together: float
    seconds: float


def ycbcr(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """(H, W, 3) RGB -> Y, Cb, Cr of full range, Cb and Cr around 0."""
    luma = pixels @ _LUMA
    return np.stack([luma, (pixels[..., 2] - luma) / 1.772, (pixels[..., 0] - luma) / 1.402], -1)


def measure(run: Run) -> None:
    """All LIVE pictures, or those chosen, and a clip."""
    rows = []
    for name, pixels in run.pictures():
        made, true = ycbcr(restored(run.codec, Picture(pixels), Colorizing()).pixels), ycbcr(pixels)
        error, grey = (float(np.hypot(*np.moveaxis(x[..., 1:], -1, 0)).mean()) for x in (made - true, true))
        rows.append(ColourRow(name, error, grey, float(abs(made - true)[..., 0].max())))
        run.row(rows[-1], f"{name:<18} error {error:6.2f}, grey {grey:6.2f}: {error / grey:.2f}")
    error, grey = mean(row.error for row in rows), mean(row.grey for row in rows)
    run.expect(f"mean error {error:.2f}, of grey pictures {grey:.2f}: {error / grey:.3f} (at most {MOST_SHARE:g}",
               error <= MOST_SHARE * grey)  # fmt: skip
    run.hold("change of luma, levels: ", max(row.luma for row in rows), MOST_LUMA)
    _clip(run)


def _clip(run: Run) -> None:
    """A camera that moves over LIVE pictures."""
    clean = list(pan_zoom(*VIDEO_SIZE, VIDEO_FRAMES))
    alone = [restored(run.codec, Picture(pixels), Colorizing()).pixels for pixels in clean]
    frames = (Frame(pixels, number, 1, Fraction(1, 25), number) for number, pixels in enumerate(clean))
    start = time.perf_counter()
    together = [item.pixels for item in restored_items(run.codec, frames, Colorizing()) if isinstance(item, Frame)]
    seconds = (time.perf_counter() - start) / VIDEO_FRAMES
    true, by_itself, as_video = (_flicker(made) for made in (clean, alone, together))
    row = ColouredClip(true, by_itself, as_video, seconds)
    run.row(row)
    run.say(f"change of mean chroma from frame to frame, levels: {row.true:.3f} in truth, {row.alone:.3f} one by one,")
    run.say(f"  {row.together:.3f} as a video, at {1 / row.seconds:.2f} frames/s of {VIDEO_SIZE[0]}x{VIDEO_SIZE[1]}")


def _flicker(frames: list[NDArray[np.uint8]]) -> float:
    """Mean change of the chroma of squares that are larger than most motion, so that it is colours that change."""
    width, height = (side // SQUARE for side in VIDEO_SIZE)
    means = [ycbcr(frame)[..., 1:].reshape(height, SQUARE, width, SQUARE, 2).mean((1, 3)) for frame in frames]
    return float(np.abs(np.diff(np.stack(means), axis=0)).mean())


CHECK = Check("error of the colouriser's colours on LIVE over a grey picture's; speed on video", 3, measure)
