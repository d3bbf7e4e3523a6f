"""Damaged lossless units and alpha, every checksum right: each fault is named, none gives a picture."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.errors import CorruptError, ModelNotFoundError, UnsupportedError, WispError
from bitstream.units import LEARNED_INTRA, LOSSLESS, Unit
from codec.api import Codec
from codec.files.source import read_file
from codec.still import vp8l
from tests.support import damage, reference_decoder
from tests.support.damage import refuse, split, with_header, with_model_ids, with_payload, with_unit
from tests.support.goldens import golden_bytes, reference_model
from tests.support.scenes import MODES, Pixels, each_alpha_mode, each_mode, encode_choosing, in_mode, noise, photo

HEIGHT, WIDTH = 20, 30
VARIES = 0x80


@lru_cache(maxsize=32)
def file_of(wisp: Codec, mode: str, lossless: bool, alpha: int | None = None) -> bytes:
    """One tile; alpha varies unless it is given."""
    pixels = in_mode(photo(HEIGHT, WIDTH), mode, alpha)
    return encode_choosing(wisp, pixels, {0} if lossless else (), exact=True).data


def unit_of(data: bytes) -> Unit:
    return read_file(data).units[0]


def with_rest(data: bytes, rest: bytes, first: int | None = None) -> bytes:
    """The file with something else between the unit's fields and its check."""
    payload = split(data)[1].payload
    head = payload[:7] if first is None else bytes([first]) + payload[1:7]
    return with_payload(data, 1, head + rest + payload[-2:])


def refused_by_all(wisp: Codec, data: bytes, kind: type[WispError] = CorruptError) -> str:
    """Decoded, checked or cropped, and by the integer decoder too -> the message."""
    for decode in (wisp.check, lambda d: wisp.decode_array(d, crop=(0, 0, 1, 1))):
        with pytest.raises(kind):
            decode(data)
    with pytest.raises(ValueError):
        reference_decoder.decode_file(data, reference_model())
    return refuse(wisp, data, kind)


def coded(height: int, width: int, channels: int) -> bytes:
    pixels = noise(height, width, MODES[channels - 1])
    return vp8l.encode(pixels)


def with_version(stream: bytes) -> bytes:
    """The three bits that must be 0."""
    return stream[:4] + bytes([stream[4] | 0x20]) + stream[5:]


STREAMS: dict[str, Callable[[bytes, int], bytes]] = {
    "empty": lambda stream, channels: b"",
    "one byte": lambda stream, channels: stream[:1],
    "only its header": lambda stream, channels: stream[:5],
    "cut in the middle": lambda stream, channels: stream[: len(stream) // 2],
    "other signature": lambda stream, channels: b"\x2e" + stream[1:],
    "other version": lambda stream, channels: with_version(stream),
    "zeros": lambda stream, channels: bytes(len(stream)),
    "zeros behind its header": lambda stream, channels: stream[:5] + bytes(len(stream) - 5),
    "ones behind its header": lambda stream, channels: stream[:5] + b"\xff" * (len(stream) - 5),
    "a whole WebP file": lambda stream, channels: (
        b"RIFF" + struct.pack("<I", len(stream) + 12) + b"WEBPVP8L" + struct.pack("<I", len(stream)) + stream
    ),
    "wider": lambda stream, channels: coded(HEIGHT, WIDTH + 1, channels),
    "narrower": lambda stream, channels: coded(HEIGHT, WIDTH - 1, channels),
    "higher": lambda stream, channels: coded(HEIGHT + 1, WIDTH, channels),
    "turned": lambda stream, channels: coded(WIDTH, HEIGHT, channels),
    "padded to the tile": lambda stream, channels: coded(64, 64, channels),
    "alpha the other way": lambda stream, channels: coded(HEIGHT, WIDTH, (channels - 1 ^ 1) + 1),
    "alpha said but not meant": lambda stream, channels: stream[:4] + bytes([stream[4] ^ 0x10]) + stream[5:],
    "other pixels": lambda stream, channels: coded(HEIGHT, WIDTH, channels),
}  # fmt: skip


@each_mode
@pytest.mark.parametrize("fault", STREAMS)
def test_streams_of_lossless_tiles(wisp: Codec, mode: str, fault: str) -> None:
    data = file_of(wisp, mode, True)
    changed = STREAMS[fault](unit_of(data).stream, len(mode))
    assert changed != unit_of(data).stream
    assert "tile 0 of 1: " in refused_by_all(wisp, with_rest(data, changed))


@each_alpha_mode
@pytest.mark.parametrize("fault", [name for name in STREAMS if name not in ("other pixels", "empty")])
def test_alpha_of_learned_tiles(wisp: Codec, mode: str, fault: str) -> None:
    """Its pixels have no check: whatever decodes is the alpha."""
    data = file_of(wisp, mode, False)
    unit = unit_of(data)
    assert isinstance(unit.alpha, bytes)
    alpha = STREAMS[fault](unit.alpha, 1)
    changed = with_rest(data, struct.pack("<I", len(alpha)) + alpha + unit.stream)
    assert "alpha" in refused_by_all(wisp, changed)


@each_alpha_mode
@pytest.mark.parametrize("beyond", [1, 2**31, None])
def test_alpha_that_reaches_beyond_the_unit(wisp: Codec, mode: str, beyond: int | None) -> None:
    """None stands for a length of 0."""
    data = file_of(wisp, mode, False)
    rest = split(data)[1].payload[7:-2]
    size = 0 if beyond is None else len(rest) - 4 + beyond
    message = refused_by_all(wisp, with_rest(data, struct.pack("<I", size) + rest[4:]))
    assert f"alpha of {size} bytes where {len(rest) - 4} are left" in message


@each_alpha_mode
@pytest.mark.parametrize("rest", [b"", b"\1", b"\1\0", b"\1\0\0"])
def test_a_unit_that_ends_in_the_length_of_its_alpha(wisp: Codec, mode: str, rest: bytes) -> None:
    assert "ends before its alpha" in refused_by_all(wisp, with_rest(file_of(wisp, mode, False), rest))


@each_alpha_mode
@pytest.mark.parametrize("kind", [LEARNED_INTRA, LOSSLESS])
def test_a_missing_alpha_byte(wisp: Codec, mode: str, kind: int) -> None:
    data = file_of(wisp, mode, kind == LOSSLESS, 200)
    assert "ends before its alpha" in refused_by_all(wisp, with_rest(data, b""))
    refused_by_all(wisp, with_rest(data, unit_of(data).stream))  # the stream's first byte is taken for alpha


@pytest.mark.parametrize("lossless", [False, True])
def test_alpha_in_a_unit_of_a_picture_without(wisp: Codec, lossless: bool) -> None:
    for mode in ("L", "RGB"):
        data = file_of(wisp, mode, lossless)
        first = VARIES | (LOSSLESS << 4 if lossless else 0)
        assert "has alpha, the picture has none" in refused_by_all(wisp, with_unit(data, kind_and_slot=first))
        varying = file_of(wisp, f"{mode}A", lossless)
        refused_by_all(wisp, with_header(varying, alpha=0))


@pytest.mark.parametrize("lossless", [False, True])
def test_a_header_that_says_alpha_of_a_picture_without(wisp: Codec, lossless: bool) -> None:
    """The stream's first byte is then taken for it."""
    for mode in ("L", "RGB"):
        refused_by_all(wisp, with_header(file_of(wisp, mode, lossless), alpha=1))


def test_colour_mode_changes_the_check_of_a_lossless_tile(wisp: Codec) -> None:
    for mode, other in (("L", 0), ("LA", 0), ("RGB", 1), ("RGBA", 1)):
        message = refused_by_all(wisp, with_header(file_of(wisp, mode, True), colour_mode=other))
        assert "the decoded pixels fail their check" in message


@each_mode
def test_every_wrong_check_of_a_lossless_tile(wisp: Codec, mode: str) -> None:
    data = file_of(wisp, mode, True)
    check = unit_of(data).check
    for bit in range(16):
        message = refuse(wisp, damage.with_stream(data, damage.stream_of(data), check ^ 1 << bit), CorruptError)
        assert message == "tile 0 of 1: the decoded pixels fail their check"


def test_kinds_taken_for_each_other(wisp: Codec) -> None:
    for mode in MODES:
        for lossless in (False, True):
            data = file_of(wisp, mode, lossless, 200)
            refused_by_all(wisp, with_unit(data, kind_and_slot=(LEARNED_INTRA if lossless else LOSSLESS) << 4))


@pytest.mark.parametrize("kind", range(2, 8))
def test_unknown_kinds(wisp: Codec, kind: int) -> None:
    for mode in ("RGB", "LA"):
        for first in (kind << 4, VARIES | kind << 4):
            data = with_unit(file_of(wisp, mode, True), kind_and_slot=first)
            assert f"kind {kind}" in refused_by_all(wisp, data, UnsupportedError)


def test_lossless_tiles_need_no_model(wisp: Codec) -> None:
    """What the table of models holds counts only where a tile is learned."""
    data = file_of(wisp, "RGBA", True)
    foreign = with_model_ids(data, [bytes(8), b"12345678"])
    for slot in (0, 1):
        other = with_unit(foreign, kind_and_slot=VARIES | LOSSLESS << 4 | slot)
        assert np.array_equal(wisp.decode_array(other), wisp.decode_array(data))
        assert read_file(other).models_used == ()
    assert "slot 2" in refuse(wisp, with_unit(foreign, kind_and_slot=VARIES | LOSSLESS << 4 | 2), CorruptError)
    mixed = golden_bytes("mixed")
    refuse(wisp, with_model_ids(mixed, [bytes(8)]), ModelNotFoundError)
    assert wisp.decode_array(with_model_ids(mixed, [bytes(8)]), crop=(64, 0, 64, 64)).shape == (64, 64, 3)


def test_slots_of_lossless_tiles_may_differ(wisp: Codec) -> None:
    own = wisp.model_info.id_bytes
    two = with_model_ids(golden_bytes("mixed"), [own, bytes(8)])
    lossless = next(unit for unit in read_file(two).units if not unit.learned)
    changed = with_unit(two, lossless.tile_index, kind_and_slot=LOSSLESS << 4 | 1)
    assert np.array_equal(wisp.decode_array(changed), wisp.decode_array(golden_bytes("mixed")))


def test_a_lossless_tile_of_another_place_fails_by_its_size(wisp: Codec) -> None:
    data = wisp.encode(noise(64, 100, "RGB"), lossless=True, tile=64)
    parts = split(data)
    swapped = parts[1].payload[:7] + parts[2].payload[7:]
    assert "36x64 pixels where 64x64" in refused_by_all(wisp, with_payload(data, 1, swapped))


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(
    mode=st.sampled_from(MODES),
    first=st.sampled_from([0, 0x80, 0x10, 0x90]),
    at=st.floats(0, 1),
    flip=st.integers(1, 255),
    cut=st.booleans(),
)
def test_random_bytes_of_streams(wisp: Codec, mode: str, first: int, at: float, flip: int, cut: bool) -> None:
    """Whatever decodes must be what FORMAT.md makes of it; alpha alone has no check."""
    data = file_of(wisp, mode, bool(first & 0x10))
    rest = split(data)[1].payload[7:-2]
    place = int(at * (len(rest) - 1))
    changed = rest[:place] if cut else rest[:place] + bytes([rest[place] ^ flip]) + rest[place + 1 :]
    broken = with_rest(data, changed, first)
    try:
        found = wisp.decode_array(broken)
    except WispError:
        with pytest.raises(ValueError):
            reference_decoder.decode_file(broken, reference_model())
        return
    check_read_alike(found, broken)


def check_read_alike(found: Pixels, data: bytes) -> None:
    (tile,) = reference_decoder.decode_file(data, reference_model())
    assert tile.pixels is None or np.array_equal(found, tile.pixels)
    assert tile.alpha is None or np.array_equal(found[:, :, -1], tile.alpha)
