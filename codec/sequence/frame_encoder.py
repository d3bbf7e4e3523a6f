"""Pixels -> the coded units of one frame, those that `codec.encode` makes of the same picture without detail."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bitstream.errors import RequestError
from bitstream.header import Header
from bitstream.units import Unit
from codec.api import Codec
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.encode import CodedPicture

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
        """The settings' quality, in steps of 1/256 of the model's: frames have no detail."""
        return self._codec.steps_of(self._settings, detail=False)

    def quality(self, steps: int) -> float | None:
        """Steps of 1/256 as a quality 0..100; None where every tile is lossless."""
        return None if self._settings.lossless else self._codec.quality_at(steps, detail=False)

    def encode(self, picture: Picture, steps: int, features: dict[Area, Tensor] | None = None) -> CodedPicture:
        """As a still picture of this quality; `features` as in `analyse`. Raises LimitError, ExactnessError."""
        return self._codec.encode_picture(
            picture, self._settings, steps, keep_latents=self._keep_latents, features=features, detail=False
        )


def units_under(header: Header, coded: CodedPicture) -> list[Unit]:
    """A frame's units, their quality relative to that of the sequence's header."""
    moved = coded.layout.header.quality - header.quality
    return [replace(unit, quality_delta=unit.quality_delta + moved) for unit in coded.units]
