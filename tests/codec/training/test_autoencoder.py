"""The small networks of the studies, and their task: what they take and give, and that they learn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from bitstream.errors import RequestError
from codec.pixels.distortion import psnr
from codec.training.autoencoders import Autoencoder, Shape
from codec.training.data.picture_set import PictureSet
from codec.training.distributed import Processes
from codec.training.log import VALIDATION, read_table
from codec.training.recipe import Recipe
from codec.training.session import train
from codec.training.tasks.autoencoder import AutoencoderTask
from tests.support.goldens import parrots

ALONE = Processes(0, 1, torch.device("cpu"))
LAYERS = {"bottleneck": (4, 6, 8), "dense": (5,)}


def photographs(count: int = 12, side: int = 20) -> PictureSet:
    whole = parrots()
    places = [(17 * i % (whole.shape[0] - side), 31 * i % (whole.shape[1] - side)) for i in range(count)]
    found = np.stack([whole[top : top + side, left : left + side] for top, left in places])
    return PictureSet(found[3:], found[:3])


def recipe(aim: str = "reconstruct", kind: str = "residual", **changes: Any) -> Recipe:
    network = {"aim": aim, "kind": kind, "layers": "4-4", **changes.pop("network", {})}
    usual = {"crop": 20, "batch": 4, "epochs": 2.0, "adam": 1e-2, "beta": 0.999, "warmup": 0, "validate_every": 0}
    return Recipe(task="autoencoder", network=network, **{**usual, **changes})


def task(aim: str = "reconstruct", kind: str = "residual", pictures: PictureSet | None = None, **changes: Any) -> Any:
    return AutoencoderTask(recipe(aim, kind, **changes), pictures or photographs(), ALONE)


@pytest.mark.parametrize("kind", ["convolutional", "transposed", "skip", "residual", "unpadded", "dense", "bottleneck"])
def test_every_network_gives_pictures_of_the_size_it_takes(kind: str) -> None:
    """Also one that is no multiple of what pooling divides by."""
    network = Autoencoder(kind, Shape(3, 3, 18, 23), LAYERS.get(kind, (4, 6)))
    assert network(torch.rand(2, 3, 18, 23)).shape == (2, 3, 18, 23)


@pytest.mark.parametrize(
    "range_, head, low, high",
    [("unit", "sigmoid", 0, 1), ("unit", "relu", 0, 1e9), ("signed", "tanh", 0, 1), ("standard", "none", -1e9, 1e9)],
)
def test_what_a_network_ends_in_fits_its_range(range_: str, head: str, low: float, high: float) -> None:
    network = Autoencoder("dense", Shape(1, 1, 8, 8), (3,), range=range_, head=head, mean=0.4, deviation=0.2)
    for weights in network.parameters():
        weights.data.normal_(std=3.0)
    made = network(torch.rand(50, 1, 8, 8))
    assert low <= made.min() and made.max() <= high and made.std() > 0.1
    with pytest.raises(RequestError, match="does not fit the range"):
        Autoencoder("dense", Shape(1, 1, 8, 8), (3,), range="signed", head="relu")


@pytest.mark.parametrize("kind", ["convolutional", "transposed", "unpadded", "dense", "bottleneck"])
@pytest.mark.parametrize("range_", ["unit", "signed", "standard"])
def test_outputs_begin_around_the_mean(kind: str, range_: str) -> None:
    """Or digits, most of which are black, drive a sigmoid to where it has no slope, and stay black."""
    torch.manual_seed(1)
    network = Autoencoder(kind, Shape(1, 1, 16, 16), LAYERS.get(kind, (8, 8)), range=range_, mean=0.13, centre=0.13)
    assert network(torch.rand(4, 1, 16, 16)).mean().item() == pytest.approx(0.13, abs=0.1)


def test_the_code_is_all_that_the_way_back_needs() -> None:
    network = Autoencoder("convolutional", Shape(3, 3, 18, 23), (4, 6))
    pixels = torch.rand(2, 3, 18, 23)
    assert torch.equal(network.decode(network.encode(pixels)), network(pixels))


def test_a_residual_network_begins_as_the_picture() -> None:
    pixels = torch.rand(2, 3, 8, 8)
    assert torch.equal(Autoencoder("residual", Shape(3, 3, 8, 8), (4, 4))(pixels), pixels)


@pytest.mark.parametrize("aim", ["reconstruct", "denoise"])
def test_what_is_learned_is_the_clean_picture(aim: str) -> None:
    given, wanted = task(aim, network={"sigma": 0.2}, flip=False).draw(0, 0.0)
    assert torch.equal(given, wanted) == (aim == "reconstruct")
    assert aim == "reconstruct" or 0.1 < float((given - wanted).std()) < 0.2
    assert given.min() >= 0 and given.max() <= 1


def test_colours_come_back_from_luma_and_chroma() -> None:
    """True chroma makes the picture again, and grey is what is left without it."""
    made = task("colorize", "skip")
    (given, wanted), pixels = made._held_out()[0]
    assert given.shape[1] == 1 and wanted.shape[1] == 2
    assert torch.allclose(made.shown(given, wanted), pixels, atol=1e-4)
    grey = made.shown(given, torch.full_like(wanted, 0.5))
    assert torch.allclose(grey, given.expand_as(grey), atol=1e-4)
    with pytest.raises(RequestError, match="grey"):
        task("colorize", "skip", PictureSet(*(part[..., :1] for part in (photographs().training,) * 2)))


def test_chance_is_that_of_the_step() -> None:
    """Mirrored, turned and noisy pictures are drawn alike each time, and others in the next step."""
    made = task("denoise", network={"rotate": 20.0})
    first, again, next_ = (made.draw(step, 0.0) for step in (3, 3, 4))
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[1], next_[1])
    plain = task("denoise", flip=False, transpose=False).draw(3, 0.0)[1]
    assert not torch.equal(first[1], plain)


def test_validation_measures_the_pictures_that_are_shown() -> None:
    made = task("denoise")
    before, after = made.looks()
    row = made.validate().rows[0]
    true = made.pictures.held_out
    assert row["psnr"] == pytest.approx(np.mean([psnr(a, b) for a, b in zip(after, true, strict=True)]), abs=1e-3)
    assert np.array_equal(before, after), "a residual network that was not trained"
    assert row["psnr"] == pytest.approx(made.untouched()["psnr"], abs=1e-3)
    assert row["exact"] == pytest.approx((after == true).mean(), abs=1e-6)


def test_dropout_is_of_training_alone() -> None:
    made = task(kind="dense", dropout=0.5)
    pixels = torch.rand(2, 3, 20, 20)
    assert not torch.equal(made.network(pixels), made.network(pixels))
    made.network.eval()
    assert torch.equal(made.network(pixels), made.network(pixels))


def test_noise_is_taken_out_by_the_loop(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=np.concatenate([photographs().training, photographs().held_out]))
    wanted = recipe("denoise", epochs=12.0, validate_every=18)
    outcome = train(wanted, [tmp_path / "set.npz"], tmp_path / "run")
    rows = read_table(tmp_path / "run" / VALIDATION)
    assert outcome.ended == "whole" and [row["step"] for row in rows] == [18, 36]
    assert rows[-1]["psnr"] > rows[0]["psnr"] and rows[-1]["ssim"] > rows[0]["ssim"]


@pytest.mark.parametrize(
    "network, words",
    [
        ({"aim": "enlarge"}, "aim = 'enlarge'"),
        ({"kind": "transformer"}, "there is no network transformer"),
        ({"layers": "many"}, "is not like 64-32-16"),
        ({"layers": "0"}, "there is no network"),
        ({"sigma": 2.0}, "sigma lies within 0..1"),
        ({"wings": 2}, "has no wings"),
        ({"kind": "dense", "layers": "100000"}, "is too large"),
        ({"kind": "unpadded", "layers": "-".join(["4"] * 10)}, "leave nothing of 20x20"),
    ],
)
def test_what_is_refused(network: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        task(network=network)
