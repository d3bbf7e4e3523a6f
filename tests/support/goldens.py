"""The golden files and what they must decode to, for the tests that share them.

`python -m tests.support.goldens` decodes them all in a process of its own and prints the hashes as JSON.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from bitstream.still import Still
from codec.files.source import read_file
from codec.model.file import ModelFile
from codec.model.loaded import LoadedModel, Runtime
from codec.model.registry import default_model, details_of, load_model_file
from codec.pixels.picture import channels
from codec.still.decode import check_units
from tests.support import reference_decoder

FOLDER = Path(__file__).parents[1] / "golden"
HASHES: Mapping[str, str] = json.loads((FOLDER / "golden.json").read_text())
NAMES = tuple(HASHES)
NO_LATENTS = hashlib.sha256().hexdigest()
LEARNED = tuple(name for name in NAMES if HASHES[name] != NO_LATENTS)
FEW = {name: HASHES[name] for name in ("deltas", "noise", "small", "pixel")}  # qualities, large latents, least sizes
VECTORS = FOLDER / "image_v1_golden.npz"


def golden_bytes(name: str) -> bytes:
    return (FOLDER / f"{name}.wisp").read_bytes()


def golden_pixels(name: str) -> NDArray[np.int64]:
    """(H, W, C): what the fp32 pixel path made of the file when it was written."""
    return channels(Image.open(FOLDER / f"{name}.png")).astype(np.int64)


@lru_cache(maxsize=1)
def parrots() -> NDArray[np.uint8]:
    """(256, 320, 3): a part of a LIVE picture, for tests that want ordinary content."""
    with np.load(VECTORS) as vectors:
        image: NDArray[np.uint8] = vectors["image"]
    image.flags.writeable = False  # all tests of a process share it
    return image


def packaged() -> ModelFile:
    """The model that ships with the package."""
    return load_model_file(default_model().path)


@lru_cache(maxsize=1)
def reference_model() -> reference_decoder.Model:
    """The packaged model as the integer decoder reads it."""
    return reference_decoder.read_model(default_model().path)


def loaded(entropy_dtype: str = "auto", precision: str = "fp32", device: str = "cpu") -> LoadedModel:
    """The packaged model, loaded anew: nothing of it was built under other settings."""
    runtime = Runtime.resolve(device, precision, entropy_dtype)  # type: ignore[arg-type]
    return LoadedModel(packaged(), runtime, details=details_of(packaged().info))


def parsed(name: str) -> Still:
    return read_file(golden_bytes(name))


def golden_hashes(model: LoadedModel, names: Collection[str] = NAMES, **options: int) -> dict[str, str]:
    """latents_sha256 of golden files as `model` decodes them, detail checked, too."""
    return {name: check_units(parsed(name), lambda _: model, **options) for name in names}


def main() -> None:
    """Print what computed, and the hashes."""
    model = loaded()
    found = {
        "hashes": golden_hashes(model),
        "dtype": model.entropy_dtype,
        "threads": torch.get_num_threads(),
        "capability": torch.backends.cpu.get_cpu_capability(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
