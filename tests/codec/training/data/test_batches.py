"""Batches of crops: the same from the pool and from the stream, in any order of steps, by any number of processes."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from bitstream.errors import FileAccessError, RequestError
from codec.notes import WispNote
from codec.training.data.batches import Batches, open_batches, split, validation_crops
from codec.training.data.draws import Augmentation, Sampler, fitted
from codec.training.data.pool import CropPool
from codec.training.data.sources import Entry, find_pictures
from codec.training.data.stream import CropStream
from tests.codec.training.data.pictures import DAMAGED, noise, png, write_folder

SIZE = 16
PLAIN = Augmentation(flip=False, transpose=False)


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """Seven pictures of several sizes, one of them narrower than a crop, two damaged, one too small."""
    files = {f"{i}.png": png(noise(i, 20 + i, 30 - i)) for i in range(6)}
    files |= {"2.png": DAMAGED, "3.png": DAMAGED, "6.png": png(noise(6, 40, 10)), "7.png": png(noise(7, 5, 40))}
    return find_pictures([write_folder(tmp_path_factory.mktemp("pictures"), files)])


def opened(entries: list[Entry], *, pool: bool, **settings: object) -> Batches:
    found: dict[str, object] = {"batch": 4, "size": SIZE, "workers": 0, "memory_limit": None if pool else 0, **settings}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WispNote)
        batches = open_batches(entries, **found)  # type: ignore[arg-type]
    assert isinstance(batches, CropPool if pool else CropStream)
    return batches


@pytest.mark.filterwarnings("ignore::codec.notes.WispNote")
def test_pool_and_stream_give_the_same_whatever_the_order_of_steps(entries: list[Entry]) -> None:
    pool, stream = opened(entries, pool=True), opened(entries, pool=False)
    assert len(pool) == len(stream) == 2
    steps = [0, 1, 2, 9, 4, 5]
    crops = {step: pool.batch(step) for step in reversed(steps)}
    for step in steps:
        assert torch.equal(stream.batch(step), crops[step])
    first = crops[0]
    assert first.shape == (4, 3, SIZE, SIZE) and first.dtype == torch.float32
    assert first.is_contiguous(memory_format=torch.channels_last)
    assert first.min() >= 0 and first.max() <= 1
    assert not torch.equal(crops[0], crops[2])
    assert not torch.equal(opened(entries, pool=True, seed=1).batch(0), first)


@pytest.mark.filterwarnings("ignore::codec.notes.WispNote")
def test_processes_that_read_ahead_change_nothing(entries: list[Entry]) -> None:
    pool, stream = opened(entries, pool=True), opened(entries, pool=False, workers=2)
    for step in (3, 4, 5):
        assert torch.equal(stream.batch(step), pool.batch(step))
    stream.close()


@pytest.mark.parametrize("pool", [True, False])
def test_what_cannot_be_used_is_named_once(entries: list[Entry], pool: bool) -> None:
    with pytest.warns(WispNote) as notes:
        batches = open_batches(entries, batch=8, size=SIZE, workers=0, memory_limit=None if pool else 0)
        for step in range(4):
            batches.batch(step)
    told = sorted(str(one.message) for one in notes)
    assert [line.split(" left out: ")[0] for line in told] == ["2.png", "3.png", "7.png"]
    assert told[-1].endswith("40x5 pixels are too few for crops of 16x16")


@pytest.mark.filterwarnings("ignore::codec.notes.WispNote")
@pytest.mark.parametrize("pool", [True, False])
def test_no_usable_picture_at_all_is_refused(tmp_path: Path, pool: bool) -> None:
    entries = find_pictures([write_folder(tmp_path, {"a.png": DAMAGED, "b.png": DAMAGED})])
    with pytest.raises(FileAccessError, match="none of 2 pictures can be used"):
        open_batches(entries, batch=1, size=8, workers=0, memory_limit=None if pool else -1).batch(0)


@pytest.mark.filterwarnings("ignore::codec.notes.WispNote")
def test_processes_share_the_batch_of_one(entries: list[Entry]) -> None:
    alone = opened(entries, pool=True).batch(3)
    shared = [opened(entries, pool=True, rank=rank, world=2).batch(3) for rank in (0, 1)]
    assert torch.equal(torch.cat(shared), alone)
    with pytest.raises(RequestError, match="cannot be shared by 3"):
        opened(entries, pool=True, rank=0, world=3)


def test_an_epoch_has_every_picture_once() -> None:
    sampler = Sampler(pictures=10, batch=5, seed=3)
    epochs = [[draw.picture for step in steps for draw in sampler.draws(step)] for steps in ((0, 1), (2, 3))]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(10))
    assert epochs[0] != epochs[1]
    assert len(sampler) == 2 and len(Sampler(pictures=11, batch=5, seed=3)) == 3


def test_crops_reach_every_place_and_are_turned(tmp_path: Path) -> None:
    whole = noise(0, 3, 3)
    entries = find_pictures([write_folder(tmp_path, {"a.png": png(whole)})])
    images = torch.from_numpy(whole).permute(2, 0, 1) / 255

    def seen(augmentation: Augmentation) -> set[bytes]:
        crops = opened(entries, pool=True, batch=200, size=2, augment=augmentation).batch(0)
        return {crop.contiguous().numpy().tobytes() for crop in crops}

    plain = [images[:, y : y + 2, x : x + 2] for y in (0, 1) for x in (0, 1)]
    assert seen(PLAIN) == {crop.contiguous().numpy().tobytes() for crop in plain}
    flipped = plain + [crop.flip(2) for crop in plain]
    assert seen(Augmentation(transpose=False)) == {crop.contiguous().numpy().tobytes() for crop in flipped}
    turned = flipped + [crop.mT for crop in flipped]
    assert seen(Augmentation()) == {crop.contiguous().numpy().tobytes() for crop in turned}


def test_small_pictures_go_on_by_reflection() -> None:
    pixels = noise(0, 10, 20)
    found = fitted(pixels, 16)
    assert found.shape == (16, 20, 3)
    assert (found[3:13] == pixels).all() and (found[2] == pixels[1]).all()
    assert fitted(pixels, 8) is pixels
    with pytest.raises(FileAccessError, match="20x10 pixels are too few"):
        fitted(pixels, 21)


def test_the_split_is_stable_and_keeps_pictures_together() -> None:
    entries = [Entry(f"x.tar/p_{i:012x}_{j}.webp", Path()) for i in range(40) for j in range(3)]
    training, held_out = split(entries, 10)
    assert len(held_out) == 10
    assert not {entry.group for entry in training} & {entry.group for entry in held_out}
    assert len(training) >= len(entries) - 12
    more = [Entry(f"y.tar/p_{i:012x}_0.webp", Path()) for i in range(40, 44)]
    assert len(set(split(entries + more, 10)[1]) & set(held_out)) >= 6
    assert split(list(reversed(entries)), 10)[1] == held_out


def test_little_is_held_out_of_few() -> None:
    entries = [Entry(f"{i}.png", Path()) for i in range(8)]
    assert [len(part) for part in split(entries, 64)] == [6, 2]
    assert [len(part) for part in split(entries, 0)] == [8, 0]
    assert [len(part) for part in split(entries[:2], 64)] == [1, 1]
    with pytest.warns(WispNote, match="one picture only"):
        assert split(entries[:1], 64) == (entries[:1], entries[:1])
    with pytest.raises(FileAccessError, match="all crops are of one picture"):
        split([Entry(f"p_0123456789ab_{i}.webp", Path()) for i in range(9)], 2)


def test_validation_crops_are_the_middles(tmp_path: Path) -> None:
    files = {"a.png": png(noise(0, 20, 24)), "b.png": DAMAGED, "c.png": png(noise(1, 12, 16))}
    entries = find_pictures([write_folder(tmp_path, files)])
    with pytest.warns(WispNote, match=r"b\.png left out"):
        crops = validation_crops(entries, 16)
    assert crops.shape == (2, 16, 16, 3) and crops.dtype == np.uint8
    assert (crops[0] == noise(0, 20, 24)[2:18, 4:20]).all()
    assert (crops[1][2:14] == noise(1, 12, 16)).all()
    assert validation_crops([], 16).shape == (0, 16, 16, 3)
    with (
        pytest.warns(WispNote),
        pytest.raises(FileAccessError, match="none of the pictures held out"),
    ):
        validation_crops(entries[1:2], 16)
