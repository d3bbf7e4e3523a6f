"""Learned tiles beside lossless ones: the latent field below a lossless tile is the analysis of its own pixels."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

import codec.pixels.geometry
import codec.still.pixel_path
from bitstream.errors import CorruptError
from codec.api import Codec
from codec.pixels.distortion import psnr
from codec.pixels.geometry import Area
from codec.pixels.picture import Picture, as_rgb
from codec.still.encode import CodedPicture
from codec.still.layout import Layout
from codec.still.learned import FieldBuilder
from codec.still.pixel_path import analyse
from tests.golden.make import crop
from tests.support import damage
from tests.support.goldens import golden_bytes
from tests.support.scenes import MODES, encode_choosing, photo

NAMES = ("woman", "monarch", "buildings", "parrots")
BESIDE = 8  # pixels
CLEARLY = 2.0  # dB; 2.7 to 10 when this was written
STILL_LIKE = 0.3  # dB


def without_analysis(wisp: Codec, data: bytes) -> NDArray[np.uint8]:
    """Decoded with zeros below lossless tiles."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(FieldBuilder, "add_pixels", lambda *_: None)
        return wisp.decode_array(data)


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        *((name, "RGB") for name in NAMES),
        *(pytest.param(name, "L", marks=[pytest.mark.slow] * (name != "woman")) for name in NAMES),
    ],
)
def test_pixels_at_the_border_are_as_good_as_between_learned_tiles(wisp: Codec, name: str, mode: str) -> None:
    """With nothing below the lossless tile they are clearly worse."""
    picture = crop(name, 100, 100, 128, 256)[:, :, : len(mode)]
    mixed = encode_choosing(wisp, picture, {1}, 75, 128)
    learned = encode_choosing(wisp, picture, (), 75, 128)
    beside = (slice(None), slice(128 - BESIDE, 128))
    reached, zeros, plain = (
        psnr(pixels[beside], picture[beside])
        for pixels in (
            wisp.decode_array(mixed.data),
            without_analysis(wisp, mixed.data),
            wisp.decode_array(learned.data),
        )
    )
    assert reached > zeros + CLEARLY
    assert reached > plain - STILL_LIKE


def test_beyond_the_halo_nothing_changes(wisp: Codec) -> None:
    """Only pixels within 8 latents of the lossless tile see what is below it."""
    mixed = encode_choosing(wisp, photo(64, 320), {4}, 60)
    seen, zeros = wisp.decode_array(mixed.data).astype(int), without_analysis(wisp, mixed.data).astype(int)
    changed = np.abs(seen - zeros).max(axis=(0, 2))
    assert changed[256 - 16 : 256].max() > 1
    assert changed[: 256 - 8 * 16].max() <= 1


def field_of(wisp: Codec, data: bytes) -> NDArray[np.float32]:
    """(cy, h, w): 16 * y_hat."""
    return np.asarray(wisp.decode_latents(data).field.y16[0].numpy())


@pytest.mark.parametrize("mode", MODES)
def test_the_field_is_the_analysis_of_the_tile_alone(wisp: Codec, mode: str) -> None:
    """Not rounded, and replicated beyond the picture's edge; alpha counts for nothing."""
    encoded = encode_choosing(wisp, photo(100, 150, mode), {1, 2, 5}, 60)
    model, field = wisp.load(wisp.model_info.id), field_of(wisp, encoded.data)
    for unit in encoded.units:
        found = field[(slice(None), *encoded.layout.tiles[unit.tile_index].index)]
        if unit.learned:
            assert (found == found.round()).all()
            continue
        pixels = Picture(encoded.pixels_of(unit.tile_index)).colours
        wanted = 16 * analyse(model, as_rgb(pixels), torch.tensor(encoded.layout.header.quality))[0].numpy()
        assert np.allclose(found, wanted, rtol=1e-4, atol=1e-3)
        assert (found != found.round()).mean() > 0.9


def test_the_field_takes_the_units_own_quality(wisp: Codec) -> None:
    data = golden_bytes("mixed")
    still, field, model = wisp.parsed(data), field_of(wisp, data), wisp.load(wisp.model_info.id)
    layout, pixels = Layout(still.header), wisp.decode_array(data)
    lossless = [unit for unit in still.units if not unit.learned]
    assert len({unit.quality_delta for unit in lossless}) > 1
    for unit in lossless:
        found = field[(slice(None), *layout.tiles[unit.tile_index].index)]
        tile = np.ascontiguousarray(pixels[layout.box(unit.tile_index).index])
        wanted = 16 * analyse(model, tile, torch.tensor(layout.quality(unit)))[0].numpy()
        assert np.allclose(found, wanted, rtol=1e-4, atol=1e-3)


@pytest.fixture(scope="module", params=MODES)
def patchwork(wisp: Codec, request: pytest.FixtureRequest) -> CodedPicture:
    """12 tiles, every second lossless, in each mode."""
    return encode_choosing(wisp, photo(150, 250, request.param), {0, 2, 5, 7, 8, 10}, 55)


def test_lossless_tiles_and_alpha_are_exact(wisp: Codec, patchwork: CodedPicture) -> None:
    decoded, source = wisp.decode_still(wisp.parsed(patchwork.data)).picture, patchwork.picture
    assert patchwork.lossless_tiles == 6
    for unit in patchwork.units:
        box = patchwork.layout.box(unit.tile_index).index
        assert np.array_equal(decoded.pixels[box], patchwork.pixels_of(unit.tile_index)) != unit.learned
    if source.has_alpha:
        assert np.array_equal(decoded.alpha, source.alpha)


def test_windows_do_not_show(wisp: Codec, patchwork: CodedPicture, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = wisp.decode_array(patchwork.data).astype(int)
    monkeypatch.setattr(codec.pixels.geometry, "WINDOW", 6)
    assert len(list(codec.pixels.geometry.windows(patchwork.layout.field))) > 3
    assert np.abs(wisp.decode_array(patchwork.data) - whole).max() <= 1


def spy_on_areas(patch: pytest.MonkeyPatch) -> list[Area]:
    """Every area that is synthesised from now on."""
    areas: list[Area] = []
    real = codec.still.pixel_path.synthesise_area

    def spy(model: object, field: object, core: Area, *, grey: bool = False) -> NDArray[np.uint8]:
        areas.append(core)
        return real(model, field, core, grey=grey)  # type: ignore[arg-type]

    patch.setattr(codec.still.pixel_path, "synthesise_area", spy)
    return areas


def test_nothing_is_synthesised_where_only_lossless_tiles_lie(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = encode_choosing(wisp, photo(64, 320), {0, 1, 2, 3}, 60)
    areas = spy_on_areas(monkeypatch)
    wisp.decode_array(encoded.data)
    assert [area.left for area in areas] == [16]


def test_latents_sha256_runs_over_learned_tiles_only(wisp: Codec, patchwork: CodedPicture) -> None:
    learned = [unit.tile_index for unit in patchwork.units if unit.learned]
    assert wisp.check(patchwork.data) == wisp.decode_latents(patchwork.data).sha256 == patchwork.latents_sha256
    assert learned == [1, 3, 4, 6, 9, 11]


def test_a_fault_in_a_lossless_tile_is_one(wisp: Codec, patchwork: CodedPicture) -> None:
    stream = damage.split(patchwork.data)[1].payload[damage.STREAM : -2]
    for decode in everything(wisp):
        with pytest.raises(CorruptError, match="tile 0 of 12: the decoded pixels fail"):
            decode(damage.with_stream(patchwork.data, stream, check=patchwork.units[0].check ^ 1))


def everything(wisp: Codec) -> list[Callable[[bytes], object]]:
    return [wisp.decode_array, wisp.check, wisp.decode_latents]
