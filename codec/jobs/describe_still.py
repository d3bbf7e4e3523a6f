"""The facts of a file, for people and programs; without torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from bitstream.still import Still
from codec.files.source import Source, opened, read_file
from codec.jobs.describe_sequence import SequenceDescription, describe_sequence
from codec.model.registry import known_quality


@dataclass(frozen=True)
class FileDescription:
    """What `probe` finds of a picture, and `wisp info` prints.

    Attributes:
        version: of the format.
        width, height: in pixels. mode: "L", "LA", "RGB" or "RGBA", of bit_depth bits a channel.
        lossless: whether every tile is.
        quality: 0..100; None where every tile is lossless, or the model is not here.
        model_quality: 0..63, on the model's own scale.
        tile: side in pixels. tiles, lossless_tiles: how many there are.
        model: id of the model, 16 hexadecimal digits; None where every tile is lossless.
        content_id: of the source's pixels, 8 hexadecimal digits.
        metadata: bytes of each kind that is there.
        bytes: of the file. payload_bytes: of coded pixels among them, detail_bytes: of detail among these.
        bpp: bits per pixel of the file.
        chunks: type, offset and length in bytes of each.
    """

    version: int
    width: int
    height: int
    mode: str
    bit_depth: int
    lossless: bool
    quality: float | None
    model_quality: float
    tile: int
    tiles: int
    lossless_tiles: int
    model: str | None
    content_id: str
    metadata: dict[str, int]
    bytes: int
    payload_bytes: int
    detail_bytes: int
    bpp: float
    chunks: list[dict[str, Any]] = field(repr=False)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def probe(data: Source, *, model: Path | None = None) -> FileDescription | SequenceDescription:
    """Read a whole file, test every checksum, and describe what it holds; nothing is decoded.

    Args:
        data: bytes, a path or a binary file object.
        model: a model file to look into, beside those that are found by themselves.

    Returns:
        A SequenceDescription of a sequence, a FileDescription of anything else.

    Raises:
        NotWispError, TruncatedError, CorruptError, UnsupportedError, LimitError, FileAccessError.
    """
    with opened(data) as source:
        if source.kind == "sequence":
            return describe_sequence(source, model)
        return describe(read_file(source), model)


def describe(still: Still, extra: Path | None = None) -> FileDescription:
    """`probe` of a file that is parsed already."""
    header, size = still.header, still.size + still.trailing
    identity = next(iter(still.models_used), None)
    return FileDescription(
        version=header.version,
        width=header.width,
        height=header.height,
        mode=header.mode,
        bit_depth=header.bit_depth,
        lossless=identity is None,
        quality=None if identity is None else known_quality(identity, header.quality, extra, _detail_of(still)),
        model_quality=header.quality / 256,
        tile=header.tile,
        tiles=len(still.units),
        lossless_tiles=sum(not unit.learned for unit in still.units),
        model=identity,
        content_id=header.content_id.hex(),
        metadata={name: len(data) for name, data in still.metadata.items()},
        bytes=size,
        payload_bytes=still.payload_bytes,
        detail_bytes=still.detail_bytes,
        bpp=round(8 * size / (header.width * header.height), 4),
        chunks=[{"type": c.name, "offset": c.offset, "length": c.length} for c in still.chunks],
    )


def _detail_of(still: Still) -> tuple[str, int] | None:
    """The id of a file's detail layer and a step code: that of a tile of the header's own quality, where one has it."""
    details = sorted((abs(unit.quality_delta), unit.tile_index, unit.detail) for unit in still.units if unit.detail)
    if not details:
        return None
    detail = details[0][2]
    return still.header.model_ids[detail.model_slot].hex(), detail.step_code
