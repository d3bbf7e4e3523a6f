"""`wisp encode` of videos: what is taken for one, which frames, what is told of them."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import codec
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.cli_videos import RAW, clip, coded, facts, shown, y4m_clip
from tests.support.media_files import animation, frame_of, moving, write_clip


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def mp4(name: str, count: int = 5, **options: Any) -> None:
    write_clip(Path(name), moving(count), **options)


# What is a video


@pytest.mark.parametrize("name", ["a.mp4", "a.y4m", "a.gif", "a.png", "a.webp", "named-as-you-like"])
def test_a_video_is_known_by_its_content(name: str) -> None:
    kinds = {"a.gif": "GIF", "a.png": "PNG", "a.webp": "WEBP"}
    if name in kinds:
        Path(name).write_bytes(animation(moving(5), kinds[name], 40))
    elif name == "a.mp4":
        mp4(name)
    else:
        Path(name).write_bytes(y4m_clip(5))
    result = succeed("encode", name, "--lossless")
    assert (result.stdout, result.stderr) == ("", "")
    found = facts(Path(name).with_suffix(".wisp"))
    assert (found["kind"], found["frames"], found["width"], found["height"]) == ("sequence", 5, 64, 48)
    assert found["duration"] == pytest.approx(0.2)
    Path("piped").write_bytes(succeed("encode", "-", "--lossless", stdin=Path(name).read_bytes()).stdout_bytes)
    assert np.array_equal(shown("piped"), shown(Path(name).with_suffix(".wisp")))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_a_frame_of_an_animation_is_a_picture(kind: str) -> None:
    pictures = [np.full((12, 16, 3), value, np.uint8) for value in (10, 90, 200)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = animation(pictures, kind, 40, **options)
    Path("a").write_bytes(data)
    succeed("encode", "a", "--frame", "1", "--lossless", "-o", "b.wisp")
    piped = succeed("encode", "-", "--frame", "1", "--lossless", stdin=data).stdout_bytes
    for coded_picture in (Path("b.wisp").read_bytes(), piped):
        assert np.array_equal(codec.decode_array(coded_picture)[:, :, :3], pictures[1])


def test_a_frame_of_a_film_is_no_picture() -> None:
    mp4("a.mp4")
    result = invoke("encode", "a.mp4", "--frame", "1")
    assert result.exit_code == 2 and "--frames A:B" in result.stderr
    assert not Path("a.wisp").exists()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "PPM", "TIFF", "BMP"])
def test_a_picture_stays_a_picture(kind: str) -> None:
    file = io.BytesIO()
    Image.fromarray(moving(1)[0]).save(file, kind)
    Path("a").write_bytes(file.getvalue())
    succeed("encode", "a", "--lossless", "-o", "a.wisp")
    assert "kind" not in facts("a.wisp")
    assert succeed("encode", "-", "--lossless", stdin=file.getvalue()).stdout_bytes == Path("a.wisp").read_bytes()


def test_raw_frames_of_a_file_and_of_standard_input() -> None:
    frames = clip(4)
    Path("a.rgb").write_bytes(frames.tobytes())
    succeed("encode", "a.rgb", "--lossless", *RAW[:4], "--rate", "29.97")
    assert np.array_equal(shown("a.wisp"), frames)
    assert facts("a.wisp")["rate"] == "30000/1001"
    piped = succeed("encode", "-", "--lossless", *RAW, stdin=frames.tobytes()).stdout_bytes
    Path("b.wisp").write_bytes(piped)
    assert np.array_equal(shown("b.wisp"), frames) and facts("b.wisp")["rate"] == "25"
    halves = frames[:, :, :, 0].tobytes() + bytes([128]) * (4 * 64 * 24)
    succeed("encode", "-", "-o", "c.wisp", "--format", "yuv420p", "--size", "64x48", "--rate", "50/2", stdin=halves)
    assert facts("c.wisp")["frames"] == 4
    succeed("encode", "-", "-o", "d.wisp", "--format", "y4m", "--rate", "50", stdin=y4m_clip(4))
    assert facts("d.wisp")["rate"] == "50"


# Which frames


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        (["--frames", "2:5"], [2, 3, 4]),
        (["--frames", "7:"], [7, 8, 9]),
        (["--frames", ":2"], [0, 1]),
        (["--start", "0.2"], [5, 6, 7, 8, 9]),
        (["--start", "0:00.2", "--duration", "00:00:00.08"], [5, 6]),
        (["--duration", ".12"], [0, 1, 2]),
        (["--every", "4"], [0, 4, 8]),
        (["--frames", "1:9", "--start", "0.12", "--every", "2"], [3, 5, 7]),
    ],
)
def test_a_part_of_the_frames(options: list[str], numbers: list[int]) -> None:
    frames = clip(10)
    succeed("encode", "-", "-o", "a.wisp", "--lossless", *RAW, *options, stdin=frames.tobytes())
    assert np.array_equal(shown("a.wisp"), frames[numbers])
    coded("whole.wisp", 10)  # and of a sequence the same
    out = succeed("decode", "whole.wisp", "-o", "-", "--format", "rgb24", *options).stdout_bytes
    assert out == frames[numbers].tobytes()


@pytest.mark.parametrize(
    ("scale", "size"),
    [
        ("32x20", (32, 20)),
        ("32:-1", (32, 24)),
        ("-1:12", (16, 12)),
        ("1/2", (32, 24)),
        ("0.25", (16, 12)),
        ("2", (128, 96)),
    ],
)
def test_another_size(scale: str, size: tuple[int, int]) -> None:
    succeed("encode", "-", "-o", "a.wisp", "--lossless", *RAW, "--scale", scale, stdin=clip(2).tobytes())
    found = facts("a.wisp")
    assert (found["width"], found["height"]) == size
    out = succeed("decode", "a.wisp", "-o", "-", "--format", "rgb24", "--scale", "8x6").stdout_bytes
    assert len(out) == 2 * 8 * 6 * 3


def test_nothing_is_left() -> None:
    result = invoke("encode", "-", "-o", "a.wisp", *RAW, "--frames", "5:", stdin=clip(3).tobytes())
    assert (result.exit_code, result.stderr) == (2, "wisp: -: there is no frame to write\n")
    assert folder_content(Path()) == {}


# How they are coded


def test_settings_of_pictures_count_for_frames() -> None:
    data = clip(2).tobytes()
    succeed("encode", "-", "-o", "plain.wisp", *RAW, stdin=data)
    succeed("encode", "-", "-o", "tiles.wisp", *RAW, "--tile", "64", "-q", "30", stdin=data)
    succeed("encode", "-", "-o", "roi.wisp", *RAW, "-q", "30", "--roi", "0,0,32,48,+40", stdin=data)
    plain, tiles, roi = (facts(f"{name}.wisp") for name in ("plain", "tiles", "roi"))
    assert (plain["quality"], tiles["quality"], tiles["tile"], roi["tile"]) == (75, 30, 64, 128)
    assert tiles["payload_bytes"] < min(plain["payload_bytes"], roi["payload_bytes"])
    frame = codec.encode(clip(2)[1], 30, tile=64)
    assert np.array_equal(shown("tiles.wisp")[1], codec.decode_array(frame))


def test_a_bitrate(photograph: NDArray[np.uint8]) -> None:
    pan = np.stack([photograph[100:228, 8 * number : 8 * number + 192] for number in range(16)])
    Path("a.rgb").write_bytes(pan.tobytes())
    raw = ("--format", "rgb24", "--size", "192x128", "--rate", "8")
    found = {}
    for name, passes in (("one", []), ("two", ["--two-pass"])):
        command = ("encode", "a.rgb", "-o", f"{name}.wisp", *raw, *passes, "--target-bitrate", "120", "--json")
        told = json.loads(succeed(*command).stdout)
        assert (told["target_kbps"], told["quality"]) == (120, None)
        found[name] = facts(f"{name}.wisp")["kbps"]
    assert found["one"] == pytest.approx(120, rel=0.1) and found["two"] == pytest.approx(120, rel=0.05)


def test_sound_is_kept_or_left_out() -> None:
    mp4("a.mp4", 10, sound=("aac",))
    succeed("encode", "a.mp4", "--lossless")
    assert [sound["codec"] for sound in facts("a.wisp")["audio"]] == ["aac"]
    succeed("encode", "a.mp4", "--lossless", "--no-audio", "-o", "b.wisp")
    assert facts("b.wisp")["audio"] == []


def test_what_would_be_converted_is_told_or_refused() -> None:
    planes = [np.full((48, 64), 512, np.uint16), *[np.full((24, 32), 512, np.uint16)] * 2]
    write_clip(Path("a.mkv"), [frame_of(planes, "yuv420p10le")] * 2, "ffv1", "yuv420p10le")
    result = succeed("encode", "a.mkv", "--lossless")
    assert "note" in result.stderr and "8" in result.stderr
    result = invoke("encode", "a.mkv", "--lossless", "--strict", "-o", "b.wisp")
    assert result.exit_code == 6 and len(result.stderr.splitlines()) == 1
    assert not Path("b.wisp").exists()


def test_metadata_of_an_animation_is_kept_or_stripped() -> None:
    Path("a.png").write_bytes(animation(moving(2), "PNG", 40, icc_profile=b"profile" * 9))
    succeed("encode", "a.png", "--lossless")
    assert facts("a.wisp")["metadata"] == {"icc": 63}
    succeed("encode", "a.png", "--lossless", "--strip-icc", "-o", "b.wisp")
    assert facts("b.wisp")["metadata"] == {}


# What is told


def test_json_and_the_verbose_line() -> None:
    frames = clip(5)
    frames[3] = frames[2]
    Path("a.rgb").write_bytes(frames.tobytes())
    result = succeed("encode", "a.rgb", "--lossless", *RAW, "--json", "-v")
    told = json.loads(result.stdout)
    size = Path("a.wisp").stat().st_size
    known = {"file": "a.rgb", "output": "a.wisp", "width": 64, "height": 48, "mode": "RGB", "frames": 5, "repeats": 1}
    assert known.items() <= told.items()
    assert (told["duration"], told["bytes"], told["quality"], told["interrupted"]) == (0.2, size, None, False)
    line = rf"wisp: a.rgb: 64x48 RGB -> a.wisp: {size} bytes, 5 frames \(1 repeat\), 0.20 s, [\d.]+ kbit/s, "
    assert re.fullmatch(line + r"coded at [\d.]+ fps\n", result.stderr)


@pytest.mark.parametrize("where", ["stdout", "stderr", "file"])
@pytest.mark.parametrize("kind", ["csv", "json"])
def test_a_log(kind: str, where: str) -> None:
    Path("a.rgb").write_bytes(clip(8).tobytes())
    options = ["--log-file", "log"] if where == "file" else []
    output = "-" if where == "stderr" else "a.wisp"
    result = succeed("encode", "a.rgb", "-o", output, "--scale", "1/2", *RAW, "--rate", "5", "--log", kind, *options)
    text = {"stdout": result.stdout, "stderr": result.stderr, "file": ""}[where] or Path("log").read_text()
    rows = (
        [json.loads(line) for line in text.splitlines()] if kind == "json" else list(csv.DictReader(io.StringIO(text)))
    )
    frames = [row for row in rows if row["row"] == "frame"]
    seconds = [row for row in rows if row["row"] == "second"]
    assert [int(row["frame"]) for row in frames] == list(range(8))
    assert [int(row["frames"]) for row in seconds] == [5, 3]
    assert all(30 < float(row["psnr"]) < 60 and float(row["ms"]) > 0 for row in frames)
    assert sum(int(row["bits"]) for row in seconds) == sum(int(row["bits"]) for row in frames)
    if where == "stdout":
        mean = np.mean([float(row["psnr"]) for row in frames])
        told = succeed("encode", "a.rgb", "-o", "b.wisp", "--scale", "1/2", *RAW, "--print-psnr").stderr
        assert told == f"wisp: a.rgb: PSNR {mean:.2f} dB on average\n"


def test_a_log_replaces_nothing_unasked() -> None:
    Path("a.rgb").write_bytes(clip(1).tobytes())
    Path("log").write_bytes(b"old")
    command = ("encode", "a.rgb", "-o", "a.wisp", "--lossless", *RAW, "--log", "csv", "--log-file")
    assert "exists already" in invoke(*command, "log").stderr
    assert "is the output itself" in invoke(*command, "./a.wisp").stderr
    assert "is the input itself" in invoke(*command, "a.rgb", "--overwrite").stderr
    assert folder_content(Path()) == {"a.rgb": clip(1).tobytes(), "log": b"old"}
    succeed(*command, "log", "--overwrite")
    assert Path("log").read_text().startswith("row,")


# Several


@pytest.mark.usefixtures("warm_processes")
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_pictures_and_videos_of_a_folder(jobs: str) -> None:
    Path("in").mkdir()
    mp4("in/a.mp4", 3)
    Path("in/b.y4m").write_bytes(y4m_clip(2))
    Image.fromarray(moving(1)[0]).save("in/c.png")
    Path("in/sound.mp3").write_bytes(b"none of ours")
    os.utime("in/a.mp4", ns=(10**18, 10**18))
    result = succeed("encode", "-r", "in", "-o", "out", "--lossless", "--jobs", jobs, "--keep-times", "-v")
    assert {path.name for path in Path("out").iterdir()} == {"a.wisp", "b.wisp", "c.wisp"}
    assert [facts(f"out/{name}.wisp").get("frames") for name in "abc"] == [3, 2, None]
    assert Path("out/a.wisp").stat().st_mtime_ns == 10**18
    assert len(result.stderr.splitlines()) == 3
    before = folder_content(Path("out"))
    told = succeed("encode", "-r", "in", "-o", "out", "--lossless", "--skip-existing", "-v").stderr
    assert told.count("skipped") == 3 and folder_content(Path("out")) == before
    succeed("decode", "-r", "out", "-o", "back", "--jobs", jobs)
    assert {path.name for path in Path("back").iterdir()} == {"a.mp4", "b.mp4", "c.png"}
