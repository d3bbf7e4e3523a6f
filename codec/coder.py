"""What lies beneath the public `Codec`: loaded models, and the coding of pictures in memory with them."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cached_property, partial
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bitstream.limits import MAX_QUALITY
from bitstream.still import Still
from codec.files.source import Source, read_bytes, read_file
from codec.model.file import ModelInfo
from codec.model.quality import level_of, to_model_quality, to_user_quality
from codec.model.registry import default_model, details_of, find_model, load_model_file, load_synthesis
from codec.pixels.geometry import Box, Crop
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.check import Trial, try_out
from codec.still.decode import Decoded, DecodedLatents, ModelLoader, check_units, decode_latents, decode_still
from codec.still.encode import CodedPicture, encode_lossless, encode_still
from codec.still.salvage import Salvaged, salvage_still
from codec.work.choices import Device, EntropyDtype, Precision, check_choice
from codec.work.forks import ForkLock, before_networks
from codec.work.progress import Progress
from codec.work.threads import working_threads

if TYPE_CHECKING:
    from torch import Tensor

    from codec.model.loaded import LoadedModel, Runtime
    from codec.pixels.geometry import Area


class Coder:
    """Encodes and decodes with models that stay loaded; `Codec` has the arguments and the public methods.

    Its methods serve the other modules of this package, and take and give what is theirs.
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
        self._loaded: dict[tuple[str, bool], LoadedModel] = {}
        self._loading = ForkLock()
        if device not in ("auto", "cpu"):
            _ = self.runtime  # whether it is here shows now

    def working(self, *, networks: bool = True) -> AbstractContextManager[None]:
        """The block's work keeps the codec's number of threads busy."""
        return working_threads(self.threads, networks=networks)

    @cached_property
    def runtime(self) -> Runtime:
        """Where and how the networks run, what was "auto" settled."""
        from codec.model.loaded import Runtime

        return Runtime.resolve(*self._choices)

    def encode_picture(
        self,
        picture: Picture,
        settings: EncodeSettings,
        steps: int | None = None,
        *,
        keep_latents: bool = False,
        features: dict[Area, Tensor] | None = None,
        detail: bool = True,
        progress: Progress | None = None,
    ) -> CodedPicture:
        """The coded units of a picture, from which its file is made. Raises as `encode`.

        `steps` is the level where it is not that of the settings; `features` and `detail` as in `encode_still`.
        """
        progress = progress or Progress()
        with self.working(networks=not settings.lossless):
            if settings.lossless:
                return encode_lossless(picture, self.model_info.id_bytes, settings, progress=progress)
            model = self.load(self.model_info.id)
            if settings.target is not None:
                from codec.rate.control import encode_to_target

                return encode_to_target(model, picture, settings.target, settings, progress, keep_latents=keep_latents)
            steps = self.steps_of(settings, detail=detail) if steps is None else steps
            return encode_still(
                model,
                picture,
                steps,
                settings,
                keep_latents=keep_latents,
                features=features,
                detail=detail,
                progress=progress,
            )

    def steps_of(self, settings: EncodeSettings, *, detail: bool = True) -> int:
        """The level of the settings' quality: without `detail` the model's own in steps of 1/256."""
        return MAX_QUALITY if settings.lossless else to_model_quality(self._curve(detail=detail), settings.quality)

    def quality_at(self, steps: int, *, detail: bool = True) -> float:
        """The quality 0..100 of a level."""
        return to_user_quality(self._curve(detail=detail), steps)

    def _curve(self, *, detail: bool) -> NDArray[np.uint16]:
        model = self.load(self.model_info.id)
        return model.quality_curve if detail else model.file.quality_curve

    def try_out(self, coded: CodedPicture) -> Trial:
        """Decode the file of a picture that was encoded with `keep_latents`, and compare. Raises ExactnessError."""
        with self.working():
            return try_out(coded, self.load)

    def quality_of(self, encoded: CodedPicture) -> float | None:
        """The quality 0..100 of a file that was made here; None where every tile is lossless."""
        if encoded.lossless_tiles == len(encoded.units):
            return None
        model, detail = self.load(self.model_info.id), any(unit.detail for unit in encoded.units)
        if not detail or model.own_detail is None:
            return self.quality_at(encoded.layout.header.quality, detail=False)
        point = model.point_at(encoded.level)  # which the file has, not the level
        return self.quality_at(level_of(model.own_detail.file.levels, point))

    def decode_still(
        self,
        still: Still,
        *,
        crop: Crop | None = None,
        fast: bool = False,
        preview: bool = False,
        progress: Progress | None = None,
    ) -> Decoded:
        """A parsed file's channels, and what was done for them."""
        with self.working(networks=bool(still.models_used)):
            box = None if crop is None else _box(crop)
            return decode_still(still, self.loader(fast=fast), crop=box, progress=progress, preview=preview)

    def check(self, data: Source | Still) -> str:
        """Decode and check every unit, but make no pixels of latents -> latents_sha256. Raises as `decode`."""
        still = self.parsed(data)
        with self.working(networks=bool(still.models_used)):
            return check_units(still, self.load)

    def decode_latents(self, data: Source | Still) -> DecodedLatents:
        """The latent field of a picture with a learned tile. Raises as `decode`."""
        with self.working():
            return decode_latents(self.parsed(data), self.load)

    def salvage_picture(self, data: Source, *, fast: bool = False) -> Salvaged:
        """As `Codec.salvage`, the picture as ours."""
        with self.working():
            return salvage_still(read_bytes(data), self.loader(fast=fast))

    def arithmetic_of(self, model: str | None) -> dict[str, str]:
        """What a file of this model is decoded by here: precision, entropy_dtype and device; empty without a model."""
        if model is None:
            return {}
        with self.working():
            entropy_dtype = self.load(model).entropy_dtype
        device, precision = self.runtime.device.type, self.runtime.precision
        return {"precision": precision, "entropy_dtype": entropy_dtype, "device": device}

    def loader(self, *, fast: bool) -> ModelLoader:
        """What loads the models that decode: with their fast synthesis, or whole."""
        return partial(self.load, fast=True) if fast else self.load

    def load(self, identity: str, *, fast: bool = False) -> LoadedModel:
        """The model of this id (16 hexadecimal digits), loaded once; with `fast`, its fast synthesis makes the pixels.

        Raises ModelNotFoundError, ModelFileError.
        """
        with self._loading:
            if (identity, fast) not in self._loaded:
                is_own = identity == self.model_info.id
                found = self.model_info if is_own else find_model(identity, self._extra)
                file = load_model_file(found.path)  # what is wrong with it shows before torch is imported
                synthesis = load_synthesis(file.info, self._extra) if fast else None
                from codec.model.loaded import LoadedModel

                details = details_of(file.info, self._extra)
                self._loaded[identity, fast] = LoadedModel(file, self.runtime, synthesis, details)
            before_networks()
            return self._loaded[identity, fast]

    @staticmethod
    def parsed(data: Source | Still) -> Still:
        """The file, read and checked unless it is already."""
        return data if isinstance(data, Still) else read_file(data)


def _box(crop: Crop) -> Box:
    if len(crop) != 4 or not all(isinstance(value, int | np.integer) for value in crop):
        raise TypeError(f"crop {crop!r} is not (x, y, width, height) in whole pixels")
    return Box(*map(int, crop))
