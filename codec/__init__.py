"""Wisp's codec: pictures <-> `.wisp` files.

    import codec
    data = codec.encode("photo.png", quality=75)
    image = codec.decode(data)

Names are loaded when first used, so that importing this package does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from bitstream.errors import (
    CorruptError,
    ExactnessError,
    FileAccessError,
    LimitError,
    ModelFileError,
    ModelNotFoundError,
    NotWispError,
    OutputExistsError,
    TruncatedError,
    UnsupportedError,
    WispError,
)
from codec.notes import WispNote

if TYPE_CHECKING:
    from codec.api import Codec, decode, encode

__version__ = "0.1.0"
DEFAULT_QUALITY = 75  # of 0..100
__all__ = [
    "Codec",
    "CorruptError",
    "ExactnessError",
    "FileAccessError",
    "LimitError",
    "ModelFileError",
    "ModelNotFoundError",
    "NotWispError",
    "OutputExistsError",
    "TruncatedError",
    "UnsupportedError",
    "WispError",
    "WispNote",
    "decode",
    "encode",
]
_LAZY = {"Codec", "decode", "encode"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module("codec.api"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
