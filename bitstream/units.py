"""Coded units: one tile of one picture, as the payload of a UNIT chunk.

A learned unit holds a range-coder stream, a lossless one the bits of a lossless WebP picture (VP8L, RFC 9649
section 3). Where the picture has alpha, it comes first: one byte where it is the same all over the tile,
else a VP8L picture of its own, or, in a lossless unit, the alpha of its one VP8L picture.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bitstream import fields
from bitstream.errors import CorruptError, UnsupportedError
from bitstream.fields import Field
from bitstream.limits import MAX_PAYLOAD_BYTES_PER_PIXEL, MAX_QUALITY, TILE_STEP

LEARNED_INTRA, LOSSLESS = 0, 1
KINDS = {LEARNED_INTRA: "learned", LOSSLESS: "lossless"}

FIELDS = (
    Field("kind_and_slot", "B", range(256)),  # bit 7: alpha varies; bits 4-6: kind; bits 0-3: model slot
    Field("quality_delta", "h", range(-MAX_QUALITY, MAX_QUALITY + 1)),
    Field("tile_index", "I", range(1 << 32)),
)
MIN_STEP_CODE, MAX_STEP_CODE = -1024, 1024
DETAIL_FIELDS = (
    Field("model_slot", "B", range(16)),
    Field("step_code", "h", range(MIN_STEP_CODE, MAX_STEP_CODE + 1)),
    Field("tile_index", "I", range(1 << 32)),
)
_ALPHA_VARIES = 0x80
_CHECK = struct.Struct("<H")
_PLANE_BYTES = struct.Struct("<I")
OVERHEAD = fields.size_of(FIELDS) + _CHECK.size
DETAIL_OVERHEAD = fields.size_of(DETAIL_FIELDS) + _CHECK.size
WORD_BYTES = 4


@dataclass(frozen=True)
class Detail:
    """What a learned tile leaves, coded: the payload of a DTAL chunk.

    `stream` is a whole number of 32-bit words, `check` the `check16` of the decoded symbols. `step_code` tells the
    quantiser step (FORMAT.md, "Detail"), `model_slot` is that of a detail layer's id.
    """

    stream: bytes
    check: int
    step_code: int
    model_slot: int = 1

    def pack(self, tile_index: int) -> bytes:
        """The chunk's payload. Raises ValueError for a value outside its field."""
        values = {**vars(self), "tile_index": tile_index}
        return fields.pack(DETAIL_FIELDS, values) + self.stream + _CHECK.pack(self.check)

    @property
    def packed_size(self) -> int:
        """Bytes of the chunk's payload."""
        return DETAIL_OVERHEAD + len(self.stream)

    @classmethod
    def unpack(cls, payload: bytes, model_count: int, what: str) -> tuple[int, Detail]:
        """-> the tile's index, its detail. Raises CorruptError, naming the detail by `what`."""
        values = fields.unpack(DETAIL_FIELDS, payload, what)
        if values["model_slot"] >= model_count:
            raise CorruptError(f"{what}: model slot {values['model_slot']} of {model_count}")
        stream = payload[fields.size_of(DETAIL_FIELDS) : -_CHECK.size]
        if len(payload) < DETAIL_OVERHEAD or len(stream) % WORD_BYTES:
            raise CorruptError(f"{what}: a stream of {len(stream)} bytes is no whole number of words")
        (check,) = _CHECK.unpack(payload[-_CHECK.size :])
        return values.pop("tile_index"), cls(stream, check, **values)


@dataclass(frozen=True)
class Unit:
    """One tile: how it is coded, its stream, its check.

    `stream` is a whole number of 32-bit words (learned) or VP8L (lossless). `check` is the `check16` of the
    decoded `latent_bytes`, or of the decoded VP8L picture's channels, row by row. `alpha` is None where the
    picture has none, a number 0..255 where it is constant, else VP8L of the plane (empty where the stream of
    a lossless unit holds it). `quality_delta` is in steps of 1/256 of the model's quality. `detail` is what a learned
    tile leaves, where that is coded: a chunk of its own.
    """

    tile_index: int
    stream: bytes
    check: int
    kind: int = LEARNED_INTRA
    model_slot: int = 0
    quality_delta: int = 0
    alpha: int | bytes | None = None
    detail: Detail | None = None

    @property
    def learned(self) -> bool:
        return self.kind == LEARNED_INTRA

    def pack(self) -> bytes:
        """The chunk's payload. Raises ValueError for a value outside its field."""
        flag = _ALPHA_VARIES if isinstance(self.alpha, bytes) else 0
        values = {**vars(self), "kind_and_slot": flag | self.kind << 4 | self.model_slot}
        return fields.pack(FIELDS, values) + self._packed_alpha() + self.stream + _CHECK.pack(self.check)

    @property
    def packed_size(self) -> int:
        """Bytes of the chunk's payload, without detail."""
        return OVERHEAD + len(self._packed_alpha()) + len(self.stream)

    def _packed_alpha(self) -> bytes:
        if self.alpha is None:
            return b""
        if isinstance(self.alpha, int):
            return bytes([self.alpha])
        return _PLANE_BYTES.pack(len(self.alpha)) + self.alpha if self.learned else b""

    @classmethod
    def unpack(cls, payload: bytes, model_count: int, has_alpha: bool, what: str) -> Unit:
        """Raises CorruptError or UnsupportedError, naming the unit by `what`."""
        values = fields.unpack(FIELDS, payload, what)
        varies, kind_and_slot = divmod(values.pop("kind_and_slot"), _ALPHA_VARIES)
        kind, slot = divmod(kind_and_slot, 16)
        if kind not in KINDS:
            raise UnsupportedError(f"{what}: units of kind {kind} are not known here")
        if slot >= model_count:
            raise CorruptError(f"{what}: model slot {slot} of {model_count}")
        if varies and not has_alpha:
            raise CorruptError(f"{what} has alpha, the picture has none")
        if len(payload) < OVERHEAD:
            raise CorruptError(f"{what}: {len(payload)} bytes are too few")
        rest, (check,) = payload[fields.size_of(FIELDS) : -_CHECK.size], _CHECK.unpack(payload[-_CHECK.size :])
        alpha, stream = _split_alpha(rest, has_alpha, bool(varies), kind, what)
        if kind == LEARNED_INTRA and len(stream) % WORD_BYTES:
            raise CorruptError(f"{what}: a stream of {len(stream)} bytes is no whole number of words")
        delta, tile = values["quality_delta"], values["tile_index"]
        return cls(tile, stream, check, kind, slot, delta, alpha)


def _split_alpha(rest: bytes, has_alpha: bool, varies: bool, kind: int, what: str) -> tuple[int | bytes | None, bytes]:
    """-> alpha as Unit has it, the stream behind it."""
    if not has_alpha:
        return None, rest
    if not varies:
        if not rest:
            raise CorruptError(f"{what} ends before its alpha")
        return rest[0], rest[1:]
    if kind == LOSSLESS:
        return b"", rest
    if len(rest) < _PLANE_BYTES.size:
        raise CorruptError(f"{what} ends before its alpha")
    (size,) = _PLANE_BYTES.unpack_from(rest)
    start = _PLANE_BYTES.size
    if not 0 < size <= len(rest) - start:
        raise CorruptError(f"{what}: alpha of {size} bytes where {len(rest) - start} are left")
    return rest[start : start + size], rest[start + size :]


def max_payload(tile: int, width: int, height: int) -> int:
    """The most bytes that a unit of a `tile` x `tile` tile in a picture of this size may take."""
    sides = (min(tile, -(-side // TILE_STEP) * TILE_STEP) for side in (width, height))
    return OVERHEAD + MAX_PAYLOAD_BYTES_PER_PIXEL * next(sides) * next(sides)


def latent_bytes(z: NDArray[np.integer[Any]], y16: NDArray[np.integer[Any]]) -> bytes:
    """What check and hash run over: z as <i2, then 16 * y_hat as <i4, both (channel, row, column)."""
    return z.astype("<i2").tobytes() + y16.astype("<i4").tobytes()


def check16(data: bytes) -> int:
    """The low 16 bits of the CRC-32 over what a unit decodes to."""
    return zlib.crc32(data) & 0xFFFF
