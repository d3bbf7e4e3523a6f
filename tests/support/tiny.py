"""Small models with random weights: a training checkpoint, and the tensors of a model file made from it.

Not for compression: only to run every part of the codec in configurations that no real model has.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_checkpoint
from torch import Tensor, nn

from bitstream.limits import MAX_QUALITY
from codec.detail.prior import ExactDetailPrior, detail_known_answer
from codec.exact.known_answer import known_answer
from codec.exact.prior import ExactPrior
from codec.exact.tensors import SCALE_LEVELS, detail_layers, prior_layers
from codec.model.config import Context, DetailConfig, ModelConfig
from codec.model.detail import DetailInfo, write_detail_file
from codec.model.file import ModelFile, ModelInfo, model_id, write_model_file
from codec.model.synthesis import PREFIX, SynthesisInfo, write_synthesis_file
from codec.network.transforms import Analysis, HyperAnalysis, Synthesis
from codec.training.export.frequencies import gaussian, stored_frequencies
from codec.training.export.quantise import quantise_detail, quantise_prior
from tests.support import reference_decoder

Arrays = dict[str, NDArray[Any]]
REACH = 1023  # of the symbols that `gaussian` knows
_RENAMED = {"analysis.y_gain.table": "y_gain.table", "synthesis.y_inv.table": "y_inv.table"}


def tiny_config(cy: int = 8, context: Context = "clamp") -> ModelConfig:
    return ModelConfig(c=8, cy=cy, cz=8, cp=8, enc_depth=2, dec_depth=1, deep=1, context=context)


def tiny_checkpoint(config: ModelConfig, seed: int = 0, dtype: torch.dtype = torch.float16) -> dict[str, Tensor]:
    """Every tensor of a training checkpoint by its name there; the pixel path in `dtype`, all with values it holds."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    transforms: dict[str, nn.Module] = {
        "analysis": Analysis(config),
        "synthesis": Synthesis(config),
        "hyper_analysis": HyperAnalysis(config),
    }
    tensors = {}
    for prefix, transform in transforms.items():
        for part, value in transform.state_dict().items():
            name = f"{prefix}.{part}"
            inputs = value[0].numel() if value.ndim == 4 else 1
            spread = 0.2 if part.endswith("table") else 0.05 if part.endswith("bias") else inputs**-0.5
            tensors[_RENAMED.get(name, name)] = (draw(*value.shape) * spread).to(dtype)
    tensors["y_gain.table"] = tensors["y_gain.table"] + torch.linspace(0, 4, 8, dtype=dtype)[:, None]
    tensors["y_inv.table"] = -tensors["y_gain.table"]
    for layer in prior_layers(config):
        inputs = int(np.prod(layer.weight_shape[1:]))
        tensors[f"prior.{layer.name}.weight"] = (draw(*layer.weight_shape) * inputs**-0.5).to(dtype)
        tensors[f"prior.{layer.name}.bias"] = (draw(layer.outputs) * 0.5).to(dtype)
    tensors["prior.q_bias"] = draw(8, config.cp).to(dtype)
    tensors["prior.z_bias"] = (draw(8, config.cz) + 1).to(dtype)
    return tensors


def write_checkpoint(path: Path, config: ModelConfig, tensors: dict[str, Tensor]) -> Path:
    save_checkpoint(tensors, path, {"config": config.canonical_json()})
    return path


def gaussian_tables(kinds: Sequence[str] = ("y", "z")) -> Arrays:
    """The plain Gaussians, cut at 20 symbols a side, for z and y."""
    reach = 20
    parts = []
    for level in range(SCALE_LEVELS):
        inside = gaussian(level)[REACH - reach : REACH + reach + 1]
        parts.append(stored_frequencies(np.append(inside, max(1 - inside.sum(), 1e-6))))
    tables: Arrays = {}
    for kind in kinds:
        tables[f"tables.{kind}.stored"] = np.concatenate(parts)
        tables[f"tables.{kind}.length"] = np.array([len(part) for part in parts], np.uint16)
        tables[f"tables.{kind}.lowest"] = np.full(SCALE_LEVELS, -reach, np.int16)
    return tables


def tiny_tensors(config: ModelConfig, seed: int = 0) -> Arrays:
    """Every tensor of a model file."""
    checkpoint = tiny_checkpoint(config, seed)
    prior = {name.removeprefix("prior."): t.float() for name, t in checkpoint.items() if name.startswith("prior.")}
    tensors: Arrays = dict(quantise_prior(config, prior))
    for name, tensor in checkpoint.items():
        if not name.startswith("prior."):
            kept = {after: before for before, after in _RENAMED.items()}
            tensors[kept.get(name, name)] = tensor.numpy()
    tensors |= gaussian_tables()
    tensors["quality_curve"] = np.linspace(0, MAX_QUALITY, 101).round().astype(np.uint16)
    return answered(config, tensors)


def answered(config: ModelConfig, tensors: Arrays) -> Arrays:
    """The same with the known answer that belongs to them."""
    prior = ExactPrior(config, tensors, torch.device("cpu"), torch.float64)
    return {**tensors, "known_answer": np.frombuffer(known_answer(prior), np.uint8)}


def in_memory(config: ModelConfig, tensors: Arrays, skip_below: int = 1) -> ModelFile:
    """As read from a file, but nothing checked."""
    identity = model_id(config, skip_below, tensors)
    return ModelFile(ModelInfo(Path("tiny.safetensors"), identity, "tiny", config, skip_below), tensors)


def as_reference(config: ModelConfig, tensors: Arrays, skip_below: int = 1) -> reference_decoder.Model:
    """The same model for the integer decoder."""
    tables = {kind: reference_decoder.read_tables(tensors, kind) for kind in "yz"}
    return reference_decoder.Model(asdict(config), tensors, skip_below, "", tables)


def tiny_synthesis_tensors(config: ModelConfig, seed: int = 1) -> Arrays:
    """Every tensor of a fast synthesis of these sizes."""
    return {n: t for n, t in tiny_tensors(config, seed).items() if n.startswith(PREFIX)}


def write_tiny_model(folder: Path, depth: int = 1, name: str = "tiny", seed: int = 0) -> ModelInfo:
    """A model file; `depth` is that of its synthesis."""
    config = replace(tiny_config(), dec_depth=depth)
    return write_model_file(folder / f"{name}.safetensors", name, config, 1, tiny_tensors(config, seed))


def write_tiny_synthesis(path: Path, model: ModelInfo, depth: int = 3, before: int = 1, seed: int = 1) -> SynthesisInfo:
    """A synthesis of `depth` blocks and random weights for the latents of `model`."""
    config = replace(model.config, dec_depth=depth)
    return write_synthesis_file(path, path.stem, model.id, config, before, tiny_synthesis_tensors(config, seed))


TINY_LEVELS = np.array([(40 * 256, 30 * 256, -240), (63 * 256, 40 * 256, 200)], np.int32)


def tiny_detail_tensors(config: DetailConfig, seed: int = 0) -> Arrays:
    """Every tensor of a detail layer; detail begins at level 40 of 63."""
    generator = torch.Generator().manual_seed(seed)
    draw = lambda *shape: torch.randn(*shape, generator=generator)  # noqa: E731
    weights = {"q_bias": draw(8, config.channels)}
    for layer in detail_layers(config):
        weights[f"{layer.name}.weight"] = draw(*layer.weight_shape) * int(np.prod(layer.weight_shape[1:])) ** -0.5
        weights[f"{layer.name}.bias"] = draw(layer.outputs) * 0.5
        if layer.name.startswith("leave"):  # wide tables, so that nearly every coefficient is coded
            weights[f"{layer.name}.weight"] *= 0.02
            weights[f"{layer.name}.bias"] += 2
    tensors: Arrays = {**quantise_detail(config, weights), **gaussian_tables(["detail"])}
    tensors |= {"levels": TINY_LEVELS, "quality_curve": np.linspace(0, MAX_QUALITY, 101).round().astype(np.uint16)}
    prior = ExactDetailPrior(config, tensors, torch.device("cpu"), torch.float64)
    return {**tensors, "known_answer": np.frombuffer(detail_known_answer(prior), np.uint8)}


def write_tiny_detail(path: Path, model: ModelInfo, seed: int = 0) -> DetailInfo:
    """A detail layer of random weights for the pictures of `model`."""
    config = DetailConfig(model.config.cp, model.config.cy, 8, 1)
    return write_detail_file(path, path.stem, model.id, config, 1, tiny_detail_tensors(config, seed))


def forge(path: Path, config: ModelConfig, tensors: Arrays, skip_below: int = 1, /, **changed: str) -> Path:
    """A model file whose id is right for its content, written without any check; `changed` metadata replaced."""
    metadata = {
        "format": "wisp-model",
        "version": "0",
        "id": model_id(config, skip_below, tensors),
        "name": "forged",
        "config": config.canonical_json(),
        "skip_below": str(skip_below),
    }
    save_file({name: np.ascontiguousarray(t) for name, t in tensors.items()}, path, metadata | changed)
    return path
