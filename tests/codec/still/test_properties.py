"""What holds for every picture: sizes, modes, alpha and metadata come back, and small pictures make small files."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bitstream.metadata import Metadata
from codec.api import Codec
from codec.files.source import read_file
from codec.formats.pictures.attached import EXIF_PREFIX
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from tests.support.scenes import MODES, Scene, each_mode, facts_of, logo, noise, photo

SETTINGS = settings(max_examples=40, deadline=None, derandomize=True, database=None)
_METADATA = st.builds(Metadata, icc=st.binary(max_size=40), exif=st.binary(max_size=40), xmp=st.binary(max_size=40))


@pytest.mark.filterwarnings("ignore::codec.notes.WispNote")  # noise at a high quality gets one
@SETTINGS
@given(
    scene=st.sampled_from([photo, logo, noise]),
    mode=st.sampled_from(MODES),
    height=st.integers(1, 200),
    width=st.integers(1, 200),
    quality=st.one_of(st.sampled_from([0, 100]), st.floats(0, 100)),
    tile=st.sampled_from([64, 128, 192, 1024]),
    metadata=_METADATA,
    lossless=st.booleans(),
    exact=st.booleans(),
)
@pytest.mark.slow
def test_every_picture_comes_back(
    wisp: Codec,
    scene: Scene,
    mode: str,
    height: int,
    width: int,
    quality: float,
    tile: int,
    metadata: Metadata,
    lossless: bool,
    exact: bool,
) -> None:
    pixels = scene(height, width, mode)
    settings = EncodeSettings(quality=quality, tile=tile, exact=exact, lossless=lossless)
    encoded = wisp.encode_picture(Picture(pixels, metadata), settings, keep_latents=True)
    trial = wisp.try_out(encoded)  # which compares latents, lossless tiles, alpha and metadata
    image = wisp.decode(encoded.data)
    assert (image.mode, image.size) == (mode, (width, height))
    assert {name: image.info.get(name, b"") for name in ("icc_profile", "xmp")} == {
        "icc_profile": metadata.icc,
        "xmp": metadata.xmp,
    }
    assert image.info.get("exif", EXIF_PREFIX) == EXIF_PREFIX + metadata.exif
    decoded = np.asarray(image).reshape(pixels.shape)
    assert np.array_equal(decoded, trial.decoded.pixels)
    if mode.endswith("A"):
        assert np.array_equal(decoded[:, :, -1], pixels[:, :, -1])
    if lossless:
        seen = pixels[:, :, -1] != 0 if mode.endswith("A") and not exact else np.ones((height, width), bool)
        assert np.array_equal(decoded[seen], pixels[seen])
    facts = facts_of(encoded.data)
    assert (facts.mode, facts.width, facts.height, facts.tile) == (mode, width, height, tile)
    assert facts.tiles == -(-width // tile) * -(-height // tile)
    assert facts.lossless == (facts.lossless_tiles == facts.tiles)
    assert facts.lossless or not lossless


@each_mode
@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_a_single_pixel_is_small(wisp: Codec, mode: str, value: int) -> None:
    pixels = np.full((1, 1, len(mode)), value, np.uint8)
    assert len(wisp.encode(pixels, 50)) <= 120
    assert len(wisp.encode(pixels, lossless=True)) <= 120
    assert len(wisp.encode(noise(1, 1, mode, seed=value), 50)) <= 120


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("lossless", [False, True])
def test_a_bare_picture_of_one_tile_has_little_besides_its_payload(wisp: Codec, mode: str, lossless: bool) -> None:
    for size in ((1, 1), (100, 100)):
        data = wisp.encode(photo(*size, mode), lossless=lossless)
        still = read_file(data)
        assert len(still.units) == 1
        assert len(data) - still.payload_bytes <= 80
        assert [head.name for head in still.chunks] == ["HEAD", "UNIT", "DONE"]


def test_payload_counts_alpha_planes_too(wisp: Codec) -> None:
    data = wisp.encode(photo(64, 64, "RGBA"), 50)
    still = read_file(data)
    (unit,) = still.units
    assert isinstance(unit.alpha, bytes)
    assert still.payload_bytes == len(unit.stream) + len(unit.alpha)
    assert len(data) - still.payload_bytes <= 84


@each_mode
def test_the_same_picture_makes_the_same_file(wisp: Codec, mode: str) -> None:
    pixels = photo(70, 90, mode)
    for options in ({"lossless": True}, {"quality": 40.0}, {"tile": 64}):
        files = {wisp.encode(pixels, **options), wisp.encode(pixels.copy(), **options)}
        files.add(wisp.encode(np.asfortranarray(pixels), **options))
        assert len(files) == 1
