"""`encode_file` and `decode_file`: whatever the file holds, with progress, a report, and faults in Python's words."""

from __future__ import annotations

import io
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bitstream.errors import FileAccessError, OutputExistsError, RequestError
from codec.api import Codec
from codec.jobs.decode import decode_file
from codec.jobs.encode import encode_file
from codec.jobs.selection import Scale, Selection
from codec.rate.target import Target
from tests.support.clips import forward, moving
from tests.support.media_files import animation
from tests.support.scenes import logo, photo

COUNT = 4  # frames


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A picture and an animation."""
    Image.fromarray(logo(24, 32)).save(tmp_path / "a.png", icc_profile=b"profile")
    (tmp_path / "a.apng").write_bytes(animation(moving(COUNT, (32, 24)), "PNG", 40))
    return tmp_path


def test_a_picture_there_and_back(folder: Path, wisp: Codec) -> None:
    steps: list[tuple[int, int]] = []

    def heard(done: int, total: int) -> None:
        steps.append((done, total))

    made = encode_file(folder / "a.png", folder / "a.wisp", lossless=True, strip=["icc"], progress=heard, codec=wisp)
    assert made.bytes == (folder / "a.wisp").stat().st_size and made.size == (32, 24) and made.frames == 1
    assert steps[-1] == (100, 100)
    shown = decode_file(folder / "a.wisp", folder / "b.png", crop=(8, 4, 16, 8), progress=heard, codec=wisp)
    assert (shown.size, shown.mode, shown.whole, shown.tiles_decoded) == ((16, 8), "RGB", True, 1)
    with Image.open(folder / "b.png") as image:
        assert np.array_equal(np.asarray(image), logo(24, 32)[4:12, 8:24]) and "icc_profile" not in image.info


def test_a_sequence_there_and_back(folder: Path, wisp: Codec) -> None:
    steps: list[tuple[int, int]] = []

    def heard(done: int, total: int) -> None:
        steps.append((done, total))

    part = Selection(first=1, start=Fraction(0))
    made = encode_file(folder / "a.apng", folder / "a.wisp", lossless=True, selection=part, progress=heard, codec=wisp)
    assert (made.frames, made.size) == (COUNT - 1, (32, 24)) and made.duration == pytest.approx(0.12)
    assert [done for done, _ in steps] == [1, 2, 3] and steps[-1][1] == 3
    steps.clear()
    half = Selection(scale=Scale(factor=Fraction(1, 2)))
    shown = decode_file(folder / "a.wisp", folder / "b.gif", selection=half, progress=heard, codec=wisp)
    assert (shown.frames, shown.size, shown.lost) == (COUNT - 1, (16, 12), 0) and steps[-1] == (3, 3)
    decode_file(folder / "a.wisp", folder / "frames", format="png", codec=wisp)
    last = np.asarray(Image.open(folder / "frames" / "00002.png"))
    assert np.array_equal(last, moving(COUNT, (32, 24))[-1])


def test_bytes_and_file_objects(folder: Path, wisp: Codec) -> None:
    for name in ("a.png", "a.apng"):
        data = (folder / name).read_bytes()
        sources: list[Any] = [data, io.BytesIO(data), forward(data)]
        for number, source in enumerate(sources):
            report = encode_file(source, folder / f"{number}.wisp", lossless=True, overwrite=True, codec=wisp)
            assert report.frames == (1 if name == "a.png" else COUNT)
    with (folder / "0.wisp").open("rb") as file:
        assert decode_file(file, folder / "again.gif", codec=wisp).frames == COUNT
        assert not file.closed


def test_one_frame_of_an_animation_and_a_bitrate(folder: Path, wisp: Codec) -> None:
    encode_file(folder / "a.apng", folder / "a.wisp", lossless=True, frame=2, codec=wisp)
    assert np.array_equal(wisp.decode_array(folder / "a.wisp"), moving(COUNT, (32, 24))[2])
    report = encode_file(folder / "a.apng", folder / "b.wisp", target_bitrate=50, two_pass=True, codec=wisp)
    assert report.kilobits == pytest.approx(50, rel=0.5)


def test_salvage(wisp: Codec, tmp_path: Path) -> None:
    data = bytearray(wisp.encode(photo(64, 160), 50, tile=64))
    data[-20] ^= 1
    report = decode_file(bytes(data), tmp_path / "rest.png", salvage=True, codec=wisp)
    assert not report.whole and [tile.index for tile in report.damaged] == [2]


def test_what_does_not_fit(folder: Path, wisp: Codec) -> None:
    """Nothing is written, and what exists stays."""
    (folder / "taken.wisp").write_bytes(b"precious")
    encode_file(folder / "a.png", folder / "still.wisp", lossless=True, codec=wisp)
    encode_file(folder / "a.apng", folder / "clip.wisp", lossless=True, codec=wisp)
    (folder / "no.mp4").write_bytes(b"no video")
    names = sorted(path.name for path in folder.iterdir())

    def refuse(job: Any, source: str, result: str, fault: type[Exception], words: str, **settings: Any) -> None:
        with pytest.raises(fault, match=words):
            job(folder / source, folder / result, codec=wisp, **settings)

    refuse(encode_file, "a.png", "taken.wisp", OutputExistsError, "taken.wisp exists already$")
    refuse(encode_file, "a.png", "b.wisp", RequestError, "is a picture", target_bitrate=100)
    refuse(encode_file, "a.png", "b.wisp", RequestError, "is a picture", selection=Selection(first=1))
    refuse(encode_file, "a.apng", "b.wisp", RequestError, "target is for pictures", target=Target("bpp", 1))
    refuse(encode_file, "no.mp4", "b.wisp", FileAccessError, "video")
    refuse(encode_file, "a.png", "b.wisp", TypeError, "qualty", qualty=3)
    wrongs: list[dict[str, Any]] = [{"step": 0}, {"first": -1}, {"start": Fraction(-1)}]
    for wrong in wrongs:
        with pytest.raises(ValueError, match="begin at 0"):
            Selection(**wrong)
    refuse(encode_file, "none.png", "b.wisp", FileAccessError, "No such file")
    refuse(decode_file, "clip.wisp", "b.mp4", RequestError, "crop is for pictures", crop=(0, 0, 1, 1))
    refuse(decode_file, "still.wisp", "b.png", RequestError, "crf is for sequences", crf=3)
    refuse(decode_file, "still.wisp", "b.png", ValueError, "downscale", downscale=0)
    refuse(decode_file, "clip.wisp", "b.mp4", ValueError, "h266", video_codec="h266")

    def stopped(done: int, total: int) -> None:
        raise KeyError(done)

    refuse(encode_file, "a.apng", "b.wisp", KeyError, "1", progress=stopped, lossless=True)
    refuse(decode_file, "clip.wisp", "b.gif", KeyError, "1", progress=stopped)
    assert sorted(path.name for path in folder.iterdir()) == names
    assert (folder / "taken.wisp").read_bytes() == b"precious"
