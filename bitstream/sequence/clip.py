"""What the header of a sequence says beyond that of a still picture: its timing, and the look of its source."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from bitstream import fields
from bitstream.fields import Field

UNKNOWN_RANGE, LIMITED, FULL = 0, 1, 2
UNKNOWN_MATRIX = 2  # "unspecified" of ITU-T H.273, table 4
_WHOLE = range(1 << 32)
_POSITIVE = range(1, 1 << 32)

FIELDS = (
    Field("time_base_num", "I", _POSITIVE),
    Field("time_base_den", "I", _POSITIVE),
    Field("rate_num", "I", _WHOLE),  # 0: there is no nominal rate
    Field("rate_den", "I", _POSITIVE),
    Field("aspect_num", "I", _POSITIVE),
    Field("aspect_den", "I", _POSITIVE),
    Field("colour_range", "B", {UNKNOWN_RANGE, LIMITED, FULL}),
    Field("colour_matrix", "B", range(256)),
    Field("frames", "I", _WHOLE),  # 0: not known when the header was written
)
BYTES = fields.size_of(FIELDS)


@dataclass(frozen=True)
class Clip:
    """Timing and look of a sequence.

    Args:
        time_base: seconds of one unit of timestamps and durations.
        rate: nominal frames a second; None where there is none.
        pixel_aspect: width of a pixel by its height.
        colour_range, colour_matrix: of the video that was encoded: 0 unknown, 1 limited, 2 full; matrix coefficients
            of ITU-T H.273. Pixels here are grey or RGB of full range; an output in YCbCr takes these by default.
        frames: how many there are; 0 where that was not known at the start.
    """

    time_base: Fraction
    rate: Fraction | None = None
    pixel_aspect: Fraction = Fraction(1)
    colour_range: int = UNKNOWN_RANGE
    colour_matrix: int = UNKNOWN_MATRIX
    frames: int = 0

    def seconds(self, units: int) -> Fraction:
        """So many units of the time base."""
        return units * self.time_base

    def pack(self) -> bytes:
        """The last bytes of the header. Raises ValueError for a value outside its field."""
        rate = self.rate if self.rate is not None else Fraction(0)
        values = {
            "time_base_num": self.time_base.numerator,
            "time_base_den": self.time_base.denominator,
            "rate_num": rate.numerator,
            "rate_den": rate.denominator,
            "aspect_num": self.pixel_aspect.numerator,
            "aspect_den": self.pixel_aspect.denominator,
            "colour_range": self.colour_range,
            "colour_matrix": self.colour_matrix,
            "frames": self.frames,
        }
        return fields.pack(FIELDS, values)

    @classmethod
    def unpack(cls, data: bytes) -> Clip:
        """Raises CorruptError for a value out of range."""
        values = fields.unpack(FIELDS, data, "header")
        rate = Fraction(values["rate_num"], values["rate_den"])
        return cls(
            Fraction(values["time_base_num"], values["time_base_den"]),
            rate or None,
            Fraction(values["aspect_num"], values["aspect_den"]),
            values["colour_range"],
            values["colour_matrix"],
            values["frames"],
        )
