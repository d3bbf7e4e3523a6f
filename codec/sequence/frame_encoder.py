"""Pixels -> the units of one frame, exactly those that `codec.encode` makes of the same picture."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bitstream.header import Header
from bitstream.limits import MAX_QUALITY
from bitstream.sequence.clip import Clip
from bitstream.units import Unit
from codec.model.quality import check_quality, to_model_quality, to_user_quality
from codec.pixels.picture import Picture
from codec.still.encode import Encoded, encode_lossless, encode_still
from codec.still.settings import StillSettings

if TYPE_CHECKING:
    from torch import Tensor

    from codec.api import Codec
    from codec.pixels.geometry import Area


@dataclass(frozen=True)
class FrameSettings:
    """How every frame is coded: `still` as a picture is, or each tile `lossless`."""

    still: StillSettings
    lossless: bool = False


class FrameEncoder:
    """Codes frames one at a time: the float analysis of a batch may round otherwise than that of a picture."""

    def __init__(self, codec: Codec, settings: FrameSettings) -> None:
        self._codec, self._settings = codec, settings

    def steps(self, quality: float) -> int:
        """The model's quality in steps of 1/256 of a quality 0..100. Raises ValueError."""
        check_quality(quality)
        if self._settings.lossless:
            return MAX_QUALITY
        return to_model_quality(self._codec.load(self._codec.model_info.id).file.quality_curve, quality)

    def quality(self, steps: int) -> float | None:
        """The inverse of `steps`; None where every tile is lossless."""
        if self._settings.lossless:
            return None
        return to_user_quality(self._codec.load(self._codec.model_info.id).file.quality_curve, steps)

    def encode(
        self,
        picture: Picture,
        steps: int,
        *,
        keep_latents: bool = False,
        features: dict[Area, Tensor] | None = None,
    ) -> Encoded:
        """As a still picture of this quality. Raises LimitError, RequestError, ExactnessError."""
        still, info = self._settings.still, self._codec.model_info
        if self._settings.lossless:
            return encode_lossless(picture, info.id_bytes, still)
        model = self._codec.load(info.id)
        return encode_still(model, picture, steps, still, keep_latents=keep_latents, features=features)


def sequence_header(first: Encoded, clip: Clip) -> Header:
    """The header of a sequence that begins with this frame."""
    return replace(first.layout.header, clip=clip)


def units_under(header: Header, encoded: Encoded) -> list[Unit]:
    """A frame's units, their quality told relative to the sequence's header."""
    moved = encoded.layout.header.quality - header.quality
    return [replace(unit, quality_delta=unit.quality_delta + moved) for unit in encoded.units]
