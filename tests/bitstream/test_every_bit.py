"""Small files with alpha, lossless tiles and metadata: cut anywhere, any bit wrong, and never a wrong pixel."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest

from bitstream.errors import CorruptError, LimitError, NotWispError, TruncatedError, WispError
from bitstream.metadata import Metadata
from bitstream.still import Still
from codec.api import Codec
from codec.files.source import read_file
from codec.notes import WispNote
from tests.support.damage import expected_of_flip, refuse
from tests.support.goldens import golden_bytes
from tests.support.scenes import logo

FILES = ("rgba_lossless", "grey_alpha", "rgba", "metadata")
each_file = pytest.mark.parametrize("name", FILES)
METADATA = (b"iCCP", b"eXIF", b"xMPD")


def bit_flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@each_file
def test_every_prefix_is_truncated(wisp: Codec, name: str) -> None:
    data = golden_bytes(name)
    refuse(wisp, b"", NotWispError)
    for end in range(1, len(data)):
        refuse(wisp, data[:end], TruncatedError)


def in_metadata(still: Still, bit: int) -> bool:
    """Whether a bit lies in the payload or checksum of metadata."""
    at = bit // 8
    return any(c.offset + 8 <= at < c.offset + c.length + 12 for c in still.chunks if c.type in METADATA)


def allowed_errors(data: bytes, bit: int) -> tuple[type[WispError], ...]:
    """Behind metadata of a wrong length, whose checksum may fail, the next chunk's length is anything."""
    of_metadata = any(0 <= bit // 8 - c.offset < 4 for c in read_file(data).chunks if c.type in METADATA)
    return (CorruptError, TruncatedError, LimitError) if of_metadata else expected_of_flip(data, bit)


@each_file
def test_every_flipped_bit_is_refused_or_costs_metadata_only(name: str) -> None:
    """Header and units of a file that is read are all right, and so then are the pixels."""
    data = golden_bytes(name)
    intact = read_file(data)
    for bit in range(8 * len(data)):
        broken = bit_flipped(data, bit)
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            try:
                still = read_file(broken)
            except WispError as error:
                assert not in_metadata(intact, bit)
                assert type(error) in allowed_errors(data, bit), (bit, error)
                continue
        assert in_metadata(intact, bit)
        assert [note.category for note in notes] == [WispNote]
        assert (still.header, still.units) == (intact.header, intact.units)
        (lost,) = still.damaged
        assert still.metadata == replace(intact.metadata, **{lost: b""})


def test_every_flipped_bit_of_a_lossless_file_with_metadata(wisp: Codec) -> None:
    """As above, to the last pixel."""
    pixels = logo(6, 9, "RGBA")
    data = wisp.encode(pixels, lossless=True, exact=True, metadata=Metadata(icc=b"p" * 40, exif=b"e", xmp=b"x"))
    shown = 0
    for bit in range(8 * len(data)):
        try:
            with warnings.catch_warnings(record=True) as notes:
                warnings.simplefilter("always")
                decoded = wisp.decode_array(bit_flipped(data, bit))
        except WispError:
            continue
        shown += 1
        assert [note.category for note in notes] == [WispNote]
        assert np.array_equal(decoded, pixels)
    kept = [head for head in read_file(data).chunks if head.type in METADATA]
    assert shown == sum(8 * (head.length + 4) for head in kept)


@pytest.mark.parametrize("tail", [b"\0", b"DONE", b"x" * 100])
def test_bytes_after_the_end_get_a_note(wisp: Codec, tail: bytes) -> None:
    data = golden_bytes("rgba_lossless")
    with pytest.warns(WispNote, match=f"^{len(tail)} bytes after the end"):
        assert np.array_equal(wisp.decode_array(data + tail), wisp.decode_array(data))


def test_two_flipped_bits_far_apart(wisp: Codec) -> None:
    """One in metadata and one in a unit: the note does not hide the error."""
    data = golden_bytes("metadata")
    chunks = read_file(data).chunks
    both = bit_flipped(bit_flipped(data, 8 * (chunks[1].offset + 9)), 8 * (chunks[-2].offset + 12))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WispNote)
        refuse(wisp, both, CorruptError)
