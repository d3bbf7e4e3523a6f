"""Salvage: every kind of damage costs the tiles it hits and what depends on them, and no others."""

from __future__ import annotations

import struct
import time
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from bitstream.errors import CorruptError, LimitError, NotWispError, TruncatedError, UnsupportedError, WispError
from bitstream.metadata import Metadata
from codec.api import Codec
from codec.notes import WispNote
from codec.pixels.geometry import Box
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.encode import CodedPicture
from codec.still.salvage import GREY, Salvaged
from tests.support import damage
from tests.support.damage import Part, join, sealed, split
from tests.support.goldens import NAMES, golden_bytes
from tests.support.scenes import Pixels, each_mode, encode_choosing, photo

OPAQUE = 255
HALO = 8 * 16
KEPT = Metadata(icc=b"profile", exif=b"II*\0\x08\0\0\0\0\0\0\0\0\0", xmp=b"<x/>" * 50)
TILES = 9
LOSSLESS = frozenset({1, 2, 5, 7})
SECONDS = 20  # no measure of anything: only what grows with the square of the file takes so long


@pytest.fixture(scope="module")
def strip(wisp: Codec) -> CodedPicture:
    """9 tiles in a row, longer than two halos, four of them lossless; with alpha and metadata."""
    return encode_choosing(wisp, Picture(photo(60, 560, "LA"), KEPT), LOSSLESS, 60)


@pytest.fixture(scope="module")
def intact(wisp: Codec, strip: CodedPicture) -> Pixels:
    return wisp.decode_array(strip.data)


def unit_places(data: bytes) -> list[int]:
    return [i for i, part in enumerate(split(data)) if part.type == b"UNIT"]


def check_salvaged(saved: Salvaged, intact: Pixels, encoded: CodedPicture, lost: set[int]) -> None:
    """The tiles `lost` are grey, and what depends on them, and nothing else."""
    assert {tile.index for tile in saved.report.damaged} == lost
    assert [tile.index for tile in saved.report.damaged] == sorted(lost)
    assert saved.report.tiles == len(encoded.units)
    pixels = saved.picture.pixels
    assert pixels.shape == intact.shape
    right = np.ones(pixels.shape[:2], bool)
    for tile in saved.report.damaged:
        assert tile.box == encoded.layout.box(tile.index)
        assert tile.box.meet(tile.shown_grey) == tile.box
        right[tile.shown_grey.index] = False
        assert is_grey(pixels[tile.box.index], encoded)
        assert tile.reason
    assert np.abs(pixels[right].astype(int) - intact[right]).max(initial=0) <= 1
    for unit in encoded.units:
        box = encoded.layout.box(unit.tile_index)
        if unit.tile_index in lost:
            continue
        if not unit.learned:
            assert np.array_equal(pixels[box.index], intact[box.index])
            continue
        for tile in saved.report.damaged:  # within the halo of what is lost a learned tile is grey, beyond it is shown
            around = Box(tile.box.x - HALO, 0, tile.box.width + 2 * HALO, 64)
            if touched := box.meet(around):
                assert is_grey(pixels[touched.index], encoded)
                assert touched.meet(tile.shown_grey) == touched


def is_grey(pixels: Pixels, encoded: CodedPicture) -> bool:
    colours = encoded.layout.header.colours
    return bool((pixels[:, :, :colours] == GREY).all() and (pixels[:, :, colours:] == OPAQUE).all())


def test_an_intact_file_is_shown_in_full(wisp: Codec, strip: CodedPicture, intact: Pixels) -> None:
    saved = wisp.salvage_picture(strip.data)
    check_salvaged(saved, intact, strip, set())
    assert np.array_equal(saved.picture.pixels, intact)
    assert saved.picture.metadata == KEPT


@pytest.mark.parametrize("name", NAMES)
def test_golden_files_are_intact(wisp: Codec, name: str) -> None:
    saved = wisp.salvage_picture(golden_bytes(name))
    assert not saved.report.damaged
    assert np.abs(saved.picture.pixels.astype(int) - wisp.decode_array(golden_bytes(name))).max() <= 1
    assert saved.picture.metadata == wisp.parsed(golden_bytes(name)).metadata


def flipped(data: bytes, place: int) -> bytes:
    """A bit within a unit's stream."""
    part = split(data)[place]
    payload = bytearray(part.payload)
    payload[len(payload) // 2] ^= 4
    parts = split(data)
    parts[place] = replace(part, payload=bytes(payload))
    return join(parts)


def cut_out(data: bytes, place: int) -> bytes:
    return join([*split(data)[:place], *split(data)[place + 1 :]])


def with_length(data: bytes, place: int, change: Callable[[int], int]) -> bytes:
    parts = split(data)
    parts[place] = replace(parts[place], length=change(len(parts[place].payload)))
    return join(parts)


def other_type(data: bytes, place: int) -> bytes:
    parts = split(data)
    parts[place] = replace(parts[place], type=b"UNIX")
    return join(parts)


def wrong_check(data: bytes, place: int) -> bytes:
    """Behind a right checksum."""
    part = split(data)[place]
    return damage.with_payload(data, place, part.payload[:-1] + bytes([part.payload[-1] ^ 1]))


DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "flipped bit": flipped,
    "cut out": cut_out,
    "length one more": lambda data, place: with_length(data, place, lambda n: n + 1),
    "length one less": lambda data, place: with_length(data, place, lambda n: n - 1),
    "length of nothing": lambda data, place: with_length(data, place, lambda _: 0),
    "length beyond the end": lambda data, place: with_length(data, place, lambda _: 10**6),
    "length of 4 GiB": lambda data, place: with_length(data, place, lambda _: 2**32 - 1),
    "type": other_type,
    "check": wrong_check,
}
each_damage = pytest.mark.parametrize("kind", DAMAGES)


@each_damage
@pytest.mark.parametrize("lost", [0, 5])
def test_one_damaged_tile(wisp: Codec, strip: CodedPicture, intact: Pixels, kind: str, lost: int) -> None:
    broken = DAMAGES[kind](strip.data, unit_places(strip.data)[lost])
    with pytest.raises(WispError):
        wisp.decode_array(broken)
    saved = wisp.salvage_picture(broken)
    check_salvaged(saved, intact, strip, {lost})
    assert saved.picture.metadata == KEPT


@each_mode
def test_every_mode(wisp: Codec, mode: str) -> None:
    encoded = encode_choosing(wisp, photo(60, 320, mode), {0, 3}, 60)
    intact = wisp.decode_array(encoded.data)
    for lost in range(5):
        check_salvaged(wisp.salvage_picture(flipped(encoded.data, 1 + lost)), intact, encoded, {lost})


@pytest.mark.parametrize("lost", [{0, 8}, {4, 5}, LOSSLESS, set(range(9)), set(range(9)) - LOSSLESS])
def test_several_damaged_tiles(wisp: Codec, strip: CodedPicture, intact: Pixels, lost: set[int]) -> None:
    broken = strip.data
    for i in sorted(lost, reverse=True):
        broken = DAMAGES[list(DAMAGES)[i % 2]](broken, unit_places(strip.data)[i])
    check_salvaged(wisp.salvage_picture(broken), intact, strip, lost)


def test_a_lossless_tile_costs_only_its_learned_neighbours(wisp: Codec, strip: CodedPicture) -> None:
    saved = wisp.salvage_picture(flipped(strip.data, unit_places(strip.data)[1]))
    (tile,) = saved.report.damaged
    assert (tile.box.x, tile.box.width) == (64, 64)
    assert (tile.shown_grey.x, tile.shown_grey.width) == (0, 64 + 64 + HALO)


def test_between_lossless_tiles_only_the_tile_itself_is_lost(wisp: Codec) -> None:
    encoded = wisp.encode_picture(Picture(photo(128, 192)), EncodeSettings(lossless=True, tile=64))
    (tile,) = wisp.salvage_picture(flipped(encoded.data, 3)).report.damaged
    assert (tile.index, tile.box, tile.shown_grey) == (2, Box(128, 0, 64, 64), Box(128, 0, 64, 64))


@pytest.mark.parametrize("end", ["in the last tile", "between tiles", "before the end chunk", "in the first tile"])
def test_truncated_files(wisp: Codec, strip: CodedPicture, intact: Pixels, end: str) -> None:
    parts, places = split(strip.data), unit_places(strip.data)
    keep, rest, lost = {
        "in the last tile": (places[8], 20, {8}),
        "between tiles": (places[6], 0, {6, 7, 8}),
        "before the end chunk": (places[8] + 1, 3, set()),
        "in the first tile": (places[0], 30, set(range(TILES))),
    }[end]
    broken = join(parts[:keep]) + bytes(parts[keep])[:rest]
    check_salvaged(wisp.salvage_picture(broken), intact, strip, lost)


@pytest.mark.parametrize(
    "garbage", [b"\0", b"UNIT", bytes(1000), b"\xff" * 7, b"eXIF UNIT DONE" * 9, b"\x05\0\0\0UNIT"]
)
def test_garbage_between_chunks_costs_nothing(wisp: Codec, strip: CodedPicture, intact: Pixels, garbage: bytes) -> None:
    broken = strip.data[: len(damage.SIGNATURE)] + garbage.join(bytes(part) for part in split(strip.data))
    check_salvaged(wisp.salvage_picture(broken), intact, strip, set())


def test_order_counts_for_nothing(wisp: Codec, strip: CodedPicture, intact: Pixels) -> None:
    head, *rest = split(strip.data)
    for parts in ([head, *reversed(rest)], [head, *rest, *rest]):
        check_salvaged(wisp.salvage_picture(join(parts)), intact, strip, set())


def test_a_unit_of_another_file_is_not_taken(wisp: Codec, strip: CodedPicture, intact: Pixels) -> None:
    """Not even where it is whole, for its checksum begins with the other file's header."""
    foreign = encode_choosing(wisp, photo(60, 560, "LA")[:, ::-1], LOSSLESS, 60)
    places = unit_places(strip.data)
    parts = split(strip.data)
    parts[places[3]] = split(foreign.data)[unit_places(foreign.data)[3]]
    parts[places[7]] = split(foreign.data)[unit_places(foreign.data)[7]]
    check_salvaged(wisp.salvage_picture(join(parts)), intact, strip, {3, 7})


@pytest.mark.parametrize("index", [1, 2, 3])
def test_damaged_metadata_is_left_out(wisp: Codec, strip: CodedPicture, intact: Pixels, index: int) -> None:
    with pytest.warns(WispNote, match="damaged and left out"):
        saved = wisp.salvage_picture(flipped(strip.data, index))
    check_salvaged(saved, intact, strip, set())
    name = {1: "icc", 2: "exif", 3: "xmp"}[index]
    assert saved.picture.metadata == replace(KEPT, **{name: b""})


def test_without_a_header_nothing_can_be_shown(wisp: Codec, strip: CodedPicture) -> None:
    head, *rest = split(strip.data)
    with pytest.raises(CorruptError, match="header fails"):
        wisp.salvage_picture(join([replace(head, crc=head.crc ^ 1), *rest]))
    with pytest.raises(NotWispError):
        wisp.salvage_picture(strip.data[1:])
    with pytest.raises(TruncatedError):
        wisp.salvage_picture(strip.data[:30])
    with pytest.raises(CorruptError, match="instead of the header"):
        wisp.salvage_picture(join(rest))
    with pytest.raises(UnsupportedError):
        wisp.salvage_picture(damage.with_header(strip.data, version=1))
    with pytest.raises(LimitError):
        wisp.salvage_picture(damage.with_header(strip.data, width=65535, height=65535))


def test_a_stream_of_nonsense_behind_a_right_checksum(wisp: Codec, strip: CodedPicture, intact: Pixels) -> None:
    """A fault that shows only in decoding costs no other tile of its batch; alpha is one, too."""
    for lost in (3, 5):
        place = unit_places(strip.data)[lost]
        payload = split(strip.data)[place].payload
        broken = damage.with_payload(strip.data, place, payload[:7] + bytes(len(payload) - 9) + payload[-2:])
        check_salvaged(wisp.salvage_picture(broken), intact, strip, {lost})


def test_damaged_alpha_costs_the_tile(wisp: Codec, strip: CodedPicture, intact: Pixels) -> None:
    place, alpha = unit_places(strip.data)[4], strip.units[4].alpha
    assert isinstance(alpha, bytes)
    payload = split(strip.data)[place].payload
    start = damage.STREAM + 4
    broken = payload[: start + 5] + bytes(len(alpha) - 5) + payload[start + len(alpha) :]
    saved = wisp.salvage_picture(damage.with_payload(strip.data, place, broken))
    check_salvaged(saved, intact, strip, {4})
    assert "alpha" in saved.report.damaged[0].reason


def test_hostile_lengths_take_no_time(wisp: Codec, strip: CodedPicture) -> None:
    """A hundred thousand places that look like units, each as long as the rest of the file."""
    head = bytes(split(strip.data)[0])
    for length in (0, 4, 3000, 400_000, 2**31 - 1):
        fake = damage.SIGNATURE + head + struct.pack("<I4s", length, b"UNIT") * 100_000
        start = time.monotonic()
        assert len(wisp.salvage_picture(fake).report.damaged) == TILES
        assert time.monotonic() - start < SECONDS
    start = time.monotonic()
    assert len(wisp.salvage_picture(damage.SIGNATURE + head + b"UNIT" * 300_000).report.damaged) == TILES
    assert time.monotonic() - start < SECONDS


def test_tens_of_thousands_of_lost_tiles_take_no_time(wisp: Codec) -> None:
    """Each looks at its neighbours only."""
    encoded = encode_choosing(wisp, photo(20, 20, "L"), ())
    header = split(damage.with_header(encoded.data, width=8192, height=4096))[0]
    (unit,) = encoded.units
    units = [Part(b"UNIT", replace(unit, tile_index=i).pack()) for i in range(1, 5)]
    start = time.monotonic()
    saved = wisp.salvage_picture(join(sealed([header, *units])))
    assert time.monotonic() - start < SECONDS
    assert len(saved.report.damaged) == 128 * 64 - 4
    assert saved.picture.size == (8192, 4096)


def test_hostile_metadata_takes_no_memory(wisp: Codec, strip: CodedPicture) -> None:
    """Only the first of each kind is unpacked, however often it comes."""
    bomb = Part(b"eXIF", b"\1" + struct.pack("<I", 1 << 26) + zlib.compress(bytes(1 << 26), 9))
    head, *rest = split(strip.data)
    start = time.monotonic()
    saved = wisp.salvage_picture(join(sealed([head, *[bomb] * 100, *rest])))
    assert time.monotonic() - start < SECONDS
    assert not saved.report.damaged
    assert len(saved.picture.metadata.exif) == 1 << 26


def test_many_wrong_lengths_cost_no_intact_tile(wisp: Codec) -> None:
    encoded = wisp.encode_picture(Picture(photo(256, 1280, "L")), EncodeSettings(lossless=True, tile=64))
    parts = split(encoded.data)
    for i in range(1, 81, 2):
        parts[i] = replace(parts[i], length=0x7FFF0000)
    assert [tile.index for tile in wisp.salvage_picture(join(parts)).report.damaged] == list(range(0, 80, 2))
