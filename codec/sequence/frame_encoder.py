"""Pixels -> the coded units of one frame, exactly those that `codec.encode` makes of the same picture."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bitstream.errors import RequestError
from bitstream.header import Header
from bitstream.limits import MAX_QUALITY
from bitstream.units import Unit
from codec.api import Codec
from codec.model.quality import to_model_quality, to_user_quality
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.encode import CodedPicture, encode_lossless, encode_still

if TYPE_CHECKING:
    from torch import Tensor

    from codec.pixels.geometry import Area


class FrameEncoder:
    """Codes frames one at a time: the float analysis of a batch may round differently from that of a picture.

    Raises RequestError for a target that only pictures can meet.
    """

    def __init__(self, codec: Codec, settings: EncodeSettings, *, keep_latents: bool = False) -> None:
        if settings.target is not None:
            raise RequestError(f"a {settings.target.name} target is for pictures; a video takes a target bitrate")
        self._codec, self._settings, self._keep_latents = codec, settings, keep_latents

    @property
    def steps(self) -> int:
        """The settings' quality, in steps of 1/256 of the model's."""
        if self._settings.lossless:
            return MAX_QUALITY
        return to_model_quality(self._codec.load(self._codec.model_info.id).file.quality_curve, self._settings.quality)

    def quality(self, steps: int) -> float | None:
        """Steps of 1/256 as a quality 0..100; None where every tile is lossless."""
        if self._settings.lossless:
            return None
        return to_user_quality(self._codec.load(self._codec.model_info.id).file.quality_curve, steps)

    def encode(self, picture: Picture, steps: int, features: dict[Area, Tensor] | None = None) -> CodedPicture:
        """As a still picture of this quality; `features` as in `analyse`. Raises LimitError, ExactnessError."""
        info, settings = self._codec.model_info, self._settings
        with self._codec.working(networks=not settings.lossless):
            if settings.lossless:
                return encode_lossless(picture, info.id_bytes, settings)
            model = self._codec.load(info.id)
            return encode_still(model, picture, steps, settings, keep_latents=self._keep_latents, features=features)


def units_under(header: Header, coded: CodedPicture) -> list[Unit]:
    """A frame's units, their quality relative to that of the sequence's header."""
    moved = coded.layout.header.quality - header.quality
    return [replace(unit, quality_delta=unit.quality_delta + moved) for unit in coded.units]
