"""`wisp cut`, `wisp concat`, `wisp info` and `wisp verify` of sequences."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import codec
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.cli_videos import RAW, clip, coded, facts, shown
from tests.support.media_files import moving, write_clip
from tests.support.without_torch import WithoutTorch


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in, with a sequence of ten frames, of which the seventh repeats the sixth."""
    monkeypatch.chdir(tmp_path)
    frames = clip(10)
    frames[6] = frames[5]
    succeed("encode", "-", "-o", "a.wisp", "--lossless", *RAW, stdin=frames.tobytes())
    return tmp_path


@pytest.mark.parametrize(
    ("options", "part"),
    [
        (["--frames", "2:5"], slice(2, 5)),
        (["--frames", "6:"], slice(6, 10)),
        (["--start", "0.08"], slice(2, 10)),
        (["--start", "0:00.2", "--duration", "0.08"], slice(5, 7)),
    ],
)
def test_a_part_is_what_it_was(options: list[str], part: slice) -> None:
    expected = shown("a.wisp")[part]
    assert succeed("cut", "a.wisp", "-o", "b.wisp", *options).output == ""
    assert np.array_equal(shown("b.wisp"), expected)
    with codec.open_video("b.wisp") as video:
        assert [frame.pts for frame in video] == list(range(len(expected)))
    assert succeed("verify", "b.wisp").stdout.startswith("b.wisp: fine, ")
    piped = succeed("cut", "-", "-o", "-", *options, stdin=Path("a.wisp").read_bytes()).stdout_bytes
    assert piped == Path("b.wisp").read_bytes()


def test_parts_joined_are_the_whole() -> None:
    succeed("cut", "a.wisp", "-o", "b.wisp", "--frames", ":4")
    succeed("cut", "a.wisp", "-o", "c.wisp", "--frames", "4:")
    told = succeed("concat", "b.wisp", "c.wisp", "-o", "d.wisp", "-v").stderr
    size = Path("d.wisp").stat().st_size
    assert told == f"wisp: concat: -> d.wisp: {size} bytes, 10 frames, 0.40 s\n"
    assert np.array_equal(shown("d.wisp"), shown("a.wisp"))
    whole, joined = (json.loads(succeed("verify", name, "--json").stdout) for name in ("a.wisp", "d.wisp"))
    assert whole["latents_sha256"] == joined["latents_sha256"]
    assert succeed("concat", "b.wisp", "c.wisp", "-o", "-").stdout_bytes == Path("d.wisp").read_bytes()


def test_sound_is_cut_and_joined() -> None:
    write_clip(Path("s.mp4"), moving(10), sound=("aac",))
    succeed("encode", "s.mp4", "--lossless")
    succeed("cut", "s.wisp", "-o", "b.wisp", "--frames", "5:")
    succeed("concat", "b.wisp", "b.wisp", "-o", "c.wisp")
    whole, part, both = (facts(f"{name}.wisp")["audio"][0]["packets"] for name in "sbc")
    assert 0 < part < whole and part < both <= 2 * part


def test_what_cannot_be_done_changes_nothing() -> None:
    coded("small.wisp", 1)
    succeed("encode", "-", "-o", "other.wisp", *RAW, "--lossless", "--scale", "1/2", stdin=clip(1).tobytes())
    Path("none.wisp").write_bytes(b"nothing")
    before = folder_content(Path())
    for line, status, words in (
        ("cut a.wisp -o b.wisp --frames 20:", 2, "no frame is left"),
        ("cut a.wisp -o small.wisp --frames 1:", 8, "exists already"),
        ("cut a.wisp -o a.wisp --frames 1: --overwrite", 8, "is the input itself"),
        ("cut none.wisp -o b.wisp --frames 1:", 3, "is not a Wisp file"),
        ("concat a.wisp other.wisp -o b.wisp", 2, "cannot be joined"),
        ("concat a.wisp small.wisp -o small.wisp", 8, "small.wisp exists already"),
        ("concat a.wisp small.wisp -o small.wisp --overwrite", 8, "is the input itself"),
        ("concat a.wisp missing.wisp -o b.wisp", 8, "missing.wisp"),
    ):
        result = invoke(*line.split())
        assert result.exit_code == status and words in result.stderr, line
        assert len(result.stderr.splitlines()) == 1
        assert folder_content(Path()) == before
    succeed("cut", "a.wisp", "-o", "small.wisp", "--frames", "1:3", "--overwrite")
    assert np.array_equal(shown("small.wisp"), shown("a.wisp")[1:3])


# What a sequence says of itself


def test_info_without_torch(place: Path, without_torch: WithoutTorch) -> None:
    result = without_torch("info", "a.wisp", cwd=place)
    told = result.stdout.decode()
    assert (result.returncode, result.stderr) == (0, b"")
    assert "64 x 48 RGB, 8 bits" in told and "10, 1 of them repeats; 0.40 s" in told
    assert "25 frames a second" in told and "lossless" in told


def test_info_as_json() -> None:
    found = facts("a.wisp")
    expected = {"kind": "sequence", "frames": 10, "repeats": 1, "rate": "25", "time_base": "1/25", "lossless": True}
    assert expected.items() <= found.items()
    assert found["bytes"] == Path("a.wisp").stat().st_size
    piped = json.loads(succeed("info", "-", "--json", stdin=Path("a.wisp").read_bytes()).stdout)
    assert piped == {**found, "file": "-"}


def test_every_frame() -> None:
    rows = json.loads(succeed("info", "--frames", "--json", "a.wisp").stdout)
    assert [row["number"] for row in rows] == list(range(10))
    assert [row["kind"] for row in rows] == ["intra"] * 6 + ["repeat"] + ["intra"] * 3
    assert [row["time"] for row in rows] == pytest.approx([number / 25 for number in range(10)])
    assert rows[6]["bytes"] < 64 < rows[5]["bytes"]
    lines = succeed("info", "--frames", "a.wisp").stdout.splitlines()
    assert lines[0].split() == ["frame", "kind", "time", "duration", "bytes", "quality", "lossless"]
    assert lines[7].split() == ["6", "repeat", "0.240000", "1", str(rows[6]["bytes"]), "-", "0"]


def test_every_frame_before_a_fault() -> None:
    data = Path("a.wisp").read_bytes()
    for name in ("cut.wisp", "-"):
        Path("cut.wisp").write_bytes(data[: len(data) // 2])
        result = invoke("info", "--frames", "--json", name, stdin=data[: len(data) // 2])
        assert result.exit_code == 4 and 1 < len(json.loads(result.stdout)) < 10
        assert result.stderr.startswith(f"wisp: {name}: ends at byte ")
    result = invoke("info", "--frames", "--json", "-", stdin=data[:10])
    assert (result.exit_code, result.stdout) == (4, "")


# To the last byte


def test_verify() -> None:
    found = json.loads(succeed("verify", "--json", "a.wisp").stdout)
    assert found["ok"] is True and found["frames"] == 10 and len(found["latents_sha256"]) == 64
    line = f"a.wisp: fine, {found['bytes']} bytes, 10 frames, latents {found['latents_sha256']}\n"
    assert succeed("verify", "a.wisp").stdout == line
    data = Path("a.wisp").read_bytes()
    assert succeed("verify", "-", stdin=data).stdout == line.replace("a.wisp", "-")
    for damaged, status in ((data[:-1], 4), (data[: len(data) // 2], 4), (data + b"x", 5)):
        assert invoke("verify", "-", stdin=damaged).exit_code == status
    rng = np.random.default_rng(3)
    for at in rng.integers(20, len(data), 12):
        flipped = bytearray(data)
        flipped[at] ^= 1 << rng.integers(8)
        result = invoke("verify", "-", stdin=bytes(flipped))
        assert result.exit_code in (4, 5, 6, 7) and len(result.stderr.splitlines()) == 1


def test_the_hash_of_learned_frames_is_that_of_every_run() -> None:
    succeed("encode", "-", "-o", "b.wisp", *RAW, stdin=clip(2).tobytes())
    found = json.loads(succeed("verify", "--json", "b.wisp").stdout)
    again = json.loads(succeed("verify", "--json", "b.wisp", "--precision", "fp32", "--entropy-dtype", "fp64").stdout)
    assert found["latents_sha256"] == again["latents_sha256"]
    assert again["entropy_dtype"] == "fp64"
