"""Keeping a bitrate over a clip: which quality each frame gets, in one pass or by a plan from a first one.

A frame's bits are foretold from a JPEG of it and the usual curve (codec/rate/typical.py), corrected by how far the
frames before were off. What was spent too much or too little is made good over the next second. A frame whose bits
are far off, as after a cut, is coded once more.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING

from bitstream import chunks, units
from bitstream.limits import MAX_QUALITY
from bitstream.sequence.index import ENTRY
from bitstream.sequence.record import DISTANCE_BYTES, RECORD_BYTES
from codec.pixels.picture import Picture
from codec.rate.typical import Typical, hint_of
from codec.sequence.frame_encoder import FrameEncoder
from codec.still.encode import CodedPicture

if TYPE_CHECKING:
    from torch import Tensor

    from codec.pixels.geometry import Area

_RECORD_BITS = 8 * (RECORD_BYTES + ENTRY.itemsize)  # of a frame beside its units, index entry included
_REPEAT_BITS = _RECORD_BITS + 8 * DISTANCE_BYTES
_UNIT_BITS = 8 * (chunks.OVERHEAD + units.OVERHEAD)  # of a unit beside its stream
_WINDOW = 1.0  # seconds over which a debt is paid back
_DEAR, _CHEAP = 4.0, 0.25  # times the average: what a frame may take at most, and at least, for that
_FAR_OFF = 0.3  # of the logarithm: such a frame is coded once more
_LEARNING = 0.5  # how much of the last error is believed
_TRIES = 3


class Pace:
    """Spreads `kilobits` (1000 bits a second) over a clip.

    `seconds` is the clip's length where it is known: towards its end debts are paid sooner. `plan` has the foretold
    bits of every frame at one quality for all (`plan_of`); without it every frame gets its time's share.
    """

    def __init__(self, kilobits: float, seconds: float | None = None, plan: array[float] | None = None) -> None:
        if not (kilobits > 0 and math.isfinite(kilobits)):
            raise ValueError(f"a target bitrate of {kilobits} kbit/s is not positive")
        self.kilobits, self._whole, self._plan = kilobits, seconds, plan
        self.spent, self.seconds = 0.0, 0.0  # bits and seconds so far
        self._due, self._frames = 0.0, 0
        self._error = 0.0  # logarithm of real over foretold bits of the last frames
        self._overhead = _RECORD_BITS + _UNIT_BITS
        self._coded = 0  # frames that are no repeats
        self._ends = 0  # of these the ones that would have needed a quality beyond an end

    @property
    def achieved(self) -> float:
        """1000 bits a second so far."""
        return self.spent / self.seconds / 1000 if self.seconds else 0.0

    @property
    def out_of_reach(self) -> bool:
        """Whether most frames would have needed a lower or higher quality than there is."""
        return 2 * self._ends > self._coded

    def expect(self, seconds: float) -> None:
        """The clip will be so long."""
        self._whole = seconds

    def repeated(self, seconds: float) -> None:
        """A frame was coded as a repeat."""
        self._account(_REPEAT_BITS, seconds, self._share(seconds))

    def encode(self, encoder: FrameEncoder, picture: Picture, seconds: float) -> tuple[CodedPicture, int]:
        """Code a frame that is shown for so long -> it, its quality in steps of 1/256."""
        share = self._share(seconds)
        wanted = self._wanted(share, seconds)
        curve, pixels = Typical("bpp", hint_of("bpp", picture)), picture.size[0] * picture.size[1]
        aim = math.log(max(wanted - self._overhead, 0.1 * wanted) / pixels)
        features: dict[Area, Tensor] = {}
        error, tried = self._error, set()
        for _ in range(_TRIES):
            steps = min(max(curve.inverse(aim - error), 0), MAX_QUALITY)
            encoded = encoder.encode(picture, steps, features)
            real = math.log(_stream_bits(encoded) / pixels)
            error = real - curve.at(steps)
            tried.add(steps)
            at_an_end = (steps == 0 and real > aim) or (steps == MAX_QUALITY and real < aim)
            if abs(real - aim) < _FAR_OFF or at_an_end:
                break
        self._ends += at_an_end
        self._coded += 1
        self._error += (error - self._error) * (1 if self._frames == 0 or len(tried) > 1 else _LEARNING)
        self._overhead = _RECORD_BITS + _UNIT_BITS * len(encoded.units)
        self._account(_stream_bits(encoded) + self._overhead, seconds, share)
        return encoded, steps

    def _share(self, seconds: float) -> float:
        """Bits of the next frame by plan, or by its time."""
        if self._plan is not None and self._frames < len(self._plan):
            return self._plan[self._frames]
        return 1000 * self.kilobits * seconds

    def _wanted(self, share: float, seconds: float) -> float:
        """Bits for the next frame: its share, less a part of the debt."""
        window = _WINDOW
        if self._whole is not None:
            window = min(window, max(self._whole - self.seconds, seconds))
        window = max(window, seconds)
        debt = self.spent - self._due
        return min(max(share - debt * seconds / window, _CHEAP * share), _DEAR * share)

    def _account(self, bits: float, seconds: float, share: float) -> None:
        self.spent += bits
        self.seconds += seconds
        self._due += share
        self._frames += 1


def _stream_bits(encoded: CodedPicture) -> int:
    """Of the frame's coded pixels alone."""
    return sum(8 * (unit.packed_size - units.OVERHEAD) for unit in encoded.units)


class Survey:
    """A first pass over a clip: what every frame takes at one quality, and from that the plan for a bitrate."""

    def __init__(self, encoder: FrameEncoder) -> None:
        self._encoder, self._steps = encoder, encoder.steps
        self._hints, self._errors, self._times = array("d"), array("d"), array("d")
        self._pixels, self._overhead = 0, 0

    def add(self, picture: Picture, seconds: float) -> None:
        """Code a frame and remember its bits."""
        self._pixels = picture.size[0] * picture.size[1]
        hint = hint_of("bpp", picture)
        encoded = self._encoder.encode(picture, self._steps)
        real = math.log(_stream_bits(encoded) / self._pixels)
        self._overhead = _RECORD_BITS + _UNIT_BITS * len(encoded.units)
        self._hints.append(hint)
        self._errors.append(real - Typical("bpp", hint).at(self._steps))
        self._times.append(seconds)

    def add_repeat(self, seconds: float) -> None:
        """A frame that equals its predecessor."""
        self._hints.append(math.nan)
        self._errors.append(math.nan)
        self._times.append(seconds)

    @property
    def seconds(self) -> float:
        """Of the whole clip."""
        return math.fsum(self._times)

    def pace(self, kilobits: float) -> Pace:
        """For the second pass: every frame foretold the bits that it takes at one quality for all."""
        budget, low, high = 1000 * kilobits * self.seconds, 0, MAX_QUALITY
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (middle, high) if math.fsum(self._bits(middle)) <= budget else (low, middle - 1)
        plan = array("d", self._bits(low))
        scale = budget / math.fsum(plan)
        return Pace(kilobits, self.seconds, array("d", (bits * scale for bits in plan)))

    def _bits(self, steps: int) -> list[float]:
        return [
            _REPEAT_BITS
            if math.isnan(hint)
            else self._overhead + self._pixels * math.exp(self._at(hint, steps) + error)
            for hint, error in zip(self._hints, self._errors, strict=True)
        ]

    def _at(self, hint: float, steps: int) -> float:
        return Typical("bpp", hint).at(steps)
