"""`wisp encode`: what is kept exactly, which frame, checks of what was written, what is told."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from numpy.typing import NDArray
from PIL import Image

import codec
from codec import coder
from codec.files.output import Output
from codec.still.encode import CodedPicture
from tests.support.cli_runner import folder_content, invoke, succeed
from tests.support.scenes import MODES, each_alpha_mode, each_mode, logo, noise, photo

Pixels = NDArray[np.uint8]
FP32 = ("--precision", "fp32")
Encode = Any  # the encoder, in whose place tests put another one


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder to be in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def save(pixels: Pixels, name: str = "a.png") -> Pixels:
    Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels).save(name)
    return pixels


def encode(*arguments: str | float) -> Result:
    """a.png -> a.wisp, without a failure, and nothing is on standard output."""
    result = succeed("encode", "a.png", *map(str, arguments))
    assert result.stdout == ""
    return result


def back(name: str = "a.wisp") -> Pixels:
    """What it decodes to, by the command line."""
    succeed("decode", name, "-o", "back.png", "--overwrite", *FP32)
    with Image.open("back.png") as image:
        found = np.array(image)
    return found[:, :, None] if found.ndim == 2 else found


def facts(name: str = "a.wisp") -> dict[str, Any]:
    return dict(json.loads(succeed("info", "--json", name).stdout))


# What is kept exactly


@each_mode
def test_lossless(mode: str) -> None:
    """Every pixel that can be seen, whatever the quality; alpha in any case."""
    source = save(noise(70, 90, mode))
    encode("--lossless", "-q", 0, "--tile", 64)
    assert facts()["lossless"] and facts()["quality"] is None and facts()["lossless_tiles"] == 4
    found = back()
    assert found.shape == source.shape
    seen = source[:, :, -1] > 0 if mode.endswith("A") else np.ones(source.shape[:2], bool)
    assert np.array_equal(found[seen], source[seen])
    if mode.endswith("A"):
        assert np.array_equal(found[:, :, -1], source[:, :, -1])
        assert not np.array_equal(found, source)  # colours that nobody sees were free to change
        encode("--lossless", "--exact", "--overwrite")
        assert np.array_equal(back(), source)


@each_alpha_mode
def test_alpha_is_lossless_at_any_quality(mode: str) -> None:
    source = save(photo(64, 128, mode))
    for quality in (0, 60):
        encode("-q", quality, "--overwrite", "--tile", 64)
        assert not facts()["lossless"]
        assert np.array_equal(back()[:, :, -1], source[:, :, -1])


def test_exact_in_tiles_that_are_lossless_by_themselves() -> None:
    source = logo(128, 128, "RGBA")
    source[:, :, 3] = 255
    source[:20] = (77, 77, 77, 0)
    save(source)
    encode("-q", 90)
    assert facts()["lossless"] and not np.array_equal(back(), source)
    encode("-q", 90, "--exact", "--overwrite")
    assert facts()["lossless"] and np.array_equal(back(), source)


def test_tiles_choose_for_themselves() -> None:
    """Drawings are stored losslessly, photographs are not, side by side in one picture."""
    source = save(np.concatenate([photo(128, 128), logo(128, 128)], axis=1))
    result = encode("--tile", 128, "--verbose", "-q", 60)
    assert "2 tiles, 1 lossless" in result.stderr
    assert (facts()["tiles"], facts()["lossless_tiles"], facts()["lossless"]) == (2, 1, False)
    assert np.array_equal(back()[:, 128:], source[:, 128:])


def test_quality_and_tile() -> None:
    save(photo(150, 200))
    sizes = []
    for quality in (0, 30, 60.5, 90):
        encode("-q", quality, "--overwrite", "--tile", 64)
        assert (facts()["tile"], facts()["tiles"], facts()["quality"]) == (64, 12, pytest.approx(quality, abs=0.5))
        sizes.append(Path("a.wisp").stat().st_size)
    assert sizes == sorted(set(sizes))


# Frames


def animation(name: str) -> list[Pixels]:
    """Four frames, each of one colour."""
    frames = [Image.new("RGB", (16, 12), colour) for colour in ((255, 0, 0), (0, 255, 0), (0, 0, 255), (9, 9, 9))]
    options: dict[str, Any] = {"lossless": True} if name.endswith("webp") else {}
    frames[0].save(name, save_all=True, append_images=frames[1:], **options)
    return [np.asarray(frame) for frame in frames]


@pytest.mark.parametrize("name", ["a.gif", "a.tiff", "a.webp", "a.png"])
def test_a_frame_of_several(name: str) -> None:
    frames = animation(name)
    for number, frame in enumerate(frames):
        result = succeed("encode", name, "--lossless", "--overwrite", "--frame", str(number))
        assert not [line for line in result.stderr.splitlines() if "frame" in line]
        assert np.array_equal(back()[:, :, :3], frame), number
    if name == "a.tiff":  # the others are animations, which become sequences
        result = succeed("encode", name, "--lossless", "--overwrite")
        assert f"wisp: {name}: note: has 4 frames, the first is coded\n" in result.stderr
        assert np.array_equal(back()[:, :, :3], frames[0])
    before = folder_content(Path())
    result = invoke("encode", name, "--lossless", "--overwrite", "--frame", "4")
    assert result.exit_code == 2
    assert result.stderr == f"wisp: {name}: has 4 frames: there is no frame 4, the first is 0\n"
    assert folder_content(Path()) == before


def test_the_only_frame_of_a_picture() -> None:
    save(noise(9, 9))
    assert encode("--frame", 0, "--lossless").stderr == ""


# Checks of what was written


@pytest.mark.parametrize("options", [["--lossless"], ["-q", "50"], ["-q", "50", "--tile", "64", "--exact"]])
@each_mode
def test_verify_is_content_with_good_files(mode: str, options: list[str]) -> None:
    save(photo(70, 130, mode))
    encode(*options, *FP32)
    plain = Path("a.wisp").read_bytes()
    assert encode(*options, *FP32, "--verify", "--overwrite").stderr == ""
    assert Path("a.wisp").read_bytes() == plain


def damaged(encoded: CodedPicture, fault: str) -> CodedPicture:
    """What an encoder would hand out that makes this mistake."""
    pixels = encoded.picture.pixels.copy()
    if fault == "latents":
        return replace(encoded, latents=dict.fromkeys(encoded.latents, b"other"))
    if fault == "bytes":
        made = replace(encoded)
        made.__dict__["data"] = encoded.data[:-20] + bytes([encoded.data[-20] ^ 1]) + encoded.data[-19:]
        return made
    if fault == "metadata":
        metadata = replace(encoded.picture.metadata, icc=b"profile")
        made = replace(encoded, picture=replace(encoded.picture, metadata=metadata))
        made.__dict__["data"] = encoded.data
        return made
    pixels[0, 0, -1 if fault == "alpha" else 0] ^= 1
    return replace(encoded, picture=replace(encoded.picture, pixels=pixels))


@pytest.mark.parametrize(
    ("fault", "encoder", "status", "words"),
    [
        ("latents", "encode_still", 6, "does not decode to what was encoded: latents differ"),
        ("alpha", "encode_still", 6, "does not decode to what was encoded: alpha differ"),
        ("metadata", "encode_still", 6, "does not decode to what was encoded: metadata differ"),
        ("pixels", "encode_lossless", 6, "does not decode to what was encoded: lossless tiles differ"),
        ("bytes", "encode_still", 5, "checksum"),
        ("bytes", "encode_lossless", 5, "checksum"),
    ],
)
def test_verify_finds_what_the_encoder_did_wrong(
    monkeypatch: pytest.MonkeyPatch, fault: str, encoder: str, status: int, words: str
) -> None:
    save(photo(64, 80, "LA"))
    right: Encode = getattr(coder, encoder)
    monkeypatch.setattr(coder, encoder, lambda *args, **options: damaged(right(*args, **options), fault))
    options = ["--lossless"] if encoder == "encode_lossless" else ["-q", "50"]
    Path("a.wisp").write_bytes(b"another file")
    before = folder_content(Path())
    result = invoke("encode", "a.png", *options, "--verify", "--overwrite")
    assert result.exit_code == status and words in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert folder_content(Path()) == before
    encode(*options, "--overwrite")  # who does not ask does not learn


def test_verify_finds_what_the_disk_did_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    save(noise(20, 20))
    Path("a.wisp").write_bytes(b"another file")
    before = folder_content(Path())
    right = Output.write

    def forgetful(output: Output, data: bytes | memoryview) -> int:
        return right(output, bytes(data[:-1]) + b"?")

    monkeypatch.setattr(Output, "write", forgetful)
    for options in (["--overwrite"], ["-o", "new.wisp"]):
        result = invoke("encode", "a.png", "--lossless", "--verify", *options)
        assert result.exit_code == 8 and "does not read back as it was" in result.stderr
        assert folder_content(Path()) == before
    encode("--lossless", "--overwrite")
    assert invoke("verify", "a.wisp").exit_code == 5


def test_verify_among_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that fails does not stop the others."""
    for name in ("a.png", "b.png", "c.png"):
        save(noise(20, 20, seed=ord(name[0])), name)
    right: Encode = getattr(coder, "encode_lossless")  # noqa: B009 (it is not there for others)
    calls = []

    def second_fails(*args: Any, **options: Any) -> Any:
        calls.append(1)
        encoded = right(*args, **options)
        return damaged(encoded, "bytes") if len(calls) == 2 else encoded

    monkeypatch.setattr(coder, "encode_lossless", second_fails)
    result = invoke("encode", "a.png", "b.png", "c.png", "-o", "out", "--lossless", "--verify")
    assert result.exit_code == 5 and result.stderr.startswith("wisp: b.png: ")
    assert {path.name for path in Path("out").iterdir()} == {"a.wisp", "c.wisp"}


# PSNR


def told_psnr(result: Result, name: str = "a.png") -> float:
    found = re.fullmatch(rf"wisp: {name}: PSNR (\d+\.\d\d|inf) dB\n", result.stderr)
    assert found, result.stderr
    return float(found[1])


@each_mode
@pytest.mark.parametrize("quality", [10, 60])
def test_psnr_is_that_of_what_decodes(mode: str, quality: int) -> None:
    """Over the colours of all pixels that can be seen."""
    source = save(photo(70, 130, mode)).astype(float)
    told = told_psnr(encode("-q", quality, "--print-psnr", *FP32))
    seen = source[:, :, -1] > 0 if mode.endswith("A") else np.ones(source.shape[:2], bool)
    colours = 3 if mode.startswith("RGB") else 1
    error = (back().astype(float) - source)[seen][:, :colours]
    assert told == pytest.approx(10 * math.log10(255**2 / np.mean(error**2)), abs=0.006)


def test_psnr_of_lossless_pictures() -> None:
    for mode in MODES:
        save(noise(20, 30, mode))
        assert told_psnr(encode("--lossless", "--print-psnr", "--overwrite")) == math.inf
    save(np.zeros((20, 30, 4), np.uint8))  # of which nothing can be seen
    assert told_psnr(encode("--print-psnr", "--overwrite")) == math.inf


def test_psnr_is_told_for_each_and_beside_standard_output() -> None:
    for name in ("a.png", "b.png"):
        save(photo(64, 64), name)
    lines = succeed("encode", "a.png", "b.png", "-o", "out", "--print-psnr", "--quiet").stderr.splitlines()
    assert [re.sub(r"\d+\.\d+", "N", line) for line in lines] == [f"wisp: {n}.png: PSNR N dB" for n in "ab"]
    piped = succeed("encode", "-", "--print-psnr", *FP32, stdin=Path("a.png").read_bytes())
    assert told_psnr(piped, "-") > 20
    encode(*FP32)
    assert piped.stdout_bytes == Path("a.wisp").read_bytes()


# What is told


def test_verbose_tells_what_was_written() -> None:
    save(photo(100, 140))
    line = encode("-v", "--tile", 64).stderr
    size = Path("a.wisp").stat().st_size
    start = f"wisp: a.png: 140x100 RGB -> a.wisp: {size} bytes, {8 * size / 14000:.3f} bpp, 6 tiles, 0 lossless, "
    assert re.fullmatch(re.escape(start) + r"\d+\.\d\d s\n", line)
    assert encode("-v", "--lossless", "--overwrite").stderr.count("1 tile, 1 lossless") == 1


def test_standard_input_and_output() -> None:
    save(noise(20, 30, "LA"))
    piped = succeed("encode", "-", "--lossless", "--exact", stdin=Path("a.png").read_bytes()).stdout_bytes
    encode("--lossless", "--exact", "-o", "b.wisp")
    assert piped == Path("b.wisp").read_bytes()
    assert np.array_equal(codec.decode_array(BytesIO(piped)), np.asarray(Image.open("a.png")))
