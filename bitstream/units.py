"""Coded units: one tile of one picture, as the payload of a UNIT chunk."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bitstream import fields
from bitstream.errors import CorruptError, UnsupportedError
from bitstream.fields import Field
from bitstream.limits import MAX_PAYLOAD_BYTES_PER_PIXEL, MAX_QUALITY, TILE_STEP

LEARNED_INTRA = 0
KINDS = {LEARNED_INTRA: "learned"}

FIELDS = (
    Field("kind_and_slot", "B", range(256)),  # kind in the upper four bits, model slot in the lower four
    Field("quality_delta", "h", range(-MAX_QUALITY, MAX_QUALITY + 1)),
    Field("tile_index", "I", range(1 << 32)),
)
_CHECK = struct.Struct("<H")
OVERHEAD = fields.size_of(FIELDS) + _CHECK.size
WORD_BYTES = 4


@dataclass(frozen=True)
class Unit:
    """One tile: how and with which model it is coded, its range-coder stream, its check.

    `quality_delta` is in steps of 1/256 of the model's quality, `stream` a whole number of 32-bit words,
    `latent_check` the 16 bits of `latent_check()` over the decoded integer latents.
    """

    tile_index: int
    stream: bytes
    latent_check: int
    kind: int = LEARNED_INTRA
    model_slot: int = 0
    quality_delta: int = 0

    def pack(self) -> bytes:
        """The chunk's payload. Raises ValueError for a value outside its field."""
        values = {**vars(self), "kind_and_slot": self.kind << 4 | self.model_slot}
        return fields.pack(FIELDS, values) + self.stream + _CHECK.pack(self.latent_check)

    @classmethod
    def unpack(cls, payload: bytes, model_count: int, what: str) -> Unit:
        """Raises CorruptError or UnsupportedError, naming the unit by `what`."""
        values = fields.unpack(FIELDS, payload, what)
        kind, slot = divmod(values.pop("kind_and_slot"), 16)
        if kind not in KINDS:
            raise UnsupportedError(f"{what}: units of kind {kind} are not known here")
        if slot >= model_count:
            raise CorruptError(f"{what}: model slot {slot} of {model_count}")
        stream = payload[fields.size_of(FIELDS) : -_CHECK.size]
        if len(payload) < OVERHEAD or len(stream) % WORD_BYTES:
            raise CorruptError(f"{what}: {len(payload)} bytes are no whole number of words")
        (check,) = _CHECK.unpack(payload[-_CHECK.size :])
        return cls(stream=stream, latent_check=check, kind=kind, model_slot=slot, **values)


def max_payload(tile: int, width: int, height: int) -> int:
    """The most bytes that a unit of a `tile` x `tile` tile in a picture of this size may take."""
    sides = (min(tile, -(-side // TILE_STEP) * TILE_STEP) for side in (width, height))
    return OVERHEAD + MAX_PAYLOAD_BYTES_PER_PIXEL * next(sides) * next(sides)


def latent_bytes(z: NDArray[np.integer], y16: NDArray[np.integer]) -> bytes:
    """What check and hash run over: z as <i2, then 16 * y_hat as <i4, both (channel, row, column)."""
    return z.astype("<i2").tobytes() + y16.astype("<i4").tobytes()


def latent_check(data: bytes) -> int:
    """The low 16 bits of the CRC-32 over `latent_bytes`."""
    return zlib.crc32(data) & 0xFFFF
