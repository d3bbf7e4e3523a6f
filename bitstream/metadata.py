"""What comes with a picture beside its pixels: ICC profile, EXIF, XMP, each in an ancillary chunk of its own.

A payload is one byte (0 = as it is, 1 = zlib) and the data; zlib's is preceded by the length of what it
unpacks to (u32). The writer takes the shorter of the two.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, fields

from bitstream.errors import LimitError
from bitstream.limits import MAX_METADATA_BYTES

RAW, DEFLATED = 0, 1
_SIZE = struct.Struct("<I")
TYPES = {"icc": b"iCCP", "exif": b"eXIF", "xmp": b"xMPD"}
FIELDS = {type_: name for name, type_ in TYPES.items()}
NAMES = {"icc": "ICC profile", "exif": "EXIF", "xmp": "XMP"}  # as people know them
MAX_CHUNK_BYTES = MAX_METADATA_BYTES + 1 + _SIZE.size


@dataclass(frozen=True)
class Metadata:
    """What comes with a picture beside its pixels, byte for byte; empty bytes where there is none.

    Args:
        icc: the ICC profile.
        exif: EXIF, as a TIFF structure without the prefix "Exif" that JPEG puts before it.
        xmp: the XMP packet.
    """

    icc: bytes = b""
    exif: bytes = b""
    xmp: bytes = b""

    def items(self) -> list[tuple[str, bytes]]:
        """(field name, bytes) of what is there."""
        return [(field.name, data) for field in fields(self) if (data := getattr(self, field.name))]

    def __repr__(self) -> str:
        return f"Metadata({', '.join(f'{name}: {len(data)} bytes' for name, data in self.items())})"


def named(kinds: Iterable[str]) -> str:
    """What people call these fields: "ICC profile and XMP"."""
    return " and ".join(NAMES[kind] for kind in kinds)


def check_size(metadata: Metadata) -> None:
    """Raise LimitError for more than MAX_METADATA_BYTES of a kind."""
    for name, data in metadata.items():
        if len(data) > MAX_METADATA_BYTES:
            raise LimitError(f"{NAMES[name]} of {len(data)} bytes: at most {MAX_METADATA_BYTES} are kept")


def pack(data: bytes) -> bytes:
    """A chunk's payload, of data that `check_size` has seen."""
    deflated = _SIZE.pack(len(data)) + zlib.compress(data, 9)
    return bytes([DEFLATED]) + deflated if len(deflated) < len(data) else bytes([RAW]) + data


def unpack(payload: bytes) -> bytes | None:
    """The data of a chunk's payload, None where the payload is damaged. Never takes more memory than allowed."""
    if not payload or payload[0] not in (RAW, DEFLATED):
        return None
    if payload[0] == RAW:
        return payload[1:] if len(payload) <= 1 + MAX_METADATA_BYTES else None
    if len(payload) < 1 + _SIZE.size:
        return None
    (size,) = _SIZE.unpack_from(payload, 1)
    if size > MAX_METADATA_BYTES:
        return None
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(payload[1 + _SIZE.size :], size + 1)
    except zlib.error:
        return None
    whole = len(data) == size and unpacker.eof and not unpacker.unused_data
    return data if whole else None
