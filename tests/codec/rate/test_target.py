"""Encoding to a size, PSNR or MS-SSIM: real pictures, the real decoder, what README.md promises of both."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from benchmarks.datasets import LIVE, read_picture
from codec.api import Codec
from codec.model.quality import to_model_quality
from codec.pixels import distortion
from codec.pixels.picture import Picture
from codec.rate import control
from codec.rate.target import Target, TargetKind
from codec.settings import EncodeSettings
from codec.still.check import decoded, try_out
from codec.still.encode import CodedPicture, encode_still
from codec.still.regions import Region
from codec.work.progress import Progress
from tests.support.meeting import NEAREST, Met, meet, plain
from tests.support.scenes import MODES, Pixels, each_mode, in_mode, logo, noise, photo

FEW_BYTES = 1000  # a file whose quality may move it in steps of more than 2 %, or 0.05 dB
KINDS: tuple[TargetKind, ...] = ("size", "bpp", "psnr", "ms-ssim")


def live(height: int, width: int, mode: str) -> Pixels:
    """A part of a photograph with more in it: of 96x128 pixels qualities 0 and 100 make 417 and 3697 bytes."""
    return in_mode(read_picture(LIVE / "bikes.png")[200 : 200 + height, 200 : 200 + width], mode)


def between(wisp: Codec, pixels: Pixels, kind: TargetKind, share: float, tile: int) -> Target:
    """A target between what qualities 5 and 75 give, without detail; a curve that does not even rise is left out."""
    some = Target(kind, 0.5 if kind == "ms-ssim" else 1)
    lowest, low, high = (plain(wisp, pixels, some, quality, tile).value for quality in (0, 5, 75))
    assume(lowest <= low < high < float("inf"))
    value = low + (high - low) * share
    if kind == "bpp":
        value *= 8 / (pixels.shape[0] * pixels.shape[1])
    return Target(kind, round(value, 5) if kind in ("bpp", "ms-ssim") else round(value, 2))


@settings(max_examples=12, deadline=None, derandomize=True, database=None)
@given(
    kind=st.sampled_from(KINDS),
    scene=st.sampled_from([photo, live, logo, noise]),
    mode=st.sampled_from(MODES),
    height=st.integers(24, 128),
    width=st.integers(24, 128),
    tile=st.sampled_from([64, 128, 1024]),
    share=st.floats(0.02, 0.98),
)
@pytest.mark.slow
def test_targets_are_kept_and_closely(
    wisp: Codec,
    kind: TargetKind,
    scene: Callable[[int, int, str], Pixels],
    mode: str,
    height: int,
    width: int,
    tile: int,
    share: float,
) -> None:
    """Where the steps are too coarse for that, which only tiny files and lossless tiles make them, a note tells."""
    pixels = scene(height, width, mode)
    met = meet(wisp, pixels, between(wisp, pixels, kind, share, tile), tile=tile)
    assert met.kept
    assert [NEAREST in each for each in met.notes] == [True] * (not met.close)
    detailed = any(unit.detail for unit in met.encoded.units)  # whose steps are coarser
    assert met.close or met.bytes < FEW_BYTES or met.lossless or detailed
    if not met.target.is_size:
        assert np.array_equal(decoded(met.encoded, wisp.load).pixels, met.trial.decoded.pixels)


# What is measured is what decodes


@each_mode
@pytest.mark.parametrize("lossless", [(), (1, 4), (0, 1, 2, 3, 4, 5)])
def test_latents_at_hand_make_the_pixels_that_the_bytes_decode_to(
    wisp: Codec, mode: str, lossless: tuple[int, ...]
) -> None:
    model, regions = wisp.load(wisp.model_info.id), (Region((100, 0, 50, 30), +40),)
    for seed, quality in enumerate((0, 16128) if lossless else (0, 5000, 16128)):
        pixels = np.concatenate([photo(70, 90, mode), noise(70, 60, mode, seed)], axis=1)
        settings = EncodeSettings(tile=64, exact=bool(seed % 2), regions=regions)
        encoded = encode_still(model, Picture(pixels), quality, settings, lossless=lossless, keep_latents=True)
        assert {unit.tile_index for unit in encoded.units if not unit.learned} >= set(lossless)
        assert np.array_equal(decoded(encoded, wisp.load).pixels, try_out(encoded, wisp.load).decoded.pixels)


def test_a_psnr_is_measured_as_the_decoder_shows_it(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[float] = []
    right = distortion.seen_psnr

    def heard(source: Picture, shown: Picture) -> float:
        measured.append(right(source, shown))
        return measured[-1]

    monkeypatch.setattr("codec.rate.control.seen_psnr", heard)
    for mode in ("L", "RGBA"):
        met = meet(wisp, live(70, 64, mode), Target("psnr", 31), tile=64)
        assert met.trial.psnr in measured


# One target and the next


def test_a_larger_size_never_shows_a_larger_error(wisp: Codec) -> None:
    pixels = live(96, 128, "RGB")
    errors = [meet(wisp, pixels, Target("size", size), tile=64).trial.psnr for size in (500, 510, 600, 900, 1500, 3000)]
    assert all(after >= before - 0.1 for before, after in pairwise(errors)), errors


@pytest.mark.slow
def test_a_higher_psnr_never_makes_a_smaller_file(wisp: Codec) -> None:
    """From what the network does to what takes lossless tiles, and all of them."""
    files = [meet(wisp, live(64, 128, "L"), Target("psnr", psnr), tile=64) for psnr in (26, 31, 34, 40, 70)]
    sizes = [met.bytes for met in files]
    assert all(after >= 0.999 * before for before, after in pairwise(sizes)), sizes
    assert [len(met.lossless) for met in files][:2] == [0, 0] and len(files[-1].lossless) == 2


def test_the_same_target_makes_the_same_bytes(wisp: Codec) -> None:
    pixels = live(64, 96, "LA")
    for target in (Target("bpp", 0.8), Target("ms-ssim", 0.98), Target("psnr", 41)):
        files = [meet(wisp, given, target, tile=64) for given in (pixels, np.asfortranarray(pixels))]
        assert files[0].encoded.data == files[1].encoded.data


def test_the_quality_does_not_count(wisp: Codec) -> None:
    pixels, target = live(64, 80, "RGB"), Target("psnr", 31)
    assert wisp.encode(pixels, 0, target=target) == wisp.encode(pixels, 100, target=target)


# Together with other options


def part_psnr(met: Met, part: tuple[slice, slice]) -> float:
    error = met.encoded.picture.pixels[part].astype(float) - met.trial.decoded.pixels[part]
    return float(10 * np.log10(255**2 / np.mean(np.square(error))))


@pytest.mark.parametrize("target", [Target("size", 1200), Target("psnr", 29)])
def test_regions_move_quality_within_the_target(wisp: Codec, target: Target) -> None:
    pixels, part = live(96, 128, "RGB"), (slice(0, 64), slice(64, 128))
    even = meet(wisp, pixels, target, tile=64)
    raised = meet(wisp, pixels, target, tile=64, regions=(Region((64, 0, 64, 64), +30),))
    for met in (even, raised):
        assert met.kept and met.close
    deltas = [unit.quality_delta for unit in raised.encoded.units]
    assert max(deltas) == deltas[1] > 0 and not any(unit.quality_delta for unit in even.encoded.units)
    assert part_psnr(raised, part) > part_psnr(even, part) + 0.5


@pytest.mark.parametrize("target", [Target("size", 640), Target("psnr", 31)])
@pytest.mark.slow
def test_effort_meets_targets_with_less(wisp: Codec, target: Target) -> None:
    """Smaller files of the same PSNR, or hardly worse pictures of the same size; the same bytes again."""
    pixels = live(64, 80, "RGB")
    usual, tried = (meet(wisp, pixels, target, effort=effort) for effort in (4, 5))
    for met in (usual, tried):
        assert met.kept and (met.close or NEAREST in met.notes[0])
    assert tried.encoded.data != usual.encoded.data
    if target.is_size:
        assert tried.trial.psnr > usual.trial.psnr - 0.1
        assert meet(wisp, pixels, target, effort=5).encoded.data == tried.encoded.data
    else:
        assert tried.bytes < usual.bytes


def test_a_target_and_lossless_exclude_each_other(wisp: Codec) -> None:
    for target in (Target("size", 900), Target("psnr", 30)):
        with pytest.raises(ValueError, match=f"a {target.name} target and lossless exclude each other"):
            wisp.encode(photo(16, 16), target=target, lossless=True)


# While it runs


@pytest.mark.parametrize(
    "target", [Target("size", 700), Target("psnr", 29), Target("ms-ssim", 0.97), Target("psnr", 40)]
)
def test_progress_only_rises(wisp: Codec, target: Target) -> None:
    heard: list[float] = []
    meet(wisp, live(64, 128, "RGB"), target, Progress(heard.append), tile=64)
    assert len(heard) > 1
    assert heard == sorted(heard) and heard[0] > 0 and heard[-1] <= 1


@pytest.mark.parametrize(
    ("target", "most"), [(Target("size", 700), 1), (Target("psnr", 34), 1), (Target("psnr", 43), 2)]
)
def test_one_file_at_a_time_is_kept(wisp: Codec, monkeypatch: pytest.MonkeyPatch, target: Target, most: int) -> None:
    """Besides the one in the making; one that is wholly lossless, too, where some tiles are to be."""
    made: list[weakref.ref[CodedPicture]] = []
    alive: list[int] = []

    def watched(encode: Callable[..., CodedPicture]) -> Callable[..., CodedPicture]:
        def encoding(*args: Any, **options: Any) -> CodedPicture:
            alive.append(sum(each() is not None for each in made))
            encoded = encode(*args, **options)
            made.append(weakref.ref(encoded))
            return encoded

        return encoding

    for name in ("encode_still", "encode_lossless"):
        monkeypatch.setattr(control, name, watched(getattr(control, name)))
    met = meet(wisp, live(96, 128, "RGB"), target, tile=64)
    assert met.kept and len(made) > 1
    assert max(alive) <= most


def test_steps_of_a_256th_of_the_models_quality_are_used(wisp: Codec) -> None:
    """More of them than the whole numbers of either scale have."""
    curve = wisp.load(wisp.model_info.id).file.quality_curve
    whole: NDArray[np.int64] = np.array([to_model_quality(curve, quality) for quality in range(101)])
    pixels = live(96, 128, "RGB")
    found = {meet(wisp, pixels, Target("psnr", 30 + i / 8)).encoded.layout.header.quality for i in range(4)}
    assert len(found) == 4
    assert not found <= set(whole.tolist()) and not all(steps % 256 == 0 for steps in found)
