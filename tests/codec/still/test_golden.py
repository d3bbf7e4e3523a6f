"""The golden files: every later version must decode them to the same latents, and to the same pixels nearly."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import NoneType

import numpy as np
import pytest

from bitstream.units import LEARNED_INTRA, LOSSLESS
from codec.api import Codec
from codec.exact.known_answer import known_answer
from codec.still.layout import Layout
from tests.golden import make
from tests.golden.make import METADATA
from tests.support import reference_decoder, reference_file, reference_pixels
from tests.support.goldens import (
    FOLDER,
    HASHES,
    LEARNED,
    NAMES,
    golden_bytes,
    golden_pixels,
    loaded,
    packaged,
    parsed,
    reference_model,
)

BF16_PSNR = 57.0  # dB of the bf16 pixels against the fp32 ones, over all files; 60 when the files were made
each_file = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def codec() -> Codec:
    return Codec(device="cpu", precision="fp32")


def test_every_file_has_its_picture_and_its_hash() -> None:
    assert {path.stem for path in FOLDER.glob("*.wisp")} == {path.stem for path in FOLDER.glob("*.png")} == set(HASHES)


@each_file
def test_latents_are_the_recorded_ones(codec: Codec, name: str) -> None:
    assert codec.check(golden_bytes(name)) == HASHES[name]
    if name in LEARNED:
        assert codec.decode_latents(golden_bytes(name)).sha256 == HASHES[name]


@each_file
def test_pixels_are_the_recorded_ones_within_one_grey_level(codec: Codec, name: str) -> None:
    """And equal where they are lossless."""
    picture = codec.decode_array(golden_bytes(name)).astype(np.int64)
    wanted, still = golden_pixels(name), parsed(name)
    assert picture.shape == wanted.shape == (still.header.height, still.header.width, len(still.header.mode))
    assert np.abs(picture - wanted).max() <= 1
    if still.header.alpha:
        assert (picture[:, :, -1] == wanted[:, :, -1]).all()
    for unit in still.units:
        box = Layout(still.header).box(unit.tile_index).index
        assert unit.learned or (picture[box] == wanted[box]).all()


@each_file
def test_integer_decoder_agrees(name: str) -> None:
    tiles = reference_decoder.decode_file(golden_bytes(name), reference_model())
    assert reference_decoder.latents_sha256(tiles) == HASHES[name]
    wanted = golden_pixels(name)
    boxes = reference_file.tile_boxes(reference_file.read_file(golden_bytes(name)).header)
    for tile, box in zip(tiles, boxes, strict=True):
        assert tile.pixels is None or (tile.pixels == wanted[box]).all()
        assert tile.alpha is None or (tile.alpha == wanted[box][:, :, -1]).all()


@pytest.mark.parametrize("name", ["small", "deltas", "grey_alpha", "rgba", "mixed"])
def test_the_pixel_path_as_the_format_has_it(name: str) -> None:
    """Written from FORMAT.md in float64, the latents below lossless tiles included."""
    pixels = reference_pixels.decode_pixels(golden_bytes(name), reference_model()).astype(np.int64)
    wanted = golden_pixels(name)
    assert pixels.shape == wanted.shape
    assert np.abs(pixels - wanted).max() <= 1
    assert np.mean(pixels != wanted) < 1e-3


def test_integer_decoder_reads_the_metadata() -> None:
    file = reference_file.read_file(golden_bytes("metadata"))
    assert file.metadata == {"iCCP": METADATA.icc, "eXIF": METADATA.exif, "xMPD": METADATA.xmp}
    assert parsed("metadata").metadata == METADATA


@pytest.mark.slow
def test_bf16_pixels_lie_next_to_the_fp32_ones(codec: Codec) -> None:
    """Few differ, none by more than two grey levels (which one sample in half a million does)."""
    half = Codec(device="cpu", precision="bf16")
    learned = [name for name in LEARNED if all(unit.learned for unit in parsed(name).units)]
    decoded = [
        (half.decode_array(data)[:, :, :colours], codec.decode_array(data)[:, :, :colours])
        for data, colours in ((golden_bytes(name), parsed(name).header.colours) for name in learned)
    ]
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
    units = [(still.header.mode, unit.kind, type(unit.alpha)) for still in stills.values() for unit in still.units]
    learned = {("RGB", NoneType), ("L", NoneType), ("LA", int), ("LA", bytes), ("RGBA", int), ("RGBA", bytes)}
    assert {(mode, alpha) for mode, kind, alpha in units if kind == LEARNED_INTRA} == learned
    assert {(mode, alpha) for mode, kind, alpha in units if kind == LOSSLESS} == {
        ("RGB", NoneType),
        ("LA", bytes),
        ("RGBA", int),
        ("RGBA", bytes),
    }
    assert {still.header.mode for still in stills.values() if still.detail_bytes} == {"RGB", "LA"}
    assert len({(unit.learned, unit.quality_delta) for unit in stills["mixed"].units}) == 6


def test_a_file_that_is_there_is_never_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The files would follow whatever the code does."""
    for path in [*FOLDER.glob("*.wisp"), FOLDER / "golden.json"]:
        shutil.copy(path, tmp_path)
    assert set(make.MAKERS) == set(NAMES)
    monkeypatch.setattr(make, "FOLDER", tmp_path)
    monkeypatch.setattr(make, "MAKERS", dict.fromkeys(make.MAKERS, lambda _: pytest.fail("made anew")))
    make.main()
    assert all(path.read_bytes() == (FOLDER / path.name).read_bytes() for path in tmp_path.iterdir())
