"""Lossless files: every channel of every picture comes back bit for bit, and no network is needed for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bitstream.header import Header
from codec.api import Codec
from codec.files.source import read_file
from tests.support.cli_runner import environment, torch_trap
from tests.support.goldens import golden_bytes
from tests.support.scenes import MODES, Scene, each_alpha_mode, each_mode, facts_of, in_mode, logo, noise, photo

SIZES = [(1, 1), (1, 2), (7, 1), (63, 65), (64, 64), (70, 130)]
each_size = pytest.mark.parametrize(("height", "width"), SIZES)


def header_of(data: bytes) -> Header:
    return read_file(data).header


@each_mode
@each_size
@pytest.mark.parametrize("scene", [noise, logo, photo])
def test_every_channel_comes_back(wisp: Codec, scene: Scene, height: int, width: int, mode: str) -> None:
    pixels = scene(height, width, mode)
    data = wisp.encode(pixels, lossless=True, exact=True, tile=64)
    decoded = wisp.decode_array(data)
    assert decoded.dtype == np.uint8
    assert np.array_equal(decoded, pixels)
    assert wisp.decode(data).mode == header_of(data).mode == mode
    assert wisp.decode(data).size == (width, height)
    assert not any(unit.learned for unit in read_file(data).units)


@pytest.mark.parametrize(("height", "width"), [(1030, 3), (3, 1030), (16390, 2)])
def test_sides_beyond_the_default_tile_and_beyond_what_webp_takes(wisp: Codec, height: int, width: int) -> None:
    pixels = noise(height, width, "RGBA")
    data = wisp.encode(pixels, lossless=True, exact=True)
    assert len(read_file(data).units) == -(-max(height, width) // 1024)
    assert np.array_equal(wisp.decode_array(data), pixels)


@each_alpha_mode
def test_only_wholly_transparent_pixels_may_change_colour(wisp: Codec, mode: str) -> None:
    pixels = noise(50, 90, mode)
    decoded = wisp.decode_array(wisp.encode(pixels, lossless=True, tile=64))
    hidden = pixels[:, :, -1] == 0
    assert hidden.any() and not hidden.all()
    assert np.array_equal(decoded[~hidden], pixels[~hidden])
    assert np.array_equal(decoded[:, :, -1], pixels[:, :, -1])
    assert (decoded[hidden] == 0).all()


@each_alpha_mode
def test_exact_costs_bytes_only_where_something_is_hidden(wisp: Codec, mode: str) -> None:
    hiding, open_ = noise(50, 90, mode), noise(50, 90, mode)
    open_[:, :, -1] |= 1
    sizes = [[len(wisp.encode(p, lossless=True, exact=e)) for e in (True, False)] for p in (hiding, open_)]
    assert sizes[0][0] > sizes[0][1]
    assert wisp.encode(open_, lossless=True) == wisp.encode(open_, lossless=True, exact=True)


@pytest.mark.parametrize("value", [0, 1, 254, 255])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_constant_alpha_costs_one_byte_a_tile(wisp: Codec, mode: str, value: int) -> None:
    rgb = photo(100, 130)
    without = wisp.encode(in_mode(rgb, mode), lossless=True, tile=64)
    with_alpha = wisp.encode(in_mode(rgb, f"{mode}A", value), lossless=True, exact=True, tile=64)
    assert len(with_alpha) == len(without) + 6
    assert np.array_equal(wisp.decode_array(with_alpha), in_mode(rgb, f"{mode}A", value))


def test_alpha_that_is_constant_in_some_tiles_costs_one_byte_there(wisp: Codec) -> None:
    pixels = in_mode(photo(64, 128), "RGBA", 200)
    pixels[5, 100, 3] = 7
    units = read_file(wisp.encode(pixels, lossless=True, tile=64)).units
    assert [unit.alpha for unit in units] == [200, b""]


def test_grey_takes_no_more_than_in_colour(wisp: Codec) -> None:
    grey = photo(100, 100, "L")
    assert len(wisp.encode(grey, lossless=True)) <= len(wisp.encode(np.repeat(grey, 3, axis=2), lossless=True))


def test_quality_counts_for_nothing(wisp: Codec) -> None:
    files = {wisp.encode(logo(40, 40), quality, lossless=True) for quality in (0, 50, 75, 100)}
    assert len(files) == 1


def test_what_a_lossless_file_says_of_itself(wisp: Codec) -> None:
    facts = facts_of(wisp.encode(photo(70, 70, "LA"), lossless=True, tile=64))
    assert (facts.mode, facts.lossless, facts.tiles, facts.lossless_tiles) == ("LA", True, 4, 4)
    assert facts.quality is None
    assert facts.model is None


def test_it_needs_no_torch(tmp_path: Path) -> None:
    """Nor does a crop that shows lossless tiles only, of a file with learned ones."""
    script = (
        "import sys, numpy as np, codec\n"
        "try:\n"
        "    import torch\n"
        "except ImportError:\n"
        "    pass\n"
        "else:\n"
        "    sys.exit('torch could be imported')\n"
        "for channels in (1, 2, 3, 4):\n"
        "    pixels = np.random.default_rng(0).integers(0, 256, (70, 90, channels), np.uint8)\n"
        "    data = codec.encode(pixels, lossless=True, exact=True)\n"
        "    assert np.array_equal(codec.decode_array(data), pixels)\n"
        "    assert codec.decode(data, crop=(3, 4, 5, 6)).size == (5, 6)\n"
        "    assert codec.probe(data).lossless\n"
        "    codec.Codec().check(data)\n"
        "    assert np.array_equal(np.asarray(codec.salvage(data)[0]).reshape(pixels.shape), pixels)\n"
        "mixed = sys.stdin.buffer.read()\n"
        "assert codec.decode(mixed, crop=(64, 0, 64, 64)).size == (64, 64)\n"
        "try:\n"
        "    codec.decode(mixed)\n"
        "except ImportError:\n"
        "    sys.exit(0)\n"
        "sys.exit('learned tiles decoded without torch')\n"
    )
    environ = environment(torch_trap(tmp_path))
    result = subprocess.run(
        [sys.executable, "-c", script], input=golden_bytes("mixed"), env=environ, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()


def test_pictures_of_all_modes_and_their_decoders_agree(wisp: Codec) -> None:
    """`decode`, `decode_array` and `decode_tensor` give the same channels."""
    for mode in MODES:
        pixels = noise(20, 30, mode)
        data = wisp.encode(pixels, lossless=True, exact=True)
        assert np.array_equal(np.asarray(wisp.decode(data)).reshape(pixels.shape), pixels)
        assert np.array_equal(wisp.decode_tensor(data).permute(1, 2, 0).numpy(), pixels)
