"""Errors on the command line: one line, the right exit status, and nothing on the disk has changed.

Nearly all of it runs where `import torch` fails: what can be said without a network is said before it is loaded.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support import damage
from tests.support.cli_runner import folder_content, only_line
from tests.support.damage import Part, inserted, join, sealed, split, with_header
from tests.support.goldens import golden_bytes
from tests.support.without_torch import WithoutTorch

SMALL = golden_bytes("small")
MISSING_MODEL = bytes.fromhex("0123456789abcdef")
METADATA = golden_bytes("metadata")
MEMORY = Path("/proc/self/mem")  # may be opened, but its first byte cannot be read, not even by root


def flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


def damaged_files() -> dict[str, bytes]:
    """One of each kind of damage, by name."""
    parts = split(SMALL)
    return {
        "empty.wisp": b"",
        "text.wisp": b"This is no picture.\n",
        "cut.wisp": SMALL[:100],
        "signature.wisp": SMALL[:5],
        "no_end.wisp": SMALL[:-12],
        "flipped.wisp": flipped(SMALL, 60),
        "endless.wisp": join([parts[0], replace(parts[1], length=2**32 - 1), parts[2]]),
        "critical.wisp": inserted(SMALL, 1, *sealed([Part(b"WHAT")])),
        "malformed.wisp": inserted(SMALL, 1, *sealed([Part(b"\n\0\x1bm")])),
        "later.wisp": with_header(SMALL, version=1),
        "lab.wisp": with_header(SMALL, colour_mode=2),
        "exif.wisp": flipped(METADATA, METADATA.index(b"eXIF") + 10),
        "icc_xmp.wisp": flipped(flipped(METADATA, METADATA.index(b"iCCP") + 10), METADATA.index(b"xMPD") + 10),
        "huge.wisp": with_header(SMALL, width=65535, height=65535),
        "model.wisp": damage.with_model_ids(SMALL, [MISSING_MODEL]),
        "trailing.wisp": SMALL + b"!",
    }


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with files of all sorts; `taken.*` and `folder` stand for what must not be lost."""
    place = tmp_path / "place"
    for name in ("folder/picture.wisp", "folder/small.png"):  # folders, too, in the way of outputs
        (place / name).mkdir(parents=True)
    picture = np.random.default_rng(3).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    Image.fromarray(picture).save(place / "picture.png")
    png = (place / "picture.png").read_bytes()
    files = {
        "small.wisp": SMALL,
        "lossless.wisp": golden_bytes("rgba_lossless"),
        "taken.wisp": b"another file",
        "taken.png": b"another file",
        "text.png": b"This is no picture.\n",
        "empty.png": b"",
        "copy.png": png,
        "cut.png": png[: len(png) // 2],
        "head.png": png[:20],
        "line\nbreak.wisp": SMALL[:30],
        "empty.safetensors": b"",
    }
    for name, content in (files | damaged_files()).items():
        (place / name).write_bytes(content)
    return place


def commands(names: str, status: int, words: str) -> list[tuple[str, int, str]]:
    """Each of the commands that read a `.wisp` file, on each of these files."""
    lines = {"decode": "decode {} -o out.png", "info": "info {}", "verify": "verify {}"}
    return [(lines[command].format(f"{n}.wisp"), status, words) for n in names.split() for command in lines]


def some(names: str, status: int, words: str) -> list[tuple[str, int, str]]:
    """One command a file, another one each time."""
    every = commands(names, status, words)
    return [every[3 * i + i % 3] for i in range(len(every) // 3)]


# What is damaged, and how the commands say so: arguments, exit status, words of the message.
FILES = [
    *commands("text", 3, "is not a Wisp file"),
    *some("empty", 3, "is empty"),
    *commands("cut", 4, "ends at byte 100"),
    *some("signature no_end", 4, "ends at byte"),
    *commands("flipped", 5, "checksum"),
    *some("endless", 5, "claims 4294967295 bytes"),
    *some("malformed", 5, r"'\n\x00\x1bm'"),
    ("verify trailing.wisp", 5, "1 bytes follow"),
    ("verify exif.wisp", 5, "EXIF damaged; the picture is not"),
    ("verify icc_xmp.wisp", 5, "ICC profile and XMP damaged"),
    ("decode --salvage text.wisp -o out.png", 3, "is not a Wisp file"),
    ("decode --salvage signature.wisp -o out.png", 4, "ends at byte 5"),
    *some("later", 6, "version 1"),
    *some("lab", 6, "colour mode 2"),
    *some("critical", 6, "'WHAT'"),
    ("decode model.wisp -o out.png", 6, MISSING_MODEL.hex()),
    ("verify model.wisp", 6, MISSING_MODEL.hex()),
    *commands("huge", 7, "65535x65535"),
]
REQUESTS = [
    ("decode small.wisp -o out.png --crop 0,0,65,48", 2, "crop 0,0,65,48 is not within the picture of 64x48 pixels"),
    ("decode small.wisp -o taken.png --overwrite --crop 64,0,1,1", 2, "not within"),
    ("decode lossless.wisp -o out.png --crop 9999999999999999999999,0,1,1", 2, "not within"),
    ("decode lossless.wisp -o out.png --salvage --crop 0,0,1,9999", 2, "not within"),
    ("encode picture.png -o out.wisp --frame 1", 2, "has one frame"),
]
ACCESS = [
    ("decode small.wisp -o out.png --model text.png", 6, "text.png is not a model file"),
    ("verify small.wisp --model empty.safetensors", 6, "empty.safetensors is not a model file"),
    ("encode picture.png -o out.wisp --model small.wisp", 6, "small.wisp is not a model file"),
    ("encode picture.png -o out.wisp --model none", 8, "model file none cannot be read: No such file"),
    ("info none.wisp", 8, "No such file"),
    ("decode none.wisp", 8, "No such file"),
    ("encode none.png", 8, "No such file"),
    ("demo none.png", 8, "No such file"),
    ("info folder", 8, "Is a directory"),
    ("verify folder", 8, "Is a directory"),
    ("decode folder", 8, "is a folder (--recursive takes what is in it)"),
    ("encode folder", 8, "is a folder (--recursive takes what is in it)"),
    ("encode folder -r", 8, "holds no file to take"),
    ("encode .", 8, "is a folder"),
    ("decode .", 8, "is a folder"),
    ("encode / -o out", 8, "is a folder"),
    ("encode text.png -o out.wisp", 8, "is not a picture"),
    ("encode empty.png -o out.wisp", 8, "is empty"),
    ("encode cut.png -o out.wisp", 8, "damaged"),
    ("encode head.png", 8, "damaged"),
    ("demo text.png", 8, "is not a picture"),
    ("encode small.wisp -o out.wisp", 8, "is a Wisp file already"),
    ("encode picture.png -o taken.wisp", 8, "taken.wisp exists already"),
    ("decode small.wisp -o taken.png", 8, "taken.png exists already"),
    ("encode picture.png -o none/out.wisp", 8, "the folder none does not exist"),
    ("decode small.wisp -o small.wisp/out.png", 8, "the folder small.wisp does not exist"),
    ("encode picture.png -o folder", 8, "output folder/picture.wisp is a directory"),
    ("decode small.wisp -o folder --overwrite", 8, "output folder/small.png is a directory"),
    ("encode picture.png -o picture.png --overwrite", 8, "is the input itself"),
    ("decode small.wisp -o folder/../small.wisp --format png --overwrite", 8, "is the input itself"),
    ("encode small.wisp --overwrite", 8, "is a Wisp file already"),
    ("encode text.png -o taken.wisp --overwrite", 8, "is not a picture"),
    ("encode picture.png -o taken.wisp --lossless", 8, "taken.wisp exists already"),
    ("encode text.png -o taken.wisp --overwrite --lossless --verify", 8, "is not a picture"),
    ("encode cut.png -o out/", 8, "damaged"),
    ("decode lossless.wisp -o taken.png", 8, "taken.png exists already"),
    ("decode lossless.wisp -o taken.png --salvage", 8, "taken.png exists already"),
    ("decode cut.wisp -o taken.png --overwrite", 4, "ends at byte 100"),
]


@pytest.mark.parametrize(("line", "status", "words"), [*FILES, *REQUESTS, *ACCESS], ids=str)
def test_an_error_is_one_line(place: Path, without_torch: WithoutTorch, line: str, status: int, words: str) -> None:
    before = folder_content(place)
    result = without_torch(*line.split(), cwd=place)
    message = only_line(result)
    name = next(word for word in line.split()[1:] if not word.startswith("-"))
    assert message.startswith(f"wisp: {name}: ")
    assert words in message
    assert result.returncode == status
    assert folder_content(place) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nonsense", "nonsense"),
        ("encode", "INPUT"),
        ("encode picture.png --nonsense", "--nonsense"),
        ("info small.wisp lossless.wisp", "lossless.wisp"),
        ("encode picture.png small.wisp -o -", "-o DIR"),
        ("encode picture.png cut.png -o taken.wisp", "taken.wisp is a file"),
        ("encode folder -r -o taken.wisp", "taken.wisp is a file"),
        ("encode - picture.png", "goes alone"),
        ("encode - -o folder", "folder is a folder"),
        ("encode picture.png --overwrite --skip-existing", "exclude each other"),
        ("decode small.wisp --quiet --verbose", "exclude each other"),
        ("encode picture.png --jobs 0", "0"),
        ("encode picture.png --progress loud", "loud"),
        ("encode picture.png --frame -1", "-1"),
        ("encode picture.png -q 101", "101"),
        ("encode picture.png -q nan", "nan"),
        ("encode picture.png --tile 100", "100"),
        ("encode picture.png --tile 8192", "8192"),
        ("decode small.wisp -o out.bmp", "out.bmp: written are png, ppm, jpeg, webp, avif, tiff"),
        ("decode small.wisp -o out.HEIC", "out.HEIC"),
        ("decode small.wisp --format bmp", "bmp"),
        ("decode small.wisp --output-quality 101", "101"),
        ("decode small.wisp --downscale 0", "0"),
        ("decode small.wisp --downscale 65", "65"),
        ("decode small.wisp --crop 1,2,3", "1,2,3"),
        ("decode small.wisp --crop 1,2,3,x", "1,2,3,x"),
        ("decode small.wisp --crop=-1,2,3,4", "-1,2,3,4"),
        ("decode small.wisp --crop 1,2,0,4", "holds no pixel"),
        ("decode small.wisp --device abacus", "abacus"),
        ("decode small.wisp --threads 0", "0"),
    ],
)
def test_a_usage_error_is_one_line(place: Path, without_torch: WithoutTorch, line: str, words: str) -> None:
    before = folder_content(place)
    result = without_torch(*line.split(), cwd=place)
    message = only_line(result)
    assert message.startswith("wisp: ") and message.endswith("--help)") and words in message
    assert result.returncode == 2
    assert folder_content(place) == before


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("--help", "Exit status"),
        ("--version", "wisp 0."),
        ("encode --help", "--quality"),
        ("info small.wisp", "64 x 48"),
        ("info --json model.wisp", '"quality": null'),
        ("info lossless.wisp", "none is needed"),
        ("verify lossless.wisp", "lossless.wisp: fine"),
        ("models", "image-v1"),
    ],
)
def test_what_needs_no_network_needs_no_torch(place: Path, without_torch: WithoutTorch, line: str, words: str) -> None:
    result = without_torch(*line.split(), cwd=place)
    assert (result.returncode, result.stderr) == (0, b"")
    assert words in result.stdout.decode()


@pytest.mark.parametrize(
    "lines",
    [
        ["encode picture.png --lossless --verify --print-psnr -o new.wisp", "decode new.wisp", "verify new.wisp"],
        ["encode picture.png --lossless --exact -q 95 --tile 64 -o new.wisp", "decode new.wisp -o new.tiff"],
        ["decode lossless.wisp --crop 10,10,20,20 --downscale 2 -o new.jpg"],
        ["decode lossless.wisp --salvage -o new.webp"],
        ["encode picture.png copy.png -o new --lossless --jobs 2", "decode new -r --jobs 2"],
    ],
    ids=lambda lines: lines[0],
)
def test_what_is_lossless_needs_no_torch(place: Path, without_torch: WithoutTorch, lines: list[str]) -> None:
    for line in lines:
        result = without_torch(*line.split(), cwd=place)
        assert result.returncode == 0, result.stderr
    assert list(place.rglob("new*"))


def test_the_trap_for_torch_works(place: Path, without_torch: WithoutTorch) -> None:
    """And what nobody has foreseen is one line, too."""
    before = folder_content(place)
    result = without_torch("decode", "small.wisp", cwd=place)
    assert "torch must not be imported" in only_line(result)
    assert result.returncode == 1
    assert folder_content(place) == before


def test_no_arguments_at_all(place: Path, without_torch: WithoutTorch) -> None:
    result = without_torch(cwd=place)
    assert (result.returncode, result.stderr) == (2, b"")
    assert b"Commands:" in result.stdout


def test_debug_shows_where(place: Path, without_torch: WithoutTorch) -> None:
    result = without_torch("info", "text.wisp", "--debug", cwd=place)
    lines = result.stderr.decode().splitlines()
    assert lines[0].startswith("Traceback") and any("read_signature" in line for line in lines)
    assert lines[-1].startswith("wisp: text.wisp: ")
    assert result.returncode == 3


@pytest.mark.parametrize(
    ("command", "data", "status", "words"),
    [("info", b"", 3, "is empty"), ("info", SMALL[:50], 4, "ends at byte 50"), ("encode", b"text", 8, "not a picture")],
)
def test_standard_input(
    place: Path, without_torch: WithoutTorch, command: str, data: bytes, status: int, words: str
) -> None:
    result = without_torch(command, "-", cwd=place, stdin=data)
    message = only_line(result)
    assert message.startswith("wisp: -: ") and words in message
    assert result.returncode == status


def test_a_name_with_a_line_break_is_still_one_line(place: Path, without_torch: WithoutTorch) -> None:
    result = without_torch("info", "line\nbreak.wisp", cwd=place)
    assert only_line(result).startswith(r"wisp: line\nbreak.wisp: ends at byte 30")
    assert result.returncode == 4


@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read everything")
@pytest.mark.parametrize(("command", "name"), [("info", "small.wisp"), ("encode", "picture.png")])
def test_a_file_without_permission(place: Path, without_torch: WithoutTorch, command: str, name: str) -> None:
    (place / name).chmod(0)
    result = without_torch(command, name, cwd=place)
    assert only_line(result) == f"wisp: {name}: Permission denied"
    assert result.returncode == 8


@pytest.mark.skipif(not MEMORY.exists(), reason="no /proc here")
@pytest.mark.parametrize("command", ["info", "encode"])
def test_a_file_that_fails_while_it_is_read(place: Path, without_torch: WithoutTorch, command: str) -> None:
    target = ["-o", "out.wisp"] if command == "encode" else []
    before = folder_content(place)
    result = without_torch(command, MEMORY, *target, cwd=place)
    assert only_line(result) == f"wisp: {MEMORY}: Input/output error"
    assert result.returncode == 8
    assert folder_content(place) == before
