"""The golden files: every later version must decode them to the same latents, and to the same pixels nearly."""

from __future__ import annotations

import numpy as np
import pytest

from codec.api import Codec
from codec.exact.known_answer import known_answer
from tests import reference_decoder
from tests.goldens import FOLDER, HASHES, NAMES, golden_bytes, golden_pixels, loaded, packaged, parsed, reference_model

BF16_PSNR = 57.0  # dB of the bf16 pixels against the fp32 ones, over all files; 60 when the files were made
each_file = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(device="cpu", precision="fp32")


def test_every_file_has_its_picture_and_its_hash() -> None:
    assert {path.stem for path in FOLDER.glob("*.wisp")} == {path.stem for path in FOLDER.glob("*.png")} == set(HASHES)


@each_file
def test_latents_are_the_recorded_ones(codec: Codec, name: str) -> None:
    assert codec.decode_latents(golden_bytes(name)).sha256 == HASHES[name]


@each_file
def test_pixels_are_the_recorded_ones_within_one_grey_level(codec: Codec, name: str) -> None:
    picture = codec.decode_array(golden_bytes(name)).astype(np.int64)
    wanted = golden_pixels(name)
    assert picture.shape == wanted.shape
    assert np.abs(picture - wanted).max() <= 1


@each_file
def test_integer_decoder_agrees(name: str) -> None:
    tiles = reference_decoder.decode_file(golden_bytes(name), reference_model())
    assert reference_decoder.latents_sha256(tiles) == HASHES[name]


def test_bf16_pixels_lie_next_to_the_fp32_ones(codec: Codec) -> None:
    """Few differ, none by more than two grey levels (which one sample in half a million does)."""
    half = Codec(device="cpu", precision="bf16")
    decoded = [(half.decode_array(data), codec.decode_array(data)) for data in map(golden_bytes, NAMES)]
    error = np.concatenate([(bf16.astype(np.float64) - fp32).ravel() for bf16, fp32 in decoded])
    assert np.abs(error).max() <= 2
    assert np.mean(np.abs(error) > 1) < 1e-4
    assert 10 * np.log10(255**2 / np.mean(error**2)) > BF16_PSNR
    assert error.any()  # else one of the two did not run in its own precision


def test_integer_decoder_reads_the_same_model() -> None:
    assert reference_model().id == packaged().info.id
    assert all(parsed(name).header.model_ids[0].hex() == packaged().info.id for name in NAMES)


def test_known_answer_of_the_packaged_model() -> None:
    wanted = packaged().tensors["known_answer"].tobytes()
    assert reference_decoder.known_answer(reference_model()) == wanted
    for dtype in ("fp32", "fp64"):
        model = loaded(dtype)
        assert model.entropy_dtype == dtype
        assert known_answer(model.prior) == wanted


def test_golden_files_cover_what_they_should() -> None:
    stills = {name: parsed(name) for name in NAMES}
    assert {len(still.units) for still in stills.values()} >= {1, 9, 12}
    assert min(still.header.quality for still in stills.values()) == packaged().quality_curve[0]
    assert max(still.header.quality for still in stills.values()) == packaged().quality_curve[100]
    assert {unit.quality_delta for unit in stills["deltas"].units} == {0, -3000, 9000}
    tile = stills["tiles"].header
    assert tile.width % 64 and tile.height % 64  # a padded edge
