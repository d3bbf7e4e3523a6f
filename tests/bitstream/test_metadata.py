"""ICC profile, EXIF and XMP in a file: byte for byte, or left out with a note where they are damaged."""

from __future__ import annotations

import struct
import tracemalloc
import warnings
import zlib
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream import metadata
from bitstream.errors import CorruptError, LimitError, TruncatedError, WispError
from bitstream.limits import MAX_METADATA_BYTES
from bitstream.metadata import Metadata
from codec.api import Codec
from codec.files.source import read_file
from codec.formats.pictures.attached import EXIF_PREFIX
from codec.jobs.describe_still import probe
from codec.notes import WispNote
from codec.pixels.picture import Picture
from tests.support import reference_file
from tests.support.damage import Part, inserted, join, metadata_chunk, refuse, sealed, split, with_payload
from tests.support.goldens import golden_bytes
from tests.support.scenes import Pixels, logo

TYPES = {"icc": b"iCCP", "exif": b"eXIF", "xmp": b"xMPD"}
PLACES = {"icc": 1, "exif": 2, "xmp": 3}  # of the chunks in FULL
NAMES = {"icc": "ICC profile", "exif": "EXIF", "xmp": "XMP"}
EXIF = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"  # orientation 6
KEPT = Metadata(icc=bytes(range(256)), exif=EXIF, xmp=b"<x:xmpmeta/>" * 30)
each_kind = pytest.mark.parametrize("kind", TYPES)
PIXELS = logo(20, 30)
MIB = 1 << 20


@pytest.fixture(scope="module")
def full(wisp: Codec) -> bytes:
    """A lossless file with all three."""
    return wisp.encode(PIXELS, lossless=True, metadata=KEPT)


def decoded_with_note(wisp: Codec, data: bytes, note: str) -> Pixels:
    with pytest.warns(WispNote, match=f"^{note}$"):
        return wisp.decode_array(data)


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(icc=st.binary(max_size=300), exif=st.binary(max_size=300), xmp=st.binary(max_size=300), times=st.integers(1, 9))
def test_any_bytes_come_back(wisp: Codec, icc: bytes, exif: bytes, xmp: bytes, times: int) -> None:
    kept = Metadata(icc=icc * times, exif=exif, xmp=xmp * times)
    data = wisp.encode(PIXELS, lossless=True, metadata=kept)
    still = read_file(data)
    assert still.metadata == kept
    assert still.damaged == ()
    assert [head.name for head in still.chunks] == ["HEAD", *chunk_names(kept), "UNIT", "DONE"]
    assert probe(data).metadata == {name: len(value) for name, value in kept.items()}
    read = reference_file.read_file(data).metadata
    assert read == {TYPES[name].decode(): value for name, value in kept.items()}


def chunk_names(kept: Metadata) -> list[str]:
    return [TYPES[name].decode() for name, _ in kept.items()]


def test_the_shorter_form_is_written(full: bytes) -> None:
    icc, exif, xmp = (split(full)[place].payload for place in PLACES.values())
    assert (icc[0], exif, xmp[0]) == (0, b"\0" + EXIF, 1)
    assert struct.unpack_from("<I", xmp, 1)[0] == len(KEPT.xmp)
    assert zlib.decompress(xmp[5:]) == KEPT.xmp
    assert len(xmp) < 40


@each_kind
def test_both_forms_are_read(wisp: Codec, full: bytes, kind: str) -> None:
    content = getattr(KEPT, kind)
    deflated = b"\1" + struct.pack("<I", len(content)) + zlib.compress(content)
    for payload in (b"\0" + content, deflated):
        assert read_file(with_payload(full, PLACES[kind], payload)).metadata == KEPT
    for nothing in (b"\0", b"\1\0\0\0\0" + zlib.compress(b"")):
        still = read_file(with_payload(full, PLACES[kind], nothing))
        assert (still.metadata, still.damaged) == (replace(KEPT, **{kind: b""}), ())


def test_what_decoding_hands_out_is_upright(wisp: Codec, full: bytes) -> None:
    """The file keeps the bytes, the pixels are turned already."""
    info = wisp.decode(full).info
    assert info["icc_profile"] == KEPT.icc
    assert info["exif"] == EXIF_PREFIX + EXIF.replace(b"\x06", b"\x01")
    assert info["xmp"] == KEPT.xmp
    assert read_file(full).metadata.exif == EXIF
    assert wisp.decode(golden_bytes("small")).info == {}


@each_kind
@pytest.mark.parametrize("order", [["xMPD", "iCCP", "eXIF"], ["eXIF", "xMPD", "iCCP"]])
def test_their_order_is_free(full: bytes, order: list[str], kind: str) -> None:
    parts = {part.type.decode(): part for part in split(full)}
    assert read_file(join(parts[name] for name in ["HEAD", *order, "UNIT", "DONE"])).metadata == KEPT


DAMAGED_PAYLOADS = {
    "empty": b"",
    "unknown form": b"\2abc",
    "no length": b"\1",
    "half a length": b"\1\1\0\0",
    "no stream": b"\1\1\0\0\0",
    "no zlib": b"\1\3\0\0\0abc",
    "cut short": b"\1\4\0\0\0" + zlib.compress(b"abcd")[:-1],
    "shorter than it says": b"\1\5\0\0\0" + zlib.compress(b"abcd"),
    "longer than it says": b"\1\3\0\0\0" + zlib.compress(b"abcd"),
    "bytes behind the stream": b"\1\4\0\0\0" + zlib.compress(b"abcd") + b"\0",
    "wrong sum of the stream": b"\1\4\0\0\0" + zlib.compress(b"abcd")[:-4] + bytes(4),
    "length beyond the limit": b"\1" + struct.pack("<I", MAX_METADATA_BYTES + 1) + zlib.compress(b"abcd"),
    "length of 4 GiB": b"\1\xff\xff\xff\xff" + zlib.compress(b"abcd"),
    "needs a dictionary": b"\1\4\0\0\0" + bytes.fromhex("78bb") + bytes(12),
}


@each_kind
@pytest.mark.parametrize("fault", DAMAGED_PAYLOADS)
def test_damaged_payloads_are_left_out(wisp: Codec, full: bytes, kind: str, fault: str) -> None:
    data = with_payload(full, PLACES[kind], DAMAGED_PAYLOADS[fault])
    assert np.array_equal(decoded_with_note(wisp, data, f"{NAMES[kind]} damaged and left out"), PIXELS)
    with pytest.warns(WispNote):
        still = read_file(data)
    assert still.damaged == (kind,)
    assert still.metadata == replace(KEPT, **{kind: b""})
    with pytest.warns(UserWarning):
        assert TYPES[kind].decode() not in reference_file.read_file(data).metadata


@each_kind
def test_every_flipped_bit_of_a_payload_and_its_checksum_is_left_out(wisp: Codec, full: bytes, kind: str) -> None:
    parts = split(full)
    part = parts[PLACES[kind]]
    broken = [replace(part, crc=part.crc ^ 1 << bit) for bit in range(32)]
    for at in range(len(part.payload)):
        changed = bytearray(part.payload)
        changed[at] ^= 1 << at % 8
        broken.append(replace(part, payload=bytes(changed)))
    for other in broken:
        parts[PLACES[kind]] = other
        with warnings.catch_warnings(record=True) as notes:
            warnings.simplefilter("always")
            still = read_file(join(parts))
        assert (still.damaged, still.metadata) == ((kind,), replace(KEPT, **{kind: b""}))
        assert [note.category for note in notes] == [WispNote]


def test_several_damaged_kinds_are_named_together(wisp: Codec, full: bytes) -> None:
    parts = [replace(part, crc=part.crc ^ 1) if part.type in TYPES.values() else part for part in split(full)]
    decoded_with_note(wisp, join(parts), "ICC profile and EXIF and XMP damaged and left out")
    with pytest.warns(WispNote):
        assert read_file(join(parts)).damaged == ("icc", "exif", "xmp")


@each_kind
def test_a_second_of_a_kind_is_refused(wisp: Codec, full: bytes, kind: str) -> None:
    """Though the first is damaged, and though the second is."""
    first = split(full)[PLACES[kind]]
    for second in (first, metadata_chunk(TYPES[kind], b"other"), replace(first, crc=0)):
        message = refuse(wisp, inserted(full, 4, second), CorruptError)
        assert f"{TYPES[kind].decode()!r}" in message and "second time" in message
    parts = split(full)
    parts[PLACES[kind]] = replace(first, crc=0)
    refuse(wisp, join([*parts[:4], first, *parts[4:]]), CorruptError)


@each_kind
def test_after_the_first_tile_they_are_refused(wisp: Codec, kind: str) -> None:
    for name in ("small", "tiles"):
        for place in (2, len(split(golden_bytes(name))) - 1):
            chunk = metadata_chunk(TYPES[kind], b"late")
            for late in (chunk, replace(chunk, crc=0)):
                message = refuse(wisp, inserted(golden_bytes(name), place, late), CorruptError)
                assert "after the first tile" in message


@each_kind
def test_it_may_not_come_before_the_header(wisp: Codec, kind: str) -> None:
    refuse(wisp, inserted(golden_bytes("small"), 0, metadata_chunk(TYPES[kind], b"early")), CorruptError)


@pytest.mark.parametrize("type_", [b"ICCP", b"EXIF", b"XMPD", b"iccp", b"iCCp", b"eXIf"])
def test_types_that_look_alike_are_others(wisp: Codec, type_: bytes) -> None:
    with pytest.raises(WispError):
        wisp.decode_array(inserted(golden_bytes("small"), 1, metadata_chunk(type_, b"x")))


def peak_of(data: bytes, kind: type[WispError] | None = None) -> int:
    """Bytes of memory that reading takes at most."""
    tracemalloc.start()
    try:
        if kind is None:
            with pytest.warns(WispNote):
                assert read_file(data).damaged
        else:
            with pytest.raises(kind):
                read_file(data)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("claimed", [1, 1000, 2**32 - 1, MAX_METADATA_BYTES + 1])
def test_zlib_bombs_take_no_memory(full: bytes, claimed: int) -> None:
    """64 MiB and more come out of each, which is not what it claims, or more than is allowed."""
    packed = zlib.compress(bytes(MAX_METADATA_BYTES + 10), 9)
    bomb = b"\1" + struct.pack("<I", claimed) + packed
    assert peak_of(with_payload(full, 2, bomb)) < 2 * MIB


def test_a_bomb_that_claims_all_that_is_allowed_takes_no_more(full: bytes) -> None:
    packed = zlib.compress(bytes(MAX_METADATA_BYTES + 10), 9)
    bomb = b"\1" + struct.pack("<I", MAX_METADATA_BYTES) + packed
    assert peak_of(with_payload(full, 2, bomb)) < 2.5 * MAX_METADATA_BYTES


@each_kind
def test_claimed_lengths_are_not_believed(full: bytes, kind: str) -> None:
    parts = split(full)
    place = PLACES[kind]
    for length, error in ((MAX_METADATA_BYTES, TruncatedError), (MAX_METADATA_BYTES + 6, LimitError)):
        parts[place] = replace(parts[place], length=length)
        assert peak_of(join(parts), error) < MIB


def test_the_limit_holds_on_both_sides(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a smaller one, for the real one makes files of 64 MiB."""
    monkeypatch.setattr(metadata, "MAX_METADATA_BYTES", 100)
    for name in TYPES:
        allowed = Metadata(**{name: bytes(range(100))})
        assert read_file(wisp.encode(PIXELS, lossless=True, metadata=allowed)).metadata == allowed
        with pytest.raises(LimitError, match=f"{NAMES[name]} of 101 bytes: at most 100 are kept"):
            wisp.encode(PIXELS, lossless=True, metadata=Metadata(**{name: bytes(range(101))}))
        assert metadata.unpack(b"\0" + bytes(101)) is None
        assert metadata.unpack(b"\1" + struct.pack("<I", 101) + zlib.compress(bytes(101))) is None


def test_the_real_limit_on_writing(wisp: Codec) -> None:
    with pytest.raises(LimitError, match="XMP of 67108865 bytes"):
        wisp.encode(PIXELS, lossless=True, metadata=Metadata(xmp=bytes(MAX_METADATA_BYTES + 1)))


def test_metadata_given_replaces_what_came(wisp: Codec) -> None:
    came = Picture(PIXELS, KEPT)
    assert read_file(wisp.encode(came, lossless=True)).metadata == KEPT
    only = Metadata(xmp=b"<y/>")
    assert read_file(wisp.encode(came, lossless=True, metadata=only)).metadata == only
    assert read_file(wisp.encode(came.without({"icc", "xmp"}), lossless=True)).metadata == Metadata(exif=EXIF)


def test_unknown_ancillary_chunks_stay_strict(wisp: Codec, full: bytes) -> None:
    """Only the three known kinds may fail their checksum."""
    (other,) = sealed([Part(b"tEXT", b"hello")])
    assert np.array_equal(wisp.decode_array(inserted(full, 2, other)), PIXELS)
    refuse(wisp, inserted(full, 2, replace(other, crc=other.crc ^ 1)), CorruptError)
