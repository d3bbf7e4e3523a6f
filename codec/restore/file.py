"""The file of a denoiser or colouriser, and where it is found.

A safetensors file with the tensors of `RestoreNetwork` in fp16. Its string metadata: `format` = wisp-restore,
`version`, `id`, `name` and `config`. The id is the first 8 bytes of a SHA-256 over `config` and a line feed, and the
tensors as in a model's id.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from bitstream.errors import ModelFileError, ModelNotFoundError, WispError
from codec.model.container import (
    Tensors,
    check_content,
    check_tensors,
    check_version,
    content_id,
    read_metadata,
    read_tensors,
    write_tensors,
)
from codec.model.registry import SEARCH_VARIABLE, candidate_files
from codec.restore.config import FORMAT, Kind, RestoreConfig

FORMAT_VERSION = "0"
_NAMES: dict[Kind, str] = {"denoise": "denoiser", "colorize": "colouriser"}


@dataclass(frozen=True)
class RestoreFile:
    """The whole file, checked: `tensors` by name as NumPy arrays in fp16."""

    id: str  # 16 hexadecimal digits
    name: str
    config: RestoreConfig
    tensors: Tensors


def write_restore_file(
    path: Path, name: str, config: RestoreConfig, tensors: Tensors, *, overwrite: bool = True
) -> RestoreFile:
    """Check, then write. Raises ModelFileError for what could not be read, OutputExistsError, FileAccessError."""
    _check(config, tensors)
    file = RestoreFile(_content_id(config, tensors), name, config, tensors)
    metadata = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "id": file.id,
        "name": name,
        "config": config.canonical_json(),
    }
    write_tensors(path, metadata, tensors, overwrite=overwrite)
    return file


def find_restore_file(kind: Kind) -> Path:
    """The first file of this kind in the package and in $WISP_MODEL_PATH. Raises ModelNotFoundError."""
    path = next((path for path in candidate_files() if _kind_of(path) == kind), None)
    if path is None:
        raise ModelNotFoundError(f"no {_NAMES[kind]} is here: name its file, or put it in ${SEARCH_VARIABLE}")
    return path


def _kind_of(path: Path) -> str | None:
    """None for files of another format, and for what cannot be read."""
    with suppress(WispError):
        metadata = read_metadata(path)
        if metadata.get("format") == FORMAT:
            return RestoreConfig.from_json(metadata.get("config", "")).kind
    return None


def read_restore_file(path: Path, kind: str) -> RestoreFile:
    """Read and check everything. `kind`: denoise or colorize. Raises FileAccessError or ModelFileError."""
    metadata = read_metadata(path)
    check_version(path, metadata, FORMAT, FORMAT_VERSION, "denoiser or colouriser")
    tensors = read_tensors(path)
    try:
        config = RestoreConfig.from_json(metadata.get("config", ""))
        if config.kind != kind:
            raise ModelFileError(f"it is of kind {config.kind}, not {kind}")
        check_content(found := _content_id(config, tensors), metadata.get("id"))
        _check(config, tensors)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from None
    return RestoreFile(found, metadata.get("name", path.stem), config, tensors)


def _content_id(config: RestoreConfig, tensors: Tensors) -> str:
    return content_id(f"{config.canonical_json()}\n", tensors)


def _check(config: RestoreConfig, tensors: Tensors) -> None:
    check_tensors(((name, "float16", shape) for name, shape in config.tensors()), tensors)
