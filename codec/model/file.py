"""The model file: a safetensors file with a configuration, integers for the entropy path, floats for pixels.

Read without torch. Its id is the first 8 bytes of a SHA-256 over configuration, skip threshold and
tensors, not over the file, so that repacking changes nothing (bitstream/FORMAT.md, "Models").
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import ModelFileError
from bitstream.limits import MAX_QUALITY
from bitstream.tables import unpack_tables
from codec.exact.bounds import prove_exact
from codec.exact.tensors import QUALITY_ROWS, SCALE_LEVELS, prior_layers
from codec.model import synthesis
from codec.model.config import ModelConfig
from codec.model.container import (
    check_content,
    check_tensors,
    content_id,
    is_id,
    is_number,
    opened,
    read_metadata,
    read_tensors,
    write_tensors,
)
from codec.network.shapes import pixel_tensors

FORMAT = "wisp-model"
FORMAT_VERSION = "0"
CURVE_POINTS = 101  # qualities 0..100
FLOATS = "float16 or float32"


@dataclass(frozen=True)
class ModelInfo:
    """What a model file says of itself, read without its tensors."""

    path: Path
    id: str  # 16 hexadecimal digits
    name: str
    config: ModelConfig
    skip_below: int  # T: where the scale index is below, nothing is coded and the symbol is 0

    @property
    def id_bytes(self) -> bytes:
        return bytes.fromhex(self.id)


@dataclass(frozen=True)
class ModelFile:
    """A whole model file, checked: `tensors` by name as NumPy arrays."""

    info: ModelInfo
    tensors: Mapping[str, NDArray[np.generic]]

    @property
    def quality_curve(self) -> NDArray[np.uint16]:
        """(101,) strictly rising: the model's quality in steps of 1/256 for the user's 0..100."""
        return self.tensors["quality_curve"].astype(np.uint16)


def model_id(config: ModelConfig, skip_below: int, tensors: Mapping[str, NDArray[np.generic]]) -> str:
    """First 8 bytes, as 16 hexadecimal digits, of the SHA-256 defined in FORMAT.md."""
    return content_id(f"{config.canonical_json()}\n{skip_below}\n", tensors)


def write_model_file(
    path: Path,
    name: str,
    config: ModelConfig,
    skip_below: int,
    tensors: Mapping[str, NDArray[np.generic]],
    *,
    overwrite: bool = True,
) -> ModelInfo:
    """Prove the bounds, then write.

    Raises ModelFileError for a model that `read_model_file` would refuse, OutputExistsError, FileAccessError.
    """
    _check_tensors(config, skip_below, tensors)
    info = ModelInfo(path, model_id(config, skip_below, tensors), name, config, skip_below)
    metadata = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "id": info.id,
        "name": name,
        "config": config.canonical_json(),
        "skip_below": str(skip_below),
    }
    write_tensors(path, metadata, tensors, overwrite=overwrite)
    return info


def read_model_info(path: Path) -> ModelInfo:
    """Only the head of the file. Raises FileAccessError (cannot be read) or ModelFileError (is no model file)."""
    return model_info(path, read_metadata(path))


def read_model_file(path: Path) -> ModelFile:
    """Read, check the id, prove the bounds again. Raises FileAccessError or ModelFileError."""
    info, tensors = read_model_info(path), read_tensors(path)
    try:
        check_content(model_id(info.config, info.skip_below, tensors), info.id)
        _check_tensors(info.config, info.skip_below, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"model file {path}: {error}") from None
    return ModelFile(info, tensors)


def model_info(path: Path, metadata: Mapping[str, str]) -> ModelInfo:
    """What the metadata of the file at `path` says. Raises ModelFileError."""
    if metadata.get("format") == synthesis.FORMAT:
        raise ModelFileError(f"{path} is a fast synthesis for the files of a model, not a model")
    if metadata.get("format") != FORMAT:
        raise ModelFileError(f"{path} is not a Wisp model file (convert a training checkpoint first)")
    if metadata.get("version") != FORMAT_VERSION:
        raise ModelFileError(
            f"model file {path} has version {metadata.get('version')}, this release reads {FORMAT_VERSION}"
        )
    identity, skip = metadata.get("id", ""), metadata.get("skip_below", "")
    if not is_id(identity) or not is_number(skip):
        raise ModelFileError(f"model file {path}: its metadata is damaged")
    try:
        config = ModelConfig.from_json(metadata.get("config", ""))
    except ModelFileError as error:
        raise ModelFileError(f"model file {path}: {error}") from None
    return ModelInfo(path, identity, metadata.get("name", path.stem), config, int(skip))


def _expected(config: ModelConfig) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Name, dtype and shape of every tensor; -1 stands for any length."""
    for name, shape in pixel_tensors(config):
        yield name, FLOATS, shape
    for layer in prior_layers(config):
        yield f"prior.{layer.name}.weight", "int8", layer.weight_shape
        yield f"prior.{layer.name}.shift", "uint8", (layer.outputs,)
        yield f"prior.{layer.name}.bias", "int32", (layer.outputs,)
    yield "prior.quality_bias", "int32", (QUALITY_ROWS, config.cp)
    yield "z.table_index", "uint8", (QUALITY_ROWS, config.cz)
    for kind in ("y", "z"):
        yield f"tables.{kind}.stored", "uint32", (-1,)
        yield f"tables.{kind}.length", "uint16", (SCALE_LEVELS,)
        yield f"tables.{kind}.lowest", "int16", (SCALE_LEVELS,)
    yield "quality_curve", "uint16", (CURVE_POINTS,)
    yield "known_answer", "uint8", (hashlib.sha256().digest_size,)


def _check_tensors(config: ModelConfig, skip_below: int, tensors: Mapping[str, NDArray[np.generic]]) -> None:
    check_tensors(_expected(config), tensors)
    if not 0 <= skip_below <= SCALE_LEVELS:
        raise ModelFileError(f"skip threshold {skip_below} is not within 0..{SCALE_LEVELS}")
    if int(tensors["z.table_index"].max()) >= SCALE_LEVELS:
        raise ModelFileError(f"z.table_index goes beyond table {SCALE_LEVELS - 1}")
    curve = tensors["quality_curve"].astype(np.int64)
    if np.diff(curve).min() <= 0 or curve[-1] > MAX_QUALITY:
        raise ModelFileError(f"the quality curve must rise strictly, up to at most {MAX_QUALITY}")
    for kind in ("y", "z"):
        unpack_tables(*(tensors[f"tables.{kind}.{part}"] for part in ("stored", "length", "lowest")))
    prove_exact(config, tensors)


def read_quality_curve(path: Path) -> NDArray[np.uint16]:
    """Only the quality curve (101,), for those who want to say what a quality is called."""
    with opened(path) as file:
        model_info(path, file.metadata() or {})
        if "quality_curve" not in file.keys():  # noqa: SIM118 - not a mapping
            raise ModelFileError(f"model file {path}: tensor quality_curve is missing")
        curve: NDArray[np.uint16] = file.get_tensor("quality_curve")
        return curve
