"""Files of CIFAR, MNIST and .npz as their sets have them, crops of pictures, and what is refused."""

from __future__ import annotations

import gzip
import pickle
import struct
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bitstream.errors import FileAccessError, RequestError
from codec.notes import WispNote
from codec.training.data.picture_set import Wanted, open_set
from codec.training.data.small_sets import read_set
from tests.support.training import write_pictures


def pictures(count: int = 6, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 32, 32, 3), np.uint8)


def planes(values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.ascontiguousarray(values.transpose(0, 3, 1, 2)).reshape(len(values), -1)


def wanted(**changes: object) -> Wanted:
    return Wanted(**{"size": 16, "whole": False, "most": 0, "held_out": 100, "seed": 1, **changes})  # type: ignore[arg-type]


@pytest.mark.parametrize("labels", [1, 2])
@pytest.mark.parametrize("protocol", [2, 4])
def test_cifar_in_python_and_in_binary(tmp_path: Path, labels: int, protocol: int) -> None:
    """Pickles as Python 2 wrote them (protocol 2) and as later ones do; binary with one or two labels a picture."""
    batch = {b"data": planes(pictures()), b"labels": [1, 2, 3, 4, 5, 6], b"batch_label": b"a batch"}
    (tmp_path / "data_batch_1").write_bytes(pickle.dumps(batch, protocol))
    binary = np.concatenate([np.full((6, labels), 7, np.uint8), planes(pictures(seed=1))], 1)
    (tmp_path / "test_batch.bin").write_bytes(binary.tobytes())
    (tmp_path / "batches.meta").write_bytes(b"names")
    training, tests = read_set(tmp_path)
    assert np.array_equal(training[0], pictures()) and np.array_equal(tests[0], pictures(seed=1))


def test_cifar_as_it_is_downloaded(tmp_path: Path) -> None:
    (tmp_path / "train").write_bytes(pickle.dumps({b"data": planes(pictures())}, 2))
    with tarfile.open(tmp_path / "cifar-100-python.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "train", "cifar-100-python/train")
    training, tests = read_set(tmp_path / "cifar-100-python.tar.gz")
    assert np.array_equal(training[0], pictures()) and not tests


def test_a_pickle_runs_nothing(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    (tmp_path / "data_batch_1").write_bytes(pickle.dumps({b"data": Evil()}))
    with pytest.raises(FileAccessError, match="which no CIFAR batch does"):
        read_set(tmp_path / "data_batch_1")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("zipped", [False, True])
def test_mnist_passes_over_labels(tmp_path: Path, zipped: bool) -> None:
    digits = pictures()[:, :28, :28, 0]
    for name, data in (
        ("train-images-idx3-ubyte", struct.pack(">4I", 0x803, *digits.shape) + digits.tobytes()),
        ("train-labels-idx1-ubyte", struct.pack(">2I", 0x801, 6) + bytes(6)),
    ):
        (tmp_path / (f"{name}.gz" if zipped else name)).write_bytes(gzip.compress(data) if zipped else data)
    (found,), tests = read_set(tmp_path)
    assert np.array_equal(found[..., 0], digits) and found.shape == (6, 28, 28, 1) and not tests


def test_a_fifth_is_held_out_and_the_tests_of_a_set_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "one.npz", images=pictures(10), labels=np.arange(10))
    found = open_set([tmp_path / "one.npz"], wanted())
    assert (len(found.training), len(found.held_out)) == (8, 2)
    every = {one.tobytes() for one in (*found.training, *found.held_out)}
    assert every == {one.tobytes() for one in pictures(10)}
    np.savez(tmp_path / "two.npz", x_train=pictures(10)[..., 0], x_test=pictures(5, seed=1)[..., 0])
    found = open_set([tmp_path / "two.npz"], wanted())
    assert (len(found.training), len(found.held_out)) == (10, 2)
    assert {one.tobytes() for one in found.held_out} <= {one.tobytes() for one in pictures(5, seed=1)[..., :1]}


def test_crops_of_other_pictures_are_held_out(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "photos", 5)
    found = open_set([folder], wanted(most=20))
    assert found.training.shape == (16, 16, 16, 3) and found.held_out.shape == (4, 16, 16, 3)
    assert np.array_equal(open_set([folder], wanted(most=20)).training, found.training)
    assert not np.array_equal(open_set([folder], wanted(most=20, seed=2)).training, found.training)
    assert open_set([folder], wanted(whole=True)).training.shape == (4, 16, 16, 3)
    with pytest.warns(WispNote, match="one picture only"):
        alone = open_set([folder / "0.png"], wanted(size=24))
    assert alone.training is alone.held_out and alone.training.shape == (1, 24, 24, 3)


@pytest.mark.parametrize("name, data", [("a.npz", b"PK\x03\x04"), ("b.bin", b"x" * 100), ("test", b"\x80\x02.")])
def test_damaged_files_are_named(tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(FileAccessError, match=rf"{name} cannot be read"):
        open_set([tmp_path / name], wanted())


def test_what_cannot_be_mixed(tmp_path: Path) -> None:
    folder = write_pictures(tmp_path / "photos", 2)
    np.savez(tmp_path / "a.npz", images=pictures(3))
    np.savez(tmp_path / "b.npz", images=pictures(3)[:, :20])
    with pytest.raises(RequestError, match="cannot be mixed"):
        open_set([folder, tmp_path / "a.npz"], wanted())
    with pytest.raises(RequestError, match="not of one size"):
        open_set([tmp_path / "a.npz", tmp_path / "b.npz"], wanted())
    with pytest.raises(FileAccessError, match="no such file"):
        open_set([tmp_path / "none"], wanted())
