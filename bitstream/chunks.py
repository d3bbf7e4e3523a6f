"""Signature and chunks: length, 4-letter type, payload, CRC-32 over type and payload (little endian).

As in PNG, the case of a type's first letter says whether a reader may skip the chunk when it does not
know it. A coded unit's CRC starts from the header's CRC instead of from zero, so that a unit moved in
from another file fails (FORMAT.md, "Chunks").
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from bitstream.errors import CorruptError, FileAccessError, NotWispError, TruncatedError
from bitstream.limits import MAX_CHUNK_BYTES

SIGNATURE = b"\x89WSP\r\n\x1a\n"
_HEAD = struct.Struct("<I4s")
_CRC = struct.Struct("<I")
OVERHEAD = _HEAD.size + _CRC.size  # bytes around a chunk's payload
MOST_TRAILING = 1 << 26  # bytes after the end that are counted
_BLOCK = 1 << 20  # bytes: a claimed length is believed one block at a time


@dataclass(frozen=True)
class ChunkHead:
    """Length and type of the chunk that begins at byte `offset`."""

    offset: int
    length: int
    type: bytes

    @property
    def name(self) -> str:
        return self.type.decode("latin-1")

    @property
    def ancillary(self) -> bool:
        """True where a reader that does not know the type may skip the chunk."""
        return bool(self.type[0] & 0x20)

    @property
    def well_formed(self) -> bool:
        """Four ASCII letters of which the last three, whose case is reserved, are capitals."""
        return self.type.isalpha() and self.type[1:].isupper()


def crc(type_: bytes, payload: bytes, seed: int = 0) -> int:
    """CRC-32 (zlib's polynomial) over type and payload, started from `seed`."""
    return zlib.crc32(payload, zlib.crc32(type_, seed))


def build_chunk(type_: bytes, payload: bytes, seed: int = 0) -> bytes:
    """The chunk's bytes."""
    return _HEAD.pack(len(payload), type_) + payload + _CRC.pack(crc(type_, payload, seed))


def read_part(read: Callable[[int], bytes], count: int) -> bytes:
    """What one `read` gives, nothing at the end. Raises FileAccessError where that fails, or is no file object's."""
    try:
        part = read(count)
    except OSError as error:
        raise error if isinstance(error, FileAccessError) else FileAccessError(error.strerror or str(error)) from error
    if part is None:
        raise FileAccessError("has no data at the moment, and does not wait for it")
    if not isinstance(part, (bytes, bytearray, memoryview)) or len(part) > count:
        raise FileAccessError("is no binary file object: its read gives something else than so many bytes")
    return bytes(part)


class ChunkReader:
    """Reads signature and chunks from a binary file object, forward only, so also from a pipe.

    `offset` is where in the file that begins.
    """

    def __init__(self, stream: BinaryIO, offset: int = 0) -> None:
        self._stream = stream
        self.offset = offset

    def _exactly(self, count: int, where: str) -> bytes:
        parts, left = [], count
        while left:
            part = read_part(self._stream.read, min(left, _BLOCK))
            if not part:
                raise TruncatedError(f"ends at byte {self.offset}, inside {where}")
            parts.append(part)
            left -= len(part)
            self.offset += len(part)
        return b"".join(parts)

    def read_signature(self) -> None:
        """Raises NotWispError, or TruncatedError where the data ends inside a right beginning."""
        got = b""
        while len(got) < len(SIGNATURE) and (part := read_part(self._stream.read, len(SIGNATURE) - len(got))):
            got += part
        self.offset = len(got)
        if not got:
            raise NotWispError("is empty")
        if not SIGNATURE.startswith(got):
            raise NotWispError("is not a Wisp file (wrong signature)")
        if len(got) < len(SIGNATURE):
            raise TruncatedError(f"ends at byte {len(got)}, inside the signature")

    def read_head(self, where: str) -> ChunkHead:
        """The next chunk's length and type; `where` names what is expected, for the error at the end."""
        offset = self.offset
        length, type_ = _HEAD.unpack(self._exactly(_HEAD.size, where))
        head = ChunkHead(offset, length, type_)
        if length > MAX_CHUNK_BYTES:
            raise CorruptError(f"chunk at byte {offset} claims {length} bytes, at most {MAX_CHUNK_BYTES} are allowed")
        return head

    def read_payload(self, head: ChunkHead, seed: int = 0) -> tuple[bytes, bool]:
        """-> payload, whether its CRC is right. The caller decides what a wrong one means."""
        payload = self._exactly(head.length, f"chunk {head.name!r} at byte {head.offset}")
        return payload, self._ends_with(crc(head.type, payload, seed), head)

    def skip_payload(self, head: ChunkHead) -> bool:
        """Read over a payload without keeping it -> whether its CRC is right."""
        running, left = zlib.crc32(head.type), head.length
        while left:
            part = self._exactly(min(left, _BLOCK), f"chunk {head.name!r} at byte {head.offset}")
            running = zlib.crc32(part, running)
            left -= len(part)
        return self._ends_with(running, head)

    def _ends_with(self, checksum: int, head: ChunkHead) -> bool:
        (stored,) = _CRC.unpack(self._exactly(_CRC.size, f"the checksum of chunk {head.name!r}"))
        return bool(stored == checksum)

    def skip_rest(self) -> int:
        """-> how many bytes follow, counted up to MOST_TRAILING only: what follows may never end."""
        count = 0
        while count < MOST_TRAILING and (part := self._stream.read(_BLOCK)):
            count += len(part)
        return count
