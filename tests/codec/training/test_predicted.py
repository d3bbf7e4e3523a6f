"""Predicted frames: the network, its masks, and training in closed loop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bitstream.errors import FileAccessError, RequestError
from codec.notes import WispNote
from codec.training.data.clip_frames import PAIRS, Clips, read_vectors, vectors_between
from codec.training.data.sources import decode_picture, find_pictures
from codec.training.image_network import ImageNetwork
from codec.training.log import STEPS, VALIDATION, read_table
from codec.training.optimisers import make_optimisers
from codec.training.predicted_network import Predicted, PredictedNetwork
from codec.training.recipe import Recipe, parse_recipe, read_recipe
from codec.training.session import train
from codec.training.task import uniform_noise
from tests.codec.training.test_loop import Line
from tests.support.goldens import parrots
from tests.support.tiny import tiny_config
from tests.support.training import assert_gradients_reach, resumed_exactly, small_recipe, write_base

CONFIG = tiny_config()
QUALITY = torch.tensor([20.0, 40.0])
CLIPS, MOTION = 5, (2, 3)  # how many clips; pixels that they move by from frame to frame


def network(seed: int = 0, spread: float = 0.0) -> PredictedNetwork:
    torch.manual_seed(seed)
    made = PredictedNetwork(CONFIG)
    with torch.no_grad():
        for value in made.parameters():
            value.add_(torch.randn(value.shape) * spread)
    return made


def given(seed: int = 0, blocks: tuple[int, int] = (2, 3)) -> tuple[Tensor, Predicted]:
    """Frames of two clips, one block of 64x64 copied in each, and two references."""
    generator = torch.Generator().manual_seed(seed)
    height, width = (64 * n for n in blocks)
    draw = lambda *shape: torch.rand(2, *shape, generator=generator)  # noqa: E731
    coded = torch.ones(2, 1, *blocks)
    coded[0, 0, 1, 1] = coded[1, 0, 0, 2] = 0
    latents = (torch.randn(2, 2, CONFIG.cy, height // 16, width // 16, generator=generator) * 30 * 16).round() / 16
    vectors = (draw(4, height // 16, width // 16) * 64).round() / 8
    predicted = Predicted(
        draw(3, height, width), draw(3, height, width) - 0.5, latents, torch.tensor([1.0, 0.0]), vectors, coded
    )
    return draw(3, height, width), predicted


@torch.no_grad()
def test_training_begins_with_the_image_network() -> None:
    """Without a prediction, which is grey then, and all blocks coded, a frame is coded as a picture."""
    made, (pixels, predicted) = network(), given()
    image = ImageNetwork(CONFIG)
    image.load_state_dict({n: v for n, v in made.state_dict().items() if n in image.state_dict()})
    grey = replace(predicted, pixels=torch.full_like(pixels, 0.5), coded=torch.ones_like(predicted.coded))
    found, wanted = made.code(pixels, grey, QUALITY), image(pixels, QUALITY)
    for name in ("pixels", "latents", "y_bits", "z_bits"):
        torch.testing.assert_close(getattr(found, name), getattr(wanted, name), rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_copied_blocks_are_the_prediction_and_cost_nothing() -> None:
    made, (pixels, predicted) = network(spread=0.05), given()
    found = made.code(pixels, predicted, QUALITY)
    assert torch.equal(found.pixels[0, :, 64:, 64:128], predicted.pixels[0, :, 64:, 64:128])
    assert (found.latents[0, :, 4:, 4:8] == 0).all() and (found.latents[0, :, :4] != 0).any()
    other = pixels.clone()
    other[0, :, 64:, 64:128] = 1 - other[0, :, 64:, 64:128]
    again = made.code(other, predicted, QUALITY)
    for name in ("pixels", "latents", "y_bits", "z_bits"):
        torch.testing.assert_close(getattr(again, name), getattr(found, name))
    nothing = made.code(pixels, replace(predicted, coded=torch.zeros_like(predicted.coded)), QUALITY)
    assert torch.equal(nothing.pixels, predicted.pixels)
    assert float(nothing.y_bits.abs().sum() + nothing.z_bits.abs().sum()) == 0


@torch.no_grad()
def test_what_the_prior_sees_is_exact() -> None:
    """Means and scale indices in float32 and float64 are the same, copied blocks, references and vectors included."""
    made, (_, predicted) = network(spread=0.2), given()
    z = (torch.randn(2, CONFIG.cz, 2, 3) * 9).round() * predicted.coded
    y_hat = (torch.randn(2, CONFIG.cy, 8, 12) * 20 * 16).round() / 16
    results = []
    for dtype in (torch.float32, torch.float64):
        values = Predicted(*(value.to(dtype) for value in vars(predicted).values()))
        prior = made.to(dtype).prior
        features = prior.hyper(z.to(dtype), QUALITY, values.coded) + made._known(values)
        steps = [prior.step(k, features, y_hat.to(dtype), values.coded) for k in range(4)]
        results.append([features, *(value for pair in steps for value in pair)])
    for single, double in zip(*results, strict=True):
        assert torch.equal(single.double(), double) and single.std() > 0


def test_gradients_reach_every_weight() -> None:
    made, (pixels, predicted) = network(spread=0.05), given()
    coded = made.code(pixels, predicted, QUALITY, uniform_noise)
    (coded.pixels.square().sum() + coded.y_bits.sum() + coded.z_bits.sum()).backward()
    assert_gradients_reach(made)


def write_clips(folder: Path, side: int = 64) -> Path:
    """Clips of nine frames below each other, by names of a pack: a window that moves over a photograph."""
    folder.mkdir()
    whole, (down, right) = parrots(), MOTION
    for i in range(CLIPS):
        frames = [whole[40 + 17 * i + down * t :, 30 + 31 * i + right * t :][:side, :side] for t in range(9)]
        Image.fromarray(np.concatenate(frames)).save(folder / f"v_{i:010x}_s0c0.png")
    return folder


def small_run(tmp_path: Path, **changes: Any) -> tuple[Recipe, list[Path]]:
    path = write_base(tmp_path)
    vectors = tmp_path / "moved.npz"
    np.savez(vectors, **{f"{t}_{r}": np.full((CLIPS, 4, 4, 2), np.array(MOTION) * 4 * (t - r)) for t, r in PAIRS})
    usual = {
        "task": "predicted", "network": {"base": str(path), "vectors": str(vectors)}, "start": str(path), "batch": 2,
        "validation": 1,
        "adam": 3e-3, "rates": {"known": 1e-2, "enc_ctx": 1e-2}, "highest": 40.0,
    }  # fmt: skip
    return small_recipe(**{**usual, **changes}), [write_clips(tmp_path / "clips")]


@pytest.mark.slow
def test_the_loss_falls(tmp_path: Path, one_quality: None) -> None:
    recipe, sources = small_run(tmp_path, steps=40, lowest=40.0)
    recipe = recipe.changed({"network.hierarchy": 0.0})
    train(recipe, sources, tmp_path / "run", device="cpu")
    rows = read_table(tmp_path / "run" / STEPS)
    assert np.exp(rows[-1]["loss"]) < 0.7 * np.exp(rows[0]["loss"])


@pytest.fixture
def one_quality(monkeypatch: pytest.MonkeyPatch) -> None:
    """Validation takes a third of its time."""
    monkeypatch.setattr("codec.training.tasks.predicted.VALIDATED", (24.0,))


def test_a_run_resumes_exactly_within_a_group(tmp_path: Path, one_quality: None) -> None:
    """Frames that were decoded before it was stopped are those that go on."""
    recipe, sources = small_run(tmp_path, steps=4)
    whole = resumed_exactly(recipe, sources, tmp_path, at=2)
    rows = read_table(whole / VALIDATION)
    assert [(row["hierarchy"], row["quality"]) for row in rows] == [(h, q) for h in (0, 1) for q in (24,)]
    assert all(0 <= row["coded"] <= 1 and row["psnr"] > 5 for row in rows)
    assert list((whole / "sheets").glob("*.png"))


def test_vectors_are_those_of_as_many_clips(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError, match="cannot be read"):
        read_vectors(tmp_path / "vectors.npz", 4)
    np.savez(tmp_path / "vectors.npz", **{f"{t}_{r}": np.full((4, 4, 4, 2), t, np.int16) for t, r in PAIRS})
    with pytest.raises(RequestError, match="of 4 clips, not of these 5"):
        read_vectors(tmp_path / "vectors.npz", 5)
    assert read_vectors(tmp_path / "vectors.npz", 4)[(3, 4)].max() == 3


def test_clips_are_read_and_what_is_none_is_named(tmp_path: Path) -> None:
    """Vectors that are given are not searched for; those that are left out leave no gap."""
    folder = write_clips(tmp_path / "clips")
    Image.new("RGB", (64, 64 * 8)).save(folder / "v_0000000001_s0c1.png")
    entries = find_pictures([folder], clips=True)
    vectors = {pair: np.full((6, 4, 4, 2), i, np.int16) for i, pair in enumerate(PAIRS)}
    with pytest.warns(WispNote, match="v_0000000001_s0c1.png left out: 64x512 pixels are not 9 frames of 64x64"):
        clips = Clips(tmp_path / "kept", "these", entries, 64, vectors)
    assert len(clips) == 5 and [v.max() for v in clips.vectors(4).values()] == list(range(len(PAIRS)))
    last = decode_picture(entries[5].read())
    assert np.array_equal(clips.frames(4).permute(0, 2, 3, 1).reshape(-1, 64, 3).numpy(), last)


def test_longer_distances_are_searched_from_shorter_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    def found(reference: Tensor, picture: Tensor, start: Tensor | None) -> Tensor:
        distance = int(picture[0, 0, 0]) - int(reference[0, 0, 0])
        vectors = torch.tensor([8, -12]).expand(4, 4, 2) * distance
        assert (start is None) == (distance == 1) and (start is None or torch.equal(start, vectors))
        return vectors

    monkeypatch.setattr("codec.training.data.clip_frames.search", found)
    frames = np.broadcast_to(np.arange(9, dtype=np.uint8)[:, None, None, None], (9, 64, 64, 3))
    assert set(vectors_between(frames)) == set(PAIRS)


def test_parts_have_rates_of_their_own() -> None:
    task = Line()
    recipe = Recipe(steps=1, adam=1.0, rates={"late": 0.1, "late.bias": 0.2})
    groups = [group for made in make_optimisers(task, recipe, torch.device("cpu")).each for group in made.param_groups]
    rates = {id(parameter): group["rate"] for group in groups for parameter in group["params"]}
    found = {name: rates[id(parameter)] for name, parameter in task.network.named_parameters()}
    assert found == {"early.weight": 1.0, "early.bias": 1.0, "late.weight": 0.1, "late.bias": 0.2}
    with pytest.raises(RequestError, match="nothing that is trained begins with lat"):
        make_optimisers(task, Recipe(steps=1, rates={"lat": 0.1}), torch.device("cpu"))


def test_the_recipe_and_its_rates_are_kept() -> None:
    recipe = read_recipe("predicted")
    assert recipe.rates["analysis"] == 3e-6 and parse_recipe(recipe.toml()) == recipe
    changed = recipe.changed({"rates.analysis.y_gain": 1e-5, "network.hierarchy": 1.0})
    assert changed.rates == {**recipe.rates, "analysis.y_gain": 1e-5} and parse_recipe(changed.toml()) == changed
    with pytest.raises(RequestError, match="rates: known = -1"):
        recipe.changed({"rates.known": -1})
