"""The command line when all goes well: files, pipes, JSON, models, demo, help."""

from __future__ import annotations

import io
import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import codec
from cli.bench import bench
from cli.main import cli
from cli.train import train
from codec.api import Codec
from codec.model.registry import DEFAULT_MODEL, PACKAGED
from tests.support.cli_runner import invoke
from tests.support.cli_runner import succeed as run

GOLDEN = Path(__file__).parents[1] / "golden"


@pytest.fixture
def picture(tmp_path: Path, photograph: NDArray[np.uint8]) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(photograph[:100, :140]).save(path)
    return path


def test_results_lie_beside_the_input(picture: Path) -> None:
    run("encode", picture, "-q", "60")
    coded = picture.with_suffix(".wisp")
    picture.rename(picture.with_name("original.png"))
    run("decode", coded)
    assert Image.open(picture).size == (140, 100)
    run("decode", coded, "--format", "ppm")
    assert picture.with_suffix(".ppm").read_bytes().startswith(b"P6")
    assert {p.suffix for p in picture.parent.iterdir()} == {".png", ".wisp", ".ppm"}


def test_the_command_line_and_the_library_agree(picture: Path, tmp_path: Path) -> None:
    run("encode", picture, "-q", "37.5", "--tile", "64", "--precision", "fp32", "-o", tmp_path / "a.wisp")
    expected = Codec(precision="fp32").encode(picture, 37.5, tile=64)
    assert (tmp_path / "a.wisp").read_bytes() == expected
    run("decode", tmp_path / "a.wisp", "-o", tmp_path / "a.ppm", "--precision", "fp32", "--device", "cpu")
    decoded = np.asarray(Image.open(tmp_path / "a.ppm"))
    assert np.array_equal(decoded, Codec(precision="fp32").decode_array(expected))


def test_pipes(picture: Path) -> None:
    coded = run("encode", "-", "-q", "50", stdin=picture.read_bytes()).stdout_bytes
    png = run("decode", "-", stdin=coded).stdout_bytes
    assert Image.open(io.BytesIO(png)).size == (140, 100)
    assert run("decode", "-", "-o", "-", "--format", "ppm", stdin=coded).stdout_bytes.startswith(b"P6\n140 100\n255\n")


def test_input_is_recognised_by_content(picture: Path, tmp_path: Path) -> None:
    misnamed = tmp_path / "picture.wisp"
    shutil.copy(picture, misnamed)
    run("encode", misnamed, "-o", tmp_path / "coded.png")
    run("decode", tmp_path / "coded.png", "-o", tmp_path / "out")
    assert Image.open(tmp_path / "out").format == "PNG"


def test_overwrite(picture: Path) -> None:
    coded = picture.with_suffix(".wisp")
    coded.write_bytes(b"old")
    run("encode", picture, "--overwrite")
    assert coded.read_bytes()[1:4] == b"WSP"


def test_a_converted_picture_is_noted(tmp_path: Path) -> None:
    Image.new("P", (20, 20), 0).save(tmp_path / "palette.png")
    result = run("encode", tmp_path / "palette.png")
    assert result.stderr == f"wisp: {tmp_path / 'palette.png'}: note: palette converted to RGB\n"


@pytest.mark.parametrize(("mode", "colour"), [("L", 90), ("LA", (90, 40)), ("RGB", (1, 2, 3)), ("RGBA", (1, 2, 3, 4))])
def test_a_picture_that_is_kept_as_it_is_needs_no_note(
    tmp_path: Path, mode: str, colour: int | tuple[int, ...]
) -> None:
    Image.new(mode, (20, 20), colour).save(tmp_path / "a.png")
    assert run("encode", tmp_path / "a.png").stderr == ""
    assert json.loads(run("info", "--json", tmp_path / "a.wisp").stdout)["mode"] == mode
    assert run("decode", tmp_path / "a.wisp", "-o", tmp_path / "b.png").stderr == ""
    assert Image.open(tmp_path / "b.png").mode == mode


def test_info_and_verify_as_json() -> None:
    path = GOLDEN / "tiles.wisp"
    facts = json.loads(run("info", "--json", path).stdout)
    assert (facts["width"], facts["height"], facts["mode"]) == (200, 150, "RGB")
    assert (facts["quality"], facts["tile"], facts["tiles"]) == (80, 64, 12)
    assert facts["bytes"] == path.stat().st_size
    assert 0 < facts["payload_bytes"] < facts["bytes"]
    assert [c["type"] for c in facts["chunks"]] == ["HEAD", *["UNIT"] * 12, "DONE"]
    verified = json.loads(run("verify", "--json", path, "--precision", "fp32", "--entropy-dtype", "fp64").stdout)
    assert verified["latents_sha256"] == json.loads((GOLDEN / "golden.json").read_text())["tiles"]
    assert all(verified[key] == facts[key] for key in facts)
    assert (verified["precision"], verified["entropy_dtype"], verified["model"]) == ("fp32", "fp64", facts["model"])


def test_info_and_verify_for_people() -> None:
    text = run("info", GOLDEN / "small.wisp").stdout
    assert "64 x 48 RGB, 8 bits" in text and "quality   50 (model quality" in text and "metadata  none" in text
    assert run("verify", GOLDEN / "small.wisp").stdout.startswith(f"{GOLDEN / 'small.wisp'}: fine")


@pytest.mark.parametrize(
    ("name", "tiles", "lossless"), [("small", 1, 0), ("tiles", 12, 0), ("mixed", 9, 4), ("rgba_lossless", 6, 6)]
)
def test_info_counts_the_lossless_tiles(name: str, tiles: int, lossless: int) -> None:
    path = GOLDEN / f"{name}.wisp"
    facts = json.loads(run("info", "--json", path).stdout)
    assert (facts["tiles"], facts["lossless_tiles"], facts["lossless"]) == (tiles, lossless, tiles == lossless)
    text = run("info", path).stdout
    assert f"tiles     {tiles} of at most {facts['tile']} x {facts['tile']} pixels, {lossless} lossless\n" in text
    assert ("quality   lossless\n" in text) == (tiles == lossless) == ("none is needed" in text)
    assert (facts["quality"] is None, facts["model"] is None) == (tiles == lossless,) * 2


def test_info_tells_the_metadata() -> None:
    facts = json.loads(run("info", "--json", GOLDEN / "metadata.wisp").stdout)
    assert set(facts["metadata"]) == {"icc", "exif", "xmp"}
    text = run("info", GOLDEN / "metadata.wisp").stdout
    kept = facts["metadata"]
    assert f"ICC profile {kept['icc']} bytes, EXIF {kept['exif']} bytes, XMP {kept['xmp']} bytes\n" in text


@pytest.mark.parametrize("name", ["mixed", "rgba_lossless", "metadata", "grey_alpha"])
def test_verify_knows_every_kind_of_file(name: str) -> None:
    verified = json.loads(run("verify", "--json", GOLDEN / f"{name}.wisp").stdout)
    assert verified["latents_sha256"] == json.loads((GOLDEN / "golden.json").read_text())[name]
    assert ("precision" in verified) == (verified["model"] is not None)


def test_models_are_listed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (own,) = json.loads(run("models", "--json").stdout)
    assert own["name"] == DEFAULT_MODEL and own["default"] and len(own["id"]) == 16
    shutil.copy(PACKAGED / f"{DEFAULT_MODEL}.safetensors", tmp_path)
    (tmp_path / "broken.safetensors").write_bytes(b"no model")
    monkeypatch.setenv("WISP_MODEL_PATH", str(tmp_path))
    result = run("models")
    assert result.stdout.count(own["id"]) == 2
    assert "broken.safetensors" in result.stderr


def test_demo_on_a_picture_of_ones_own(picture: Path, tmp_path: Path) -> None:
    result = run("demo", picture, "--keep", tmp_path / "kept", "--threads", "1")
    assert "Wisp bytes" in result.stdout and "JPEG bytes" in result.stdout
    kept = sorted((tmp_path / "kept").iterdir())
    assert len(kept) == 15
    coded = tmp_path / "kept" / "photo-q50.wisp"
    assert f"{coded.stat().st_size:,}" in result.stdout


def test_help_and_version() -> None:
    assert run("--version").stdout == f"wisp {codec.__version__}\n"
    listing = run("--help").stdout
    for name, command in cli.commands.items():
        assert command.short_help and command.short_help in listing
        assert "Example" in run(name, "--help").stdout
    for group_name, group in GROUPS.items():
        listing = run(group_name, "--help").stdout
        for name, command in group.commands.items():
            assert command.short_help and command.short_help in listing
            assert "Example" in run(group_name, name, "--help").stdout


GROUPS = {"bench": bench, "train": train}


@pytest.mark.parametrize(
    "words",
    [*((name,) for name in cli.commands), *((g, name) for g, group in GROUPS.items() for name in group.commands)],
)
def test_the_examples_of_the_help_are_right(words: tuple[str, ...]) -> None:
    """Each line names this command and options that it has."""
    group = cli if len(words) == 1 else GROUPS[words[0]]
    command = group.commands[words[-1]]
    lines = [line.strip() for line in (command.epilog or "").splitlines() if "wisp " in line]
    assert lines
    for line in lines:
        called = re.split(r"\s{2,}", line)[0].partition("wisp ")[2]
        given = shlex.split(re.split("[<>|]", called)[0])
        assert tuple(given[: len(words)]) == words
        command.make_context(words[-1], given[len(words) :])


def test_running_out_of_memory_is_an_error_of_its_own(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> bytes:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(Codec, "encode_picture", exhausted)
    result = invoke("encode", picture)
    assert result.exit_code == 7
    assert result.stderr == f"wisp: {picture}: not enough memory\n"


def test_demo_keeps_no_file_that_it_would_lose(picture: Path, tmp_path: Path) -> None:
    named = picture.rename(tmp_path / "my.v1.png")
    (tmp_path / "my.v1-q50.jpg").write_text("precious")
    result = invoke("demo", named, "--keep", tmp_path)
    assert result.exit_code == 8 and "exists already" in result.stderr
    assert (tmp_path / "my.v1-q50.jpg").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_loop_of_links_is_an_output_that_cannot_be_written(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    result = invoke("encode", picture, "-o", tmp_path / "loop")
    assert result.exit_code == 8 and "loop" in result.stderr


def test_the_wrong_direction_is_named(picture: Path) -> None:
    assert invoke("decode", picture).exit_code == 3
    result = invoke("encode", GOLDEN / "small.wisp")
    assert result.exit_code == 8 and "is a Wisp file already" in result.stderr
