"""CompressAI's models through the benchmark, from checkpoints of small random networks: bytes, pixels, refusals."""

from __future__ import annotations

import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from benchmarks.codecs.compressai_models import CompressAiModel
from benchmarks.codecs.interface import AbsentError
from codec.training.compressai_package import QUALITIES
from tests.support.compressai_import import compressai_imports

CHANNELS = {"cheng2020-anchor": (12,)}  # its latents have as many as its layers
Pixels = NDArray[np.uint8]


def random_network(name: str, seed: int) -> Any:
    from compressai.zoo.image import model_architectures

    torch.manual_seed(seed)
    network = model_architectures[name](*CHANNELS.get(name, (12, 18)))
    with torch.no_grad():
        for weight in network.g_a.parameters():
            weight.mul_(1.7)  # else every latent is 0 and the bytes say nothing
    network.update(force=True)
    return network.eval()


@pytest.fixture(scope="module", params=QUALITIES)
def given(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[CompressAiModel, dict[int, Any]]:
    if not compressai_imports():
        pytest.skip("CompressAI is not installed")
    name, tmp_path = request.param, tmp_path_factory.mktemp("weights")
    networks = {quality: random_network(name, quality) for quality in (1, 3)}
    torch.save(networks[1].state_dict(), tmp_path / f"{name}-1-0123abcd.pth.tar")
    torch.save({"state_dict": networks[3].state_dict(), "epoch": 7}, tmp_path / f"{name}-3.pth")
    (tmp_path / f"{name}-ms-ssim-2-0123abcd.pth.tar").write_bytes(b"another metric's")
    codec = CompressAiModel(name, tmp_path)
    codec.open(1)
    return codec, networks


def by_hand(network: Any, pixels: Pixels) -> tuple[list[bytes], Pixels]:
    height, width = pixels.shape[:2]
    padded = np.pad(pixels, ((0, -height % 64), (0, -width % 64), (0, 0)), mode="edge")
    with torch.no_grad():
        coded = network.compress(torch.tensor(padded.transpose(2, 0, 1)[None] / 255, dtype=torch.float32))
        shown = network.decompress(coded["strings"], coded["shape"])["x_hat"][0].clamp(0, 1).numpy()
    return [strings[0] for strings in coded["strings"]], np.rint(shown.transpose(1, 2, 0) * 255)[:height, :width]


@pytest.mark.parametrize(("width", "height"), [(70, 50), (33, 17), (1, 1)])
def test_bytes_and_pixels_are_the_models_own(
    given: tuple[CompressAiModel, dict[int, Any]], width: int, height: int, photograph: Pixels
) -> None:
    codec, networks = given
    assert codec.qualities == (1, 3)
    pixels = photograph[100 : 100 + height, 200 : 200 + width]
    for quality, network in networks.items():
        (first, second), shown = by_hand(network, pixels)
        data = codec.encode(pixels, quality)
        assert data == struct.pack(">BHHI", quality, width, height, len(first)) + first + second
        decoded = codec.decode(data)
        assert decoded.dtype == np.uint8 and np.array_equal(decoded, shown)


def test_another_instance_decodes_it(given: tuple[CompressAiModel, dict[int, Any]], photograph: Pixels) -> None:
    codec, _ = given
    data = codec.encode(photograph[:40, :80], 3)
    assert len(data) > 40
    other = CompressAiModel(codec.id.removeprefix("compressai-"), codec._weights)
    other.open(1)
    assert np.array_equal(other.decode(data), codec.decode(data))
    assert other.encode(photograph[:40, :80], 3) == data
    assert other.version == codec.version and "checkpoints" in codec.version


def test_what_cannot_be_coded_is_refused(given: tuple[CompressAiModel, dict[int, Any]], photograph: Pixels) -> None:
    codec, _ = given
    data = codec.encode(photograph[:40, :80], 1)
    for quality in (2, 1.5):
        with pytest.raises(ValueError, match=r"quality 2|whole numbers"):
            codec.encode(photograph[:40, :80], quality)
    header = data[:9]
    for bad in (b"", b"noise", b"\x02" + data[1:], header[:1] + bytes(4) + data[5:], header[:5] + b"\xff" * 4):
        with pytest.raises(ValueError, match=r"\w"):
            codec.decode(bad)


def test_other_weights_are_another_version(given: tuple[CompressAiModel, dict[int, Any]]) -> None:
    codec, networks = given
    before = codec.version
    assert codec._weights is not None
    torch.save(networks[3].state_dict(), next(codec._weights.glob("*-1-0123abcd.pth.tar")))
    codec.open(1)
    assert codec.version != before


@pytest.mark.parametrize("content", [b"", b"no checkpoint", "wrong model"])
def test_a_file_that_is_no_checkpoint(content: object, tmp_path: Path, photograph: Pixels) -> None:
    if not compressai_imports():
        pytest.skip("CompressAI is not installed")
    path = tmp_path / "mbt2018-4.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        torch.save(random_network("bmshj2018-hyperprior", 1).state_dict(), path)
    codec = CompressAiModel("mbt2018", tmp_path)
    codec.open(1)
    with pytest.raises(ValueError, match=r"mbt2018-4\.pth is no checkpoint of mbt2018"):
        codec.encode(photograph[:64, :64], 4)


@pytest.mark.parametrize("name", QUALITIES)
def test_without_a_checkpoint_it_is_absent(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for codec in (CompressAiModel(name, tmp_path), CompressAiModel(name), CompressAiModel(name, tmp_path / "none")):
        assert codec.qualities == tuple(range(1, QUALITIES[name] + 1))
        with pytest.raises(AbsentError, match=f"no checkpoint of {name} in .*pth"):
            codec.open(1)


def test_checkpoints_are_looked_for_where_torch_keeps_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    folder.mkdir(parents=True)
    for name in (
        "mbt2018-8-dd0097aa.pth.tar",
        "mbt2018-10-0.pth.tar",
        "mbt2018-mean-2-e54a039d.pth.tar",
        "mbt2018-3.txt",
    ):
        (folder / name).touch()
    assert CompressAiModel("mbt2018").qualities == (8,)
    assert CompressAiModel("mbt2018-mean").qualities == (2,)
    monkeypatch.delenv("TORCH_HOME")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "torch").mkdir()
    (tmp_path / "hub").rename(tmp_path / "cache" / "torch" / "hub")
    assert Path(torch.hub.get_dir()) == tmp_path / "cache" / "torch" / "hub"
    assert CompressAiModel("mbt2018").qualities == (8,)


@pytest.mark.parametrize(("failure", "remedy"), [
    ("RuntimeError('operator torchvision::nms does not exist')", "the torchvision that was built for this torch"),
    ("ModuleNotFoundError(\"No module named 'torchvision'\")", "torchvision"),
    ("ImportError('no compiled half')", "pip install 'wisp-codec[compressai]'"),
])  # fmt: skip
def test_a_broken_installation(failure: str, remedy: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "compressai").mkdir()
    (tmp_path / "compressai" / "__init__.py").write_text(f"raise {failure}\n")
    (tmp_path / "mbt2018-1.pth").touch()
    for name in [name for name in sys.modules if name.split(".")[0] == "compressai"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(AbsentError) as caught:
        CompressAiModel("mbt2018", tmp_path).open(1)
    assert "CompressAI does not import: " in caught.value.reason
    assert remedy in caught.value.remedy
