"""What refinement is made of: the prior without roundings, soft rounding, bits, distortions, and its clock."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from bitstream.limits import MAX_QUALITY
from codec.api import Codec
from codec.exact.arithmetic import exact_arithmetic
from codec.exact.tensors import ACTIVATION_STEPS, SCALE_LEVELS, STEPS
from codec.model.loaded import LoadedModel
from codec.network.shapes import FOLD
from codec.pixels.geometry import Area
from codec.refine.descent import _has_stalled, lagrange_multiplier
from codec.refine.distortion import Distortion, Wanted, distortion_of
from codec.refine.prior import SmoothPrior
from codec.refine.rounding import anneal, bits
from codec.settings import Tune
from codec.still.effort import refinement_steps
from codec.still.entropy import hyper_latents, quality_row
from codec.still.pixel_path import analyse, folded
from codec.work.progress import Progress
from tests.support.refining import cut, refined, steps_of_effort_5, watched_windows
from tests.support.scenes import Pixels, in_mode, logo, noise, photo

each_tune = pytest.mark.parametrize("tune", ["psnr", "ms-ssim"])


@pytest.fixture
def model(wisp: Codec) -> LoadedModel:
    return wisp.load(wisp.model_info.id)


@pytest.mark.parametrize("quality", [0, 4000, 9000, MAX_QUALITY])
def test_the_smooth_prior_says_what_the_exact_one_says(model: LoadedModel, quality: int) -> None:
    """Step by step from the same latents; what is skipped nearly always, too."""
    smooth, exact, row = SmoothPrior(model), model.prior, quality_row(quality)
    y = analyse(model, cut(100, 128, 64, 128), torch.tensor(quality))
    z = hyper_latents(model, y)
    with exact_arithmetic(exact.device):
        features = exact.hyper(exact.tensor(z.numpy().astype(np.int64)), [row])
    plain = smooth.hyper(z, row)
    assert float((features / ACTIVATION_STEPS - plain).abs().mean()) < 0.1
    y16 = torch.zeros_like(y)
    for k in range(STEPS):
        with exact_arithmetic(exact.device):
            mean16, index = exact.step(k, features, y16)
        mean, soft = smooth.step(k, plain, y16 / ACTIVATION_STEPS)
        assert mean.dtype == soft.dtype == torch.float32
        off, coded = (mean - mean16 / ACTIVATION_STEPS).abs(), index >= model.info.skip_below
        assert float(off.median()) < 1 / ACTIVATION_STEPS
        assert float(off.square().mean().sqrt()) < 0.07 * float(mean.std()) + 0.02
        assert float((soft.clamp(0, SCALE_LEVELS - 1) - index).abs()[coded].mean()) < 0.75
        assert float(((soft.round() >= model.info.skip_below) == coded).float().mean()) > 0.98
        symbols = ((exact.pick(k, y * ACTIVATION_STEPS) - mean16) / ACTIVATION_STEPS).round() * coded
        exact.place(k, symbols * ACTIVATION_STEPS + mean16, y16)


def test_gradients_reach_the_latents_through_every_step(model: LoadedModel) -> None:
    smooth = SmoothPrior(model)
    features = smooth.hyper(torch.zeros(1, model.config.cz, 1, 1), 40)
    for k in range(1, STEPS):
        y_hat = torch.full((1, model.config.cy, 4, 4), 0.3, requires_grad=True)
        mean, index = smooth.step(k, features, y_hat)
        (mean.sum() + index.sum()).backward()
        assert y_hat.grad is not None
        assert bool(y_hat.grad.isfinite().all())
        assert bool((y_hat.grad != 0).any(dim=1).all())


def test_what_is_placed_is_picked_again(model: LoadedModel) -> None:
    smooth, exact = SmoothPrior(model), model.prior
    field = torch.randn(1, model.config.cy, 8, 12, generator=torch.Generator().manual_seed(0))
    again, layered = torch.zeros_like(field), torch.zeros_like(field)
    for k in range(STEPS):
        values = smooth.pick(k, field)
        assert torch.equal(values, exact.pick(k, field))
        placed = smooth.placed(k, values)
        assert torch.equal(smooth.pick(k, placed), values)
        assert int((placed != 0).sum()) == values.numel()
        again += placed
        exact.place(k, values, layered)
    assert torch.equal(again, field)
    assert torch.equal(layered, field)


def scale_of(index: float) -> float:
    """Of table `index`: 64 of them from 0.11 to 64, evenly on a logarithmic scale."""
    return 0.11 * (64 / 0.11) ** (index / 63)


def normal_bits(residual: float, scale: float) -> float:
    below, above = ((residual + side) / scale / math.sqrt(2) for side in (-0.5, 0.5))
    return -math.log2((math.erfc(below) - math.erfc(above)) / 2)


@pytest.mark.parametrize("index", [-2.0, 0.0, 7.5, 20.0, 31.3, 45.0, 63.0])
def test_bits_are_those_of_the_normal_distribution(index: float) -> None:
    scale = scale_of(index)
    for residual in (0.0, 0.2, 0.6, 1.0, 2.0, 5.0, scale, 2 * scale, 2.5 * scale):
        if residual > 0.5 + 20 * scale:
            continue  # math.erfc underflows
        wanted = normal_bits(residual, scale)
        for sign in (-1, 1):
            found = float(bits(torch.tensor(sign * residual), torch.tensor(index)))
            assert found == pytest.approx(wanted, abs=0.01 if wanted < 14 else 0.6)


@pytest.mark.parametrize("index", [-2.0, 0.0, 12.0, 25.5, 40.0, 63.0])
def test_bits_lead_back_from_anywhere(index: float) -> None:
    residual = torch.cat([torch.tensor([1e-6, 0.4, 0.5, 0.51]), torch.logspace(0, 7, 200)]).requires_grad_(True)
    indices = torch.full((len(residual),), index, requires_grad=True)
    found = bits(residual, indices)
    found.sum().backward()
    assert residual.grad is not None and indices.grad is not None
    assert bool(found.isfinite().all())
    assert bool(residual.grad.isfinite().all()) and bool(indices.grad.isfinite().all())
    far = residual.detach() > 2 * scale_of(index) + 1
    assert bool((residual.grad[far] > 0).all())
    assert bool((indices.grad[far] < 0).all())  # a wider distribution would cost less
    mirrored = -residual.detach()
    assert torch.equal(bits(mirrored, indices.detach()), found.detach())


@pytest.mark.parametrize("index", [0.0, 15.0, 30.0, 45.0, 63.0])
def test_a_larger_residual_never_costs_less(index: float) -> None:
    residual = torch.linspace(0, 8 * scale_of(index) + 2, 4001)
    least = float(bits(residual, torch.full_like(residual, index)).diff().min())
    assert least > -1e-2  # where the integral is left for its limit


def draws(value: float, temperature: float, count: int = 4000, seed: int = 0) -> Tensor:
    return anneal(torch.full((count,), value), temperature, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("temperature", [0.5, 0.25, 0.02])
def test_soft_rounding_stays_between_the_neighbours(temperature: float) -> None:
    means = []
    for value in (-2.0, -1.7, -1.5, -1.3, -1.001):
        found = draws(value, temperature)
        assert float(found.min()) >= -2 and float(found.max()) <= -1
        means.append(float(found.mean()))
    assert means == sorted(means)
    assert means[0] < -1.95 and means[-1] > -1.05
    assert means[2] == pytest.approx(-1.5, abs=0.03)


def test_soft_rounding_is_nearly_rounding_when_it_is_cold() -> None:
    cold, warm = draws(3.3, 0.02), draws(3.3, 0.5)
    assert float((cold - cold.round()).abs().mean()) < 0.02 < float((warm - warm.round()).abs().mean())
    assert float((cold.round() == 3).float().mean()) > 0.99
    assert float(draws(3.5, 0.02).round().mean()) == pytest.approx(3.5, abs=0.05)


@pytest.mark.parametrize("temperature", [0.5, 0.2])
def test_soft_rounding_passes_finite_gradients(temperature: float) -> None:
    values = torch.cat([torch.arange(-3.0, 4.0), torch.tensor([1e-7, 0.5, 1 - 1e-7, 2.25, -0.75, 1e6])])
    values = values.repeat(500, 1).requires_grad_(True)
    anneal(values, temperature, torch.Generator().manual_seed(1)).sum().backward()
    assert values.grad is not None
    assert bool(values.grad.isfinite().all())
    between = values.grad[:, (values[0] % 1 > 0.2) & (values[0] % 1 < 0.8)]
    assert bool((between.mean(0) > 0).all())


def test_soft_rounding_draws_from_its_own_generator() -> None:
    state = torch.get_rng_state()
    assert torch.equal(draws(0.4, 0.3, seed=5), draws(0.4, 0.3, seed=5))
    assert not torch.equal(draws(0.4, 0.3, seed=5), draws(0.4, 0.3, seed=6))
    assert torch.equal(torch.get_rng_state(), state)


def test_descent_ends_where_it_no_longer_gains() -> None:
    assert not _has_stalled([1.0] * 19)
    assert _has_stalled([1.0] * 20)
    assert _has_stalled([5.0] * 30 + [5.0 + 0.01 * i for i in range(20)])
    assert not _has_stalled([100 * 0.999**i for i in range(40)])
    assert _has_stalled([100 - 0.0001 * i for i in range(40)])
    assert not _has_stalled([9.0] * 50 + [8.9] * 10)  # the last two runs of ten count


def test_lambda_is_what_the_model_was_trained_with() -> None:
    assert lagrange_multiplier(0) == pytest.approx(0.0004)
    assert lagrange_multiplier(MAX_QUALITY) == pytest.approx(0.25)
    assert lagrange_multiplier(MAX_QUALITY // 2) == pytest.approx(0.01)


def wanted_of(pixels: Pixels, hidden: int = 0) -> Wanted:
    """All of a picture of multiples of 16, the columns below `hidden` unseen."""
    colours = np.repeat(pixels, 3, axis=2) if pixels.shape[2] == 1 else pixels
    height, width, _ = colours.shape
    weight = torch.ones(1, 1, height, width)
    weight[..., :hidden] = 0
    field = folded(colours, Area(0, height // 16, 0, width // 16)).float() / 255 - 0.5
    return Wanted(field, torch.nn.functional.pixel_unshuffle(weight, FOLD), grey=pixels.shape[2] == 1)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("hidden", [0, 32])
def test_squared_error_is_in_levels_of_what_is_seen(mode: str, hidden: int) -> None:
    source, shown = photo(64, 80, mode), noise(64, 80, mode)
    error = distortion_of(wanted_of(source, hidden), "psnr")(wanted_of(shown).pixels)
    squared = np.square(source.astype(np.float64) - shown).mean(axis=2)[:, hidden:]
    assert float(error) == pytest.approx(float(squared.sum()), rel=1e-4)


@each_tune
def test_hidden_pixels_do_not_count(tune: str) -> None:
    source = photo(64, 80)
    distortion = distortion_of(wanted_of(source, 32), tune)  # type: ignore[arg-type]
    shown = wanted_of(np.clip(source.astype(int) + 20, 0, 255).astype(np.uint8))
    pixels = shown.pixels.clone().requires_grad_(True)
    distortion(pixels).backward()
    assert pixels.grad is not None
    slope = torch.nn.functional.pixel_shuffle(pixels.grad, FOLD).abs().sum(1)
    assert not bool(slope[..., :32].any())
    assert bool(slope[..., 32:].any())


@each_tune
def test_the_right_picture_has_no_distortion(tune: str) -> None:
    wanted = wanted_of(photo(64, 80))
    distortion = distortion_of(wanted, tune)  # type: ignore[arg-type]
    start = float(distortion(wanted_of(noise(64, 80)).pixels))
    assert start > 1e6
    assert abs(float(distortion(wanted.pixels))) < 1e-5 * start


def test_structure_begins_as_the_squared_error() -> None:
    """So that lambda weighs both alike."""
    wanted, shown = wanted_of(photo(64, 80)), wanted_of(photo(80, 80)[16:]).pixels
    structure, squared = (distortion_of(wanted, tune)(shown) for tune in ("ms-ssim", "psnr"))
    assert float(structure) == pytest.approx(float(squared), rel=1e-5)


@pytest.mark.parametrize("exact", [False, True])
def test_what_counts_is_what_is_seen_of_a_window_and_one_latent_around_it(
    wisp: Codec, monkeypatch: pytest.MonkeyPatch, exact: bool, learned_only: None
) -> None:
    alpha = np.where(np.arange(100) % 9 < 3, 0, 200).astype(np.uint8)[None].repeat(70, axis=0)
    found: list[Wanted] = []

    def finding(wanted: Wanted, tune: Tune) -> Distortion:
        found.append(wanted)
        return distortion_of(wanted, tune)

    monkeypatch.setattr("codec.refine.picture._SIDE", 4)
    monkeypatch.setattr("codec.refine.picture.distortion_of", finding)
    with steps_of_effort_5(1), watched_windows() as seen:
        refined(wisp, in_mode(cut(60, 100, 70, 100), "RGBA", alpha), 75, exact=exact)
    assert len(found) == len(seen) == 4
    whole = np.zeros((128, 128), bool)  # of latents: 8 x 8
    whole[:70, :100] = exact | (alpha > 0)
    for wanted, (window, _) in zip(found, seen, strict=True):
        near = np.zeros_like(whole)
        near[tuple(slice(16 * s.start, 16 * s.stop) for s in window.core.grown(1, (8, 8)).index)] = True
        weight = torch.nn.functional.pixel_shuffle(wanted.weight, FOLD)[0, 0].numpy()
        frame = tuple(slice(16 * s.start, 16 * s.stop) for s in window.outer.index)
        assert np.array_equal(weight, (whole & near)[frame])


def shares_and_words(encode: Callable[[Progress], object]) -> tuple[list[float], list[str]]:
    shares: list[float] = []
    words: list[str] = []
    encode(Progress(shares.append, words.append))
    return shares, words


@pytest.mark.parametrize("stalls", [False, True])
@pytest.mark.parametrize("tile", [64, 256])
def test_progress_ends_at_all_of_it(wisp: Codec, monkeypatch: pytest.MonkeyPatch, tile: int, stalls: bool) -> None:
    """Whether or not descent ends early, over three tiles or two windows; the effort and a time are told once."""
    monkeypatch.setattr("codec.refine.picture._SIDE", 8)
    monkeypatch.setattr("codec.refine.descent._has_stalled", lambda losses: stalls and len(losses) > 1)
    pixels = cut(60, 100, 64, 190)
    with steps_of_effort_5(3), watched_windows() as seen:
        shares, words = shares_and_words(lambda progress: refined(wisp, pixels, 75, tile=tile, progress=progress))
    assert [done.steps for _, done in seen] == [2 if stalls else 3] * (3 if tile == 64 else 2)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert shares.count(1.0) == 1
    (line,) = words
    assert re.fullmatch(r"effort 5: about \d+ (s|min)|effort 5: about \d+\.\d h", line)


def test_progress_ends_at_all_of_it_where_tiles_are_lossless(wisp: Codec) -> None:
    with steps_of_effort_5(2):
        shares, words = shares_and_words(
            lambda progress: refined(wisp, logo(64, 128), 75, tile=1024, progress=progress)
        )
    assert not words
    assert shares[-1] == 1.0


def test_unrefined_efforts_say_nothing(wisp: Codec) -> None:
    assert refinement_steps(4) == 0
    shares, words = shares_and_words(lambda progress: refined(wisp, photo(64, 64), 75, effort=4, progress=progress))
    assert (shares[-1], words) == (1.0, [])
