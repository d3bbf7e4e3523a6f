"""The header chunk: what a reader must know before the first coded unit."""

from __future__ import annotations

from dataclasses import dataclass

from bitstream import fields
from bitstream.errors import CorruptError, UnsupportedError
from bitstream.fields import Field
from bitstream.limits import DEFAULT_TILE, MAX_QUALITY, MAX_SIDE, MAX_TILE, MIN_TILE, TILE_STEP, check_dimensions
from bitstream.sequence import clip as clips
from bitstream.sequence.clip import Clip

VERSION = 0
KIND_STILL, KIND_SEQUENCE = 0, 1
RGB, GREY = 0, 1
NO_ALPHA, WITH_ALPHA = 0, 1
MODES = {(RGB, NO_ALPHA): "RGB", (RGB, WITH_ALPHA): "RGBA", (GREY, NO_ALPHA): "L", (GREY, WITH_ALPHA): "LA"}
MAX_MODELS = 15
MODEL_ID_BYTES = 8
CONTENT_ID_BYTES = 4

FIELDS = (
    Field("version", "B", {VERSION}, UnsupportedError),
    Field("kind", "B", {KIND_STILL, KIND_SEQUENCE}, UnsupportedError),
    Field("width", "H", range(1, MAX_SIDE + 1)),
    Field("height", "H", range(1, MAX_SIDE + 1)),
    Field("colour_mode", "B", {RGB, GREY}, UnsupportedError),
    Field("bit_depth", "B", {8}, UnsupportedError),
    Field("alpha", "B", {NO_ALPHA, WITH_ALPHA}, UnsupportedError),
    Field("quality", "H", range(MAX_QUALITY + 1)),
    Field("tile", "B", range(MIN_TILE // TILE_STEP, MAX_TILE // TILE_STEP + 1)),  # in units of 64 pixels
    Field("models", "B", range(1, MAX_MODELS + 1)),  # how many ids follow; the upper four bits are reserved
)
MAX_BYTES = 4096  # more than this version can fill, so that a later version is named as such


@dataclass(frozen=True)
class Header:
    """What the header chunk of a still picture or a sequence says.

    `width`, `height` and `tile` are in pixels, `quality` is the model's 0..63 in steps of 1/256,
    `model_ids` holds 8 bytes each, `content_id` the first 4 bytes of the SHA-256 over the source pixels
    (row by row, the channels of `mode` side by side; of a sequence's first frame). `clip` is there in
    sequences only.
    """

    width: int
    height: int
    quality: int
    model_ids: tuple[bytes, ...]
    content_id: bytes
    tile: int = DEFAULT_TILE
    colour_mode: int = RGB
    version: int = VERSION
    bit_depth: int = 8
    alpha: int = NO_ALPHA
    clip: Clip | None = None

    @property
    def kind(self) -> int:
        """KIND_STILL or KIND_SEQUENCE."""
        return KIND_STILL if self.clip is None else KIND_SEQUENCE

    @property
    def mode(self) -> str:
        """Pillow's name of what decodes: L, LA, RGB or RGBA, one letter a channel."""
        return MODES[self.colour_mode, self.alpha]

    @property
    def colours(self) -> int:
        """Channels without alpha: 1 or 3."""
        return 1 if self.colour_mode == GREY else 3

    def pack(self) -> bytes:
        """The chunk's payload. Raises ValueError for a value outside its field."""
        if len(self.content_id) != CONTENT_ID_BYTES or any(len(i) != MODEL_ID_BYTES for i in self.model_ids):
            raise ValueError("a model id has 8 bytes, a content id 4")
        if self.tile % TILE_STEP:
            raise ValueError(f"tile {self.tile} is not a multiple of {TILE_STEP}")
        values = {**vars(self), "kind": self.kind, "tile": self.tile // TILE_STEP, "models": len(self.model_ids)}
        timing = b"" if self.clip is None else self.clip.pack()
        return fields.pack(FIELDS, values) + b"".join(self.model_ids) + self.content_id + timing

    @classmethod
    def unpack(cls, payload: bytes) -> Header:
        """Raises UnsupportedError (version, kind, mode), CorruptError (a value out of range), LimitError."""
        if payload and payload[0] != VERSION:  # before anything else: a later version may lay the rest out anew
            raise UnsupportedError(f"format version {payload[0]} is not known here (this release reads {VERSION})")
        values = fields.unpack(FIELDS, payload, "header")
        count, is_sequence = values.pop("models"), values.pop("kind") == KIND_SEQUENCE
        start = fields.size_of(FIELDS)
        end = start + count * MODEL_ID_BYTES
        timing = end + CONTENT_ID_BYTES
        expected = timing + (clips.BYTES if is_sequence else 0)
        if len(payload) != expected:
            raise CorruptError(f"header has {len(payload)} bytes where {expected} are expected")
        check_dimensions(values["width"], values["height"])
        ids = tuple(payload[i : i + MODEL_ID_BYTES] for i in range(start, end, MODEL_ID_BYTES))
        values["tile"] *= TILE_STEP
        clip = Clip.unpack(payload[timing:]) if is_sequence else None
        return cls(**values, model_ids=ids, content_id=payload[end:timing], clip=clip)
