"""The command line when all goes well: files, pipes, JSON, models, demo, help."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from numpy.typing import NDArray
from PIL import Image

import codec
from cli.main import cli
from codec.api import Codec
from codec.model.registry import DEFAULT_MODEL, PACKAGED

GOLDEN = Path(__file__).parent / "golden"


def run(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    result = CliRunner().invoke(cli, [str(a) for a in arguments], input=stdin)
    assert result.exit_code == 0, result.output
    return result


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
    Image.new("L", (20, 20), 90).save(tmp_path / "grey.png")
    result = run("encode", tmp_path / "grey.png")
    assert result.stderr == f"wisp: {tmp_path / 'grey.png'}: note: grey converted to RGB\n"


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
    assert "64 x 48 RGB" in text and "quality  50" in text
    assert run("verify", GOLDEN / "small.wisp").stdout.startswith(f"{GOLDEN / 'small.wisp'}: fine")


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


def test_running_out_of_memory_is_an_error_of_its_own(picture: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def exhausted(*_: object, **__: object) -> bytes:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes")

    monkeypatch.setattr(Codec, "encode", exhausted)
    result = CliRunner().invoke(cli, ["encode", str(picture)])
    assert result.exit_code == 7
    assert result.stderr == f"wisp: {picture}: not enough memory\n"


def test_demo_keeps_no_file_that_it_would_lose(picture: Path, tmp_path: Path) -> None:
    named = picture.rename(tmp_path / "my.v1.png")
    (tmp_path / "my.v1-q50.jpg").write_text("precious")
    result = CliRunner().invoke(cli, ["demo", str(named), "--keep", str(tmp_path)])
    assert result.exit_code == 8 and "exists already" in result.stderr
    assert (tmp_path / "my.v1-q50.jpg").read_text() == "precious"
    assert len(list(tmp_path.iterdir())) == 2


def test_a_loop_of_links_is_an_output_that_cannot_be_written(picture: Path, tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    result = CliRunner().invoke(cli, ["encode", str(picture), "-o", str(tmp_path / "loop")])
    assert result.exit_code == 8 and "loop" in result.stderr


def test_the_wrong_direction_is_named(picture: Path) -> None:
    assert CliRunner().invoke(cli, ["decode", str(picture)]).exit_code == 3
    result = CliRunner().invoke(cli, ["encode", str(GOLDEN / "small.wisp")])
    assert result.exit_code == 8 and "is a Wisp file already" in result.stderr
