"""The public Python interface: `encode`, `decode`, `Codec`."""

from __future__ import annotations

from functools import lru_cache
from os import PathLike
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.limits import DEFAULT_TILE, MAX_TILE, MIN_TILE, TILE_STEP
from bitstream.still import Still
from codec import DEFAULT_QUALITY
from codec.model.file import ModelInfo
from codec.model.loaded import Device, EntropyDtype, LoadedModel, Precision, Runtime
from codec.model.quality import to_model_quality
from codec.model.registry import default_model, find_model, load_model_file
from codec.pictures import Picture, load_rgb
from codec.sources import Source, read_file
from codec.still import DecodedLatents, decode_latents, decode_still, encode_still


class Codec:
    """Encodes and decodes with models that stay loaded.

    Args:
        model: a model file; by default the packaged model encodes, and any file's model is looked up by id
            in the package and in $WISP_MODEL_PATH.
        device: "auto" takes CUDA where there is one.
        precision: of the pixel path. "auto" is bf16 where the machine computes it natively, else fp32;
            machines may differ by one grey level, the two precisions by a few.
        entropy_dtype: of the entropy path, whose results are the same in either. "auto" is fp32, and fp64
            where this machine's fp32 does not reproduce the model's known answer.

    Raises:
        ValueError: a word that is no choice. UnsupportedError: a device that is not here.
        FileAccessError, ModelFileError: a bad `model`.
    """

    def __init__(
        self,
        model: str | PathLike[str] | None = None,
        *,
        device: Device = "auto",
        precision: Precision = "auto",
        entropy_dtype: EntropyDtype = "auto",
    ) -> None:
        self._extra = None if model is None else Path(model)
        self.model_info: ModelInfo = default_model(self._extra)
        self.runtime = Runtime.resolve(device, precision, entropy_dtype)
        self._loaded: dict[str, LoadedModel] = {}

    def encode(self, image: Picture, quality: float = DEFAULT_QUALITY, *, tile: int = DEFAULT_TILE) -> bytes:
        """Encode one picture.

        Args:
            image: a path, binary file object, PIL image, or array (H, W, 3) uint8.
            quality: 0..100; equal steps look like equal steps of PSNR.
            tile: pixels a side of the independent entropy tiles: a multiple of 64 in 64..4096.

        Returns:
            The bytes of a `.wisp` file.

        Raises:
            FileAccessError, LimitError, UnsupportedError: the picture cannot be coded, and why.
            ExactnessError: this machine's arithmetic is not the model's. ValueError, TypeError: arguments.
        """
        if not MIN_TILE <= tile <= MAX_TILE or tile % TILE_STEP:
            raise ValueError(f"tile {tile} is not a multiple of {TILE_STEP} within {MIN_TILE}..{MAX_TILE}")
        model = self.load(self.model_info.id)
        steps = to_model_quality(model.file.quality_curve, quality)
        return encode_still(model, load_rgb(image), steps, tile)

    def decode(self, data: Source | Still) -> Image.Image:
        """Decode one picture from bytes, a path, a binary file object or a parsed file -> RGB image.

        Raises:
            NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError, ModelNotFoundError,
            ModelFileError, ExactnessError, FileAccessError: each kind of fault has its own.
        """
        return Image.fromarray(self.decode_array(data))

    def decode_array(self, data: Source | Still) -> NDArray[np.uint8]:
        """As `decode`, -> array (H, W, 3) uint8."""
        return decode_still(self._parsed(data), self.load)

    def decode_latents(self, data: Source | Still) -> DecodedLatents:
        """Decode and check every unit, but no pixel."""
        return decode_latents(self._parsed(data), self.load)

    def load(self, identity: str) -> LoadedModel:
        """The model of this id (16 hexadecimal digits), loaded once. Raises ModelNotFoundError, ModelFileError."""
        if identity not in self._loaded:
            is_own = identity == self.model_info.id
            info = self.model_info if is_own else find_model(identity, self._extra)
            self._loaded[identity] = LoadedModel(load_model_file(info.path), self.runtime)
        return self._loaded[identity]

    @staticmethod
    def _parsed(data: Source | Still) -> Still:
        return data if isinstance(data, Still) else read_file(data)


@lru_cache(maxsize=1)
def default_codec() -> Codec:
    """The codec behind the module's functions, kept for the process."""
    return Codec()


def encode(image: Picture, quality: float = DEFAULT_QUALITY) -> bytes:
    """Encode one picture with the packaged model: see `Codec.encode`."""
    return default_codec().encode(image, quality)


def decode(data: Source) -> Image.Image:
    """Decode one picture: see `Codec.decode`."""
    return default_codec().decode(data)
