"""The file of a detail layer: the exact prior, and the tables, of what a model's pictures leave.

A safetensors file. Its string metadata: `format` = wisp-detail, `version`, `id`, `name`, `model` (id of the image
model whose features and latents it sees), `config`, and `skip_below` as in a model file. The id is the first 8 bytes
of a SHA-256 over `config`, `skip_below` and `model`, a line each, and the tensors as in a model's id.
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
from bitstream.units import MAX_STEP_CODE, MIN_STEP_CODE
from codec.exact.bounds import prove_detail_exact
from codec.exact.tensors import DETAIL_SHIFT, SCALE_LEVELS, detail_layers
from codec.model.config import DetailConfig
from codec.model.container import (
    check_content,
    check_tensors,
    check_version,
    content_id,
    is_id,
    is_number,
    read_metadata,
    read_tensors,
    write_tensors,
)

FORMAT = "wisp-detail"
FORMAT_VERSION = "0"
CURVE_POINTS = 101  # qualities 0..100
TABLE_PARTS = ("stored", "length", "lowest")
Arrays = Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class DetailInfo:
    """What the file says of itself, read without its tensors."""

    path: Path
    id: str  # 16 hexadecimal digits
    name: str
    model: str  # likewise, of the image model
    config: DetailConfig
    skip_below: int  # where the table index is below, nothing is coded and the symbol is 0

    @property
    def id_bytes(self) -> bytes:
        return bytes.fromhex(self.id)


@dataclass(frozen=True)
class DetailFile:
    """The whole file, checked: `tensors` by name as NumPy arrays."""

    info: DetailInfo
    tensors: Arrays

    @property
    def levels(self) -> NDArray[np.int32]:
        """(n, 3): see `point_at`."""
        return self.tensors["levels"].astype(np.int32)

    @property
    def quality_curve(self) -> NDArray[np.uint16]:
        """(101,) strictly rising: the level for the user's 0..100."""
        return self.tensors["quality_curve"].astype(np.uint16)


def write_detail_file(
    path: Path, name: str, model: str, config: DetailConfig, skip_below: int, tensors: Arrays, *, overwrite: bool = True
) -> DetailInfo:
    """Prove the bounds, then write. Raises ModelFileError, OutputExistsError, FileAccessError."""
    identity = _content_id(model, config, skip_below, tensors)
    info = DetailInfo(path, identity, name, model, config, skip_below)
    _check(info, tensors)
    metadata = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "id": info.id,
        "name": name,
        "model": model,
        "config": config.canonical_json(),
        "skip_below": str(skip_below),
    }
    write_tensors(path, metadata, tensors, overwrite=overwrite)
    return info


def read_detail_file(path: Path) -> DetailFile:
    """Read, check the id, prove the bounds again. Raises FileAccessError or ModelFileError."""
    info, tensors = detail_info(path, read_metadata(path)), read_tensors(path)
    try:
        check_content(_content_id(info.model, info.config, info.skip_below, tensors), info.id)
        _check(info, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"detail layer {path}: {error}") from None
    return DetailFile(info, tensors)


def detail_info(path: Path, metadata: Mapping[str, str]) -> DetailInfo:
    """What the metadata of the file at `path` says. Raises ModelFileError."""
    check_version(path, metadata, FORMAT, FORMAT_VERSION, "detail layer")
    identity, model, skip = (metadata.get(key, "") for key in ("id", "model", "skip_below"))
    if not is_id(identity) or not is_id(model) or not is_number(skip):
        raise ModelFileError(f"detail layer {path}: its metadata is damaged")
    try:
        config = DetailConfig.from_json(metadata.get("config", ""))
    except ModelFileError as error:
        raise ModelFileError(f"detail layer {path}: {error}") from None
    return DetailInfo(path, identity, metadata.get("name", path.stem), model, config, int(skip))


def _content_id(model: str, config: DetailConfig, skip_below: int, tensors: Arrays) -> str:
    return content_id(f"{config.canonical_json()}\n{skip_below}\n{model}\n", tensors)


def _expected(config: DetailConfig) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    for layer in detail_layers(config):
        yield f"prior.{layer.name}.weight", "int8", layer.weight_shape
        yield f"prior.{layer.name}.shift", "uint8", (layer.outputs,)
        yield f"prior.{layer.name}.bias", "int32", (layer.outputs,)
    yield "prior.shift_bias", "int32", (2 * DETAIL_SHIFT + 1, config.channels)
    yield "tables.detail.stored", "uint32", (-1,)
    yield "tables.detail.length", "uint16", (SCALE_LEVELS,)
    yield "tables.detail.lowest", "int16", (SCALE_LEVELS,)
    yield "levels", "int32", (-1, 3)
    yield "quality_curve", "uint16", (CURVE_POINTS,)
    yield "known_answer", "uint8", (hashlib.sha256().digest_size,)


def _check(info: DetailInfo, tensors: Arrays) -> None:
    check_tensors(_expected(info.config), tensors)
    if not 0 <= info.skip_below <= SCALE_LEVELS:
        raise ModelFileError(f"skip threshold {info.skip_below} is not within 0..{SCALE_LEVELS}")
    _check_scale(tensors["levels"].astype(np.int64), tensors["quality_curve"].astype(np.int64))
    unpack_tables(*(tensors[f"tables.detail.{part}"] for part in TABLE_PARTS))
    prove_detail_exact(info.config, tensors)


def _check_scale(levels: NDArray[np.int64], curve: NDArray[np.int64]) -> None:
    if (
        not len(levels)
        or np.diff(levels, axis=0).min(initial=1) <= 0
        or levels[:, :2].min() < 0
        or levels[:, :2].max() > MAX_QUALITY
    ):
        raise ModelFileError(f"levels, qualities and step codes must rise strictly, within 0..{MAX_QUALITY}")
    if levels[:, 2].min() < MIN_STEP_CODE or levels[:, 2].max() > MAX_STEP_CODE:
        raise ModelFileError(f"step codes must lie within {MIN_STEP_CODE}..{MAX_STEP_CODE}")
    if np.diff(curve).min() <= 0 or curve[-1] > MAX_QUALITY:
        raise ModelFileError(f"the quality curve must rise strictly, up to at most {MAX_QUALITY}")
