"""What the encoder says it coded is what every decoder reads: this one in any setting, and the integer decoder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import codec.still.encode
import codec.still.learned
import codec.still.lossless
from bitstream.header import Header
from bitstream.limits import MAX_QUALITY
from bitstream.still import build_still
from bitstream.units import Unit
from codec.files.source import read_file
from codec.model.loaded import LoadedModel
from codec.pixels.geometry import entropy_tiles, field_size
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.decode import check_units, decode_latents
from codec.still.encode import CodedPicture, encode_still
from codec.still.entropy import CodedTile, TileSource, decode_tiles, encode_tiles
from codec.still.pixel_path import analyse
from tests.support import reference_decoder, reference_file
from tests.support.goldens import loaded, parrots, reference_model
from tests.support.host_settings import SETTINGS, each_setting

MODEL = loaded()
EXACT64 = loaded("fp64")


def picture(kind: str, height: int, width: int, seed: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    if kind == "noise":
        return rng.integers(0, 256, (height, width, 3), np.uint8)
    if kind == "flat":
        return np.broadcast_to(rng.integers(0, 256, 3, np.uint8), (height, width, 3)).copy()
    if kind == "checks":
        rows, columns = np.indices((height, width)) // rng.integers(1, 9)
        return np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    top, left = rng.integers(0, 256 - height + 1), rng.integers(0, 320 - width + 1)
    return parrots()[top : top + height, left : left + width].copy()


def encode_recorded(
    model: LoadedModel, picture: Picture, quality: int, tile: int, *, lossless: bool = False
) -> tuple[CodedPicture, str]:
    """-> file, and the hash over what the encoder says each learned tile's latents are.

    Every tile is learned unless `lossless` lets the encoder choose.
    """
    said: list[bytes] = []

    def recording(
        model: LoadedModel, y: torch.Tensor, qualities: Sequence[int], z: torch.Tensor | None
    ) -> list[CodedTile]:
        coded = encode_tiles(model, y, qualities, z)
        said.extend(tile.latent for tile in coded)
        return coded

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec.still.learned, "encode_tiles", recording)
        if not lossless:
            patch.setattr(codec.still.lossless, "may_be_smaller", lambda *_: False)
        encoded = encode_still(model, picture, quality, EncodeSettings(tile=tile), keep_latents=True)
    assert len(said) == len(encoded.units)
    learned = [latent for latent, unit in zip(said, encoded.units, strict=True) if unit.learned]
    assert lossless or len(learned) == len(said)
    return encoded, hashlib.sha256(b"".join(learned)).hexdigest()


def decoded_by_all(data: bytes) -> Iterator[str]:
    """latents_sha256 by this decoder in both dtypes, batched and not, and by the integer decoder."""
    still = read_file(data)
    yield check_units(still, lambda _: MODEL)
    yield check_units(still, lambda _: EXACT64)
    if still.models_used:
        yield decode_latents(still, lambda _: MODEL).sha256
        yield decode_latents(still, lambda _: MODEL, batch_latents=1).sha256
        yield decode_latents(still, lambda _: EXACT64).sha256
    yield reference_decoder.latents_sha256(reference_decoder.decode_file(data, reference_model()))


each_picture = {
    "kind": st.sampled_from(["photograph", "noise", "flat", "checks"]),
    "height": st.integers(1, 150),
    "width": st.integers(1, 150),
    "quality": st.one_of(st.sampled_from([0, MAX_QUALITY]), st.integers(0, MAX_QUALITY)),
    "tile": st.sampled_from([64, 128, 1024]),
    "seed": st.integers(0, 1000),
}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(**each_picture)
@pytest.mark.slow
def test_all_decoders_read_what_the_encoder_said(
    kind: str, height: int, width: int, quality: int, tile: int, seed: int
) -> None:
    encoded, said = encode_recorded(MODEL, Picture(picture(kind, height, width, seed)), quality, tile)
    assert set(decoded_by_all(encoded.data)) == {said, encoded.latents_sha256}


@settings(max_examples=25, deadline=None, derandomize=True)
@given(**each_picture, mode=st.sampled_from(["L", "LA", "RGB", "RGBA"]))
def test_lossless_tiles_and_alpha_are_read_alike(
    kind: str, height: int, width: int, quality: int, tile: int, seed: int, mode: str
) -> None:
    """The right half is drawn, so that tiles of both kinds come side by side."""
    pixels = picture(kind, height, width, seed)
    pixels[:, width // 2 :] = picture("checks", height, width, seed)[:, width // 2 :]
    colours = pixels if mode.startswith("RGB") else pixels[:, :, 1:2]
    alpha = picture("checks" if seed % 2 else "flat", height, width, seed + 1)[:, :, :1]
    channels = np.dstack([colours, alpha]) if mode.endswith("A") else colours
    encoded, said = encode_recorded(MODEL, Picture(channels), quality, tile, lossless=True)
    assert set(decoded_by_all(encoded.data)) == {said, encoded.latents_sha256}
    header = reference_file.read_file(encoded.data).header
    tiles = reference_decoder.decode_file(encoded.data, reference_model())
    for index, (read, box) in enumerate(zip(tiles, reference_file.tile_boxes(header), strict=True)):
        assert read.pixels is None or np.array_equal(read.pixels, encoded.pixels_of(index))
        assert read.alpha is None or np.array_equal(read.alpha, encoded.picture.alpha[box])


@pytest.mark.parametrize("setting", each_setting)
def test_files_encoded_under_host_settings_decode_the_same(setting: str) -> None:
    pixels = Picture(picture("photograph", 70, 90, 3))
    with SETTINGS[setting]():
        model = loaded()
        encoded, said = encode_recorded(model, pixels, 13000, 64)
        assert decode_latents(read_file(encoded.data), lambda _: model).sha256 == said
        assert model.entropy_dtype == "fp32"
    by_one = (check_units(read_file(encoded.data), lambda _: MODEL),)
    assert set(decoded_by_all(encoded.data) if setting == "everything" else by_one) == {said}


def test_an_fp64_encoder_is_read_by_all() -> None:
    encoded, said = encode_recorded(EXACT64, Picture(picture("photograph", 128, 128, 5)), 15000, 64)
    assert set(decoded_by_all(encoded.data)) == {said}


def file_of(coded: list[CodedTile], width: int, height: int, quality: int, deltas: list[int]) -> bytes:
    header = Header(width, height, quality, (MODEL.info.id_bytes,), bytes(4), tile=64)
    units = [Unit(i, c.stream, c.check, quality_delta=d) for i, (c, d) in enumerate(zip(coded, deltas, strict=True))]
    return build_still(header, units)


@pytest.mark.parametrize("quality, deltas", [(16128, [0, 1, 16128, -16128]), (300, [-301, -16128, 16128, -172])])
def test_qualities_are_clamped_alike(quality: int, deltas: list[int]) -> None:
    pixels = picture("photograph", 128, 128, 7)
    qualities = [min(max(quality + delta, 0), MAX_QUALITY) for delta in deltas]
    latent = analyse(MODEL, pixels, torch.tensor(8000))
    tiles = entropy_tiles(field_size(128, 128), 64)
    coded = encode_tiles(MODEL, torch.cat([latent[(..., *t.index)] for t in tiles]), qualities)
    data = file_of(coded, 128, 128, quality, deltas)
    assert set(decoded_by_all(data)) == {hashlib.sha256(b"".join(c.latent for c in coded)).hexdigest()}


@pytest.mark.parametrize(
    "what, scale", [("huge", 3000.0), ("beyond the symbols", 1e7), ("infinite", float("inf")), ("no number", 1.0)]
)
def test_latents_far_outside_the_tables(what: str, scale: float) -> None:
    """A quarter of the values goes far beyond what the tables hold: escapes, and the clamp of a symbol."""
    rng = np.random.default_rng(11)
    values = rng.normal(0, 3, (2, MODEL.config.cy, 4, 8)).astype(np.float32)
    wild = rng.random(values.shape) < 0.25
    values[wild] = np.nan if what == "no number" else np.sign(values[wild]) * scale
    qualities = [16128, 2000]
    coded = encode_tiles(MODEL, torch.from_numpy(values), qualities)
    sources = [TileSource(c.stream, c.check, q, what) for c, q in zip(coded, qualities, strict=True)]
    for model in (MODEL, EXACT64):
        latents, base = decode_tiles(model, sources, 4, 8)
        y16 = base.y16
        assert latents == [c.latent for c in coded]
        assert bool(y16.isfinite().all())
        if what != "no number":
            assert y16.abs().max() > 16 * min(scale, 30000.0)
    for tile, quality in zip(coded, qualities, strict=True):
        row = (quality + 128) // 256
        read = reference_decoder.decode_latents(tile.stream, reference_model(), row, (4, 8))
        assert read.latent_bytes() == tile.latent


def test_symbols_are_rounded_to_the_nearest() -> None:
    """Where anything is coded, the decoded latent is within half a step of the wanted one."""
    latent = analyse(MODEL, picture("photograph", 128, 128, 9), torch.tensor(15000))
    (coded,) = encode_tiles(MODEL, latent, [15000])
    _, base = decode_tiles(MODEL, [TileSource(coded.stream, coded.check, 15000, "tile")], 8, 8)
    y16 = base.y16
    error = (y16 / 16 - latent).abs()
    assert float((error <= 0.5 + 1e-3).float().mean()) > 0.9
    assert float(error.mean()) < 0.3
