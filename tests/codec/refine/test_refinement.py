"""Refined files: better by the measure that is descended, valid, repeatable, and nothing else is touched by it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch

from codec.api import Codec
from codec.files.source import read_file
from codec.pixels.distortion import ms_ssim, psnr
from codec.pixels.geometry import Area
from codec.pixels.picture import Picture
from codec.refine.descent import lagrange_multiplier
from codec.still.effort import refinement_steps
from codec.still.encode import CodedPicture
from codec.still.regions import Region
from tests.support.cli_runner import ROOT, SECONDS, environment
from tests.support.host_settings import SETTINGS, restored, snapshot
from tests.support.refining import (
    cut,
    lagrangian,
    most_allowed,
    plain,
    refined,
    steps_of_effort_5,
    watched_windows,
)
from tests.support.scenes import MODES, Pixels, each_alpha_mode, each_mode, facts_of, in_mode, logo, noise, photo

SLOW = pytest.mark.slow
PIXELS = photo(64, 64)
CROPS = {"leaf": (100, 150, 64, 96), "odd sides": (190, 200, 50, 70), "bird": (128, 0, 64, 64)}


@pytest.fixture
def quick() -> Iterator[None]:
    """Three steps of descent: enough to go through everything, and to gain something at the highest quality."""
    with steps_of_effort_5(3):
        yield


@pytest.mark.parametrize(
    "crop", ["bird", *(pytest.param(crop, marks=pytest.mark.slow) for crop in ("leaf", "odd sides"))]
)
def test_what_is_descended_falls(wisp: Codec, crop: str) -> None:
    """At no quality does it rise by more than luck, and over all of them it falls; some file is another one."""
    pixels, gains, same = cut(*CROPS[crop]), [], []
    for quality in (20, 60, 95):
        before, after = plain(wisp, pixels, quality), refined(wisp, pixels, quality)
        start, end = lagrangian(wisp, before), lagrangian(wisp, after)
        assert end <= most_allowed(start), quality
        gains.append(start - end)
        same.append(before.data == after.data)
        assert not same[-1] or gains[-1] == 0
    assert sum(gains) > 0
    assert not all(same)


@pytest.mark.slow
def test_more_effort_gains_more(wisp: Codec) -> None:
    pixels = cut(128, 0, 64, 128)
    plain_, five, six = (lagrangian(wisp, refined(wisp, pixels, 95, effort=effort)) for effort in (4, 5, 6))
    assert plain_ > 1.01 * five
    assert five > 1.005 * six


FRESH = """
import sys, hashlib, numpy as np, torch
from codec.api import Codec
torch.set_num_threads(1)
pixels = np.frombuffer(sys.stdin.buffer.read(), np.uint8).reshape(64, 64, 3)
data = Codec(device="cpu", precision="fp32").encode(pixels, 70, effort=5)
print(hashlib.sha256(data).hexdigest())
"""


@pytest.mark.slow
def test_the_same_file_each_time_and_in_another_process(wisp: Codec) -> None:
    pixels = cut(100, 150, 64, 64)
    data = refined(wisp, pixels, 70).data
    assert data != plain(wisp, pixels, 70).data
    assert refined(wisp, pixels, 70).data == data
    command, env = [sys.executable, "-c", FRESH], environment({"OMP_NUM_THREADS": "1"})
    run = subprocess.run(
        command, input=pixels.tobytes(), capture_output=True, cwd=ROOT, env=env, timeout=SECONDS, check=True
    )
    assert run.stdout.decode().strip() == hashlib.sha256(data).hexdigest()


def test_random_numbers_of_the_program_neither_count_nor_change(wisp: Codec, quick: None) -> None:
    files = set()
    for seed in (1, 2):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            state, numbers = torch.get_rng_state(), np.random.get_state(legacy=False)
            files.add(refined(wisp, PIXELS, 95).data)
            assert torch.equal(torch.get_rng_state(), state)
            assert torch.initial_seed() == seed
            assert str(np.random.get_state(legacy=False)) == str(numbers)
    assert len(files) == 1


@pytest.mark.parametrize(
    ("tune", "setting"),
    [
        *(("psnr", name) for name in ("grad", "no grad", "autocast bf16", "float64 default", "bf16 default")),
        *((tune, name) for tune in ("psnr", "ms-ssim") for name in ("everything", "inference mode")),
        ("ms-ssim", "bf16 default"),
    ],
)
def test_settings_of_the_program_neither_disturb_nor_change(wisp: Codec, setting: str, tune: Any, quick: None) -> None:
    with restored(), SETTINGS[setting]():
        before = snapshot()
        encoded = refined(wisp, PIXELS, 95, tune=tune)
        assert snapshot() == before
    assert encoded.data != plain(wisp, PIXELS, 95).data


@pytest.mark.parametrize(("mode", "exact"), [*((mode, False) for mode in MODES), ("LA", True), ("RGBA", True)])
def test_every_mode(wisp: Codec, mode: str, exact: bool, quick: None, learned_only: None) -> None:
    """`refined` has compared latents; alpha stays as it is, and what is refined is another file."""
    pixels = cut(128, 0, 64, 80, mode)
    encoded, before = refined(wisp, pixels, 100, exact=exact), plain(wisp, pixels, 100, exact=exact)
    assert encoded.latents_sha256 != before.latents_sha256
    assert not encoded.lossless_tiles
    decoded = wisp.decode_array(encoded.data)
    assert decoded.shape == pixels.shape
    if mode.endswith("A"):
        assert np.array_equal(decoded[:, :, -1], pixels[:, :, -1])
    assert lagrangian(wisp, encoded) <= most_allowed(lagrangian(wisp, before), words=3)  # alpha is coded anew, too


@each_alpha_mode
def test_hidden_colours_count_only_where_they_are_to_be_kept(
    wisp: Codec, mode: str, quick: None, learned_only: None
) -> None:
    alpha = np.where(np.arange(96) < 56, 255, 0).astype(np.uint8)[None].repeat(64, axis=0)
    first = in_mode(cut(128, 0, 64, 96), mode, alpha)
    other = in_mode(noise(64, 96, "RGB"), mode, alpha)
    other[:, :56] = first[:, :56]
    data = refined(wisp, first, 100).data
    assert data == refined(wisp, other, 100).data
    assert data != plain(wisp, first, 100).data
    exact = [refined(wisp, pixels, 100, exact=True) for pixels in (first, other)]
    assert exact[0].latents_sha256 != exact[1].latents_sha256


@pytest.mark.parametrize("height, width", [(1, 1), (1, 130), (70, 3), (65, 65)])
def test_every_size(wisp: Codec, height: int, width: int, quick: None, learned_only: None) -> None:
    encoded = refined(wisp, photo(height, width), 90)
    assert wisp.decode(encoded.data).size == (width, height)


def test_pictures_that_leave_nothing_to_gain(wisp: Codec, quick: None, learned_only: None) -> None:
    for pixels in (np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 1), 255, np.uint8), noise(64, 64, "RGB")):
        before, after = plain(wisp, pixels, 0), refined(wisp, pixels, 0)
        assert lagrangian(wisp, after) <= most_allowed(lagrangian(wisp, before))


def test_several_tiles(wisp: Codec) -> None:
    pixels = cut(60, 100, 128, 100)
    with steps_of_effort_5(4):
        after = refined(wisp, pixels, 95, tile=64)
    before = plain(wisp, pixels, 95, tile=64)
    assert len(after.units) == 4
    assert all(unit.learned for unit in after.units)
    assert lagrangian(wisp, after) < lagrangian(wisp, before)
    assert sum(unit.stream != old.stream for unit, old in zip(after.units, before.units, strict=True)) > 1


@pytest.mark.parametrize("side", [4, pytest.param(8, marks=pytest.mark.slow)])
def test_several_windows_in_one_tile(wisp: Codec, side: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.refine.picture._SIDE", side)
    pixels = cut(128, 0, 128, 128 if side == 4 else 144)
    with watched_windows() as seen, steps_of_effort_5(3):
        after = refined(wisp, pixels, 95)
    cores = [window.core for window, _ in seen]
    assert covered(cores, (8, pixels.shape[1] // 16)) == (1, 1)
    assert max(max(core.height, core.width) for core in cores) == side
    assert lagrangian(wisp, after) < lagrangian(wisp, plain(wisp, pixels, 95))


def covered(areas: list[Area], field: tuple[int, int]) -> tuple[int, int]:
    """How often a latent is covered: least and most."""
    count = np.zeros(field, int)
    for area in areas:
        count[area.index] += 1
    return int(count.min()), int(count.max())


def test_a_window_sees_what_became_of_those_before_it(
    wisp: Codec, monkeypatch: pytest.MonkeyPatch, quick: None
) -> None:
    monkeypatch.setattr("codec.refine.picture._SIDE", 4)
    with watched_windows() as seen:
        refined(wisp, cut(60, 100, 64, 192), 95, tile=128)
    assert [(window.core.left, window.core.right) for window, _ in seen] == [(0, 4), (4, 8), (8, 12)]
    changed = False
    for (before, done), (window, _) in pairwise(seen):
        shared = before.core.meet(window.outer)
        assert shared is not None
        there = window.latent[(..., *shared.within(window.outer).index)]
        assert torch.equal(there, done.latent[(..., *shared.within(before.core).index)])
        changed |= not torch.equal(there, before.latent[(..., *shared.within(before.outer).index)])
    assert changed


def test_tiles_of_several_qualities(wisp: Codec) -> None:
    pixels, regions = cut(128, 0, 64, 128), (Region((0, 0, 64, 64), -30),)
    before = plain(wisp, pixels, 90, tile=64, regions=regions)
    after = refined(wisp, pixels, 90, tile=64, regions=regions)
    assert [unit.quality_delta for unit in after.units] == [unit.quality_delta for unit in before.units]
    assert len({unit.quality_delta for unit in after.units}) > 1
    assert lagrangian(wisp, after) < lagrangian(wisp, before)


class Worsening:
    """An optimiser that ruins what it is to make better."""

    def __init__(self, parameters: list[torch.Tensor], **_: Any) -> None:
        self._ruined = parameters

    def zero_grad(self) -> None:
        for values in self._ruined:
            values.grad = None

    def step(self) -> None:
        for values in self._ruined:
            values.data.add_(3)


def test_what_descent_makes_worse_stays_as_it_was(wisp: Codec, monkeypatch: pytest.MonkeyPatch, quick: None) -> None:
    pixels = cut(60, 100, 128, 64)
    monkeypatch.setattr("torch.optim.Adam", Worsening)
    with watched_windows() as seen:
        after = refined(wisp, pixels, 75, tile=64)
    assert [done.steps for _, done in seen] == [refinement_steps(5)] * 2
    assert after.data == plain(wisp, pixels, 75, tile=64).data


def test_tiles_that_are_smaller_without_loss_are_not_refined(wisp: Codec, quick: None) -> None:
    pixels = np.hstack([cut(100, 150, 64, 64), flat_and_lines(), cut(190, 200, 64, 64)])
    with watched_windows() as seen:
        encoded = refined(wisp, pixels, 95, tile=64)
    assert [unit.learned for unit in encoded.units] == [True, False, True]
    assert [window.core.left for window, _ in seen] == [0, 8]
    assert np.array_equal(wisp.decode_array(encoded.data)[:, 64:128], pixels[:, 64:128])
    assert facts_of(encoded.data).lossless_tiles == 1


def flat_and_lines() -> Pixels:
    pixels = np.full((64, 64, 3), 240, np.uint8)
    pixels[::8] = (20, 60, 160)
    return pixels


def test_without_a_learned_tile_nothing_is_refined(wisp: Codec, quick: None) -> None:
    with watched_windows() as seen:
        encoded = refined(wisp, np.hstack([flat_and_lines(), logo(64, 64)]), 95, tile=64)
    assert not seen
    assert encoded.lossless_tiles == 2


def structural(wisp: Codec, encoded: CodedPicture, anchor: CodedPicture) -> float:
    """Bits + lambda * (1 - MS-SSIM), this in units of the anchor's squared levels for its own 1 - MS-SSIM."""
    source = encoded.picture.colours
    shown, first = (Picture(wisp.decode_array(file.data)).colours for file in (encoded, anchor))
    squared = np.square(source.astype(np.float64) - first).mean(axis=2).sum()
    unit = lagrange_multiplier(encoded.layout.header.quality) * float(squared) / (1 - ms_ssim(source, first))
    return 8 * len(encoded.data) + unit * (1 - ms_ssim(source, shown))


@pytest.mark.parametrize("mode", [pytest.param("L", marks=pytest.mark.slow), "RGB"])
def test_tuned_for_structure(wisp: Codec, mode: str) -> None:
    pixels = cut(60, 100, 161, 170, mode)
    with steps_of_effort_5(4):
        tuned = refined(wisp, pixels, 85, tune="ms-ssim")
    before = plain(wisp, pixels, 85)
    assert structural(wisp, tuned, before) < structural(wisp, before, before)


@each_mode
def test_tuned_for_structure_where_five_scales_do_not_fit(
    wisp: Codec, mode: str, quick: None, learned_only: None
) -> None:
    pixels = cut(100, 100, 80, 64, mode)
    tuned = refined(wisp, pixels, 90, tune="ms-ssim")
    others = (plain(wisp, pixels, 90), refined(wisp, pixels, 90))
    assert tuned.latents_sha256 not in [other.latents_sha256 for other in others]
    if mode.endswith("A"):
        assert np.array_equal(wisp.decode_array(tuned.data)[:, :, -1], pixels[:, :, -1])


def test_tuning_does_no_harm_where_there_is_no_structure(wisp: Codec, quick: None, learned_only: None) -> None:
    for pixels in (np.full((64, 64, 3), 7, np.uint8), noise(64, 64, "RGB")):
        before, after = plain(wisp, pixels, 0), refined(wisp, pixels, 0, tune="ms-ssim")
        assert psnr(wisp.decode_array(after.data), pixels) > psnr(wisp.decode_array(before.data), pixels) - 3


@pytest.mark.slow
def test_in_bf16(wisp: Codec) -> None:
    """Which a codec in fp32 reads to the same latents."""
    codec = Codec(device="cpu", precision="bf16")
    pixels = cut(100, 150, 64, 96)
    before, after = plain(codec, pixels, 90), refined(codec, pixels, 90)
    assert lagrangian(codec, after) < lagrangian(codec, before)
    assert wisp.decode_latents(read_file(after.data)).sha256 == after.latents_sha256


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("tune", ["psnr", "ms-ssim"])
def test_on_cuda(wisp: Codec, tune: Any) -> None:
    codec = Codec(device="cuda", precision="fp32")
    pixels = cut(100, 150, 96, 96)
    before, after = plain(codec, pixels, 90), refined(codec, pixels, 90, tune=tune)
    assert after.data != before.data
    assert tune == "ms-ssim" or lagrangian(codec, after) < lagrangian(codec, before)
    assert wisp.decode_latents(read_file(after.data)).sha256 == after.latents_sha256
