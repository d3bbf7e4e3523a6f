"""Decoding with the fast synthesis of a model: its pixels, and nothing else, are others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn.functional import pixel_shuffle

import codec.pixels.geometry
from bitstream.errors import CorruptError, ModelNotFoundError
from codec.api import Codec
from codec.model.loaded import LoadedModel
from codec.model.synthesis import SynthesisInfo, read_synthesis_file
from codec.network.transforms import Synthesis
from codec.pixels.geometry import Area, windows
from codec.pixels.picture import Picture
from codec.rate.target import Target
from codec.settings import EncodeSettings
from codec.still.decode import decode_still
from codec.still.pixel_path import LatentField, synthesise, synthesise_area
from tests.support import damage
from tests.support.goldens import parrots
from tests.support.refining import steps_of_effort_5
from tests.support.tiny import write_tiny_model, write_tiny_synthesis

Pixels = NDArray[np.uint8]
PICTURE = parrots()[:150, :200]
HALO, FAST_HALO = 2, 3  # latents: one block at 1/16, and one or three at 1/8


@dataclass(frozen=True)
class Pair:
    """A codec whose model has a fast synthesis, and a file of it."""

    codec: Codec
    fast: SynthesisInfo
    data: bytes


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    """Four tiles, all learned."""
    folder = tmp_path_factory.mktemp("models")
    model = write_tiny_model(folder)
    fast = write_tiny_synthesis(folder / "tiny-fast.safetensors", model)
    codec = Codec(model.path, device="cpu", precision="fp32")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("codec.still.lossless.may_be_smaller", lambda *_: False)
        return Pair(codec, fast, codec.encode(PICTURE, 60, tile=128))


def by_the_network(pair: Pair) -> NDArray[np.float64]:
    """What the fast synthesis makes of the whole latent field, computed apart."""
    file, field = read_synthesis_file(pair.fast.path), pair.codec.decode_latents(pair.data).field
    network = Synthesis(pair.fast.config, pair.fast.before)
    network.load_state_dict(
        {n.removeprefix("synthesis."): torch.from_numpy(t.astype(np.float32)) for n, t in file.tensors.items()}
    )
    with torch.no_grad():
        pixels = pixel_shuffle(network(field.y16 / 16, field.quality), 8)[0] + 0.5
    height, width, _ = PICTURE.shape
    shown = (pixels.permute(1, 2, 0) * 255).round().clamp(0, 255)[:height, :width]
    return shown.double().numpy()


def test_the_pixels_are_those_of_the_fast_synthesis(pair: Pair) -> None:
    full, fast = pair.codec.decode_array(pair.data), pair.codec.decode_array(pair.data, fast=True)
    assert np.abs(fast - by_the_network(pair)).max() <= 1
    assert np.abs(fast.astype(int) - full).max() > 10
    assert np.array_equal(pair.codec.decode_array(pair.data), full)  # not by default, nor after
    assert np.array_equal(np.asarray(pair.codec.decode(pair.data, fast=True)), fast)
    assert np.array_equal(pair.codec.decode_tensor(pair.data, fast=True).permute(1, 2, 0).numpy(), fast)


def test_latents_and_their_hash_are_the_same(pair: Pair) -> None:
    still, digests = pair.codec.parsed(pair.data), []
    for fast in (False, True):
        digest = hashlib.sha256()
        decode_still(still, pair.codec.loader(fast=fast), digest=digest)
        digests.append(digest.hexdigest())
    assert digests[0] == digests[1] == pair.codec.check(pair.data)


def test_a_damaged_unit_is_refused_as_ever(pair: Pair) -> None:
    stream = damage.split(pair.data)[1].payload[damage.STREAM : -2]
    broken = damage.with_stream(pair.data, stream, check=pair.codec.parsed(pair.data).units[0].check ^ 1)
    faults = []
    for fast in (False, True):
        with pytest.raises(CorruptError) as caught:
            pair.codec.decode(broken, fast=fast)
        faults.append(str(caught.value))
    assert faults[0] == faults[1]


def test_a_crop_is_a_part_of_the_whole(pair: Pair) -> None:
    whole = pair.codec.decode_array(pair.data, fast=True).astype(int)
    for x, y, width, height in ((0, 0, 20, 20), (100, 90, 60, 40), (199, 0, 1, 150)):
        part = pair.codec.decode_array(pair.data, crop=(x, y, width, height), fast=True)
        assert np.abs(whole[y : y + height, x : x + width] - part).max() <= 1


def test_windows_and_their_own_halo_leave_no_trace(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast synthesis of this test is the deeper one: the halo of the model would be too small."""
    model = pair.codec.load(pair.fast.model, fast=True)
    full = pair.codec.load(pair.fast.model)
    assert (full.synthesis_halo, model.synthesis_halo) == (HALO, FAST_HALO)
    field = pair.codec.decode_latents(pair.data).field
    whole = synthesise(model, field.y16, field.quality, 200, 150).astype(int)
    monkeypatch.setattr(codec.pixels.geometry, "WINDOW", 6)
    assert len(list(windows(field.size))) > 3
    assert np.abs(synthesise(model, field.y16, field.quality, 200, 150) - whole).max() <= 1
    monkeypatch.setattr(LoadedModel, "synthesis_halo", 0)
    assert np.abs(synthesise(model, field.y16, field.quality, 200, 150) - whole).max() > 1


def test_the_halo_is_that_of_its_depth(pair: Pair) -> None:
    """A latent reaches as far as the halo says, and no further."""
    model = pair.codec.load(pair.fast.model, fast=True)
    field = pair.codec.decode_latents(pair.data).field
    side = 2 * FAST_HALO + 5
    y16 = field.y16[:, :, :side, :side] * 1
    changed = y16.clone()
    changed[:, :, :, 0] += 400
    area = Area(0, side, 0, side)
    shown = [synthesise_area(model, LatentField.whole(y, torch.tensor(4000)), area).astype(int) for y in (y16, changed)]
    columns = np.flatnonzero(np.abs(shown[0] - shown[1]).max((0, 2)) > 0)
    assert HALO * 16 < columns.max() < (1 + FAST_HALO) * 16


def test_what_a_lost_tile_makes_grey_is_by_its_depth(pair: Pair) -> None:
    parts = [part for i, part in enumerate(damage.split(pair.data)) if i != 1]
    broken = damage.join(parts)
    for fast, halo in ((False, HALO), (True, FAST_HALO)):
        image, report = pair.codec.salvage(broken, fast=fast)
        assert report.damaged[0].shown_grey.width == report.damaged[0].box.width + 16 * halo
        assert (np.asarray(image)[:150, : 128 + 16 * halo] == 128).all()


def test_where_none_is_installed_nothing_else_is_taken(pair: Pair, tmp_path: Path) -> None:
    codec = Codec(write_tiny_model(tmp_path).path, device="cpu")
    with pytest.raises(ModelNotFoundError, match=f"^model {pair.fast.model} has no fast synthesis here.*") as caught:
        codec.decode(pair.data, fast=True)
    assert "\n" not in str(caught.value)
    codec.decode(pair.data)


def test_lossless_pictures_need_none(wisp: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.coder.load_synthesis", lambda *_: pytest.fail("needless"))
    data = wisp.encode(PICTURE, lossless=True)
    assert np.array_equal(wisp.decode_array(data, fast=True), PICTURE)


def encoded_to_a_target(codec: Codec) -> object:
    return codec.encode(PICTURE[:64, :64], target=Target("psnr", 5))


def encoded_and_tried_out(codec: Codec) -> object:
    coded = codec.encode_picture(Picture(PICTURE[:64, :64]), EncodeSettings(), keep_latents=True)
    return codec.try_out(coded).decoded.pixels.tolist()


def encoded_with_effort(codec: Codec) -> object:
    with steps_of_effort_5(2):
        return codec.encode(PICTURE[:64, :64], 50, effort=5)


WORK: list[Callable[[Codec], Any]] = [
    lambda codec: codec.encode(PICTURE, 50),
    encoded_with_effort,
    encoded_to_a_target,
    encoded_and_tried_out,
]


@pytest.mark.filterwarnings("ignore:quality .* reaches only")  # random weights reach nothing
@pytest.mark.usefixtures("learned_only")
@pytest.mark.parametrize("work", WORK, ids=["encode", "refine", "target", "try out"])
def test_encoding_never_uses_it(pair: Pair, tmp_path: Path, work: Callable[[Codec], Any]) -> None:
    """It is installed and loaded, and everything is as where it is not."""
    pair.codec.decode(pair.data, fast=True)
    without = Codec(write_tiny_model(tmp_path).path, device="cpu", precision="fp32")
    assert work(pair.codec) == work(without)
