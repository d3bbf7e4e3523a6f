"""What the files of models have in common: safetensors with metadata, read and checked without torch."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from bitstream.errors import FileAccessError, ModelFileError
from bitstream.header import MODEL_ID_BYTES
from codec.files.output import Writing

Tensors = Mapping[str, NDArray[np.generic]]


def read_metadata(path: Path) -> Mapping[str, str]:
    """Only the head of the file. Raises FileAccessError (cannot be read) or ModelFileError (no safetensors file)."""
    with opened(path) as file:
        return file.metadata() or {}


def read_tensors(path: Path) -> Tensors:
    """All of them. Raises FileAccessError or ModelFileError."""
    with opened(path) as file:
        try:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a mapping
        except TypeError as error:  # a dtype that NumPy has not
            raise ModelFileError(f"model file {path}: {error}") from None


def opened(path: Path) -> safe_open:
    """The file, to be used in a `with`. Raises FileAccessError or ModelFileError."""
    try:
        with path.open("rb"):
            pass  # safetensors reports a missing or unreadable file in its own words
        return safe_open(path, framework="numpy")
    except OSError as error:
        raise FileAccessError(f"model file {path} cannot be read: {error.strerror or error}") from error
    except SafetensorError as error:
        raise ModelFileError(f"{path} is not a model file: {error}") from error


def write_tensors(path: Path, metadata: Mapping[str, str], tensors: Tensors, *, overwrite: bool) -> None:
    """Write a whole file. Raises OutputExistsError, FileAccessError."""
    Writing(overwrite).write(str(path), save({k: np.ascontiguousarray(v) for k, v in tensors.items()}, dict(metadata)))


def check_version(path: Path, metadata: Mapping[str, str], format: str, version: str, kind: str) -> None:
    """Raise ModelFileError unless the file is of this format and version; `kind` names in words what it holds."""
    if metadata.get("format") != format:
        raise ModelFileError(f"{path} is not the file of a {kind}")
    if (found := metadata.get("version")) != version:
        raise ModelFileError(f"{kind} {path} has version {found}, this release reads {version}")


def check_content(found: str, claimed: str | None) -> None:
    """Raise ModelFileError unless the id of the content is the one that the file claims."""
    if found != claimed:
        raise ModelFileError(f"its content has the id {found}, it claims {claimed}: it is damaged")


def content_id(text: str, tensors: Tensors) -> str:
    """First 8 bytes, as 16 hexadecimal digits, of the SHA-256 defined in FORMAT.md; `text` comes before the tensors."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(tensors):
        tensor = np.ascontiguousarray(tensors[name])
        little = tensor.astype(tensor.dtype.newbyteorder("<"), copy=False)
        digest.update(f"{name} {tensor.dtype.name} {'x'.join(map(str, tensor.shape))}\n".encode())
        digest.update(little.tobytes())
    return digest.digest()[:MODEL_ID_BYTES].hex()


def is_id(text: str) -> bool:
    """Whether it is the id of some content."""
    try:
        return len(bytes.fromhex(text)) == MODEL_ID_BYTES
    except ValueError:
        return False


def is_number(text: str) -> bool:
    """Whether it is a whole number of at most two digits."""
    return text.isascii() and text.isdecimal() and len(text) <= 2


def check_tensors(expected: Iterable[tuple[str, str, tuple[int, ...]]], tensors: Tensors) -> None:
    """Raise ModelFileError unless there are exactly these: name, dtype, shape; -1 stands for any length."""
    names = set()
    for name, dtype, shape in expected:
        names.add(name)
        tensor = tensors.get(name)
        if tensor is None:
            raise ModelFileError(f"tensor {name} is missing")
        fits = len(shape) == tensor.ndim and all(w in (-1, s) for w, s in zip(shape, tensor.shape, strict=True))
        if tensor.dtype.name not in dtype.split(" or ") or not fits:
            raise ModelFileError(f"tensor {name} is {tensor.dtype.name} {tensor.shape}, not {dtype} {shape}")
        if tensor.dtype.kind == "f" and not np.isfinite(tensor).all():
            raise ModelFileError(f"tensor {name} has values that are not finite")
    for name in set(tensors) - names:
        raise ModelFileError(f"tensor {name} does not belong in the file")
