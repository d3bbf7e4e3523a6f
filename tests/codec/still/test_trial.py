"""Decoding at once what was just encoded: whatever is not exact is an error, and the PSNR is the decoder's."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bitstream.errors import CorruptError, ExactnessError
from bitstream.metadata import Metadata
from codec.api import Codec
from codec.notes import WispNote
from codec.pixels.distortion import psnr, seen_psnr
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.check import try_out
from codec.still.encode import CodedPicture
from tests.support.damage import metadata_chunk, split, with_payload
from tests.support.scenes import MODES, each_mode, encode_choosing, in_mode, noise, photo

KEPT = Metadata(icc=b"profile", xmp=b"<x/>")


@pytest.fixture(scope="module")
def mixed(wisp: Codec) -> CodedPicture:
    """Two tiles, the first lossless, with alpha and metadata."""
    return encode_choosing(wisp, Picture(photo(60, 120, "RGBA"), KEPT), {0}, 60)


def with_pixel(encoded: CodedPicture, x: int, channel: int) -> CodedPicture:
    """As if another value had been coded in row 5."""
    pixels = encoded.picture.pixels.copy()
    pixels[5, x, channel] ^= 1
    return replace(encoded, picture=Picture(pixels, encoded.picture.metadata))


@each_mode
def test_what_is_right_passes(wisp: Codec, mode: str) -> None:
    for lossless in ((), (0, 1), (1,)):
        encoded = encode_choosing(wisp, Picture(photo(60, 120, mode), KEPT), lossless, 60)
        trial = try_out(encoded, wisp.load)
        assert np.array_equal(trial.decoded.pixels, wisp.decode_array(encoded.data))
        assert trial.psnr == seen_psnr(encoded.picture, trial.decoded)
        assert (trial.psnr == math.inf) == (len(lossless) == 2)


def with_data(encoded: CodedPicture, data: bytes) -> CodedPicture:
    """As if this had been made of it."""
    made = replace(encoded)
    made.__dict__["data"] = data
    return made


def fault(encoded: CodedPicture, wisp: Codec) -> str:
    with pytest.raises(ExactnessError) as caught:
        try_out(encoded, wisp.load)
    return str(caught.value).removeprefix("the encoded file does not decode to what was encoded: ")


def test_latents(wisp: Codec, mixed: CodedPicture) -> None:
    (learned,) = mixed.latents
    assert fault(replace(mixed, latents={learned: b"other"}), wisp) == "latents differ"
    other = encode_choosing(wisp, mixed.picture, {0}, 61)
    assert fault(with_data(mixed, other.data), wisp) == "latents differ"


def test_lossless_tiles(wisp: Codec, mixed: CodedPicture) -> None:
    assert fault(with_pixel(mixed, 10, 1), wisp) == "lossless tiles differ"
    try_out(with_pixel(mixed, 70, 1), wisp.load)  # a learned tile is never equal


def test_alpha(wisp: Codec, mixed: CodedPicture) -> None:
    assert fault(with_pixel(mixed, 70, 3), wisp) == "alpha differ"
    assert fault(with_pixel(mixed, 10, 3), wisp) == "lossless tiles, alpha differ"


@pytest.mark.parametrize("other", [Metadata(), Metadata(icc=b"profile"), Metadata(b"profilf", b"", b"<x/>")])
def test_metadata(wisp: Codec, mixed: CodedPicture, other: Metadata) -> None:
    changed = with_data(replace(mixed, picture=Picture(mixed.picture.pixels, other)), mixed.data)
    assert fault(changed, wisp) == "metadata differ"


def test_metadata_that_cannot_be_read_again(wisp: Codec, mixed: CodedPicture) -> None:
    assert metadata_chunk(b"iCCP", b"profile") in split(mixed.data)
    with pytest.warns(WispNote, match="ICC profile damaged"):
        assert fault(with_data(mixed, with_payload(mixed.data, 1, b"\2")), wisp) == "metadata differ"


def test_everything_at_once(wisp: Codec, mixed: CodedPicture) -> None:
    other = encode_choosing(wisp, noise(60, 120, "RGBA"), {0}, 60)
    assert fault(with_data(mixed, other.data), wisp) == "latents, lossless tiles, alpha, metadata differ"


def test_a_file_that_does_not_decode(wisp: Codec, mixed: CodedPicture) -> None:
    with pytest.raises(CorruptError):
        try_out(with_data(mixed, mixed.data[:100] + b"\0" + mixed.data[101:]), wisp.load)


def test_the_encoder_makes_it_on_demand(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Picture(photo(60, 60), KEPT)
    encoded = wisp.encode_picture(picture, EncodeSettings(quality=60), keep_latents=True)
    trial = wisp.try_out(encoded)
    assert trial.psnr == pytest.approx(psnr(wisp.decode_array(encoded.data), picture.pixels))
    assert wisp.try_out(wisp.encode_picture(picture, EncodeSettings(lossless=True))).psnr == math.inf
    monkeypatch.setattr("codec.still.encode.build_still", lambda header, units, _: build_without(header, units))
    with pytest.raises(ExactnessError, match="metadata differ"):
        wisp.try_out(wisp.encode_picture(picture, EncodeSettings(quality=60), keep_latents=True))


def build_without(header: object, units: object) -> bytes:
    from bitstream.still import build_still

    return build_still(header, units)  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["LA", "RGBA"])
def test_psnr_is_that_of_what_is_seen(wisp: Codec, mode: str) -> None:
    hidden = encode_choosing(wisp, in_mode(photo(64, 64), mode, 0), (), 10)
    assert try_out(hidden, wisp.load).psnr == math.inf
    alpha = np.full((64, 64), 1, np.uint8)
    alpha[:, 32:] = 0
    half = encode_choosing(wisp, in_mode(photo(64, 64), mode, alpha), (), 60)
    decoded = wisp.decode_array(half.data)
    wanted = psnr(decoded[:, :32, :-1], half.picture.pixels[:, :32, :-1])
    assert try_out(half, wisp.load).psnr == pytest.approx(wanted)


def test_modes_are_all_there() -> None:
    assert {len(mode) for mode in MODES} == {1, 2, 3, 4}
