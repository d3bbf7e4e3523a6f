"""What the denoiser gains in PSNR beside scikit-image's at their best setting, and how well noise is estimated."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from statistics import mean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.check import Check, Run
from benchmarks.measures import psnr
from benchmarks.sequences import pan_zoom
from codec.pixels.frame import Frame
from codec.pixels.picture import Picture
from codec.restore.restore import restored, restored_items
from codec.restore.settings import Denoising

Pixels = NDArray[np.uint8]
Denoise = Callable[[Pixels, float], Pixels]  # a picture (H, W, 3) and its sigma in levels -> the restored one
LEAST_DB = {15.0: 7.0, 25.0: 9.0, 50.0: 11.5}  # gain by sigma
MOST_OFF = 0.15  # of an estimate of sigma
TRIED_ON = 3  # pictures, of which the middle decides about the settings of the other denoisers
MIDDLE = 192  # pixels a side
WAVELET: Mapping[str, Sequence[Any]] = {
    "wavelet": ("db1", "db2", "sym4"),
    "convert2ycbcr": (True, False),
    "share": (None, 0.25, 0.5, 1.0),  # of sigma as VisuShrink's threshold has it; None: BayesShrink
}
NL_MEANS: Mapping[str, Sequence[Any]] = {
    "strength": (0.2, 0.3, 0.4, 0.6, 0.8, 1.0),  # h in relation to sigma
    "patch_size": (3, 5, 7),
    "patch_distance": (7, 11),
}
VIDEO_SIZE, VIDEO_FRAMES, VIDEO_SIGMA = (640, 360), 12, 25.0


@dataclass(frozen=True)
class DenoiseRow:
    """One picture under noise of one sigma: PSNR in dB; `auto` is Wisp's by its own estimate, `estimated`, of it."""

    picture: str
    sigma: float
    estimated: float
    noisy: float
    wisp: float
    auto: float
    wavelet: float
    nl_means: float


@dataclass(frozen=True)
class DenoisedClip:
    """Mean PSNR of a clip's frames in dB, restored one by one and with their neighbours, and seconds a frame."""

    sigma: float
    noisy: float
    alone: float
    together: float
    seconds_alone: float
    seconds_together: float


def noised(clean: Pixels, sigma: float, seed: int) -> Pixels:
    """With white Gaussian noise, as 8-bit pictures keep it."""
    noise = np.random.default_rng(seed).normal(0, sigma, clean.shape)
    return (clean + noise).round().clip(0, 255).astype(np.uint8)


def measure(run: Run) -> None:
    """All LIVE pictures, or those chosen."""
    pictures = list(run.pictures())
    for sigma, least in LEAST_DB.items():
        middles = [_middle(clean) for _, clean in pictures[:TRIED_ON]]
        others = {
            name: _best(name, candidates, middles, sigma, run)
            for name, candidates in (("wavelet", _wavelets()), ("nl_means", _nl_means()))
        }
        rows = []
        for number, (name, clean) in enumerate(pictures):
            noisy = noised(clean, sigma, number)
            rows.append(_row(run, name, clean, noisy, sigma, others))
            run.row(rows[-1])
        _say(run, rows, sigma, least)
    _clip(run)


def _row(run: Run, name: str, clean: Pixels, noisy: Pixels, sigma: float, others: Mapping[str, Denoise]) -> DenoiseRow:
    from codec.restore.denoise import estimated

    picture = Picture(noisy)
    wisp, auto = (restored(run.codec, picture, Denoising(known)).pixels for known in (sigma, None))
    return DenoiseRow(
        name,
        sigma,
        estimated(picture),
        psnr(noisy, clean),
        psnr(wisp, clean),
        psnr(auto, clean),
        **{other: psnr(denoise(noisy, sigma), clean) for other, denoise in others.items()},
    )


def _say(run: Run, rows: Sequence[DenoiseRow], sigma: float, least: float) -> None:
    noisy, wisp, auto, wavelet, nl_means = (
        mean(getattr(row, name) for row in rows) for name in ("noisy", "wisp", "auto", "wavelet", "nl_means")
    )
    text = f"sigma {sigma:g}: noisy {noisy:.2f} dB, restored {wisp - noisy:+.2f} dB"
    run.expect(f"{text} (at least {least:+g}", wisp - noisy >= least)
    run.say(f"by its own estimate {auto - noisy:+.2f} dB")
    for name, other in (("wavelet", wavelet), ("non-local means", nl_means)):
        run.expect(f"{name} {other - noisy:+.2f} dB (less", other < wisp)
    off = [row.estimated / sigma - 1 for row in rows]
    worst = max(off, key=abs)
    run.expect(
        f"estimate {mean(off):+.1%} off on average, {worst:+.1%} at worst (at most {MOST_OFF:.0%}",
        abs(worst) <= MOST_OFF,
    )


def _middle(clean: Pixels) -> Pixels:
    top, left = ((side - MIDDLE) // 2 for side in clean.shape[:2])
    return clean[top : top + MIDDLE, left : left + MIDDLE]


def _best(
    name: str, candidates: Iterator[tuple[str, Denoise]], middles: list[Pixels], sigma: float, run: Run
) -> Denoise:
    """The candidate of the highest mean PSNR."""

    def quality(candidate: tuple[str, Denoise]) -> float:
        pairs = ((clean, noised(clean, sigma, number)) for number, clean in enumerate(middles))
        return mean(psnr(candidate[1](noisy, sigma), clean) for clean, noisy in pairs)

    setting, best = max(candidates, key=quality)
    run.say(f"sigma {sigma:g}: {name} does best with {setting}")
    return best


def _settings(grid: Mapping[str, Sequence[Any]]) -> Iterator[dict[str, Any]]:
    for values in itertools.product(*grid.values()):
        yield dict(zip(grid, values, strict=True))


def _wavelets() -> Iterator[tuple[str, Denoise]]:
    from skimage.restoration import denoise_wavelet

    def made(share: float | None, options: dict[str, Any]) -> Denoise:
        method = "BayesShrink" if share is None else "VisuShrink"

        def denoise(noisy: Pixels, sigma: float) -> Pixels:
            level = None if share is None else sigma * share / 255
            return _levels(
                denoise_wavelet(noisy / 255, sigma=level, method=method, channel_axis=-1, rescale_sigma=True, **options)
            )

        return denoise

    for options in _settings(WAVELET):
        yield str(options), made(options["share"], {k: v for k, v in options.items() if k != "share"})


def _nl_means() -> Iterator[tuple[str, Denoise]]:
    from skimage.restoration import denoise_nl_means

    def made(strength: float, options: dict[str, Any]) -> Denoise:
        def denoise(noisy: Pixels, sigma: float) -> Pixels:
            level = sigma / 255
            return _levels(
                denoise_nl_means(
                    noisy / 255, h=strength * level, sigma=level, fast_mode=True, channel_axis=-1, **options
                )
            )

        return denoise

    for options in _settings(NL_MEANS):
        yield str(options), made(options["strength"], {k: v for k, v in options.items() if k != "strength"})


def _levels(values: NDArray[np.floating[Any]]) -> Pixels:
    return (values * 255).round().clip(0, 255).astype(np.uint8)


def _clip(run: Run) -> None:
    """A camera that moves over LIVE pictures."""
    clean = list(pan_zoom(*VIDEO_SIZE, VIDEO_FRAMES))
    noisy = [noised(frame, VIDEO_SIGMA, number) for number, frame in enumerate(clean)]
    frames = [Frame(pixels, number, 1, Fraction(1, 25), number) for number, pixels in enumerate(noisy)]
    wanted = Denoising(VIDEO_SIGMA)
    start = time.perf_counter()
    alone = [restored(run.codec, Picture(pixels), wanted).pixels for pixels in noisy]
    between = time.perf_counter()
    together = [item.pixels for item in restored_items(run.codec, iter(frames), wanted) if isinstance(item, Frame)]
    end = time.perf_counter()
    before, by_itself, with_others = (mean(map(psnr, made, clean)) for made in (noisy, alone, together))
    seconds = (between - start) / VIDEO_FRAMES, (end - between) / VIDEO_FRAMES
    row = DenoisedClip(VIDEO_SIGMA, before, by_itself, with_others, *seconds)
    run.row(row)
    run.say(
        f"{VIDEO_SIZE[0]}x{VIDEO_SIZE[1]}, sigma {VIDEO_SIGMA:g}: frames by themselves {row.alone - row.noisy:+.2f} dB"
    )
    run.say(f"  at {1 / row.seconds_alone:.2f} frames/s, with their neighbours {row.together - row.noisy:+.2f} dB")
    run.say(f"  at {1 / row.seconds_together:.2f} frames/s")


CHECK = Check("gain of the denoiser on LIVE, beside scikit-image's; estimates of noise; speed on video", 40, measure)
