"""`wisp denoise` and `wisp colorize` of videos: frames, timestamps and sound stay, in and out of every format."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wisp
from tests.support.cli_runner import invoke, succeed
from tests.support.cli_videos import y4m_clip
from tests.support.media_files import Read, animation, moving, read, write_clip
from tests.support.restorers import write_tiny

COUNT = 4
TIMES = [0, 1, 3, 7]
DENOISE = ("denoise", "--model", "d.safetensors", "--sigma", "20")
COLORIZE = ("colorize", "--model", "c.safetensors")
FFV1 = ("--video-codec", "ffv1")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with a denoiser, a colouriser, and a clip with uneven timestamps and sound."""
    monkeypatch.chdir(tmp_path)
    write_tiny(Path("d.safetensors"), "denoise")
    write_tiny(Path("c.safetensors"), "colorize")
    write_clip(Path("a.mkv"), moving(COUNT), "ffv1", "bgr0", times=TIMES, sound=["aac"])
    return tmp_path


def seconds(clip: Read) -> list[float]:
    return [round(frame.seconds, 3) for frame in clip.frames]


def sound(clip: Read) -> list[bytes]:
    return [packet.data for packet in clip.packets]


@pytest.mark.parametrize(("command", "name"), [(DENOISE, "b.mkv"), (DENOISE, "b.wisp"), (COLORIZE, "b.mp4")])
def test_frames_times_and_sound_stay(command: tuple[str, ...], name: str) -> None:
    succeed(*command, "a.mkv", "-o", name)
    before = read("a.mkv")
    if name == "b.wisp":
        with wisp.open_video(name) as video:
            made = [round(frame.seconds, 3) for frame in video]
            packets = [item.data for item in video.items() if isinstance(item, wisp.AudioPacket)]
    else:
        made, packets = seconds(read(name)), sound(read(name))
    assert made == seconds(before)
    assert packets == sound(before) and packets


def test_pixels_are_restored_and_grey_clips_become_coloured() -> None:
    Path("a.y4m").write_bytes(y4m_clip(COUNT))
    succeed(*COLORIZE, "a.y4m", "-o", "b.mkv", *FFV1)
    before, made = read("a.y4m"), read("b.mkv")
    assert [frame.pixels.shape for frame in made.frames] == [(48, 64, 3)] * COUNT
    assert max(np.ptp(frame.pixels.astype(int), axis=2).max() for frame in made.frames) > 5
    succeed(*DENOISE, "a.y4m", "-o", "c.y4m")
    assert any((x.pixels != y.pixels).any() for x, y in zip(read("c.y4m").frames, before.frames, strict=True))


def test_a_sequence_goes_in_and_out() -> None:
    succeed("encode", "a.mkv", "--lossless")
    succeed(*DENOISE, "a.wisp", "a.mkv", "-o", "out/")
    succeed(*DENOISE, "a.wisp", "-o", "b.mkv")
    with wisp.open_video("out/a.wisp") as video:
        assert (len(video), video.mode) == (COUNT, "RGB")
    made, wanted = read("b.mkv"), read("out/a.mkv")
    assert all((x.pixels == y.pixels).all() for x, y in zip(made.frames, wanted.frames, strict=True))
    assert sound(made) == sound(wanted)


def test_animations_and_pipes() -> None:
    Path("a.gif").write_bytes(animation(moving(3), "GIF", 40))
    succeed(*COLORIZE, "a.gif")
    with Image.open("a.colorized.gif") as image:
        assert getattr(image, "n_frames", 1) == 3
    result = succeed(*COLORIZE, "-", "-o", "-", stdin=y4m_clip(2))
    assert result.stdout_bytes.startswith(b"YUV4MPEG2 ") and result.stdout_bytes.count(b"FRAME") == 2
    raw = b"".join(frame.tobytes() for frame in moving(2))
    succeed(*DENOISE, "-", "-o", "b.mkv", "--raw", "rgb24", "--size", "64x48", "--raw-rate", "25", stdin=raw)
    assert len(read("b.mkv").frames) == 2


def test_a_part_is_taken_and_then_resized() -> None:
    succeed(*DENOISE, "a.mkv", "-o", "b.mkv", "--frames", "1:3", "--scale", "1/2", "--no-audio")
    made = read("b.mkv")
    assert [frame.pixels.shape[:2] for frame in made.frames] == [(24, 32)] * 2
    assert not made.packets


def test_what_cannot_be_is_said() -> None:
    assert (
        "--output-quality is for pictures" in invoke(*DENOISE, "a.mkv", "-o", "b.mkv", "--output-quality", "3").stderr
    )
    assert "is a sequence, which is written as" in invoke(*DENOISE, "a.mkv", "-o", "b.jpg").stderr
    assert not Path("b.mkv").exists()
