"""Files taken apart and put together wrongly: `split` -> parts -> changed parts -> `sealed` -> `join`.

Written from FORMAT.md alone, without bitstream's own writer, which refuses to write what must be read here.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import pytest

from bitstream.errors import CorruptError, NotWispError, TruncatedError, WispError
from codec.api import Codec

SIGNATURE = b"\x89WSP\r\n\x1a\n"

# Name -> offset and struct code within the chunk's payload.
HEADER = {
    "version": (0, "<B"),
    "kind": (1, "<B"),
    "width": (2, "<H"),
    "height": (4, "<H"),
    "colour mode": (6, "<B"),
    "bit depth": (7, "<B"),
    "alpha": (8, "<B"),
    "quality": (9, "<H"),
    "tile": (11, "<B"),
    "models": (12, "<B"),
}
FIRST_MODEL_ID = 13
UNIT = {"kind and slot": (0, "<B"), "quality delta": (1, "<h"), "tile index": (3, "<I")}
STREAM = 7  # where a unit's stream begins, after alpha where the picture has it; the check is the last two bytes


@dataclass(frozen=True)
class Part:
    """One chunk; `length` is what it claims where that is not the payload's."""

    type: bytes
    payload: bytes = b""
    crc: int = 0
    length: int | None = None

    def __bytes__(self) -> bytes:
        claimed = len(self.payload) if self.length is None else self.length
        return struct.pack("<I", claimed) + self.type + self.payload + struct.pack("<I", self.crc)


def split(data: bytes) -> list[Part]:
    """The chunks of a good file."""
    parts, offset = [], len(SIGNATURE)
    while offset < len(data):
        length, type_ = struct.unpack_from("<I4s", data, offset)
        end = offset + 8 + length
        (crc,) = struct.unpack_from("<I", data, end)
        parts.append(Part(type_, data[offset + 8 : end], crc))
        offset = end + 4
    return parts


def join(parts: Iterable[Part]) -> bytes:
    """A file of these parts as they are, checksums and claimed lengths included."""
    return SIGNATURE + b"".join(bytes(part) for part in parts)


def sealed(parts: Sequence[Part]) -> list[Part]:
    """The same with every checksum made right, those of units with the first header's for a seed."""
    head = next((part for part in parts if part.type == b"HEAD"), Part(b"HEAD"))
    seed = zlib.crc32(head.type + head.payload)
    return [
        replace(part, crc=zlib.crc32(part.type + part.payload, seed if part.type in (b"UNIT", b"DTAL") else 0))
        for part in parts
    ]


def patched(payload: bytes, place: tuple[int, str], value: int) -> bytes:
    """The payload with one field at another value."""
    changed = bytearray(payload)
    struct.pack_into(place[1], changed, place[0], value)
    return bytes(changed)


def with_payload(data: bytes, index: int, payload: bytes) -> bytes:
    """The file with another payload in chunk `index`, every checksum right."""
    parts = split(data)
    parts[index] = replace(parts[index], payload=payload)
    return join(sealed(parts))


def with_header(data: bytes, **values: int) -> bytes:
    """The file with header fields (blanks as underscores) at other values, every checksum right."""
    payload = split(data)[0].payload
    for name, value in values.items():
        payload = patched(payload, HEADER[name.replace("_", " ")], value)
    return with_payload(data, 0, payload)


def with_model_ids(data: bytes, ids: Sequence[bytes]) -> bytes:
    """The file with these model ids, every checksum right."""
    payload = split(data)[0].payload
    head = patched(payload[:FIRST_MODEL_ID], HEADER["models"], len(ids))
    return with_payload(data, 0, head + b"".join(ids) + payload[-4:])


def place_of(data: bytes, type_: bytes, index: int = 0) -> int:
    """Which of the file's chunks is number `index` of a type."""
    return [i for i, part in enumerate(split(data)) if part.type == type_][index]


def with_unit(data: bytes, index: int = 0, **values: int) -> bytes:
    """The file with fields of unit `index` at other values, every checksum right."""
    place = place_of(data, b"UNIT", index)
    payload = split(data)[place].payload
    for name, value in values.items():
        payload = patched(payload, UNIT[name.replace("_", " ")], value)
    return with_payload(data, place, payload)


def with_stream(data: bytes, stream: bytes, check: int | None = None, index: int = 0) -> bytes:
    """The file with another stream (alpha before it, and check) in unit `index`, every checksum right."""
    place = place_of(data, b"UNIT", index)
    payload = split(data)[place].payload
    tail = payload[-2:] if check is None else struct.pack("<H", check)
    return with_payload(data, place, payload[:STREAM] + stream + tail)


def stream_of(data: bytes, index: int = 0) -> bytes:
    """The stream of unit `index`, alpha before it where the picture has it."""
    return split(data)[place_of(data, b"UNIT", index)].payload[STREAM:-2]


def metadata_chunk(type_: bytes, content: bytes) -> Part:
    """A good chunk of metadata, not compressed."""
    (part,) = sealed([Part(type_, b"\0" + content)])
    return part


def inserted(data: bytes, index: int, part: Part) -> bytes:
    """The file with one more chunk before chunk `index`, which keeps the checksum it has."""
    parts = split(data)
    return join([*parts[:index], part, *parts[index:]])


def refuse(codec: Codec, data: bytes, *kinds: type[WispError]) -> str:
    """Decoding must fail with exactly one of these errors -> its message."""
    with pytest.raises(WispError) as caught:
        codec.decode_array(data)
    assert type(caught.value) in kinds, repr(caught.value)
    return str(caught.value)


def expected_of_flip(data: bytes, bit: int) -> tuple[type[WispError], ...]:
    """What a reader may say of `data` with this bit turned over."""
    offset = len(SIGNATURE)
    if bit < 8 * offset:
        return (NotWispError,)
    for part in split(data):
        place = bit - 8 * offset
        if 0 <= place < 32:
            length = len(part.payload) ^ 1 << place
            if length >= 1 << 31 or offset + 8 + length + 4 <= len(data):
                return (CorruptError,)
            # Beyond the end. A header or unit may also be refused for a length that none can have.
            return (TruncatedError,) if part.type == b"DONE" else (TruncatedError, CorruptError)
        offset += len(bytes(part))
    return (CorruptError,)
