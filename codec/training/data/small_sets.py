"""Files of small pictures in the formats of their sets: CIFAR-10 and CIFAR-100, MNIST, NumPy's .npz.

CIFAR   the Python batches (pickles, read without running anything in them), the binary ones (.bin), or the
        .tar.gz of either; https://www.cs.toronto.edu/~kriz/cifar.html
MNIST   IDX files of pictures, gzipped or not; those of labels are passed over
.npz    arrays (N, H, W) or (N, H, W, 3) uint8, by any name
"""

from __future__ import annotations

import codecs
import gzip
import pickle
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from bitstream.errors import FileAccessError

Pictures: TypeAlias = "NDArray[np.uint8]"  # (N, H, W, C), C is 1 or 3
_SIDE = 32
_VALUES = 3 * _SIDE * _SIDE  # of a CIFAR picture, plane by plane
_NAMES = ("data_batch", "test_batch", "train", "test")  # of Python batches, which have no ending
_ENDINGS = (".bin", ".npz", "-ubyte", "-ubyte.gz", ".tar.gz", ".tgz")
_GZIP, _ZIP, _PICKLE = b"\x1f\x8b", b"PK\x03\x04", b"\x80"
_IDX_PICTURES, _IDX = b"\x00\x00\x08\x03", b"\x00\x00\x08"
_FOR_TESTS = ("test", "t10k")


def is_set(path: Path) -> bool:
    """Whether it is a file of a set by its name, or a folder with such files."""
    if path.is_dir():
        return any(_is_named(each) for each in path.iterdir() if each.is_file())
    return _is_named(path)


def read_set(path: Path) -> tuple[list[Pictures], list[Pictures]]:
    """-> the pictures of the files that are meant for training, and of those for tests by their names.

    Raises FileAccessError: it cannot be read, is damaged, or holds no pictures.
    """
    parts: tuple[list[Pictures], list[Pictures]] = ([], [])
    try:
        for name, data in _files(path):
            for array, pictures in _pictures(name, data):
                for_tests = any(word in part for word in _FOR_TESTS for part in (PurePosixPath(name).name, array))
                parts[for_tests].append(pictures)
    except (OSError, EOFError, ValueError, KeyError, pickle.UnpicklingError, tarfile.TarError, zipfile.BadZipFile,
            AttributeError, IndexError, TypeError) as error:  # fmt: skip
        raise FileAccessError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from error
    if not parts[0] and not parts[1]:
        raise FileAccessError(f"{path} holds no pictures in the format of CIFAR, MNIST or .npz")
    return parts


def _is_named(path: Path) -> bool:
    name = path.name.lower()
    return name.endswith(_ENDINGS) or (not path.suffix and name.startswith(_NAMES))


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """(name, content) of a file, of those in a folder, or of the members of an archive."""
    if path.is_dir():
        for each in sorted(path.iterdir()):
            if each.is_file() and _is_named(each):
                yield from _files(each)
    elif path.name.endswith((".tar.gz", ".tgz")):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.isreg() and _is_named(Path(member.name)):
                    file = archive.extractfile(member)
                    yield member.name, b"" if file is None else file.read()
    else:
        yield path.name, path.read_bytes()


def _pictures(name: str, data: bytes) -> Iterator[tuple[str, Pictures]]:
    """(name of the array, pictures) of one file; nothing where it holds labels."""
    if data.startswith(_GZIP):
        data = gzip.decompress(data)
    if data.startswith(_ZIP):
        with np.load(BytesIO(data), allow_pickle=False) as arrays:
            for key in arrays.files:
                if arrays[key].ndim in (3, 4):
                    yield key, _checked(arrays[key])
    elif data.startswith(_IDX):
        if data.startswith(_IDX_PICTURES):
            count, height, width = np.frombuffer(data, ">u4", 3, 4)
            yield "", np.frombuffer(data, np.uint8, offset=16).reshape(count, height, width, 1)
    elif data.startswith(_PICKLE) and not name.endswith(".bin"):
        yield "", _from_planes(_unpickled(data))
    else:
        labels = next((n for n in (1, 2) if data and len(data) % (_VALUES + n) == 0), None)  # of CIFAR-10, CIFAR-100
        if labels is None:
            raise ValueError(f"{name} is in none of the formats")
        yield "", _from_planes(np.frombuffer(data, np.uint8).reshape(-1, _VALUES + labels)[:, labels:])


def _from_planes(values: NDArray[np.uint8]) -> Pictures:
    return values.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1)


def _checked(values: NDArray[Any]) -> Pictures:
    if values.dtype != np.uint8 or (values.ndim == 4 and values.shape[3] not in (1, 3)):
        raise ValueError(f"pictures are (N, H, W), (N, H, W, 1) or (N, H, W, 3) uint8, not {values.shape}")
    return values[..., None] if values.ndim == 3 else values


class _Array:
    """What a pickled NumPy array is made into: its state, of which nothing is run."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.kind, self.fortran, self.data = state


class _Kind:
    """Likewise its dtype, by name."""

    def __init__(self, name: str, *_: object) -> None:
        self.name = name

    def __setstate__(self, _: object) -> None:
        pass


class _Unpickler(pickle.Unpickler):
    """Reads numbers, text, lists, dictionaries and arrays; every other class or function is refused."""

    def find_class(self, module: str, name: str) -> Any:
        """See pickle."""
        if module in ("numpy.core.multiarray", "numpy._core.multiarray") and name == "_reconstruct":
            return lambda *_: _Array()
        if (module, name) == ("numpy", "dtype"):
            return _Kind
        if (module, name) == ("numpy", "ndarray"):
            return _Array
        if (module, name) == ("_codecs", "encode"):  # how Python 3 pickles bytes for Python 2
            return lambda text, _: codecs.latin_1_encode(text)[0]
        raise pickle.UnpicklingError(f"it asks for {module}.{name}, which no CIFAR batch does")


def _unpickled(data: bytes) -> NDArray[np.uint8]:
    """The pictures of a Python batch, (N, 3072)."""
    batch = _Unpickler(BytesIO(data), encoding="bytes").load()
    found = batch.get(b"data", batch.get("data")) if isinstance(batch, Mapping) else None
    if isinstance(found, _Array) and found.kind.name in ("u1", b"u1") and not found.fortran:
        return np.frombuffer(found.data, np.uint8).reshape(-1, _VALUES)
    raise ValueError("it is a pickle, but no CIFAR batch")
