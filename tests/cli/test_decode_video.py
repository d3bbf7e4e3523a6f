"""`wisp decode` of sequences: formats and endings, parts, sound, what is left of damaged ones; and what is refused."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from bitstream.sequence.seek import SequenceFile
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.cli_videos import FRAME_BYTES, coded, y4m_clip
from tests.support.media_files import moving, write_clip


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def video(name: str) -> tuple[str, NDArray[np.uint8]]:
    """What FFmpeg makes of a file: the codec, and the frames in RGB."""
    with av.open(name) as container:
        stream = container.streams.video[0]
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
        return stream.codec_context.name, np.stack(frames)


def alike(frames: NDArray[np.uint8], expected: NDArray[np.uint8]) -> bool:
    """Through a lossy codec."""
    return frames.shape == expected.shape and float(np.abs(frames.astype(int) - expected).mean()) < 6


# Formats


@pytest.mark.parametrize(
    ("output", "options", "name"),
    [
        ("b.mp4", [], "h264"),
        ("b.MP4", ["--crf", "20", "--preset", "ultrafast"], "h264"),
        ("b.mp4", ["--video-codec", "av1", "--preset", "12"], "libdav1d"),
        ("b.mkv", [], "ffv1"),
        ("b.mkv", ["--video-codec", "h264"], "h264"),
        ("b.y4m", [], "rawvideo"),
        ("b", [], "h264"),
        ("b.gif", [], "gif"),
        ("b.x", ["--format", "mkv"], "ffv1"),
    ],
)
def test_the_ending_or_the_format_says_the_kind(output: str, options: list[str], name: str) -> None:
    frames = coded("a.wisp", 3)
    assert succeed("decode", "a.wisp", "-o", output, *options).stderr == ""
    found, decoded = video(output)
    assert found == name
    assert np.array_equal(decoded, frames) if name == "ffv1" else alike(decoded, frames)


def test_frames_without_a_header() -> None:
    frames = coded("a.wisp", 3)
    for name, options in (("a.rgb", []), ("b", ["--format", "rgb24"])):
        succeed("decode", "a.wisp", "-o", name, *options)
        assert Path(name).read_bytes() == frames.tobytes()
    succeed("decode", "a.wisp", "-o", "a.yuv")
    assert Path("a.yuv").stat().st_size == FRAME_BYTES // 2 * 3


def test_standard_output_is_y4m() -> None:
    coded("a.wisp", 3)
    out = succeed("decode", "a.wisp", "-o", "-").stdout_bytes
    assert out.startswith(b"YUV4MPEG2 W64 H48 F25:1 ") and b" C420" in out.splitlines()[0]
    assert succeed("decode", "-", stdin=Path("a.wisp").read_bytes()).stdout_bytes == out
    full = succeed("decode", "a.wisp", "-o", "-", "--chroma", "444").stdout_bytes
    assert b" C444" in full.splitlines()[0] and len(full) > len(out)


def test_what_goes_in_as_y4m_comes_out_again() -> None:
    data = y4m_clip(4)
    middle = succeed("encode", "-", "--lossless", stdin=data).stdout_bytes
    assert succeed("decode", "-", stdin=middle).stdout_bytes == data


def test_numbered_pictures() -> None:
    frames = coded("a.wisp", 3)
    commands = {
        "new": ["-o", "new", "--format", "png"],
        "folder": ["-o", "folder/", "--format", "png"],
        "a": ["--format", "png"],
        "pattern": ["-o", "pattern/%03d.png"],
    }
    for name, options in commands.items():
        succeed("decode", "a.wisp", *options)
        pictures = sorted(Path(name).iterdir())
        assert [path.name for path in pictures] == [
            f"{i:03}.png" if name == "pattern" else f"{i:05}.png" for i in range(3)
        ]
        assert all(np.array_equal(np.asarray(Image.open(path)), frames[i]) for i, path in enumerate(pictures))
    before = folder_content(Path())
    assert "exists already" in invoke("decode", "a.wisp", *commands["folder"]).stderr
    result = invoke("decode", "a.wisp", "-o", "x.png")
    assert (result.exit_code, folder_content(Path())) == (2, before) and "x-%05d.png" in result.stderr


def test_a_webp_animation() -> None:
    coded("a.wisp", 3)
    succeed("decode", "a.wisp", "-o", "a.webp")
    with Image.open("a.webp") as image:
        assert getattr(image, "n_frames", 1) == 3


def test_outputs_without_a_name() -> None:
    coded("a.wisp", 2)
    coded("b.wisp", 2)
    succeed("encode", "-", "-o", "c.wisp", "--lossless", stdin=_png())
    succeed("decode", "a.wisp", "b.wisp", "c.wisp")
    assert {path.name for path in Path().iterdir()} == {*(f"{name}.wisp" for name in "abc"), "a.mp4", "b.mp4", "c.png"}
    succeed("decode", "a.wisp", "b.wisp", "-o", "out", "--format", "rgb24")
    succeed("decode", "a.wisp", "-o", "out")
    assert {path.name for path in Path("out").iterdir()} == {"a.rgb", "b.rgb", "a.mp4"}
    succeed("decode", "a.wisp", "b.wisp", "-o", "frames", "--format", "png")
    assert {path.name for path in Path("frames/b").iterdir()} == {"00000.png", "00001.png"}
    assert invoke("decode", "a.wisp").stderr == "wisp: a.wisp: output a.mp4 exists already (--overwrite replaces it)\n"
    assert "input itself" in invoke("decode", "a.wisp", "-o", "a.wisp", "--format", "mp4", "--overwrite").stderr


def _png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(moving(1)[0]).save(file, "PNG")
    return file.getvalue()


def test_a_constant_rate() -> None:
    coded("a.wisp", 10)
    out = succeed("decode", "a.wisp", "-o", "-", "--rate", "50").stdout_bytes
    assert b" F50:1 " in out.splitlines()[0] and out.count(b"FRAME\n") == 20


def test_sound_and_times() -> None:
    write_clip(Path("a.mp4"), moving(5), sound=("aac",))
    succeed("encode", "a.mp4", "--lossless")
    os.utime("a.wisp", ns=(10**18, 10**18))
    succeed("decode", "a.wisp", "-o", "b.mp4", "--keep-times", "--preset", "ultrafast")
    succeed("decode", "a.wisp", "-o", "c.mp4", "--no-audio", "--preset", "ultrafast")
    with av.open("b.mp4") as with_sound, av.open("c.mp4") as without:
        assert (len(with_sound.streams.audio), len(without.streams.audio)) == (1, 0)
    assert Path("b.mp4").stat().st_mtime_ns == 10**18
    assert "y4m holds no sound" in succeed("decode", "a.wisp", "-o", "a.y4m").stderr
    assert succeed("decode", "a.wisp", "-o", "b.y4m", "--no-audio").stderr == ""


def test_the_verbose_line() -> None:
    coded("a.wisp", 3)
    told = succeed("decode", "a.wisp", "-o", "a.rgb", "-v").stderr
    assert re.fullmatch(r"wisp: a.wisp: 64x48 RGB -> a.rgb: 3 frames, [\d.]+ s, [\d.]+ fps\n", told)


# Damage


def test_what_comes_before_the_end_is_delivered() -> None:
    frames = coded("a.wisp", 5)
    data = Path("a.wisp").read_bytes()
    Path("cut.wisp").write_bytes(data[: len(data) * 3 // 4])
    result = invoke("decode", "cut.wisp", "-o", "-", "--format", "rgb24")
    count = len(result.stdout_bytes) // FRAME_BYTES
    assert result.exit_code == 4 and 1 < count < 5
    assert result.stdout_bytes == frames[:count].tobytes()
    assert invoke("decode", "-", "-o", "-", "--format", "rgb24", stdin=Path("cut.wisp").read_bytes()).exit_code == 4
    result = invoke("decode", "cut.wisp", "-o", "x.rgb")
    assert result.exit_code == 4 and not Path("x.rgb").exists()
    assert Path("x.part.rgb").read_bytes() == frames[:count].tobytes()
    assert result.stderr.startswith("wisp: cut.wisp: ends at byte ") and "x.part.rgb" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_salvage_goes_on_behind_the_damage() -> None:
    frames = coded("a.wisp", 5)
    data = bytearray(Path("a.wisp").read_bytes())
    at = SequenceFile(io.BytesIO(data)).index.offsets[2] + 60
    data[at] ^= 1
    Path("bad.wisp").write_bytes(data)
    result = invoke("decode", "bad.wisp", "-o", "-", "--format", "rgb24")
    assert (result.exit_code, result.stdout_bytes) == (5, frames[:2].tobytes())
    result = invoke("decode", "bad.wisp", "-o", "x.mkv", "--salvage")
    assert result.exit_code == 5
    assert np.array_equal(video("x.mkv")[1], frames[[0, 1, 3, 4]])
    assert result.stderr == "wisp: bad.wisp: the file is damaged: 1 frame is lost, 4 were written\n"
    assert succeed("decode", "a.wisp", "-o", "y.rgb", "--salvage").stderr == ""
    Path("cut.wisp").write_bytes(bytes(data[: at - 50]))
    result = invoke("decode", "cut.wisp", "-o", "z.rgb", "--salvage")
    assert result.exit_code == 5 and Path("z.rgb").read_bytes() == frames[:2].tobytes()
    assert "2 frames were written" in result.stderr


# What does not fit


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("decode a.wisp -o b.mp4 --crop 0,0,8,8", "is a sequence, and --crop is for still pictures"),
        ("decode a.wisp --downscale 2", "--downscale is for still pictures"),
        ("decode a.wisp --output-quality 3", "--output-quality is for still pictures"),
        ("decode a.wisp -o b.jpg", "is a sequence, which is written as mp4"),
        ("decode a.wisp --format tiff", "not as tiff"),
        ("decode a.wisp -o b.gif --crf 3", "crf is for mp4"),
        ("decode a.wisp -o b.mp4 --chroma 444", "chroma 444 is for y4m"),
        ("decode a.wisp -o b.y4m --video-codec h264", "y4m has no choice of codec"),
        ("decode a.wisp -o b.mp4 --video-codec ffv1", "mkv does"),
        ("decode a.wisp -o b.mp4 --crf 60", "0..51"),
        ("decode p.wisp -o b.mp4", "is a still picture, which is written as png"),
        ("decode p.wisp --format y4m", "not as y4m"),
        ("decode p.wisp --frames 0:1 --rate 5", "--rate and --frames are for sequences"),
        ("encode p.png --start 3", "is a picture, and --start is for videos"),
        ("encode p.png --target-bitrate 3", "--target-bitrate is for videos"),
        ("encode a.y4m --target-size 20k", "--target-size is for pictures: a video takes --target-bitrate"),
        ("encode a.y4m --target-ms-ssim 0.9", "--target-ms-ssim is for pictures"),
        ("encode a.y4m --verify", "wisp verify"),
        ("encode cut.mp4", "video"),
        ("info p.wisp --frames", "is a still picture"),
        ("cut p.wisp -o b.wisp --start 1", "is a still picture"),
    ],
)
def test_what_does_not_fit_the_input_is_refused(line: str, words: str) -> None:
    coded("a.wisp", 2)
    Path("a.y4m").write_bytes(y4m_clip(1))
    Path("cut.mp4").write_bytes(b"\0\0\0\x20ftypisom" + bytes(100))
    Path("p.png").write_bytes(_png())
    succeed("encode", "p.png", "--lossless")
    before = folder_content(Path())
    command = line.split()
    result = invoke(*command, *(["-o", "b.wisp"] if command[0] == "encode" else []))
    assert result.exit_code == (8 if "cut.mp4" in line else 2), result.stderr
    assert words in result.stderr and len(result.stderr.splitlines()) == 1
    assert result.stderr.startswith(f"wisp: {command[1]}: ")
    assert folder_content(Path()) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("encode a --size 64x48", "--format"),
        ("encode a --rate 25", "--format"),
        ("encode a --format rgb24", "--size 640x360"),
        ("encode a --format y4m --size 64x48", "y4m has one"),
        ("encode a --format rgb24 --size 64", "640x360"),
        ("encode a --format rgb24 --size 0x48", "0x48"),
        ("encode a --format rgb24 --size 64x48 --rate 0", "no rate"),
        ("encode a --format rgb24 --size 64x48 --rate 1/0", "no rate"),
        ("encode a --format nv99", "nv99"),
        ("encode a --two-pass", "--target-bitrate"),
        ("encode a --target-bitrate -4", "above 0"),
        ("encode a --target-bitrate nan", "above 0"),
        ("encode a --target-bitrate 100 --lossless", "exclude each other"),
        ("encode a --target-bitrate 100 -q 30", "exclude each other"),
        ("encode a --target-bitrate 100 --target-psnr 30", "exclude each other"),
        ("encode a --log-file x", "--log"),
        ("encode a --log csv --json", "--log-file"),
        ("encode a -o - --log csv --progress json", "--log-file"),
        ("encode a b -o out --log csv", "several inputs"),
        ("encode a --frames 3", "A:B"),
        ("encode a --frames -3:", "A:B"),
        ("encode a --frames 3:3", "no frame"),
        ("encode a --start 1:2:3:4", "no time"),
        ("encode a --start x", "no time"),
        ("encode a --duration 0", "no frame"),
        ("encode a --every 0", "0"),
        ("encode a --scale 0x8", "no pixel"),
        ("encode a --scale -1:-1", "no pixel"),
        ("encode a --scale 0", "factor"),
        ("encode a --scale 1/0", "no size"),
        ("encode a --scale 640", "640:-1"),
        ("decode a -o b.webm", "mkv"),
        ("decode a --video-codec vp9", "vp9"),
        ("decode a --chroma 422", "422"),
        ("cut a --start 1", "--output"),
        ("cut a -o b", "--frames"),
        ("concat - a -o b", "standard input"),
    ],
)
def test_a_usage_error(line: str, words: str) -> None:
    result = invoke(*line.split())
    assert result.exit_code == 2 and words in result.output


def test_help_shows_the_options_of_videos_apart() -> None:
    for command, option in (("encode", "--target-bitrate"), ("decode", "--video-codec")):
        told = succeed(command, "--help").stdout
        usual, _, ours = told.partition("\nVideo:\n")
        assert option in ours and "--frames" in ours and option not in usual
        assert "--overwrite" in usual and "y4m" in ours


def test_nothing_of_a_video_is_imported_for_help(monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess
    import sys

    check = "import sys, cli.main; sys.exit(bool({'torch', 'av'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
