"""Efforts without refinement: what is refused, lossless coding, where the time goes, features that are kept."""

from __future__ import annotations

import threading
from io import BytesIO
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from bitstream.limits import MAX_QUALITY
from codec.api import Codec
from codec.files.source import read_file
from codec.model.loaded import LoadedModel, Runtime
from codec.pixels.geometry import Area, entropy_tiles, windows
from codec.settings import EncodeSettings
from codec.still import vp8l
from codec.still.effort import FIRST_REFINED, HIGHEST, LOWEST, check_effort, refinement_steps
from codec.still.pixel_path import analyse, quality_field
from codec.still.regions import Region
from codec.work.stages import collecting, stage
from tests.support.refining import cut
from tests.support.scenes import each_mode, in_mode, logo, noise, photo, ramp
from tests.support.tiny import in_memory, tiny_config, tiny_tensors

EFFORTS = range(LOWEST, HIGHEST + 1)
SCENES = {"logo": logo, "photo": photo, "noise": noise}
each_scene = pytest.mark.parametrize("scene", SCENES)


def test_efforts_are_whole_numbers_from_1_to_9() -> None:
    for effort in EFFORTS:
        check_effort(effort)


@pytest.mark.parametrize("effort", [0, 10, -1, "7", 4.5, 4.0, None])
def test_other_efforts_are_refused(effort: Any) -> None:
    message = f"effort {effort!r} is not a whole number within 1..9"
    for refused in (lambda: check_effort(effort), lambda: EncodeSettings(effort=effort)):
        with pytest.raises(ValueError) as caught:
            refused()
        assert str(caught.value) == message


def test_the_encoder_refuses_before_it_works(wisp: Codec) -> None:
    for options in ({"effort": 0}, {"effort": 12, "lossless": True}, {"tune": "ms-ssim"}, {"tile": 100}):
        with pytest.raises(ValueError, match=r"effort|tile"):
            wisp.encode(photo(8, 8), 50, **options)


@pytest.mark.parametrize("tile", [0, 63, 65, 100, 4160, -64])
def test_tiles_are_multiples_of_64(tile: int) -> None:
    with pytest.raises(ValueError, match=rf"^tile {tile} is not a multiple of 64 within 64\.\.4096$"):
        EncodeSettings(tile=tile)


def test_tuning_needs_refinement() -> None:
    for effort in EFFORTS:
        if effort < FIRST_REFINED:
            with pytest.raises(ValueError, match=r"^tune ms-ssim needs an effort of 5 or more$"):
                EncodeSettings(effort=effort, tune="ms-ssim")
        else:
            assert EncodeSettings(effort=effort, tune="ms-ssim").tune == "ms-ssim"
    with pytest.raises(ValueError, match=r"^'vmaf' is not one of psnr, ms-ssim$"):
        EncodeSettings(effort=9, tune="vmaf")  # type: ignore[arg-type]


def test_tiles_by_default() -> None:
    assert EncodeSettings().tile_size == 1024
    assert EncodeSettings(regions=(Region((0, 0, 9, 9)),)).tile_size == 128
    assert EncodeSettings(tile=256, regions=(Region((0, 0, 9, 9)),)).tile_size == 256


def test_steps_rise_with_the_effort_from_5_on() -> None:
    steps = [refinement_steps(effort) for effort in EFFORTS]
    assert steps[: FIRST_REFINED - 1] == [0] * (FIRST_REFINED - 1)
    assert steps[FIRST_REFINED - 1 :] == sorted(set(steps) - {0})


@each_mode
@each_scene
def test_each_effort_keeps_every_pixel(scene: str, mode: str) -> None:
    pixels = SCENES[scene](24, 33, mode)
    for effort in EFFORTS:
        assert np.array_equal(vp8l.decode(vp8l.encode(pixels, effort), *pixels.shape), pixels), effort


@each_mode
@each_scene
def test_little_effort_makes_lossless_pictures_larger(scene: str, mode: str) -> None:
    pixels = SCENES[scene](64, 64, mode)
    little, usual = (len(vp8l.encode(pixels, effort)) for effort in (1, 4))
    assert little >= 0.999 * usual  # noise is as large in any way
    assert scene == "noise" or little > usual


SMALL = {"logo": logo(64, 64), "photo": photo(64, 64), "grey": photo(64, 64, "L"), "alpha": ramp(64, 64)[:, :, None]}


@pytest.mark.parametrize("name", SMALL)
def test_much_effort_makes_no_lossless_picture_larger(name: str) -> None:
    usual, much = (len(vp8l.encode(SMALL[name], effort)) for effort in (4, 6))
    assert much <= usual


@each_mode
def test_the_default_is_method_4_at_quality_100(mode: str) -> None:
    pixels = logo(60, 80, mode)
    shown = np.repeat(pixels[:, :, :1], 3, axis=2) if mode in ("L", "LA") else pixels
    if mode == "LA":
        shown = np.dstack([shown, pixels[:, :, 1]])
    file = BytesIO()
    Image.fromarray(shown).save(file, "WEBP", lossless=True, exact=True, method=4, quality=100)
    stream = vp8l.encode(pixels)
    assert stream == vp8l.encode(pixels, 4)
    assert file.getvalue()[20 : 20 + len(stream)] == stream
    assert len(file.getvalue()) == 20 + len(stream) + len(stream) % 2


@pytest.mark.parametrize("effort", [1, 4, 9])
def test_lossless_files(wisp: Codec, effort: int) -> None:
    pixels = in_mode(photo(70, 100), "RGBA", 255)
    data = wisp.encode(pixels, lossless=True, exact=True, tile=64, effort=effort)
    assert np.array_equal(wisp.decode_array(data), pixels)
    streams = [unit.stream for unit in read_file(data).units]
    assert streams[0] == vp8l.encode(np.ascontiguousarray(pixels[:64, :64, :3]), effort)


def test_lossless_files_are_smaller_with_effort(wisp: Codec) -> None:
    quick, usual = (len(wisp.encode(logo(64, 100), lossless=True, effort=effort)) for effort in (1, 4))
    assert quick > usual


def test_efforts_below_5_make_the_same_learned_tiles(wisp: Codec) -> None:
    files = {wisp.encode(photo(64, 64), 60, effort=effort) for effort in range(1, 5)}
    assert len(files) == 1
    alpha = [read_file(wisp.encode(photo(64, 128, "RGBA"), 60, effort=effort)).units[0] for effort in (1, 4)]
    assert alpha[0].stream == alpha[1].stream
    assert isinstance(alpha[0].alpha, bytes) and isinstance(alpha[1].alpha, bytes)
    assert len(alpha[0].alpha) > len(alpha[1].alpha)


def test_seconds_go_to_their_stages() -> None:
    with collecting() as seconds:
        assert seconds == {}
        with stage("first"):
            pass
        first = seconds["first"]
        with stage("second"), stage("within"):
            pass
        with stage("first"):
            pass
    assert list(seconds) == ["first", "within", "second"]
    assert seconds["first"] >= first >= 0
    assert seconds["second"] >= seconds["within"]


def test_nothing_is_collected_outside() -> None:
    with collecting() as seconds:
        pass
    with stage("after"):
        pass
    assert seconds == {}


def test_the_innermost_collects() -> None:
    with collecting() as outer:
        with stage("before"):
            pass
        with collecting() as inner, stage("inside"):
            pass
        with stage("after"):
            pass
    assert (set(outer), set(inner)) == ({"before", "after"}, {"inside"})


def test_a_stage_that_fails_counts_and_ends_the_collecting() -> None:
    found = []
    with pytest.raises(KeyError), collecting() as seconds:
        found.append(seconds)
        with stage("failing"):
            raise KeyError
    with stage("after"):
        pass
    assert [set(seconds) for seconds in found] == [{"failing"}]


def test_another_thread_collects_for_itself() -> None:
    def work() -> None:
        with stage("elsewhere"):
            pass

    with collecting() as seconds:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seconds == {}


def test_an_encoder_names_its_stages(wisp: Codec) -> None:
    with collecting() as learned:
        wisp.encode(photo(64, 64), 50)
    with collecting() as lossless:
        wisp.encode(photo(64, 64), lossless=True)
    assert set(learned) == {"analysis", "entropy coding", "lossless coding"}
    assert set(lossless) == {"lossless coding"}


def qualities(kind: str, field: tuple[int, int]) -> Tensor:
    if kind != "map":
        return torch.tensor(int(kind))
    tiles = entropy_tiles(field, 64)
    return quality_field(tiles, [(i * 5000) % MAX_QUALITY for i in range(len(tiles))], field)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_kept_features_change_no_latent(precision: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.pixels.geometry.WINDOW", 4)
    config = tiny_config()
    model = LoadedModel(in_memory(config, tiny_tensors(config)), Runtime.resolve("cpu", precision, "auto"))
    pixels, field = cut(60, 100, 128, 192), (8, 12)
    features: dict[Area, Tensor] = {}
    heard: list[Area] = []
    analyse(model, pixels, torch.tensor(3000), heard.append, features)
    assert heard == list(features) == list(windows(field))
    assert len(features) == 6
    kept = {area: tensor.clone() for area, tensor in features.items()}
    for kind in ("0", "3000", "12345", str(MAX_QUALITY), "map", "3000"):
        heard.clear()
        found = analyse(model, pixels, qualities(kind, field), heard.append, features)
        assert torch.equal(found, analyse(model, pixels, qualities(kind, field))), kind
        assert len(heard) == 6
        assert list(features) == list(kept)
        assert all(torch.equal(tensor, kept[area]) for area, tensor in features.items())


def test_kept_features_spare_the_first_half(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    model, features = wisp.load(wisp.model_info.id), dict[Area, Tensor]()
    found = analyse(model, photo(64, 64), torch.tensor(9000), features=features)
    monkeypatch.setattr("codec.still.pixel_path.folded", lambda *_: pytest.fail("the picture is looked at again"))
    assert torch.equal(analyse(model, photo(64, 64), torch.tensor(9000), features=features), found)
