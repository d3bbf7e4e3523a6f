"""Pillow with the plugin: sequences are animations like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from codec.api import Codec
from codec.sequence.video import open_video
from codec.sequence.writer import VideoWriter
from tests.support.cli_runner import torch_trap
from tests.support.clips import moving
from tests.support.pillow_runner import run_program
from tests.support.scenes import logo


def test_opening_a_sequence(wisp: Codec, tmp_path: Path) -> None:
    """By frame, in any order, with the durations; what was cut off ends with the frames before."""
    frames = moving(4)
    size = frames[0].shape[1], frames[0].shape[0]
    with VideoWriter(tmp_path / "clip.wisp", size, 25, lossless=True, codec=wisp) as writer:
        for number, frame in enumerate(frames):
            writer.write(frame, number, 3 if number == 2 else None)
    data = (tmp_path / "clip.wisp").read_bytes()
    (tmp_path / "cut.wisp").write_bytes(data[: len(data) * 2 // 3])
    (tmp_path / "head.wisp").write_bytes(data[:90])
    np.save(tmp_path / "frames.npy", np.stack(frames))
    program = """
import copy, pickle
import numpy as np
from PIL import ImageSequence
frames = np.load("frames.npy")
def same(image, number):
    return bool((np.asarray(image) == frames[number]).all()) and image.tell() == number
with Image.open("clip.wisp") as image:
    out["facts"] = [image.format, image.mode, image.size, image.n_frames, image.is_animated, image.tell()]
    out["info"] = dict(image.info)
    durations = []
    for number in range(4):
        image.seek(number)
        durations.append(image.info["duration"])
    out["durations"] = durations
    out["torch"] = "torch" in sys.modules
    out["any order"] = [image.seek(number) or same(image, number) for number in (2, 0, 3, 3, 1)]
    out["iterated"] = [same(frame, number) for number, frame in enumerate(ImageSequence.Iterator(image))]
    image.seek(2)
    again = pickle.loads(pickle.dumps(image))
    out["copies"] = [copied.tobytes() == frames[2].tobytes() for copied in (again, image.copy(), copy.deepcopy(image))]
    ends = []
    for number in (4, -1):
        try:
            image.seek(number)
        except EOFError:
            ends.append(image.tell())
    out["ends"] = ends
with Image.open("cut.wisp") as image:
    out["cut"] = [image.n_frames, image.seek(1), same(image, 1)]
try:
    Image.open("head.wisp")
except Exception as error:
    out["head"] = [isinstance(error, OSError), str(error)]
memory = BytesIO(Path("clip.wisp").read_bytes())
image = Image.open(memory)
image.seek(3)
out["memory"] = [same(image, 3), memory.closed]
"""
    found = run_program(program, tmp_path, torch_trap(tmp_path), tidy=True)
    assert found["facts"] == ["WISP", "RGB", list(size), 4, True, 0] and found["info"] == {"duration": 40}
    assert found["durations"] == [40, 40, 120, 40]
    assert found["torch"] is False
    assert found["any order"] == [True] * 5 and found["iterated"] == [True] * 4
    assert found["copies"] == [True] * 3 and found["ends"] == [2, 2]
    assert found["cut"] == [2, None, True]
    assert found["head"][0] and "ends at byte 90" in found["head"][1]
    assert found["memory"] == [True, False]


def test_saving_a_sequence(tmp_path: Path, wisp: Codec) -> None:
    """Images, animations, both: their modes brought to one, their durations as GIF and WebP take them."""
    for number in range(3):
        Image.fromarray(np.roll(logo(24, 32), number, axis=1)).save(tmp_path / f"{number}.png")
    program = """
first, *others = [Image.open(f"{number}.png") for number in range(3)]
lossless = {"save_all": True, "lossless": True}
first.save("same.wisp", append_images=others, duration=40, loop=0, icc_profile=b"given", **lossless)
first.save("each.wisp", append_images=others, duration=[10, 20, 300], **lossless)
first.save("none.wisp", append_images=others, **lossless)
out["info"] = dict(first.info)
Image.open("each.wisp").save("again.wisp", **lossless)
with Image.open("each.wisp") as clip:
    clip.seek(1)
    clip.save("still.wisp", lossless=True)
    first.save("both.wisp", append_images=[clip, Image.new("LA", (32, 24), (7, 0))], **lossless)
    out["kept"] = clip.tell()
    clip.save("clip.gif", save_all=True)
    clip.save("clip.webp", duration=[10, 20, 300], **lossless)
for name in ("gif", "webp"):
    Image.open(f"clip.{name}").save(f"{name}.wisp", **lossless)
first.save("one.wisp", **lossless)
wrong = {"durations": {"append_images": others, "duration": [1]}, "size": {"append_images": [Image.new("RGB", (9, 9))]}}
for name, options in wrong.items():
    try:
        first.save("wrong.wisp", **options, **lossless)
    except Exception as error:
        out[name] = [type(error).__name__, str(error), Path("wrong.wisp").exists()]
with Image.open("same.wisp") as image:
    out["same"] = [image.n_frames, image.info["duration"], image.info["icc_profile"].decode(), "loop" in image.info]
out["one"] = [Image.open("one.wisp").n_frames, Image.open("still.wisp").n_frames]
"""
    found = run_program(program, tmp_path, torch_trap(tmp_path))
    assert found["info"] == {} and found["kept"] == 1
    assert found["same"] == [3, 40, "given", False] and found["one"] == [1, 1]
    assert found["durations"] == ["ValueError", "1 durations for 3 frames", False]
    assert found["size"][0] == "OSError" and "9 x 9" in found["size"][1] and not found["size"][2]
    pictures = [np.asarray(Image.open(tmp_path / f"{number}.png")) for number in range(3)]
    milliseconds = {"same": [40] * 3, "each": [10, 20, 300], "none": [100] * 3, "again": [10, 20, 300]}
    for name, durations in milliseconds.items():
        with open_video(tmp_path / f"{name}.wisp", codec=wisp) as video:
            shown = list(video[:])
        assert [frame.duration for frame in shown] == durations
        assert [frame.pts for frame in shown] == [sum(durations[:i]) for i in range(3)]
        assert all(np.array_equal(frame.pixels, picture) for frame, picture in zip(shown, pictures, strict=True))
    with open_video(tmp_path / "both.wisp", codec=wisp) as video:
        assert (video.mode, len(video), [frame.duration for frame in video[:]]) == ("RGBA", 5, [100, 10, 20, 300, 100])
        assert video[4].pixels[0, 0].tolist()[3] == 0
    for name in ("gif", "webp"):
        with open_video(tmp_path / f"{name}.wisp", codec=wisp) as video:
            assert [frame.duration for frame in video[:]] == [10, 20, 300]


def test_saving_leaves_the_image_as_it_is(wisp: Codec, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Not for a moment is its `info` another, which another thread may be reading."""
    program = """
import codec.api
image = Image.open("picture.png")
info, during = image.info, []
encode = codec.api.load_picture, codec.api.Codec.encode_picture
def watched(self, picture, *args, **options):
    during.append([image.info is info, sorted(info), picture.metadata.icc.decode()])
    return encode[1](self, picture, *args, **options)
codec.api.Codec.encode_picture = watched
image.save("picture.wisp", lossless=True, icc_profile=b"given")
out["during"] = during
"""
    Image.fromarray(logo(8, 9)).save(tmp_path / "picture.png", icc_profile=b"camera")
    assert run_program(program, tmp_path, torch_trap(tmp_path))["during"] == [[True, ["icc_profile"], "given"]]


def test_what_is_no_duration_is_refused(tmp_path: Path) -> None:
    program = """
import os
picture, out["said"] = Image.new("RGB", (8, 8)), []
for duration in (-4, float("nan"), [40, -1]):
    try:
        picture.save("a.wisp", save_all=True, append_images=[picture], duration=duration)
    except ValueError as error:
        out["said"].append([str(error).partition(":")[0], os.path.exists("a.wisp")])
"""
    words = "a duration is not a number of milliseconds from 0 on"
    assert run_program(program, tmp_path, torch_trap(tmp_path))["said"] == [[words, False]] * 3
