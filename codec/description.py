"""What a file says of itself, as a dictionary for people and programs; without torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bitstream.errors import ModelNotFoundError
from bitstream.still import Still
from codec.model.file import read_quality_curve
from codec.model.quality import to_user_quality
from codec.model.registry import find_model


def describe(still: Still, extra: Path | None = None) -> dict[str, Any]:
    """The facts of `wisp info --json`. `quality` is None where the file's model is not here.

    `extra` is a model file to look into besides those that are found by themselves.
    """
    header, size = still.header, still.size + still.trailing
    identity = still.models_used[0]
    try:
        curve = read_quality_curve(find_model(identity, extra).path)
        quality = to_user_quality(curve, header.quality)
    except ModelNotFoundError:
        quality = None
    return {
        "version": header.version,
        "width": header.width,
        "height": header.height,
        "mode": header.mode,
        "bit_depth": header.bit_depth,
        "quality": quality,
        "model_quality": header.quality / 256,
        "tile": header.tile,
        "tiles": len(still.units),
        "model": identity,
        "content_id": header.content_id.hex(),
        "bytes": size,
        "payload_bytes": still.payload_bytes,
        "bpp": round(8 * size / (header.width * header.height), 4),
        "chunks": [{"type": c.name, "offset": c.offset, "length": c.length} for c in still.chunks],
    }
