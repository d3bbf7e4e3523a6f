"""The file of a fast synthesis: a smaller network that makes pixels of the latents of a model that is there.

A safetensors file with the tensors `synthesis.*` in fp16. Its string metadata: `format` = wisp-synthesis, `version`,
`id`, `name`, `model` (id of the model whose latents it decodes), `config` (as in a model file, but its own depth and
channels) and `before` (how many of its blocks lie before the gain). The id is the first 8 bytes of a SHA-256 over
`config`, `before` and `model`, a line each, and the tensors as in a model's id. No coded byte depends on any of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bitstream.errors import ModelFileError
from codec.model.config import ModelConfig
from codec.model.container import (
    Tensors,
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
from codec.network.shapes import pixel_tensors

FORMAT = "wisp-synthesis"
FORMAT_VERSION = "0"
PREFIX = "synthesis."  # of the tensors' names


@dataclass(frozen=True)
class SynthesisInfo:
    """What the file says of itself, read without its tensors."""

    path: Path
    id: str  # 16 hexadecimal digits
    name: str
    model: str  # likewise, of the model whose latents it decodes
    config: ModelConfig  # c, cy, deep and dec_depth are its own
    before: int  # blocks before the gain


@dataclass(frozen=True)
class SynthesisFile:
    """The whole file, checked: `tensors` by name as NumPy arrays."""

    info: SynthesisInfo
    tensors: Tensors


def write_synthesis_file(
    path: Path, name: str, model: str, config: ModelConfig, before: int, tensors: Tensors, *, overwrite: bool = True
) -> SynthesisInfo:
    """Check, then write. Raises ModelFileError for what could not be read, OutputExistsError, FileAccessError."""
    info = SynthesisInfo(path, _content_id(model, config, before, tensors), name, model, config, before)
    _check(info, tensors)
    metadata = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "id": info.id,
        "name": name,
        "model": model,
        "config": config.canonical_json(),
        "before": str(before),
    }
    write_tensors(path, metadata, tensors, overwrite=overwrite)
    return info


def read_synthesis_file(path: Path) -> SynthesisFile:
    """Read and check everything. Raises FileAccessError or ModelFileError."""
    info, tensors = synthesis_info(path, read_metadata(path)), read_tensors(path)
    try:
        check_content(_content_id(info.model, info.config, info.before, tensors), info.id)
        _check(info, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"fast synthesis {path}: {error}") from None
    return SynthesisFile(info, tensors)


def synthesis_info(path: Path, metadata: Mapping[str, str]) -> SynthesisInfo:
    """What the metadata of the file at `path` says. Raises ModelFileError."""
    check_version(path, metadata, FORMAT, FORMAT_VERSION, "fast synthesis")
    identity, model, before = (metadata.get(key, "") for key in ("id", "model", "before"))
    if not is_id(identity) or not is_id(model) or not is_number(before):
        raise ModelFileError(f"fast synthesis {path}: its metadata is damaged")
    try:
        config = ModelConfig.from_json(metadata.get("config", ""))
    except ModelFileError as error:
        raise ModelFileError(f"fast synthesis {path}: {error}") from None
    return SynthesisInfo(path, identity, metadata.get("name", path.stem), model, config, int(before))


def _content_id(model: str, config: ModelConfig, before: int, tensors: Tensors) -> str:
    return content_id(f"{config.canonical_json()}\n{before}\n{model}\n", tensors)


def _expected(config: ModelConfig) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    for name, shape in pixel_tensors(config):
        if name.startswith(PREFIX):
            yield name, "float16", shape


def _check(info: SynthesisInfo, tensors: Tensors) -> None:
    check_tensors(_expected(info.config), tensors)
    if info.before > info.config.dec_depth:
        raise ModelFileError(f"{info.before} blocks before the gain are more than its {info.config.dec_depth}")
