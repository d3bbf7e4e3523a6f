"""Sequences, files and Pillow's images decoded with the fast synthesis."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import codec.pillow  # noqa: F401 - registers the format
from bitstream.errors import ModelNotFoundError
from codec.api import Codec
from codec.jobs.decode import decode_file
from codec.sequence.video import open_video
from tests.support.clips import Pixels, moving, written
from tests.support.tiny import write_tiny_model, write_tiny_synthesis

FRAMES = moving(3, (64, 48))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Codec:
    """Its model has a fast synthesis."""
    folder = tmp_path_factory.mktemp("models")
    model = write_tiny_model(folder)
    write_tiny_synthesis(folder / "tiny-fast.safetensors", model)
    return Codec(model.path, device="cpu", precision="fp32")


@pytest.fixture(autouse=True)
def all_learned(learned_only: None) -> None:
    """Every tile, though the weights are random."""


def same_but(full: list[Pixels], fast: list[Pixels], pictures: list[Pixels]) -> bool:
    """Whether the fast ones are those of the pictures, and not the full ones."""
    near = [np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(fast, pictures, strict=True)]
    return all(near) and not any(np.abs(a.astype(int) - b).max() <= 1 for a, b in zip(full, fast, strict=True))


@pytest.mark.parametrize("workers", [1, 2])
def test_frames_are_decoded_as_pictures_are(tiny: Codec, tmp_path: Path, workers: int) -> None:
    path = tmp_path / "clip.wisp"
    path.write_bytes(written(tiny, FRAMES, tile=64))
    pictures = [tiny.decode_array(tiny.encode(frame, tile=64), fast=True) for frame in FRAMES]
    with open_video(path, codec=tiny) as plain, open_video(path, codec=tiny, workers=workers, fast=True) as video:
        full, fast = ([frame.pixels for frame in each] for each in (plain, video))
        assert same_but(full, fast, pictures)
        with pickle.loads(pickle.dumps(video)) as again:
            assert np.array_equal(again[1].pixels, fast[1])


def test_files_are_decoded_so(tiny: Codec, tmp_path: Path) -> None:
    data = tiny.encode(FRAMES[0])
    decode_file(data, tmp_path / "fast.png", codec=tiny, fast=True)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "fast.png")), tiny.decode_array(data, fast=True))
    decode_file(written(tiny, FRAMES), tmp_path / "%d.png", codec=tiny, fast=True)
    frames = [np.asarray(Image.open(tmp_path / f"{i}.png")) for i in range(3)]
    pictures = [tiny.decode_array(tiny.encode(frame), fast=True) for frame in FRAMES]
    assert same_but([tiny.decode_array(tiny.encode(frame)) for frame in FRAMES], frames, pictures)


def test_without_one_nothing_is_written(tmp_path: Path) -> None:
    tiny = Codec(write_tiny_model(tmp_path).path, device="cpu")
    for name, data in (("a.png", tiny.encode(FRAMES[0])), ("a.mkv", written(tiny, FRAMES))):
        with pytest.raises(ModelNotFoundError, match="has no fast synthesis here"):
            decode_file(data, tmp_path / name, codec=tiny, fast=True)
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.safetensors"]


def test_pillow_takes_it_when_asked(tiny: Codec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("codec.api.default_codec", lambda: tiny)
    monkeypatch.setattr("codec.sequence.video.default_codec", lambda: tiny)
    picture, clip = tiny.encode(FRAMES[0]), written(tiny, FRAMES[:2])
    wanted = tiny.decode_array(picture, fast=True)
    for data in (picture, clip):
        with Image.open(io.BytesIO(data)) as plain, Image.open(io.BytesIO(data)) as image:
            image.fast = True  # type: ignore[attr-defined]
            assert np.abs(np.asarray(image).astype(int) - wanted).max() <= 1
            assert np.array_equal(np.asarray(plain), tiny.decode_array(picture))
