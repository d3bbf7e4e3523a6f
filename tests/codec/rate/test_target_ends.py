"""Targets at and beyond the ends of what the network does: lossless tiles, drawings, what is refused and how."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageFilter

from benchmarks.datasets import LIVE, read_picture
from bitstream.errors import TargetError
from bitstream.limits import MAX_QUALITY
from codec.api import Codec
from codec.pixels.picture import Picture
from codec.rate import control
from codec.rate.target import Target
from codec.settings import EncodeSettings
from codec.still.check import try_out
from codec.still.encode import CodedPicture, encode_still
from tests.support.meeting import NEAREST, Met, meet
from tests.support.scenes import Pixels, in_mode, logo, noise, photo

ENDS = re.compile(r"(?P<wanted>.+) is out of reach: this picture takes from (?P<low>.+) to (?P<high>.+?)(, or .+)?")


def bikes(height: int, width: int, mode: str = "RGB") -> Pixels:
    """A part of a photograph of which the network makes 22 to 36 dB."""
    return in_mode(read_picture(LIVE / "bikes.png")[200 : 200 + height, 200 : 200 + width], mode)


def soft(height: int, width: int) -> Pixels:
    """A photograph out of focus: it costs the network next to nothing."""
    return np.asarray(Image.fromarray(photo(height, width)).filter(ImageFilter.GaussianBlur(6)))


LOWEST = 128  # of the model's quality: the user's 0


@pytest.fixture(scope="module")
def wisp() -> Codec:
    """Without a detail layer, so that the network's best is not far off."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codec.coder.details_of", lambda *_: [])
        codec = Codec(device="cpu", precision="fp32")
        codec.load(codec.model_info.id)
    return codec


def extreme(wisp: Codec, pixels: Pixels, target: Target, quality: int, tile: int) -> Met:
    """What the model's lowest or highest quality (0 or MAX_QUALITY) makes."""
    encoded = encode_still(
        wisp.load(wisp.model_info.id), Picture(pixels), quality, EncodeSettings(tile=tile), keep_latents=True
    )
    return Met(target, encoded, try_out(encoded, wisp.load), ())


def refused(wisp: Codec, pixels: Pixels, target: Target, tile: int = 1024, effort: int = 4) -> str:
    with pytest.raises(TargetError) as caught:
        meet(wisp, pixels, target, tile=tile, effort=effort)
    assert ENDS.fullmatch(str(caught.value)), caught.value
    return str(caught.value)


# Above the network's best


@pytest.mark.slow
def test_detail_takes_the_end_further() -> None:
    """Where the network alone would leave tiles without loss; beyond detail's own end they are, some of them."""
    codec, pixels = Codec(device="cpu", precision="fp32"), bikes(128, 192)
    high = meet(codec, pixels, Target("psnr", 41), tile=128)
    assert high.kept and high.value < 41.2 and not high.lossless and all(unit.detail for unit in high.encoded.units)
    assert high.encoded.size < 0.6 * len(codec.encode(pixels, lossless=True))
    beyond = meet(codec, pixels, Target("psnr", 52), tile=128)
    assert beyond.kept and beyond.lossless


@pytest.mark.parametrize(("mode", "target"), [("RGBA", Target("psnr", 42)), ("L", Target("ms-ssim", 0.998))])
def test_some_tiles_are_kept_exactly_where_the_network_ends(wisp: Codec, mode: str, target: Target) -> None:
    pixels = bikes(128, 192, mode)
    met = meet(wisp, pixels, target, tile=64)
    assert met.kept and met.close
    assert 0 < len(met.lossless) < 6
    assert len(met.notes) == 1
    assert re.fullmatch(
        rf"the network ends at {target.name} \S+( dB)? here: {len(met.lossless)} of 6 tiles are stored losslessly",
        met.notes[0],
    )
    assert met.bytes < len(wisp.encode(pixels, lossless=True, tile=64))


@pytest.mark.slow
def test_no_lossless_tile_can_be_spared(wisp: Codec) -> None:
    """Without any one of them the network's best is not enough."""
    pixels, settings, psnr = bikes(128, 192), EncodeSettings(tile=64), 41
    model, picture = wisp.load(wisp.model_info.id), Picture(pixels)
    lossless = set(meet(wisp, pixels, Target("psnr", psnr), tile=64).lossless)
    assert len(lossless) > 1
    for spared in lossless:
        fewer = encode_still(model, picture, MAX_QUALITY, settings, lossless=lossless - {spared}, keep_latents=True)
        assert try_out(fewer, wisp.load).psnr < psnr


def test_tiles_of_128_pixels_are_made_where_some_are_to_be_lossless(wisp: Codec) -> None:
    met = meet(wisp, bikes(128, 256), Target("psnr", 38))
    assert met.kept and met.close
    assert met.encoded.layout.header.tile == 128 and len(met.lossless) == 1


def test_a_single_tile_is_all_kept_exactly(wisp: Codec) -> None:
    pixels = bikes(80, 100)
    met = meet(wisp, pixels, Target("psnr", 45))
    assert np.array_equal(met.trial.decoded.pixels, pixels)
    assert len(met.notes) == 1 and "it is stored losslessly" in met.notes[0]


@pytest.mark.parametrize("shape", [(80, 100), (128, 200)])
def test_what_is_all_kept_exactly_is_no_larger_than_a_lossless_file(wisp: Codec, shape: tuple[int, int]) -> None:
    pixels = bikes(*shape)
    met = meet(wisp, pixels, Target("psnr", 70))
    assert np.array_equal(met.trial.decoded.pixels, pixels)
    assert met.bytes <= len(wisp.encode(pixels, lossless=True))


@pytest.mark.parametrize("psnr", [30, pytest.param(36, marks=pytest.mark.slow)])
def test_what_remains_may_be_better_than_asked_for_at_any_quality(wisp: Codec, psnr: float) -> None:
    """A tile of noise needs to be lossless; then even the lowest quality of the other one is beyond the bounds."""
    pixels = np.concatenate([soft(128, 128), noise(128, 128)], axis=1)
    met = meet(wisp, pixels, Target("psnr", psnr), tile=128)
    assert met.kept and met.lossless == [1]
    assert met.bytes < len(wisp.encode(pixels, lossless=True, tile=128))


@pytest.mark.slow
def test_what_remains_may_be_lossless_by_itself(wisp: Codec) -> None:
    """Then everything is exact, and that is told once."""
    pixels = np.concatenate([bikes(128, 128), logo(128, 128)], axis=1)
    met = meet(wisp, pixels, Target("psnr", 60), tile=128)
    assert np.array_equal(met.trial.decoded.pixels, pixels)
    assert len(met.notes) == 1


@pytest.mark.parametrize("extra", [10, 1_000_000])
def test_a_size_that_nothing_fills_is_the_lossless_file(wisp: Codec, extra: int) -> None:
    pixels = bikes(60, 70, "RGBA")
    lossless = wisp.encode(pixels, lossless=True)
    met = meet(wisp, pixels, Target("size", len(lossless) + extra))
    assert met.encoded.data == lossless
    assert [f"in {len(lossless)} bytes" in each for each in met.notes] == [True]


# Drawings


@pytest.mark.parametrize("mode", ["LA", pytest.param("RGB", marks=pytest.mark.slow)])
def test_a_drawing_that_is_lossless_by_itself_meets_every_psnr(wisp: Codec, mode: str) -> None:
    pixels = logo(64, 96, mode)
    for target in (Target("psnr", 20), Target("psnr", 90)):
        met = meet(wisp, pixels, target)
        assert met.kept and len(met.notes) == (not met.close)
        assert met.bytes <= len(wisp.encode(pixels, lossless=True))


@pytest.mark.parametrize("target", [Target("psnr", 40), Target("ms-ssim", 0.99)])
def test_what_is_exact_at_every_quality_gets_one_note(wisp: Codec, target: Target) -> None:
    """Such as what cannot be seen."""
    met = meet(wisp, np.zeros((48, 64, 4), np.uint8), target)
    assert met.trial.psnr == float("inf")
    assert len(met.notes) == 1 and "inf" not in met.notes[0]


def test_only_what_is_exact_is_called_so(wisp: Codec) -> None:
    """On a single pixel MS-SSIM sees no error where there is one."""
    met = meet(wisp, photo(1, 1), Target("ms-ssim", 0.9))
    assert met.kept
    assert met.trial.psnr == float("inf") or not [each for each in met.notes if "exactly" in each]


def test_a_drawing_between_two_sizes_gets_the_smaller(wisp: Codec) -> None:
    """The learned tile grows, and is replaced by a lossless one in the middle of its way."""
    pixels = logo(128, 128)
    lossless = len(wisp.encode(pixels, lossless=True))
    met = meet(wisp, pixels, Target("size", round(0.8 * lossless)))
    assert met.kept and (met.close or NEAREST in met.notes[0])


# Out of reach


def test_below_the_smallest_size(wisp: Codec) -> None:
    pixels = bikes(64, 80)
    low, high = (extreme(wisp, pixels, Target("size", 1), quality, 64).bytes for quality in (LOWEST, MAX_QUALITY))
    words = refused(wisp, pixels, Target("size", low - 1), 64)
    assert words == f"{low - 1} bytes is out of reach: this picture takes from {low} bytes to {high} bytes"
    assert meet(wisp, pixels, Target("size", low), tile=64).bytes == low


def test_between_the_largest_learned_size_and_the_lossless_one(wisp: Codec) -> None:
    pixels = bikes(64, 80)
    high, lossless = (
        extreme(wisp, pixels, Target("size", 1), MAX_QUALITY, 64).bytes,
        len(wisp.encode(pixels, lossless=True, tile=64)),
    )
    words = refused(wisp, pixels, Target("size", (high + lossless) // 2), 64)
    assert words.endswith(f"to {high} bytes, or {lossless} bytes without loss")


@pytest.mark.parametrize("bpp", [0.01, 4, 0.25])
def test_bits_per_pixel_out_of_reach_are_told_as_they_were_asked_for(wisp: Codec, bpp: float) -> None:
    pixels = bikes(64, 80)
    match = ENDS.fullmatch(refused(wisp, pixels, Target("bpp", bpp)))
    assert match and match["wanted"] == f"{bpp:.4f} bpp"
    low = 8 * extreme(wisp, pixels, Target("size", 1), LOWEST, 1024).bytes / (64 * 80)
    assert match["low"] == f"{low:.4f} bpp"


def test_below_the_lowest_psnr_and_ms_ssim(wisp: Codec) -> None:
    pixels = bikes(128, 128)
    for target in (Target("psnr", 20), Target("ms-ssim", 0.7)):
        match = ENDS.fullmatch(refused(wisp, pixels, target))
        for name, quality in (("low", LOWEST), ("high", MAX_QUALITY)):
            value = extreme(wisp, pixels, target, quality, 1024).value
            assert match and match[name] == (f"{value:.2f} dB" if target.kind == "psnr" else f"{value:.5f}")


def test_effort_changes_what_is_out_of_reach_but_little(wisp: Codec) -> None:
    pixels = bikes(64, 64)
    for target in (Target("size", 100), Target("psnr", 15)):
        refused(wisp, pixels, target, effort=5)


def test_what_refinement_falls_below_is_met_without_it(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    """Here it always does: refined files are those of half the quality."""

    def worse(model: Any, picture: Picture, quality: int, settings: EncodeSettings, **options: Any) -> CodedPicture:
        chosen = quality if settings.effort == 4 else quality // 2
        return encode_still(model, picture, chosen, replace(settings, effort=4), **options)

    monkeypatch.setattr(control, "encode_still", worse)
    pixels = bikes(64, 128)
    target = Target("psnr", 42)
    met = meet(wisp, pixels, target, tile=64, effort=5)
    assert met.trial.psnr >= target.value


@pytest.mark.slow
def test_a_mixture_that_gives_way_to_the_lossless_file_leaves_no_note(wisp: Codec) -> None:
    """Just below exact most tiles are lossless, and small ones cost more than a large one."""
    pixels = photo(130, 140)
    met = meet(wisp, pixels, Target("psnr", 55))
    assert met.encoded.data == wisp.encode(pixels, lossless=True)
    assert len(met.notes) == 1 and "it is stored losslessly" in met.notes[0]
