"""Numbered PNG pictures, GIF and WebP animations, as Pillow reads them back."""

from __future__ import annotations

import sys
from dataclasses import replace
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bitstream.errors import FileAccessError, OutputExistsError, RequestError, UnsupportedError
from codec.formats.video.write.open import open_sink
from codec.formats.video.write.sink import Kind, SinkSettings
from codec.notes import WispNote
from codec.pixels.frame import Frame
from codec.pixels.picture import MODES, Picture
from tests.support.sink_files import CLIP, SIZE, Pipe, Pixels, Stdout, frames, write

PNG, GIF, WEBP = SinkSettings("png"), SinkSettings("gif"), SinkSettings("webp")
MILLISECOND = Fraction(1, 1000)


def animation(path: Path, mode: str = "RGBA") -> tuple[list[int], list[Pixels], dict[Any, Any]]:
    """Durations in ms, pixels, and what else Pillow says."""
    durations: list[int] = []
    pictures: list[Pixels] = []
    with Image.open(path) as image:
        about: dict[Any, Any] = dict(image.info)
        for number in range(getattr(image, "n_frames", 1)):
            image.seek(number)
            pictures.append(np.asarray(image.convert(mode)))
            durations.append(round(image.info["duration"]))
    return durations, pictures, about


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_numbered_pictures(tmp_path: Path, channels: int) -> None:
    content = frames([5, 6, 90], channels=channels)
    write(tmp_path / "new" / "frame-%03d.png", PNG, content)
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == [f"frame-00{n}.png" for n in range(3)]
    for number, frame in enumerate(content):
        with Image.open(tmp_path / "new" / f"frame-00{number}.png") as image:
            assert image.mode == MODES[channels]
            assert np.array_equal(np.asarray(image).reshape(frame.pixels.shape), frame.pixels)


@pytest.mark.parametrize("there", [False, True])
def test_a_folder_of_pictures(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "a" / "b"
    if there:
        folder.mkdir(parents=True)
        (folder / "notes.txt").write_text("stays")
    write(f"{folder}/", PNG, frames(range(2)))
    assert {path.name for path in folder.iterdir()} - {"notes.txt"} == {"00000.png", "00001.png"}


def test_pictures_that_are_there_stay(tmp_path: Path) -> None:
    """Also where only a later number is taken; a name beside the pattern is nobody's business."""
    (tmp_path / "f-7.png").write_bytes(b"another")
    (tmp_path / "f-x.png").write_bytes(b"beside")
    with pytest.raises(OutputExistsError, match=r"f-7\.png exists already"):
        open_sink(str(tmp_path / "f-%d.png"), PNG, CLIP, SIZE, "RGB")
    write(tmp_path / "f-%d.png", PNG, frames(range(8)), overwrite=True)
    with Image.open(tmp_path / "f-7.png") as image:
        assert image.size == SIZE
    assert (tmp_path / "f-x.png").read_bytes() == b"beside"


@pytest.mark.parametrize("name", ["one.png", "%d-%d.png", "%d%s.png", "%d%.png"])
def test_patterns_that_do_not_count(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError, match="pattern"):
        open_sink(str(tmp_path / name), PNG, CLIP, SIZE, "RGB")


def test_pictures_need_a_folder(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="not a stream"):
        open_sink("-", PNG, CLIP, SIZE, "RGB")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(FileAccessError, match="file"):
        open_sink(str(tmp_path / "file" / "%d.png"), PNG, CLIP, SIZE, "RGB")


def test_pictures_that_are_given_up(tmp_path: Path) -> None:
    for keep, names in ((True, {"00000.png"}), (False, set())):
        folder = tmp_path / str(keep)
        sink = open_sink(str(folder), PNG, CLIP, SIZE, "RGB")
        sink.write(frames()[0])
        assert sink.abort(keep) == (str(folder) if keep else None)
        assert {path.name for path in folder.glob("*")} == names
        assert folder.exists() == keep


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_durations_do_not_drift(tmp_path: Path, kind: Kind) -> None:
    times = [100, 133, 167, 200, 400, 433]
    content = frames(times, last=700, time_base=MILLISECOND)
    durations, pictures, about = animation(write(tmp_path / f"a.{kind}", SinkSettings(kind), content))
    tick = 10 if kind == "gif" else 1
    assert about["loop"] == 0 and len(pictures) == 6
    assert durations[-1] == 700
    for number, start in enumerate(times):
        assert abs(sum(durations[:number]) - (start - 100)) <= tick / 2


@pytest.mark.parametrize("kind", ["gif", "webp"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("size", [SIZE, (33, 17), (1, 1)])
def test_animated_pixels(tmp_path: Path, kind: Kind, channels: int, size: tuple[int, int]) -> None:
    """GIF: up to 255 colours, as here, are kept. WebP: the first frame is as Pillow's still, none is far off."""
    content = frames(range(0, 40, 10), channels=channels, size=size, last=10)
    if size == (1, 1):
        content = content[:1]  # all are equal
    _, pictures, _ = animation(write(tmp_path / f"a.{kind}", SinkSettings(kind), content))
    for number, (got, frame) in enumerate(zip(pictures, content, strict=True)):
        image = Picture(frame.pixels).image()
        wanted = np.asarray(image.convert("RGBA"))
        assert np.array_equal(got[:, :, 3], wanted[:, :, 3])
        shown = wanted[:, :, 3] == 255
        if kind == "webp" and number == 0:
            still = BytesIO()
            image.save(still, "WEBP", quality=90, method=4, exact=True)
            wanted = np.asarray(Image.open(still).convert("RGBA"))
        error = (got[shown].astype(float) - wanted[shown]) ** 2
        if kind == "gif":
            assert error.max(initial=0) <= 1  # palettes are found in another colour space
        elif number == 0:
            assert not error.any()
        else:
            assert error.mean() < 700  # of random colours


def test_gif_of_few_colours_is_exact(tmp_path: Path) -> None:
    noise = [np.random.default_rng(n).integers(0, 2, (32, 48, 3), np.uint8) * np.uint8(255) for n in range(5)]
    content = [Frame(pixels, n, 1, CLIP.time_base) for n, pixels in enumerate(noise)]
    _, pictures, _ = animation(write(tmp_path / "a.gif", GIF, content), "RGB")
    for got, frame in zip(pictures, content, strict=True):
        assert np.array_equal(got, frame.pixels)


def test_what_gif_cannot_show(tmp_path: Path) -> None:
    glass = frames(channels=4)[0]
    glass.pixels[:, :, 3] = 200
    with pytest.warns(WispNote, match="no partial transparency"):
        write(tmp_path / "a.gif", GIF, [glass])
    with pytest.warns(WispNote, match=r"frames that last under 2/100 s dropped"):
        path = write(tmp_path / "b.gif", GIF, frames(range(20), time_base=Fraction(1, 100)))
    durations, pictures, _ = animation(path)
    assert len(pictures) == 10 and sum(durations) == 200


def test_a_still_scene_costs_nothing_in_webp(tmp_path: Path) -> None:
    same = frames()[0]
    content = [replace(same, pts=n * 40, duration=40, time_base=MILLISECOND) for n in range(50)]
    durations, _, _ = animation(write(tmp_path / "a.webp", WEBP, content))
    assert durations == [2000]


def test_only_what_changed_is_stored_in_webp(tmp_path: Path) -> None:
    first = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)
    second = first.copy()
    second[41:43, 7:12] = 255 - second[41:43, 7:12]
    content = [Frame(pixels, n, 1, CLIP.time_base) for n, pixels in enumerate((first, second))]
    one = write(tmp_path / "one.webp", WEBP, content[:1]).stat().st_size
    path = write(tmp_path / "two.webp", replace(WEBP, quality=100), content)
    assert write(tmp_path / "both.webp", WEBP, content).stat().st_size < one + 300
    _, pictures, _ = animation(path, "RGB")
    difference = pictures[0] != pictures[1]
    assert not difference[:40].any() and difference[41:43, 7:12].any()


def test_quality_of_webp(tmp_path: Path) -> None:
    sizes = [write(tmp_path / f"{q}.webp", replace(WEBP, quality=q), frames()).stat().st_size for q in (10, 95)]
    assert sizes[0] < sizes[1]
    for wrong, words in ((replace(WEBP, quality=101), "0..100"), (replace(WEBP, preset="7"), "no preset 7")):
        with pytest.raises(RequestError, match=words):
            open_sink(str(tmp_path / "a.webp"), wrong, CLIP, SIZE, "RGB")


def test_an_asked_rate_in_webp(tmp_path: Path) -> None:
    with pytest.warns(WispNote, match="dropped"):
        path = write(tmp_path / "a.webp", replace(WEBP, rate=Fraction(10)), frames(range(24)))
    durations, _, _ = animation(path)
    assert sum(durations) == 1000 and set(durations) == {100}


def test_pictures_that_are_too_large(tmp_path: Path) -> None:
    for kind, side in (("webp", 16_384), ("gif", 65_536)):
        with pytest.raises(UnsupportedError, match="a side may have at most"):
            open_sink(str(tmp_path / "a"), SinkSettings(kind), CLIP, (side, 1), "RGB")  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_animations_on_a_pipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: Kind) -> None:
    pipe = Pipe()
    monkeypatch.setattr(sys, "stdout", Stdout(pipe))
    write("-", SinkSettings(kind), frames())
    assert pipe.data == write(tmp_path / "a", SinkSettings(kind), frames()).read_bytes()
