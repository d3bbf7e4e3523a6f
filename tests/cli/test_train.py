"""`wisp train` from the command line: from pictures to a model that encodes and decodes, and what is refused."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from PIL import Image

from bitstream.errors import FileAccessError, ModelFileError
from codec.api import Codec
from codec.model.file import read_model_file, write_model_file
from codec.training.gain import gain
from codec.training.log import STEPS, VALIDATION, read_table
from codec.training.recipe import parse_recipe
from codec.training.run import Run
from tests.support.cli_runner import invoke
from tests.support.goldens import parrots
from tests.support.tiny import tiny_config, tiny_tensors
from tests.support.training import NETWORK, write_pictures

TINY = [
    part for key, value in NETWORK.items() for part in ("--set", f"network.{key}={json.dumps(value)}")
]  # a network of a few channels


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_pictures(tmp_path_factory.mktemp("train") / "photos", 6)
    (folder / "broken.png").write_bytes((folder / "0.png").read_bytes()[:200])
    return folder


@pytest.fixture(scope="module")
def trained(pictures: Path) -> tuple[Path, Result]:
    """A run of a few steps, and what was said."""
    out = pictures.parent / "run"
    options = ["--start", "random", "--steps", "3", "--batch", "2", "--crop", "64", "--lr", "1e-2"]
    return out, invoke("train", "image", "--data", pictures, "--recipe", "tiny", *TINY, *options, "--out", out)


def test_from_pictures_to_a_model_that_codes(trained: tuple[Path, Result], tmp_path: Path) -> None:
    """Badly, but exactly; without the model the file is refused."""
    out, said = trained
    assert said.exit_code == 0, said.output
    model, file = tmp_path / "my.model", tmp_path / "x.wisp"
    exported = invoke("train", "export", out, "-o", model, "--table-crops", "2", "--curve-crops", "1")
    assert exported.exit_code == 0, exported.output
    assert f"model {read_model_file(model).info.id} (my) written to {model}" in exported.output
    assert exported.stderr.count("broken.png left out") == 1  # though pictures are read three times
    Image.fromarray(parrots()[:70, :90]).save(tmp_path / "x.png")
    assert invoke("encode", tmp_path / "x.png", "--model", model, "-o", file, "--tile", "64").exit_code == 0
    assert invoke("decode", file, "--model", model, "-o", tmp_path / "y.png").exit_code == 0
    decoded = np.asarray(Image.open(tmp_path / "y.png"))
    assert (decoded == Codec(model).decode_array(file)).all()
    assert invoke("verify", "--model", model, file).exit_code == 0
    refused = invoke("decode", file, "-o", tmp_path / "z.png")
    assert refused.exit_code == 6 and "needs model" in refused.stderr and not (tmp_path / "z.png").exists()


def test_what_a_run_leaves_behind(trained: tuple[Path, Result]) -> None:
    out, said = trained
    assert "broken.png left out" in said.stderr and "trained 3 steps" in said.stderr and "a step took" in said.stderr
    recipe = parse_recipe((out / "recipe.toml").read_text())
    assert (recipe.batch, recipe.crop, recipe.adam, recipe.start) == (2, 64, 1e-2, "random")
    assert recipe.network == NETWORK and recipe.length == ("steps", 3.0)
    assert [row["quality"] for row in read_table(out / VALIDATION)] == [0, 9, 18, 27, 36, 45, 54, 63]
    assert {"loss", "bpp", "distortion", "gradient"} <= set(read_table(out / STEPS)[0])
    (sheet,) = Run.open(out).sheets()
    assert Image.open(sheet).width == 3 * 64 + 2 * 4
    page = (out / "report.html").read_text()
    assert "3 steps in" in page and "Rate" not in page.split("<h2")[0] and "network" in page


def test_a_folder_with_a_run_is_kept(trained: tuple[Path, Result], pictures: Path) -> None:
    out, _ = trained
    before = hashlib.sha256((out / "state.pt").read_bytes()).digest()
    again = invoke("train", "image", "--data", pictures, "--recipe", "tiny", "--out", out)
    assert again.exit_code == FileAccessError.exit_status and "holds a run already" in again.stderr
    other = invoke("train", "image", "--data", pictures, "--recipe", "tiny", "--out", out, "--resume")
    assert other.exit_code == 2 and "another recipe, of other network, start, batch, adam, steps" in other.stderr
    assert hashlib.sha256((out / "state.pt").read_bytes()).digest() == before


def test_resuming_takes_the_recipe_of_the_run(
    trained: tuple[Path, Result], pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, _ = trained
    said = invoke("train", "image", "--data", pictures, "--out", out, "--resume", "--no-report")
    assert said.exit_code == 0 and "trained 3 steps" in said.stderr and "a step took" not in said.stderr
    assert "broken.png left out" in said.stderr
    monkeypatch.setenv("RANK", "1")  # of torchrun's processes the first speaks for all
    said = invoke("train", "image", "--data", pictures, "--out", out, "--resume")
    assert said.exit_code == 0 and said.output == ""


@pytest.mark.parametrize(
    "options, words",
    [
        (["--recipe", "fast"], "there is no recipe fast"),
        (["--set", "speed=3"], "there is no key 'speed'"),
        (["--set", "speed"], "'speed' is not KEY=VALUE"),
        (["--loss", "psnr"], "--loss psnr: a loss is one of mse, l1, ms-ssim"),
        (["--loss", "mse=x"], "'x' is not a number"),
        (["--loss", "ms-ssim"], "MS-SSIM needs crops of 161 pixels, crop is 64"),
        (["--steps", "3", "--minutes", "2"], "one of steps, minutes and epochs"),
        (["--crop", "100"], "crop = 100 is not a multiple of 64"),
        (["--model", "vgg"], "--model vgg: there is compressai:NAME"),
        (["--train", "colour"], "the network has no part 'colour'; it has analysis"),
        (["--set", "network.wings=2"], "network: "),
        (["--set", "network=3"], "network = 3 is not a table"),
        (["--set", "network=3", "--set", "network.c=8"], "network = 3 is not a table"),
    ],
)
def test_what_is_refused(pictures: Path, tmp_path: Path, options: list[str], words: str) -> None:
    said = invoke("train", "image", "--data", pictures, "--recipe", "tiny", *TINY, "--start", "random", *options,
                "--out", tmp_path / "run")  # fmt: skip
    assert said.exit_code == 2 and words in said.stderr and "Traceback" not in said.output


@pytest.mark.parametrize("task, option", [("detail", "--loss"), ("detail", "--dropout"), ("predicted", "--dropout")])
def test_a_command_has_no_options_that_its_task_takes_no_heed_of(pictures: Path, task: str, option: str) -> None:
    assert option in invoke("train", "image", "--help").stdout
    assert option not in invoke("train", task, "--help").stdout
    said = invoke("train", task, "--data", pictures, "--out", pictures / "run", option, "1")
    assert said.exit_code == 2 and "No such option" in said.stderr


def test_a_folder_without_pictures(tmp_path: Path) -> None:
    said = invoke("train", "image", "--data", tmp_path, "--recipe", "tiny", "--out", tmp_path / "run")
    assert said.exit_code == FileAccessError.exit_status and "no pictures" in said.stderr


def test_a_weight_that_is_too_large_is_refused(trained: tuple[Path, Result], tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    out, _ = trained
    weights = load_file(out / "best.safetensors")
    weights["prior.b1.f.weight"] = weights["prior.b1.f.weight"] * 1e6
    save_file(weights, tmp_path / "large.safetensors", {"config": json.dumps(NETWORK)})
    said = invoke(
        "train", "export", tmp_path / "large.safetensors", "-o", tmp_path / "m", "--data", out.parent / "photos"
    )
    assert (
        said.exit_code == ModelFileError.exit_status
        and "layer b1.f: a weight of" in said.stderr
        and not (tmp_path / "m").exists()
    )


@pytest.mark.parametrize("decoder_only", [False, True])
def test_tuning_keeps_what_it_should(pictures: Path, tmp_path: Path, decoder_only: bool) -> None:
    """With --decoder-only entropy path, tables and latents are those of the model that it came from."""
    start, tuned = tmp_path / "start.safetensors", tmp_path / "tuned.model"
    base = write_model_file(start, "start", tiny_config(), 1, tiny_tensors(tiny_config()))
    options = ["--decoder-only"] if decoder_only else []
    said = invoke("train", "tune", "--data", pictures, "--start", start, "--steps", "4", "--lr", "1e-2", "--crop", "64",
                "--batch", "2", *options, "-o", tuned, "--no-report")  # fmt: skip
    assert said.exit_code == 0, said.output
    found = gain(Run.open(tmp_path / "tuned.model.run"))
    assert found is not None and found.step == 4, "random weights that get no better"
    before, after = (read_model_file(path).tensors for path in (start, tuned))
    same = {name for name in before if np.array_equal(before[name], after[name])}
    assert read_model_file(tuned).info.id != base.id
    assert not any(name.startswith("synthesis.head") for name in same)
    if decoder_only:
        assert same >= {name for name in before if not name.startswith("synthesis.")}
        codecs = [Codec(path) for path in (start, tuned)]
        latents = [codec.decode_latents(codec.encode(parrots()[:64, :64], 50)).sha256 for codec in codecs]
        assert latents[0] == latents[1]


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals")
def test_ctrl_c_stops_so_that_it_can_be_resumed(pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    words = ["train", "image", "--data", str(pictures), "--recipe", "tiny", *TINY, "--start", "random", "--batch", "2",
             "--crop", "64", "--steps", "100000", "--out", str(out), "--no-report"]  # fmt: skip
    command = [sys.executable, "-m", "cli.start", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "OMP_NUM_THREADS": "1"}) as process:
        while len(read_table(out / STEPS)) < 2:  # the first is written before the run listens for signals
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        said = process.stderr.read().decode()
    assert process.returncode == 130 and "stopped (--resume goes on) after" in said and "Traceback" not in said
    state = Run.open(out).read_state()
    assert state is not None and 1 <= state["step"] < 100000 and not state["finished"]
