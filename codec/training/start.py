"""Weights to start from: random, a colour DCT, or those of another network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from pickle import UnpicklingError

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from bitstream.errors import FileAccessError, RequestError
from codec.detail.transform import SIDE, dct_basis
from codec.exact.tensors import prior_layers
from codec.model.config import ModelConfig
from codec.model.file import read_model_file
from codec.model.registry import PACKAGED, SUFFIX
from codec.network.layers import Block
from codec.network.shapes import FOLD, FOLDED
from codec.notes import note
from codec.training.export.checkpoint import RENAMED
from codec.training.grid import GridBlock
from codec.training.image_network import ImageNetwork, load_tensors, set_latent_gains
from codec.training.run import BEST

UNTRAINED = ("random", "dct")
_CHROMA = 0.45  # frequencies of chroma count as so much higher
_LATENT_GAINS = (2.0, 50.0)  # at the lowest and the highest quality
_QUIET = 0.1  # what residual branches begin with


def start_weights(network: nn.Module, start: str) -> None:
    """Fill a network by `start`: random (as it is), dct, a packaged model, a file of weights, or a run's folder.

    Where only a part of the tensors fits by name and shape, a note says which begin anew. Raises RequestError (nothing
    in it fits, or no DCT in this network) or FileAccessError.
    """
    if start == "random":
        return
    if start == "dct":
        if not isinstance(network, ImageNetwork):
            raise RequestError("only the image network can start as a DCT")
        start_as_dct(network)
        return
    missing = set(load_tensors(network, read_weights(start)))
    names = [name for name, _ in network.named_parameters()]
    if missing.issuperset(names):
        raise RequestError(f"no tensor of {start} fits this network")
    if anew := [name for name in names if name in missing]:
        taken = [name for name in names if name not in missing]
        words = f"{len(taken)} of {len(names)} tensors ({_parts(taken)}), the others begin anew ({_parts(anew)})"
        note(f"{start} fits in part: {words}")


def _parts(names: Sequence[str]) -> str:
    """`analysis 12, prior 3`: how many tensors of each part of a network."""
    counts = Counter(name.partition(".")[0] for name in names)
    return ", ".join(f"{part} {count}" for part, count in counts.items())


def read_weights(source: str) -> dict[str, Tensor]:
    """Tensors in float32 by the names of `ImageNetwork`: of a model, a file of weights, or a run.

    Raises FileAccessError or ModelFileError.
    """
    path = path_of(source)
    if path.suffix in (".pt", ".pth"):
        return _unpickled(path)
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("format") == "wisp-model":
                return floats_of_model(path)
            found = {str(name): file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118 - not a mapping
            return _renamed(found)
    except OSError as error:
        raise FileAccessError(f"weights {source} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise FileAccessError(f"weights {source} cannot be read: {error}") from error


def config_of(source: str) -> ModelConfig:
    """The configuration of a model, a file of weights, or a run. Raises FileAccessError, ModelFileError."""
    path = path_of(source)
    try:
        with safe_open(path, framework="pt") as file:
            return ModelConfig.from_json((file.metadata() or {})["config"])
    except KeyError:
        raise FileAccessError(f"weights {source} have no configuration: the recipe must state the network") from None
    except (OSError, SafetensorError) as error:
        raise FileAccessError(f"weights {source} cannot be read: {error}") from error


def frozen_network(source: str, device: torch.device) -> ImageNetwork:
    """The image network of a model, a file of weights, or a run, which is not to be trained. Raises FileAccessError."""
    network = ImageNetwork(config_of(source))
    if missing := load_tensors(network, read_weights(source)):
        raise FileAccessError(f"{source} is no image network: it lacks {_parts(missing)} tensors")
    network.requires_grad_(False).eval().to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def path_of(source: str) -> Path:
    """Of a packaged model, of a run's best weights, or as it is."""
    packaged, path = PACKAGED / f"{source}{SUFFIX}", Path(source)
    if packaged.exists() and not path.exists():
        return packaged
    return path / BEST if path.is_dir() else path


def _unpickled(path: Path) -> dict[str, Tensor]:
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except UnpicklingError as error:  # torch's words advise to run it
        raise FileAccessError(f"weights {path} cannot be read: it is damaged, or holds more than tensors") from error
    except Exception as error:  # zip, missing file: each fails with an error of its own
        raise FileAccessError(f"weights {path} cannot be read: {str(error).splitlines()[0]}") from error
    for key in ("model", "network", "state_dict"):
        if isinstance(found, Mapping) and isinstance(found.get(key), Mapping):
            found = found[key]
    if not isinstance(found, Mapping) or not all(isinstance(value, Tensor) for value in found.values()):
        raise FileAccessError(f"weights {path}: it holds no tensors by name")
    return _renamed({str(name): tensor.float() for name, tensor in found.items()})


def _renamed(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {RENAMED.get(name, name): tensor for name, tensor in tensors.items()}


def floats_of_model(path: Path) -> dict[str, Tensor]:
    """The weights of a model file as floats; those of the entropy path lie on its grid."""
    file = read_model_file(path)
    tensors = {
        name: torch.from_numpy(value.astype(np.float32))
        for name, value in file.tensors.items()
        if value.dtype.kind == "f"
    }
    for layer in prior_layers(file.info.config):
        name = f"prior.{layer.name}"
        scale = np.exp2(-file.tensors[f"{name}.shift"].astype(np.float32))[:, None, None, None]
        tensors[f"{name}.weight"] = torch.from_numpy(file.tensors[f"{name}.weight"].astype(np.float32) * scale)
        tensors[f"{name}.bias"] = torch.from_numpy(file.tensors[f"{name}.bias"].astype(np.float32) / 256)
    return tensors | _biases_by_quality(file.tensors, file.info.config)


def _biases_by_quality(tensors: Mapping[str, NDArray[np.generic]], config: ModelConfig) -> dict[str, Tensor]:
    """Values at the anchors, which lie on whole qualities, 9 rows apart."""
    from codec.exact.tensors import LOG_SCALE_MIN, LOG_SCALE_STEP

    rows = slice(0, None, 9)
    z = tensors["z.table_index"][rows].astype(np.float32) * LOG_SCALE_STEP + LOG_SCALE_MIN
    return {
        "prior.q_bias": torch.from_numpy(tensors["prior.quality_bias"][rows].astype(np.float32) / 256),
        "prior.z_bias": torch.from_numpy(z.astype(np.float32)),
    }


@torch.no_grad()
def start_as_dct(network: ImageNetwork) -> None:
    """Make the untrained network a 16x16 colour DCT coder: every latent channel alive, fair pictures at once.

    Raises RequestError where the network is narrower than a folded picture.
    """
    config = network.config
    if config.c < FOLDED or config.cy > 3 * SIDE**2:
        raise RequestError(f"starting as a DCT needs c of at least {FOLDED} and cy of at most {3 * SIDE**2}")
    for block in network.modules():
        if isinstance(block, (Block, GridBlock)):
            for last in (block.b, block.g):
                last.weight.mul_(_QUIET)
    order = torch.randperm(config.cy, generator=torch.Generator("cpu").manual_seed(0), device="cpu")
    waves = F.pixel_unshuffle(dct_basis(config.cy, _CHROMA)[order], FOLD)  # frequencies spread over the channel groups
    padded = F.pad(waves, (0, 0, 0, 0, 0, config.c - FOLDED))
    matrix = F.pixel_unshuffle(padded, 2)[:, :, 0, 0]  # (cy, 4 c)
    pixels, latents = torch.eye(config.c, device="cpu")[:, :FOLDED], torch.eye(config.cy, device="cpu")
    for conv, weight in (
        (network.analysis.stem, pixels),
        (network.analysis.down, matrix),
        (network.analysis.head, latents),
        (network.synthesis.stem, latents),
        (network.synthesis.up, matrix.t()),
        (network.synthesis.head, pixels.t()),
    ):
        conv.weight.copy_(weight[:, :, None, None])
        conv.bias.zero_()
    set_latent_gains(network, *_LATENT_GAINS)
