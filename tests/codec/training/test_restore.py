"""Training of the denoiser and the colouriser, and the files made of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from bitstream.errors import ModelFileError, RequestError
from codec.restore.colour import to_rgb, to_ycbcr
from codec.restore.config import RestoreConfig
from codec.restore.file import read_restore_file
from codec.restore.network import RestoreNetwork, denoised
from codec.training.distributed import Processes
from codec.training.export.restore import export_restore, is_restore
from codec.training.image_network import draw_weights
from codec.training.run import Run
from codec.training.session import task_module, train
from codec.training.tasks.denoise import noised
from tests.support.training import small_recipe, write_pictures

SIZES = {"fold": 2, "widths": [8, 16], "blocks": [1, 1]}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_pictures(tmp_path_factory.mktemp("pictures"))


@pytest.mark.parametrize("task", ["denoise", "colorize"])
def test_loss_falls_and_the_run_becomes_a_file(task: str, pictures: Path, tmp_path: Path) -> None:
    recipe = small_recipe(task=task, network=SIZES, steps=30, adam=2e-2, validate_first=True)
    outcome = train(recipe, [pictures], tmp_path / "run")
    rows = (tmp_path / "run" / "validation.csv").read_text().splitlines()
    first, last = (float(rows[i].rsplit(",", 1)[1]) for i in (1, -1))
    assert outcome.score == pytest.approx(last)
    assert last < first - (0.5 if task == "denoise" else 0.05)
    assert is_restore(tmp_path / "run")
    made = export_restore(tmp_path / "run", tmp_path / "model.safetensors")
    read = read_restore_file(tmp_path / "model.safetensors", task)
    assert (read.id, read.name, read.config) == (made.id, "model", RestoreConfig(task, 2, (8, 16), (1, 1)))
    with pytest.raises(ModelFileError, match=f"of kind {task}"):
        read_restore_file(tmp_path / "model.safetensors", "denoise" if task == "colorize" else "colorize")


def test_resumed_run_ends_as_an_undisturbed_one(pictures: Path, tmp_path: Path) -> None:
    recipe = small_recipe(task="denoise", network=SIZES, steps=6)
    train(recipe, [pictures], tmp_path / "whole")
    train(recipe, [pictures], tmp_path / "parts", watch=lambda status: status.step == 3)
    train(recipe, [pictures], tmp_path / "parts", resume=True)
    whole, parts = (Run(tmp_path / name).best().read_bytes() for name in ("whole", "parts"))
    assert whole == parts


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"fold": 2, "widths": [8], "blocks": [1, 1]}, "same length"),
        ({"fold": 2, "widths": [8, 0], "blocks": [1, 1]}, "within 1"),
        ({"fold": 2, "width": [8], "blocks": [1]}, "width"),
        ({"fold": 16, "widths": [8] * 4, "blocks": [1] * 4}, "not a multiple of 128"),
    ],
)
def test_sizes_that_do_not_work_are_refused(network: dict[str, object], message: str, pictures: Path) -> None:
    recipe = small_recipe(task="denoise", network=network)
    with pytest.raises(RequestError, match=message):
        task_module("denoise").open_task(recipe, [pictures], Processes(0, 1, torch.device("cpu")), pictures)


def test_configuration_lists_the_networks_tensors_and_its_reach() -> None:
    config = RestoreConfig("denoise", 2, (8, 12), (1, 2))
    network = RestoreNetwork(config)
    draw_weights(network)
    assert dict(config.tensors()) == {name: tuple(value.shape) for name, value in network.state_dict().items()}
    assert RestoreConfig.from_json(config.canonical_json()) == config
    picture = torch.rand(1, 4, 96, 96)
    changed = picture.clone()
    changed[..., 48, 48] += 1
    difference = (network(picture) - network(changed)).abs().amax((0, 1)) > 0
    touched = torch.cat([difference.any(0).nonzero(), difference.any(1).nonzero()])
    assert 48 - config.reach <= touched.min() and touched.max() <= 48 + config.reach


def test_no_noise_changes_nothing() -> None:
    network = RestoreNetwork(RestoreConfig("denoise", 2, (8,), (1,)))
    draw_weights(network)
    picture = torch.rand(1, 3, 16, 16)
    assert torch.equal(denoised(network, picture, torch.zeros(1, 1, 16, 16)), picture)


def test_noise_is_that_of_8_bit_pictures() -> None:
    clean, sigma = torch.full((1, 3, 64, 64), 0.5), torch.full((1, 1, 64, 64), 10 / 255)
    coloured, _ = noised(clean, sigma, torch.zeros(1, 1, 1, 1, dtype=torch.bool), torch.Generator().manual_seed(1))
    assert float((coloured - clean).std() * 255) == pytest.approx(10, rel=0.03)
    assert torch.allclose((coloured * 255).round(), coloured * 255, atol=1e-4)
    grey, _ = noised(clean, sigma, torch.ones(1, 1, 1, 1, dtype=torch.bool), torch.Generator().manual_seed(1))
    assert torch.equal(grey[:, 0], grey[:, 1]) and not torch.equal(coloured[:, 0], coloured[:, 1])


def test_ycbcr_is_that_of_jpeg() -> None:
    from PIL import Image

    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), dtype=np.uint8)
    ours = to_ycbcr(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255.0)
    levels = ours[0].permute(1, 2, 0).numpy() * 255 + [0, 128, 128]
    assert np.abs(levels - np.asarray(Image.fromarray(pixels).convert("YCbCr"))).max() < 1.01  # it cuts off
    assert torch.allclose(to_rgb(ours) * 255, torch.from_numpy(pixels).permute(2, 0, 1)[None].float(), atol=1e-3)
