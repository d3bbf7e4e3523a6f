"""The public Python interface: `encode`, `decode`, `probe`, `salvage`, `Codec`. Torch is imported when it is needed."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bitstream.limits import MAX_QUALITY
from bitstream.metadata import Metadata
from bitstream.still import Still
from codec.files.source import Source, read_bytes, read_file
from codec.formats.pictures.attached import info_entries
from codec.formats.pictures.load import PictureSource, load_picture
from codec.model.file import ModelInfo
from codec.model.quality import to_model_quality, to_user_quality
from codec.model.registry import default_model, find_model, load_model_file
from codec.pixels.geometry import Box
from codec.pixels.picture import Picture
from codec.settings import DEFAULT_QUALITY, EncodeOptions, EncodeSettings
from codec.still.check import Trial, try_out
from codec.still.decode import Decoded, DecodedLatents, check_units, decode_latents, decode_still
from codec.still.encode import CodedPicture, encode_lossless, encode_still
from codec.still.salvage import Salvaged, salvage_still
from codec.work.choices import Device, EntropyDtype, Precision, check_choice
from codec.work.forks import ForkLock, before_networks
from codec.work.progress import Progress
from codec.work.threads import working_threads

if TYPE_CHECKING:
    from torch import Tensor
    from typing_extensions import Unpack

    from codec.model.loaded import LoadedModel, Runtime
    from codec.pixels.geometry import Area

Crop = tuple[int, int, int, int]  # x, y, width, height in pixels


class Codec:
    """Encodes and decodes with models that stay loaded. Any number of threads may use one; it can be pickled.

    Args:
        model: a model file; by default the packaged model encodes, and any file's model is looked up by id
            in the package and in $WISP_MODEL_PATH.
        device: "auto" takes CUDA where there is one.
        precision: of the pixel path. "auto" is bf16 where the machine computes it natively, else fp32;
            machines may differ by one grey level, the two precisions by a few.
        entropy_dtype: of the entropy path, whose results are the same in either. "auto" is fp32, and fp64
            where this machine's fp32 does not reproduce the model's known answer.
        threads: how many its work keeps busy; by default torch's number, and one a core outside torch. The
            process's own setting stays. A process forked after the first use has one.

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
        threads: int | None = None,
    ) -> None:
        for value, choices in ((device, Device), (precision, Precision), (entropy_dtype, EntropyDtype)):
            check_choice(value, choices)
        if threads is not None and threads < 1:
            raise ValueError(f"{threads} threads are not positive")
        self.threads = threads
        self._extra = None if model is None else Path(model)
        self.model_info: ModelInfo = default_model(self._extra)
        self._choices = (device, precision, entropy_dtype)
        self._loaded: dict[str, LoadedModel] = {}
        self._loading = ForkLock()
        if device not in ("auto", "cpu"):
            _ = self.runtime  # whether it is here shows now

    def __repr__(self) -> str:
        device, precision, entropy_dtype = self._choices
        named = f"model={self.model_info.name!r}, device={device!r}, precision={precision!r}"
        return f"Codec({named}, entropy_dtype={entropy_dtype!r}, threads={self.threads})"

    def __reduce__(self) -> tuple[Any, ...]:
        """What it was made with: elsewhere the models are loaded anew."""
        if self is _default.get("codec"):
            return default_codec, ()
        device, precision, entropy_dtype = self._choices
        extra = None if self._extra is None else self._extra.absolute()
        make = partial(
            Codec, extra, device=device, precision=precision, entropy_dtype=entropy_dtype, threads=self.threads
        )
        return make, ()

    def working(self, *, networks: bool = True) -> AbstractContextManager[None]:
        """The block's work keeps the codec's number of threads busy."""
        return working_threads(self.threads, networks=networks)

    @cached_property
    def runtime(self) -> Runtime:
        """Where and how the networks run, what was "auto" settled."""
        from codec.model.loaded import Runtime

        return Runtime.resolve(*self._choices)

    def encode(
        self,
        image: PictureSource,
        quality: float = DEFAULT_QUALITY,
        *,
        metadata: Metadata | None = None,
        frame: int | None = None,
        **settings: Unpack[EncodeOptions],
    ) -> bytes:
        """Encode one picture.

        Args:
            image: a path, binary file object, PIL image, array (H, W) or (H, W, 1..4) uint8, or tensor
                (1..4, H, W), uint8 or floating point within 0..1. One channel is grey, two are grey and
                alpha, three RGB, four RGBA.
            quality: 0..100; equal steps look like equal steps of PSNR.
            metadata: ICC profile, EXIF and XMP to store instead of those that came with `image`.
            frame: of an animation, counted from 0.
            settings: the other fields of `EncodeSettings`: target, lossless, exact, effort, tune, tile, regions.

        Returns:
            The bytes of a `.wisp` file.

        Raises:
            FileAccessError, LimitError, UnsupportedError: the picture cannot be coded, and why.
            ExactnessError: this machine's arithmetic is not the model's. TargetError: the target is out of
            reach. RequestError: a region outside the picture. ValueError, TypeError: arguments.
        """
        chosen = EncodeSettings(quality=quality, **settings)
        if not isinstance(metadata, Metadata | None):
            raise TypeError(f"metadata of type {type(metadata).__name__}: codec.Metadata is expected")
        picture = load_picture(image, frame=frame)
        if metadata is not None:
            picture = replace(picture, metadata=metadata)
        return self.encode_picture(picture, chosen).data

    def encode_picture(
        self,
        picture: Picture,
        settings: EncodeSettings,
        steps: int | None = None,
        *,
        keep_latents: bool = False,
        features: dict[Area, Tensor] | None = None,
        progress: Progress | None = None,
    ) -> CodedPicture:
        """The coded units of a picture, from which its file is made. Raises as `encode`.

        `steps` is the model's quality in 1/256 where it is not that of the settings; `features` as in `analyse`.
        """
        progress = progress or Progress()
        with self.working(networks=not settings.lossless):
            if settings.lossless:
                return encode_lossless(picture, self.model_info.id_bytes, settings, progress=progress)
            model = self.load(self.model_info.id)
            if settings.target is not None:
                from codec.rate.control import encode_to_target

                return encode_to_target(model, picture, settings.target, settings, progress, keep_latents=keep_latents)
            steps = self.steps_of(settings) if steps is None else steps
            return encode_still(
                model, picture, steps, settings, keep_latents=keep_latents, features=features, progress=progress
            )

    def steps_of(self, settings: EncodeSettings) -> int:
        """The settings' quality, in steps of 1/256 of the model's."""
        if settings.lossless:
            return MAX_QUALITY
        return to_model_quality(self.load(self.model_info.id).file.quality_curve, settings.quality)

    def quality_at(self, steps: int) -> float:
        """The quality 0..100 of the model's in steps of 1/256."""
        return to_user_quality(self.load(self.model_info.id).file.quality_curve, steps)

    def try_out(self, coded: CodedPicture) -> Trial:
        """Decode the file of a picture that was encoded with `keep_latents`, and compare. Raises ExactnessError."""
        with self.working():
            return try_out(coded, self.load)

    def quality_of(self, encoded: CodedPicture) -> float | None:
        """The quality 0..100 of a file that was made here; None where every tile is lossless."""
        if encoded.lossless_tiles == len(encoded.units):
            return None
        return self.quality_at(encoded.layout.header.quality)

    def decode(self, data: Source | Still, *, crop: Crop | None = None) -> Image.Image:
        """Decode one picture.

        Args:
            data: bytes, a path, a binary file object or a parsed file.
            crop: (x, y, width, height) in pixels; only the tiles that it needs are decoded.

        Returns:
            An image of mode L, LA, RGB or RGBA; `info` holds icc_profile, exif and xmp where the file does.

        Raises:
            NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError, ModelNotFoundError,
            ModelFileError, ExactnessError, FileAccessError: each kind of fault has its own. RequestError: a
            crop beyond the picture.
        """
        still = self.parsed(data)
        image = self.decode_still(still, crop=crop).picture.image()
        image.info.update(info_entries(still.metadata))
        return image

    def decode_array(self, data: Source | Still, *, crop: Crop | None = None) -> NDArray[np.uint8]:
        """As `decode`, -> array (H, W, C) uint8, C = 1 to 4 for L, LA, RGB, RGBA."""
        return self.decode_still(self.parsed(data), crop=crop).picture.pixels

    def decode_tensor(self, data: Source | Still, *, crop: Crop | None = None) -> Tensor:
        """As `decode`, -> tensor (C, H, W) uint8 on the CPU, C = 1 to 4 for L, LA, RGB, RGBA."""
        import torch

        return torch.from_numpy(self.decode_array(data, crop=crop).transpose(2, 0, 1).copy())

    def decode_still(self, still: Still, *, crop: Crop | None = None, progress: Progress | None = None) -> Decoded:
        """A parsed file's channels, and what was done for them."""
        with self.working(networks=bool(still.models_used)):
            return decode_still(still, self.load, crop=None if crop is None else _box(crop), progress=progress)

    def check(self, data: Source | Still) -> str:
        """Decode and check every unit, but make no pixels of latents -> latents_sha256. Raises as `decode`."""
        still = self.parsed(data)
        with self.working(networks=bool(still.models_used)):
            return check_units(still, self.load)

    def decode_latents(self, data: Source | Still) -> DecodedLatents:
        """The latent field of a picture with a learned tile. Raises as `decode`."""
        with self.working():
            return decode_latents(self.parsed(data), self.load)

    def salvage(self, data: Source) -> Salvaged:
        """What of a damaged file can be shown; the rest is grey. Raises as `decode` where the header is damaged."""
        with self.working():
            return salvage_still(read_bytes(data), self.load)

    def arithmetic_of(self, model: str | None) -> dict[str, str]:
        """What a file of this model is decoded by here: precision, entropy_dtype and device; empty without a model."""
        if model is None:
            return {}
        with self.working():
            entropy_dtype = self.load(model).entropy_dtype
        device, precision = self.runtime.device.type, self.runtime.precision
        return {"precision": precision, "entropy_dtype": entropy_dtype, "device": device}

    def load(self, identity: str) -> LoadedModel:
        """The model of this id (16 hexadecimal digits), loaded once. Raises ModelNotFoundError, ModelFileError."""
        with self._loading:
            if identity not in self._loaded:
                is_own = identity == self.model_info.id
                found = self.model_info if is_own else find_model(identity, self._extra)
                file = load_model_file(found.path)  # what is wrong with it shows before torch is imported
                from codec.model.loaded import LoadedModel

                self._loaded[identity] = LoadedModel(file, self.runtime)
            before_networks()
            return self._loaded[identity]

    @staticmethod
    def parsed(data: Source | Still) -> Still:
        """The file, read and checked unless it is already."""
        return data if isinstance(data, Still) else read_file(data)


def _box(crop: Crop) -> Box:
    if len(crop) != 4 or not all(isinstance(value, int | np.integer) for value in crop):
        raise TypeError(f"crop {crop!r} is not (x, y, width, height) in whole pixels")
    return Box(*map(int, crop))


_default: dict[str, Codec] = {}  # empty or one
_making = ForkLock()


def default_codec() -> Codec:
    """The codec behind the module's functions, kept for the process."""
    with _making:
        if not _default:
            _default["codec"] = Codec()
        return _default["codec"]


def encode(
    image: PictureSource,
    quality: float = DEFAULT_QUALITY,
    *,
    metadata: Metadata | None = None,
    frame: int | None = None,
    **settings: Unpack[EncodeOptions],
) -> bytes:
    """Encode one picture with the packaged model: see `Codec.encode`."""
    return default_codec().encode(image, quality, metadata=metadata, frame=frame, **settings)


def decode(data: Source, *, crop: Crop | None = None) -> Image.Image:
    """Decode one picture: see `Codec.decode`."""
    return default_codec().decode(data, crop=crop)


def decode_array(data: Source, *, crop: Crop | None = None) -> NDArray[np.uint8]:
    """Decode one picture into an array (H, W, C) uint8: see `Codec.decode_array`."""
    return default_codec().decode_array(data, crop=crop)


def decode_tensor(data: Source, *, crop: Crop | None = None) -> Tensor:
    """Decode one picture into a tensor (C, H, W) uint8: see `Codec.decode_tensor`."""
    return default_codec().decode_tensor(data, crop=crop)


def salvage(data: Source) -> Salvaged:
    """What of a damaged file can be shown: see `Codec.salvage`."""
    return default_codec().salvage(data)
