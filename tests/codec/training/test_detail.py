"""The detail layer: its transform, its quantisation, its prior on the exact grid, and its training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from bitstream.errors import ModelFileError, OutputExistsError, RequestError
from codec.detail.halves import picked, place
from codec.detail.prior import ExactDetailPrior, detail_known_answer
from codec.detail.quantise import cheapest
from codec.detail.transform import (
    COEFFICIENTS,
    analysed,
    index_shift,
    nearest_code,
    shift_of,
    step_of,
    synthesised,
)
from codec.exact.bounds import prove_detail_exact
from codec.exact.tensors import LOG_SCALE_STEP
from codec.model.config import DetailConfig
from codec.model.detail import read_detail_file
from codec.refine.rounding import bits
from codec.training.detail_prior import DetailPrior
from codec.training.export.detail import export_detail, is_detail
from codec.training.export.quantise import quantise_detail
from codec.training.grid import snapped
from codec.training.log import STEPS, VALIDATION, read_table
from codec.training.recipe import Recipe, read_recipe
from codec.training.session import task_module, train
from codec.training.start import read_weights
from codec.training.task import uniform_noise
from codec.training.tasks import detail
from tests.support.tiny import write_tiny_model
from tests.support.training import assert_gradients_reach, resumed_exactly, small_recipe, write_base, write_pictures

SIZE = (2, 6, 10)  # pictures, rows, columns


def prior(seed: int = 0, spread: float = 1.0) -> DetailPrior:
    torch.manual_seed(seed)
    made = DetailPrior(6, 5, channels=7, blocks=1)
    with torch.no_grad():
        for value in made.parameters():
            value.add_(torch.randn(value.shape) * 0.1 * spread)
    return made


def inputs(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Features beyond both ends of the grid, latents in 16ths, values in steps, whole shifts."""
    generator = torch.Generator().manual_seed(seed)
    batch, height, width = SIZE
    draw = lambda channels: torch.randn(batch, channels, height, width, generator=generator)  # noqa: E731
    latents = (draw(5) * 40 * 16).round() / 16
    return snapped(draw(6) * 20), latents, draw(COEFFICIENTS) * 3, torch.tensor([-5.0, 9.0])


def test_the_transform_is_orthonormal_and_undone() -> None:
    residual = torch.randn(2, 3, 32, 48) * 10
    coefficients = analysed(residual)
    assert coefficients.shape == (2, COEFFICIENTS, 2, 3)
    torch.testing.assert_close(synthesised(coefficients), residual, atol=1e-3, rtol=0)
    assert coefficients.square().sum().item() == pytest.approx(residual.square().sum().item(), rel=1e-4)


def test_coefficients_are_those_of_a_dct() -> None:
    """A grey block has the luma's coefficients alone: those of its grey levels times the root of 3."""
    grey, k = np.random.default_rng(0).normal(size=(16, 16)), np.arange(16)
    wave = np.cos(np.pi * (2 * k + 1) * k[:, None] / 32) * np.where(k, 1, 0.5**0.5)[:, None] * (1 / 8) ** 0.5
    wanted = np.sort(np.abs(wave @ grey @ wave.T * 3**0.5).ravel())
    found = analysed(torch.from_numpy(grey).float().expand(1, 3, 16, 16)).flatten().abs().sort().values.numpy()
    assert np.allclose(found[-256:], wanted, atol=1e-4) and np.allclose(found[:-256], 0, atol=1e-4)


def test_a_finer_step_shifts_the_scales_by_its_ratio() -> None:
    assert index_shift(torch.tensor([8.0])).item() == 0
    ratio = torch.exp(torch.tensor(-3 * LOG_SCALE_STEP))
    assert index_shift(8.0 * ratio[None]).item() == 3


def test_the_cheapest_of_three_is_chosen() -> None:
    values, index = torch.linspace(-4, 4, 161), torch.arange(161) % 64
    chosen = cheapest(values, index)
    cost = lambda k: bits(k, index) + 9.0 * (values - k) ** 2  # noqa: E731
    assert (chosen == chosen.round()).all() and (chosen.abs() <= values.abs().round() + 1e-6).all()
    for other in (values.round(), torch.zeros_like(values), values.round() - values.sign()):
        assert (cost(chosen) <= cost(other) + 1e-4).all()
    assert (chosen != values.round()).any()


def test_halves_are_the_fields_of_a_chessboard() -> None:
    field = torch.arange(24.0).reshape(1, 1, 4, 6)
    even, other = torch.zeros_like(field), torch.zeros_like(field)
    place(0, picked(0, field), even)
    place(1, picked(1, field), other)
    rows, columns = torch.arange(4)[:, None], torch.arange(6)
    assert torch.equal(even, field * ((rows + columns) % 2 == 0)) and torch.equal(even + other, field)


SETTINGS = [
    (torch.float32, torch.channels_last, 1),
    (torch.float32, torch.contiguous_format, 3),
    (torch.float64, torch.channels_last, 2),
    (torch.float64, torch.contiguous_format, 1),
]


@pytest.mark.parametrize("seed", [0, 1])
@torch.no_grad()
def test_the_exact_prior_gives_the_same_tables(seed: int) -> None:
    """In every dtype, memory layout and number of threads; tiles alone or together; beyond both ends of the grid."""
    network, (features, latents, values, _) = prior(seed, 5.0), inputs(seed)
    shifts, config = [-21, 9], DetailConfig(6, 5, 7, 1)
    tensors = quantise_detail(config, network.state_dict())
    prove_detail_exact(config, tensors)
    shift = torch.tensor([float(s) for s in shifts])
    x = network.begin(features, latents, shift)
    wanted, first = [network.scale_index(0, x, shift)], torch.zeros_like(values)
    place(0, picked(0, values).round(), first)
    wanted.append(network.scale_index(1, network.go_on(x, first), shift))
    threads, answers = torch.get_num_threads(), set()
    for dtype, layout, count in SETTINGS:
        torch.set_num_threads(count)
        try:
            exact = ExactDetailPrior(config, tensors, torch.device("cpu"), dtype, layout)
            answers.add(detail_known_answer(exact))
            for tiles in ([0, 1], [0], [1]):
                put = lambda v: v[tiles].to(dtype).contiguous(memory_format=layout)  # noqa: B023, E731
                chosen = [shifts[i] for i in tiles]
                x = exact.begin(put(features * 16), put(latents * 16), chosen)
                found = [exact.scale_index(0, x, chosen)]
                found.append(exact.scale_index(1, exact.go_on(x, put(first)), chosen))
                for a, b in zip(found, wanted, strict=True):
                    assert torch.equal(a.double(), b[tiles].round().clamp(0, 63).double())
                    assert a.unique().numel() > 20
        finally:
            torch.set_num_threads(threads)
    assert len(answers) == 1


def test_step_codes() -> None:
    assert step_of(0) == 8.0 and step_of(-1024) > 200 and step_of(1024) < 0.32
    for code in range(-1024, 1025, 3):
        assert nearest_code(step_of(code)) == code
        if code % 32 != 16:  # where it is no tie
            assert shift_of(code) == index_shift(torch.tensor([step_of(code)], dtype=torch.float64)).item()
    assert [shift_of(code) for code in (-48, -16, 16, 48)] == [-2, 0, 0, 2]


def indices(network: DetailPrior, dtype: torch.dtype) -> list[Tensor]:
    features, latents, values, shift = (value.to(dtype) for value in inputs())
    whole = torch.zeros_like(values)
    x = network.begin(features, latents, shift)
    found = [x, network.scale_index(0, x, shift)]
    place(0, picked(0, values).round(), whole)
    x = network.go_on(x, whole)
    return [value.double() for value in (*found, x, network.scale_index(1, x, shift))]


@pytest.mark.parametrize("seed", [0, 1])
@torch.no_grad()
def test_scales_are_exact(seed: int) -> None:
    """The same bits in float32, in float64, with other threads and in another memory layout: all lie on one grid."""
    single = indices(prior(seed, 5.0), torch.float32)
    double = indices(prior(seed, 5.0).double(), torch.float64)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3 if threads != 3 else 2)
        threaded = indices(prior(seed, 5.0).to(memory_format=torch.channels_last), torch.float32)  # type: ignore[call-overload]
    finally:
        torch.set_num_threads(threads)
    for a, b, c in zip(single, double, threaded, strict=True):
        assert torch.equal(a, b) and torch.equal(a, c)
        assert torch.equal((a * 256 * 8).round(), a * 256 * 8) and a.std() > 0.1


@torch.no_grad()
def test_the_second_half_sees_the_first_ones_sizes_alone() -> None:
    network, (features, latents, values, shift) = prior(), inputs()
    _, whole = network(features, latents, values, shift)
    assert torch.equal(whole, values.round())
    other = values.clone()
    place(1, picked(1, values) + 50, other)
    a, b = (network(features, latents, v, shift, None, lambda v, index: index)[1] for v in (values, other))
    assert torch.equal(a, b)
    place(0, picked(0, values) + 50, other)
    b = network(features, latents, other, shift, None, lambda v, index: index)[1]
    assert torch.equal(picked(0, a), picked(0, b))
    a, b = (network(features, latents, v, shift)[0] for v in (values, -values))
    torch.testing.assert_close(a, b)


def test_gradients_reach_every_weight() -> None:
    network, values = prior(), inputs()
    network(*values, uniform_noise)[0].sum().backward()
    assert_gradients_reach(network)


def small_run(tmp_path: Path, **changes: object) -> tuple[Recipe, list[Path]]:
    """A tiny image network under a tiny layer."""
    sizes = {"base": str(write_base(tmp_path)), "channels": 8, "blocks": 1, "crops": 4}
    usual = {"task": "detail", "network": sizes, "steps": 40, "muon": 1e-2, "adam": 3e-2, "gains": 1e-3}
    return small_recipe(**{**usual, **changes}), [write_pictures(tmp_path / "pictures")]


def test_the_loss_falls_and_a_run_resumes_exactly(tmp_path: Path) -> None:
    recipe, sources = small_run(tmp_path)
    whole = resumed_exactly(recipe, sources, tmp_path, at=7)
    rows = read_table(whole / STEPS)
    assert rows[-1]["bpp"] < 0.7 * rows[0]["bpp"]
    found = read_table(whole / VALIDATION)
    assert [row["delta"] for row in found] == [4, 8, 16, 30]
    assert all(row["psnr"] > row["base"] for row in found)
    rates = [row["bpp"] for row in found]
    assert sorted(rates, reverse=True) == rates


def test_a_run_becomes_a_layer_of_its_model(tmp_path: Path) -> None:
    """Whose tables are proved and fitted, and which codes pictures as the run's network would."""
    base = write_tiny_model(tmp_path)
    sizes = {"base": str(base.path), "channels": 8, "blocks": 1, "crops": 2}
    recipe, sources = small_run(tmp_path, network=sizes, steps=2)
    train(recipe, sources, tmp_path / "run", device="cpu")
    assert is_detail(tmp_path / "run")
    lines: list[str] = []
    made = export_detail(tmp_path / "run", tmp_path / "layer.safetensors", table_crops=2, report=lines.append)
    file = read_detail_file(tmp_path / "layer.safetensors")
    assert file.info == made and (made.model, made.name, made.skip_below) == (base.id, "layer", 1)
    assert made.config == DetailConfig(base.config.cp, base.config.cy, 8, 1)
    assert "of 2**24" in lines[0] and "held-out" in lines[1]
    with pytest.raises(OutputExistsError):
        export_detail(tmp_path / "run", tmp_path / "layer.safetensors", table_crops=2)
    with pytest.raises(ModelFileError, match="not those of a detail layer"):
        export_detail(write_base(tmp_path), tmp_path / "other.safetensors")


def test_prepared_crops_of_another_recipe_are_made_anew(tmp_path: Path) -> None:
    recipe, sources = small_run(tmp_path, steps=1)
    kept = tmp_path / "run" / "detail-0" / "coefficients.npy"
    train(recipe, sources, tmp_path / "run", device="cpu")
    before = kept.read_bytes()
    train(recipe.changed({"lowest": 60.0}), sources, tmp_path / "run", device="cpu", overwrite=True)
    assert kept.read_bytes() != before


def test_a_state_of_the_background_training_is_a_start(tmp_path: Path) -> None:
    """It holds weights by these names below `model`, beside optimisers, step and seconds."""
    names = set(DetailPrior(256, 256).state_dict())
    assert {"q_bias", "look_f.weight", "enter.bias", "trunk.1.1.dw.weight", "leave.1.weight"} < names
    recipe, sources = small_run(tmp_path, steps=1, adam=0.0, muon=0.0, gains=0.0)
    torch.manual_seed(9)
    network = DetailPrior(8, 8, 8, 1)
    path = tmp_path / "state.pt"
    torch.save({"model": network.state_dict(), "opts": [{}, {}], "step": 17500, "spent": 5360.5}, path)
    train(recipe.changed({"start": str(path)}), sources, tmp_path / "run", device="cpu")
    found = read_weights(str(tmp_path / "run"))
    assert all(torch.equal(value, found[name]) for name, value in network.state_dict().items())


@pytest.mark.parametrize("sizes", [{"blokcs": 2}, {"channels": "many"}, {"finest": 40.0}, {"crops": 0}])
def test_sizes_that_make_no_sense_are_refused(tmp_path: Path, sizes: dict[str, object]) -> None:
    recipe = small_recipe(task="detail", network=sizes)
    with pytest.raises(RequestError, match="recipe: network"):
        train(recipe, [write_pictures(tmp_path / "pictures", 2)], tmp_path / "run", device="cpu")


def test_the_recipe_is_the_tasks() -> None:
    recipe = read_recipe("detail")
    assert task_module(recipe.task) is detail and recipe.length == ("minutes", 180)
