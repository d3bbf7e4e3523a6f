"""Damaged files in process: every kind of damage has its own error, and none ever gives a picture."""

from __future__ import annotations

import io
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bitstream import errors
from bitstream.errors import (
    CorruptError,
    LimitError,
    ModelNotFoundError,
    NotWispError,
    TruncatedError,
    UnsupportedError,
    WispError,
)
from codec.api import Codec
from codec.files.source import read_file
from codec.notes import WispNote
from tests.support import damage
from tests.support.damage import Part, expected_of_flip, inserted, join, refuse, sealed, split, with_header, with_unit
from tests.support.goldens import NAMES, golden_bytes

SMALL, TILES = golden_bytes("small"), golden_bytes("tiles")
TILE_COUNT = 12  # of TILES
MIB = 1 << 20


@pytest.fixture(scope="module")
def pixels(wisp: Codec) -> NDArray[np.uint8]:
    """What SMALL decodes to."""
    return wisp.decode_array(SMALL)


@pytest.fixture(scope="module")
def relatives(wisp: Codec) -> dict[str, bytes]:
    """Files of one size: a picture, the same at another quality, another picture."""
    first, second = np.random.default_rng(7).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    return {
        "picture": wisp.encode(first, 50),
        "other quality": wisp.encode(first, 60),
        "other picture": wisp.encode(second, 50),
    }


@pytest.mark.parametrize("name", NAMES)
def test_helpers_put_a_good_file_together_again(name: str) -> None:
    """Else the tests below could fail for a damage that they did not mean."""
    assert join(sealed(split(golden_bytes(name)))) == golden_bytes(name)


# Cut short, longer, one bit wrong


def test_every_prefix_is_refused(wisp: Codec) -> None:
    refuse(wisp, b"", NotWispError)
    for end in range(1, len(SMALL)):
        refuse(wisp, SMALL[:end], TruncatedError)


def test_every_flipped_bit_is_refused(wisp: Codec) -> None:
    for bit in range(8 * len(SMALL)):
        flipped = bytearray(SMALL)
        flipped[bit // 8] ^= 1 << bit % 8
        refuse(wisp, bytes(flipped), *expected_of_flip(SMALL, bit))


def test_bytes_after_the_end_are_no_part_of_the_file(wisp: Codec, pixels: NDArray[np.uint8]) -> None:
    for tail in (b"\0", SMALL):
        with pytest.warns(WispNote, match=f"^{len(tail)} bytes after the end"):
            assert np.array_equal(wisp.decode_array(SMALL + tail), pixels)


def test_a_file_may_come_byte_by_byte(wisp: Codec, pixels: NDArray[np.uint8]) -> None:
    class Dribble(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(1 if size else 0)

    assert np.array_equal(wisp.decode_array(Dribble(SMALL)), pixels)


# Chunks


@pytest.mark.parametrize("source", ["other quality", "other picture"])
def test_a_unit_of_another_file_is_refused(wisp: Codec, relatives: dict[str, bytes], source: str) -> None:
    own, foreign = split(relatives["picture"]), split(relatives[source])
    assert "checksum" in refuse(wisp, join([own[0], foreign[1], own[2]]), CorruptError)
    assert "checksum" in refuse(wisp, join([foreign[0], own[1], foreign[2]]), CorruptError)


def test_a_unit_of_another_quality_fails_its_latent_check(wisp: Codec, relatives: dict[str, bytes]) -> None:
    """Even where somebody has made its checksum right."""
    own, foreign = split(relatives["picture"]), split(relatives["other quality"])
    refuse(wisp, join(sealed([own[0], foreign[1], own[2]])), CorruptError)


@pytest.mark.parametrize("index", range(TILE_COUNT))
def test_units_come_once_each_in_order(wisp: Codec, index: int) -> None:
    head, *units, done = split(TILES)
    assert len(units) == TILE_COUNT
    swapped = units.copy()
    swapped[index], swapped[index - 1] = swapped[index - 1], swapped[index]
    doubled, missing = [*units[:index], units[index], *units[index:]], units[:index] + units[index + 1 :]
    moved = [*units[:index], *units[index + 1 :], units[index]]
    for wrong in (swapped, doubled, missing, *([moved] if index < TILE_COUNT - 1 else [])):
        refuse(wisp, join([head, *wrong, done]), CorruptError)
    refuse(wisp, with_unit(TILES, index, tile_index=index + 1), CorruptError)


def test_more_units_than_tiles(wisp: Codec) -> None:
    head, unit, done = split(SMALL)
    extra = replace(unit, payload=damage.patched(unit.payload, damage.UNIT["tile index"], 1))
    for rest in ([extra, done], [extra]):  # refused at once, not only where the tiles are counted
        refuse(wisp, join(sealed([head, unit, *rest])), CorruptError)


@pytest.mark.parametrize(
    "order",
    [
        "HEAD HEAD UNIT DONE",
        "HEAD UNIT HEAD DONE",
        "UNIT HEAD DONE",
        "HEAD DONE",
        "DONE",
        "UNIT DONE",
        "HEAD DONE UNIT",
    ],
)
def test_chunks_out_of_place(wisp: Codec, order: str) -> None:
    parts = {part.type.decode(): part for part in split(SMALL)}
    refuse(wisp, join(parts[name] for name in order.split()), CorruptError)


def test_the_end_chunk(wisp: Codec) -> None:
    head, unit, done = split(SMALL)
    refuse(wisp, join([head, unit]), TruncatedError)
    refuse(wisp, join(sealed([head, unit, replace(done, payload=b"\0")])), CorruptError)


@pytest.mark.parametrize("payload", [b"", b"more"])
@pytest.mark.parametrize("index", [1, 2])
def test_unknown_chunks(wisp: Codec, pixels: NDArray[np.uint8], index: int, payload: bytes) -> None:
    (critical,), (ancillary,) = sealed([Part(b"WHAT", payload)]), sealed([Part(b"wHAT", payload)])
    assert "'WHAT'" in refuse(wisp, inserted(SMALL, index, critical), UnsupportedError)
    assert np.array_equal(wisp.decode_array(inserted(SMALL, index, ancillary)), pixels)
    for part in (critical, ancillary):
        refuse(wisp, inserted(SMALL, index, replace(part, crc=part.crc ^ 1)), CorruptError)


def test_an_unknown_chunk_may_not_come_first(wisp: Codec) -> None:
    refuse(wisp, inserted(SMALL, 0, *sealed([Part(b"wHAT")])), CorruptError)


@pytest.mark.parametrize("type_", [b"unit", b"UnIT", b"UNiT", b"wHAt", b"WHA1", b"w AT", b"\0\0\0\0", b"\xc4HAT"])
def test_malformed_chunk_types(wisp: Codec, type_: bytes) -> None:
    refuse(wisp, inserted(SMALL, 1, *sealed([Part(type_)])), CorruptError)
    refuse(wisp, inserted(SMALL, 0, *sealed([Part(type_)])), CorruptError)


# Header and unit fields, every checksum right


@pytest.mark.parametrize("longer", [b"", bytes(100)])
@pytest.mark.parametrize("version", [1, 255])
def test_a_later_version_is_named_as_such(wisp: Codec, version: int, longer: bytes) -> None:
    head = split(with_header(SMALL, version=version))[0].payload
    for payload in (head + longer, head[:1]):
        assert f"version {version}" in refuse(wisp, damage.with_payload(SMALL, 0, payload), UnsupportedError)


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [("kind", 2, UnsupportedError)]
    + [(field, value, UnsupportedError) for field in ("colour mode", "alpha") for value in (2, 3, 128, 255)]
    + [("bit depth", depth, UnsupportedError) for depth in (0, 7, 10, 16)]
    + [("width", 0, CorruptError), ("height", 0, CorruptError)]
    + [("quality", 16129, CorruptError), ("quality", 65535, CorruptError)]
    + [("tile", tile, CorruptError) for tile in (0, 65, 255)]
    + [("models", count, CorruptError) for count in (0, 2, 15, 16, 17, 255)],
)
def test_header_fields_at_illegal_values(wisp: Codec, field: str, value: int, kind: type[WispError]) -> None:
    message = refuse(wisp, with_header(SMALL, **{field.replace(" ", "_"): value}), kind)
    assert f"{field} {value} " in message or (field == "models" and 1 < value <= 15 and "bytes" in message)


@pytest.mark.parametrize(
    ("field", "value"),
    [("quality", 16128), ("tile", 1), ("tile", 64), ("width", 1), ("colour_mode", 1)],
)
def test_header_fields_at_their_last_legal_values(field: str, value: int) -> None:
    """So that those of the test above fail for their value alone."""
    assert getattr(read_file(with_header(SMALL, **{field: value})).header, field) == value * (
        64 if field == "tile" else 1
    )


@pytest.mark.parametrize("change", ["empty", "short", "long", "endless"])
def test_a_header_of_another_length(wisp: Codec, change: str) -> None:
    head = split(SMALL)[0].payload
    payload = {"empty": b"", "short": head[:-1], "long": head + b"\0", "endless": head + bytes(5000)}[change]
    refuse(wisp, damage.with_payload(SMALL, 0, payload), CorruptError)


def peak_of_refusal(data: bytes, kind: type[WispError]) -> int:
    """Bytes of memory that reading takes until it fails; it never asks for more than a MiB at a time."""

    class Modest(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None and 0 < size <= MIB
            return super().read(size)

    tracemalloc.start()
    try:
        with pytest.raises(kind):
            read_file(Modest(data))
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_too_large_a_picture_is_refused_at_its_header() -> None:
    """The file ends behind the header, so that a reader that went on would call it truncated."""
    head = split(with_header(SMALL, width=65535, height=65535, tile=1))[0]
    assert peak_of_refusal(join([head]), LimitError) < MIB
    assert peak_of_refusal(join([split(with_header(SMALL, width=16384, height=8193))[0]]), LimitError) < MIB
    assert peak_of_refusal(join([split(with_header(SMALL, width=16384, height=8192))[0]]), TruncatedError) < MIB


@pytest.mark.parametrize("type_", [b"HEAD", b"UNIT", b"DONE", b"WHAT", b"wHAT"])
@pytest.mark.parametrize(
    ("length", "kinds"), [(2**31 - 1, (TruncatedError, CorruptError)), (2**32 - 1, (CorruptError,))]
)
def test_claimed_lengths_are_not_believed(type_: bytes, length: int, kinds: tuple[type[WispError], ...]) -> None:
    parts = split(SMALL)
    index = next((i for i, part in enumerate(parts) if part.type == type_), 1)
    parts[index] = replace(parts[index], type=type_, length=length)
    kind = CorruptError if type_ in (b"HEAD", b"UNIT") else kinds[0]  # these two have limits of their own
    assert peak_of_refusal(join(parts), kind) < MIB


@pytest.mark.parametrize("delta", [16129, -16129, 32767, -32768])
def test_quality_delta_out_of_range(wisp: Codec, delta: int) -> None:
    assert f"quality delta {delta} " in refuse(wisp, with_unit(SMALL, quality_delta=delta), CorruptError)


def test_unit_kinds_and_slots(wisp: Codec) -> None:
    for kind in range(2, 8):
        for slot, varies in ((0, 0x80), (0, 0), (1, 0)):
            message = refuse(wisp, with_unit(SMALL, kind_and_slot=varies | kind << 4 | slot), UnsupportedError)
            assert f"kind {kind}" in message
    for first in (0x01, 0x11, 0x0F):
        assert "slot" in refuse(wisp, with_unit(SMALL, kind_and_slot=first), CorruptError)


def test_a_picture_of_two_models_is_not_supported(wisp: Codec) -> None:
    own = wisp.model_info.id_bytes
    both = damage.with_model_ids(TILES, [own, own])
    assert wisp.decode_latents(both).sha256 == wisp.decode_latents(TILES).sha256
    refuse(wisp, with_unit(both, 3, kind_and_slot=1), UnsupportedError)


def test_a_missing_model_is_named(wisp: Codec) -> None:
    identity = bytes.fromhex("0123456789abcdef")
    assert identity.hex() in refuse(wisp, damage.with_model_ids(SMALL, [identity]), ModelNotFoundError)


@pytest.mark.parametrize("length", [0, 1, 6, 7, 8, 10, 11, 12, 14, 56, 58, 59, 60])
def test_unit_lengths_that_are_no_whole_number_of_words(wisp: Codec, length: int) -> None:
    payload = (split(SMALL)[1].payload + bytes(60))[:length]
    refuse(wisp, damage.with_payload(SMALL, 1, payload), CorruptError)


# The errors themselves


@pytest.mark.parametrize(
    ("kind", "builtin", "status"),
    [
        (errors.NotWispError, ValueError, 3),
        (errors.TruncatedError, EOFError, 4),
        (errors.CorruptError, ValueError, 5),
        (errors.UnsupportedError, NotImplementedError, 6),
        (errors.ModelNotFoundError, LookupError, 6),
        (errors.ModelFileError, ValueError, 6),
        (errors.ExactnessError, ArithmeticError, 6),
        (errors.LimitError, OverflowError, 7),
        (errors.FileAccessError, OSError, 8),
        (errors.OutputExistsError, FileExistsError, 8),
    ],
)
def test_each_error_is_its_builtin_and_has_its_exit_status(
    kind: type[WispError], builtin: type[Exception], status: int
) -> None:
    assert issubclass(kind, WispError)
    assert issubclass(kind, builtin)
    assert kind.exit_status == status
