"""Detail of still pictures: coded, shown, left out, damaged, and read by the integer decoder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bitstream.errors import (
    CorruptError,
    ExactnessError,
    ModelFileError,
    ModelNotFoundError,
    TruncatedError,
    UnsupportedError,
)
from bitstream.still import UNIT, build_still
from bitstream.units import Unit
from codec.coder import Coder
from codec.detail.transform import step_of
from codec.files.source import read_file
from codec.model.detail import read_detail_file
from codec.model.file import read_model_file
from codec.model.loaded import LoadedDetail, LoadedModel, Runtime
from codec.model.quality import Point, level_of, point_at
from codec.pixels.distortion import psnr
from codec.pixels.geometry import Box
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still import encode as encoder
from codec.still.check import decoded, try_out
from codec.still.decode import check_units, decode_still
from codec.still.encode import CodedPicture, encode_still
from codec.still.lossless import code_lossless
from codec.still.regions import Region
from codec.still.salvage import salvage_still
from tests.support import reference_decoder, reference_detail, reference_file
from tests.support.goldens import parrots
from tests.support.host_settings import SETTINGS, each_setting
from tests.support.tiny import TINY_LEVELS, write_tiny_detail, write_tiny_model

Pixels = NDArray[np.uint8]
FINE = 60 * 256  # a level with detail in any tile


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model and its detail layer, tiny both."""
    made = tmp_path_factory.mktemp("models")
    write_tiny_detail(made / "tiny-detail.safetensors", write_tiny_model(made))
    return made


def loaded(folder: Path, entropy_dtype: str = "auto") -> LoadedModel:
    layer = read_detail_file(folder / "tiny-detail.safetensors")
    runtime = Runtime.resolve("cpu", "fp32", entropy_dtype)  # type: ignore[arg-type]
    return LoadedModel(read_model_file(folder / "tiny.safetensors"), runtime, details=[layer.info])


@pytest.fixture(scope="module")
def model(folder: Path) -> LoadedModel:
    return loaded(folder)


def picture(mode: str = "RGB") -> Pixels:
    """130 x 70: tiles of three sizes."""
    colours = parrots()[60:130, 40:170]
    if mode[0] == "L":
        colours = colours[:, :, 1:2]
    alpha = np.zeros((70, 130, 1), np.uint8)
    alpha[10:50, 20:100] = 200
    return np.concatenate([colours, alpha], 2) if mode[-1] == "A" else np.ascontiguousarray(colours)


def encoded(
    model: LoadedModel, mode: str = "RGB", level: int = FINE, *, detail: bool = True, **settings: object
) -> CodedPicture:
    """Every tile learned: the bases of a tiny model leave more than lossless coding takes."""
    chosen = EncodeSettings(**{"tile": 64, **settings})  # type: ignore[arg-type]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encoder, "smaller_lossless", lambda *_: None)
        return encode_still(model, Picture(picture(mode)), level, chosen, keep_latents=True, detail=detail)


@pytest.fixture(scope="module")
def coded(model: LoadedModel) -> CodedPicture:
    return encoded(model)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA"])
def test_detail_comes_back_and_is_near_the_source(mode: str, model: LoadedModel, folder: Path) -> None:
    made = encoded(model, mode)
    trial = try_out(made, lambda _: model)
    assert made.units[0].detail and np.array_equal(decoded(made, lambda _: model).pixels, trial.decoded.pixels)
    assert trial.psnr > 40
    other = decode_still(read_file(made.data), lambda _: loaded(folder, "fp64")).picture
    assert np.array_equal(other.pixels, trial.decoded.pixels)


def test_base_alone_is_that_of_a_file_without_detail(model: LoadedModel, coded: CodedPicture) -> None:
    base = encoded(model, level=model.point_at(FINE).quality, detail=False)
    assert [unit.stream for unit in base.units] == [unit.stream for unit in coded.units]
    assert not any(unit.detail for unit in base.units)
    still = read_file(coded.data)
    preview = decode_still(still, lambda _: model, preview=True).picture.pixels
    assert np.array_equal(preview, decode_still(read_file(base.data), lambda _: model).picture.pixels)
    assert check_units(still, lambda _: model) == check_units(read_file(base.data), lambda _: model)


def test_levels_without_detail_change_nothing(model: LoadedModel) -> None:
    level = int(TINY_LEVELS[0, 0]) - 1
    made = encoded(model, level=level)
    assert made.data == encoded(model, level=level, detail=False).data
    assert len(made.layout.header.model_ids) == 1


def test_file_that_ends_before_its_detail_shows_the_preview(model: LoadedModel, coded: CodedPicture) -> None:
    still = read_file(coded.data)
    last = max(chunk.offset + chunk.length + 12 for chunk in still.chunks if chunk.type == UNIT)
    assert last < len(coded.data) / 2
    early = read_file(coded.data[:last], preview=True)
    shown = decode_still(early, lambda _: model).picture.pixels
    assert np.array_equal(shown, decode_still(still, lambda _: model, preview=True).picture.pixels)
    for cut in (last, last + 20, len(coded.data) - 1):
        with pytest.raises(TruncatedError):
            read_file(coded.data[:cut])
    with pytest.raises(TruncatedError):
        read_file(coded.data[: last - 1], preview=True)


@pytest.mark.parametrize("box", [(0, 0, 130, 70), (63, 5, 2, 60), (70, 66, 40, 4), (17, 33, 1, 1)])
def test_crop_is_that_of_the_whole(box: tuple[int, int, int, int], model: LoadedModel, coded: CodedPicture) -> None:
    still = read_file(coded.data)
    whole = decode_still(still, lambda _: model).picture.pixels
    part = decode_still(still, lambda _: model, crop=Box(*box)).picture.pixels
    assert np.array_equal(part, whole[Box(*box).index])


def test_regions_choose_which_tiles_have_detail(model: LoadedModel) -> None:
    """Below the first level a tile has none; above it a finer step."""
    made = encoded(model, level=41 * 256, regions=(Region((0, 0, 64, 64), 5), Region((66, 0, 64, 70), -10)))
    details = [unit.detail for unit in made.units]
    steps = [step_of(detail.step_code) if detail else None for detail in details]
    assert steps[2] is None and steps[0] is not None and steps[0] < step_of(model.point_at(41 * 256).step_code or 0)
    assert try_out(made, lambda _: model).psnr > 5


def test_tile_that_is_smaller_without_loss_than_with_detail(
    model: LoadedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It becomes lossless, and its neighbours' detail is that of what their bases then leave."""

    def chosen(pixels: Pixels, learned: Unit, size: int, effort: int) -> Unit | None:
        with_detail = size > learned.packed_size
        return code_lossless(0, pixels, effort) if with_detail and learned.tile_index == 0 else None

    monkeypatch.setattr(encoder, "smaller_lossless", chosen)
    made = encode_still(model, Picture(picture()), FINE, EncodeSettings(tile=64), keep_latents=True)
    assert [unit.learned for unit in made.units[:2]] == [False, True] and made.units[0].detail is None
    shown = try_out(made, lambda _: model).decoded.pixels
    assert np.array_equal(shown[:64, :64], picture()[:64, :64]) and psnr(shown, picture()) > 40


@pytest.mark.parametrize("setting", each_setting)
def test_detail_is_exact_in_any_setting(setting: str, folder: Path, coded: CodedPicture) -> None:
    """Encoder and decoder, in every memory layout, number of threads and precision of the host's choosing."""
    with SETTINGS[setting]():
        model = loaded(folder)
        assert [unit.detail for unit in encoded(model).units] == [unit.detail for unit in coded.units]
        decode_still(read_file(coded.data), lambda _: model)  # which checks every symbol


def test_batch_changes_nothing(model: LoadedModel, coded: CodedPicture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.still.layout.BATCH_LATENTS", 0)
    whole = decode_still(read_file(coded.data), lambda _: model).picture.pixels
    assert np.array_equal(whole, decoded(coded, lambda _: model).pixels)


@pytest.mark.parametrize("mode", ["RGB", "LA"])
def test_integer_decoder_reads_it(mode: str, model: LoadedModel, folder: Path) -> None:
    """Symbols bit for bit, and pixels within a level, from the format's page alone."""
    made = encoded(model, mode)
    file = reference_file.read_file(made.data)
    reference = reference_decoder.read_model(folder / "tiny.safetensors")
    layer = reference_detail.read_layer(folder / "tiny-detail.safetensors")
    shown = try_out(made, lambda _: model).decoded.pixels
    base = decode_still(read_file(made.data), lambda _: model, preview=True).picture.pixels
    sizes, boxes = reference_file.tile_sizes(file.header), reference_file.tile_boxes(file.header)
    assert file.details
    for i, detail in file.details.items():
        assert file.header.models[detail.slot] == layer.id
        tile = reference_decoder.decode_learned(file.units[i], reference, file.header, sizes[i])
        row = (file.units[i].quality + 128) // 256
        symbols = reference_detail.decode_symbols(layer, reference, detail, tile, row)
        assert np.array_equal(symbols, made.details[i]) and np.abs(symbols).max() > 1
        colours = file.header.colours
        part = base[boxes[i]][:, :, :colours].astype(np.float64)
        left = reference_detail.left_of(symbols, detail.step_code)[: part.shape[0], : part.shape[1]]
        left = left if colours == 3 else left.mean(2, keepdims=True)
        wanted = np.rint(part + left).clip(0, 255)
        assert np.abs(shown[boxes[i]][:, :, :colours] - wanted).max() <= 1
    assert reference_detail.known_answer(layer) == layer.prior.tensors["known_answer"].tobytes()


def forged(coded: CodedPicture, i: int, **changes: object) -> bytes:
    """The file with another detail of tile `i`."""
    units = list(coded.units)
    detail = units[i].detail
    assert detail is not None
    units[i] = replace(units[i], detail=replace(detail, **changes))  # type: ignore[arg-type]
    return build_still(coded.header, units)


def test_damaged_detail_costs_the_detail_alone(model: LoadedModel, coded: CodedPicture) -> None:
    detail = coded.units[1].detail
    assert detail is not None
    broken = forged(coded, 1, stream=detail.stream[:-8] + bytes(8))
    with pytest.raises(CorruptError, match="detail of tile 1"):
        decode_still(read_file(broken), lambda _: model)
    still = read_file(coded.data)
    whole, base = (decode_still(still, lambda _: model, preview=p).picture.pixels for p in (False, True))
    flipped = bytearray(coded.data)
    flipped[next(chunk.offset for chunk in still.chunks if chunk.name == "DTAL") + 40] ^= 1
    for data, lost in ((broken, 1), (bytes(flipped), 0)):
        shown, report = salvage_still(data, lambda _: model)
        assert report.without_detail == (lost,) and not report.damaged and not report.whole
        box = coded.layout.box(lost).index
        wanted = whole.copy()
        wanted[box] = base[box]
        assert np.array_equal(shown.pixels, wanted)


def test_what_details_may_not_be(model: LoadedModel, coded: CodedPicture) -> None:
    with pytest.raises(CorruptError, match="model slot 2 of 2"):
        read_file(forged(coded, 1, model_slot=2))
    with pytest.raises(UnsupportedError, match="different models"):
        decode_still(read_file(forged(coded, 1, model_slot=0)), lambda _: model)
    units = list(coded.units)
    assert len([unit for unit in units if unit.detail]) == len(units) > 2
    lossless = replace(units[0], kind=1)
    with pytest.raises(CorruptError, match="tile 0, which is lossless"):
        read_file(build_still(coded.header, [lossless, *units[1:]]))
    data, still = coded.data, read_file(coded.data)
    details = [chunk for chunk in still.chunks if chunk.name == "DTAL"]
    pieces = [data[chunk.offset : chunk.offset + chunk.length + 12] for chunk in details]
    start, end = details[0].offset, details[-1].offset + details[-1].length + 12
    for order in ([1, 0], [0, 0]):
        with pytest.raises(CorruptError, match="ascending order"):
            read_file(data[:start] + b"".join(pieces[i] for i in order) + data[end:])


def test_layer_that_is_not_here_is_named(folder: Path, coded: CodedPicture) -> None:
    bare = LoadedModel(read_model_file(folder / "tiny.safetensors"), Runtime.resolve("cpu", "fp32", "auto"))
    with pytest.raises(ModelNotFoundError, match="needs detail layer"):
        decode_still(read_file(coded.data), lambda _: bare)
    assert decode_still(read_file(coded.data), lambda _: bare, preview=True).tiles_decoded > 0


def test_coder_finds_the_layer_beside_its_model(
    folder: Path, coded: CodedPicture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoder, "smaller_lossless", lambda *_: None)
    coder = Coder(folder / "tiny.safetensors", device="cpu")
    made = coder.encode_picture(coded.picture, EncodeSettings(quality=95, tile=64))
    assert made.units[0].detail and coder.quality_of(made) == pytest.approx(95, abs=0.02)
    assert coder.steps_of(EncodeSettings(quality=95)) == made.level


def test_points_and_levels() -> None:
    for level in (0, 9000, 10239, 10240, 11000, 16128):
        point = point_at(TINY_LEVELS, level)
        assert abs(level_of(TINY_LEVELS, point) - level) <= 2
    assert point_at(TINY_LEVELS, 10239) == Point(10239) and point_at(TINY_LEVELS, 10240) == Point(30 * 256, -240)
    assert point_at(np.empty((0, 3), np.int32), 16000) == Point(16000)


def test_damaged_layers_are_refused(folder: Path, tmp_path: Path) -> None:
    data = bytearray((folder / "tiny-detail.safetensors").read_bytes())
    data[-1] ^= 1
    (tmp_path / "broken.safetensors").write_bytes(data)
    with pytest.raises(ModelFileError, match="it is damaged"):
        read_detail_file(tmp_path / "broken.safetensors")
    file = read_detail_file(folder / "tiny-detail.safetensors")
    wrong = {**file.tensors, "known_answer": np.zeros(32, np.uint8)}
    with pytest.raises(ExactnessError, match="known answer"):
        _ = LoadedDetail(replace(file, tensors=wrong), Runtime.resolve("cpu", "fp32", "auto")).prior
