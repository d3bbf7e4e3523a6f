"""Studies of autoencoders from the command line to the page: what is trained, measured, resumed, and refused."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result
from PIL import Image
from safetensors.torch import load_file

from benchmarks.studies.denoise import Denoise
from benchmarks.studies.rate import LEVELS, CodeCoder
from benchmarks.studies.reconstruct import Reconstruct
from benchmarks.studies.request import Request
from benchmarks.studies.runs import train_rows
from benchmarks.studies.sheets import sheet
from bitstream.errors import OutputExistsError
from bitstream.rangecoder import SymbolDecoder
from codec.training.autoencoders import Autoencoder, Shape
from codec.training.data.picture_set import open_set
from codec.training.log import VALIDATION, read_table
from codec.training.loop import Status
from codec.training.run import BEST
from tests.support.cli_runner import invoke
from tests.support.goldens import parrots


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set of small photographs."""
    whole = parrots()
    places = [(17 * i % (whole.shape[0] - 16), 31 * i % (whole.shape[1] - 16)) for i in range(30)]
    found = np.stack([whole[top : top + 16, left : left + 16] for top, left in places])
    np.savez(path := tmp_path_factory.mktemp("study") / "crops.npz", images=found)
    return path


@pytest.fixture(scope="module")
def reconstructed(crops: Path) -> tuple[Path, Result]:
    out = crops.parent / "reconstruct"
    options = ["--networks", "convolutional", "--quick", "--batch", "8"]
    return out, invoke("study", "reconstruct", "--images", crops, *options, "--out", out)


@pytest.fixture(scope="module")
def denoised(crops: Path) -> tuple[Path, Result]:
    out = crops.parent / "denoise"
    options = ["--networks", "dense,residual", "--quick", "--batch", "8", "--sigma", "0.2"]
    return out, invoke("study", "denoise", "--images", crops, *options, "--out", out)


def results(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "results.json").read_text())
    return found


def test_reconstructions_have_a_rate_and_wisp_beside_them(reconstructed: tuple[Path, Result]) -> None:
    out, said = reconstructed
    assert said.exit_code == 0 and f"report: {out / 'report.html'}" in said.output, said.output
    (rate,) = results(out)["rates"]
    assert rate["row"] == "convolutional" and 0 < rate["bpp"] < 8 and rate["wisp"]["bpp"] > 0
    assert rate["wisp"]["bpp"] <= rate["bpp"] or rate["wisp"]["quality"] == 0
    page = (out / "report.html").read_text()
    assert "At equal rate" in page and "Wisp at quality" in page and "data:image/png" in page


def test_one_run_is_shown_at_every_epoch(reconstructed: tuple[Path, Result]) -> None:
    """The weights after an epoch are those of that epoch, the last ones those of the state."""
    out, _ = reconstructed
    row = out / "convolutional"
    kept = sorted((row / "epochs").glob("*.safetensors"))
    assert [path.stem for path in kept] == ["00001", "00002"]
    first, last = (load_file(path) for path in kept)
    assert any((first[name] != last[name]).any() for name in first)
    assert set(load_file(row / BEST)) == set(first)
    (found,) = results(out)["rows"]
    validated = read_table(row / VALIDATION)
    assert [found["after"][epoch]["psnr"] for epoch in ("1", "2")] == [values["psnr"] for values in validated]
    assert Image.open(out / "epochs-convolutional.png").size == (3 * 96 + 2 * 4, 4 * 96 + 3 * 4)
    assert Image.open(out / "inputs-convolutional.png").height == 2 * 96 + 4


def test_denoising_is_measured_before_and_after(denoised: tuple[Path, Result]) -> None:
    out, said = denoised
    assert said.exit_code == 0, said.output
    found = results(out)
    assert found["sigma"] == 0.2 and 13 < found["noisy"]["psnr"] < 18
    assert [row["name"] for row in found["rows"]] == ["dense", "residual"]
    assert {"loss", "accuracy", "exact", "psnr", "ssim"} <= set(found["rows"][0]["after"]["2"])
    assert found["rows"][1]["recipe"]["decay"] == "linear" and found["rows"][0]["recipe"]["decay"] == "constant"
    page = (out / "report.html").read_text()
    for words in ("0.0270", "0.0047", "24.86", "deviation 0.2", "Noisy, restored, clean"):
        assert words in page


def test_a_folder_with_a_study_is_kept(denoised: tuple[Path, Result], crops: Path) -> None:
    """Also by networks that it has not."""
    out, _ = denoised
    before = (out / "results.json").read_bytes()
    said = invoke("study", "denoise", "--images", crops, "--networks", "skip", "--quick", "--out", out)
    assert said.exit_code == OutputExistsError.exit_status and "holds a study already" in said.stderr
    assert (out / "results.json").read_bytes() == before and not (out / "skip").exists()


def test_an_ablation_changes_one_thing_at_a_time(crops: Path, tmp_path: Path) -> None:
    request = Request(images=[crops], epochs=(1,), ablation=True, networks=("dense",), quick=True)
    base, *others = Denoise().rows(request, open_set([crops], request.wanted))
    assert [row.changed for row in others] == [
        "L1", "dropout 0.2", "mirrored, turned by 10 degrees", "half the width", "twice the width",
    ]  # fmt: skip
    plain = base.recipe.plain()
    changed = [{key for key in plain if row.recipe.plain()[key] != plain[key]} for row in others]
    assert changed == [{"mse", "l1"}, {"dropout"}, {"flip", "network"}, {"network"}, {"network"}]


def test_colours_are_compared_with_grey(crops: Path, tmp_path: Path) -> None:
    options = ["--networks", "skip", "--quick", "--batch", "8", "--widths", "16"]
    said = invoke("study", "colorize", "--images", crops, *options, "--out", tmp_path / "s")
    assert said.exit_code == 0, said.output
    found = results(tmp_path / "s")
    assert found["grey"]["chroma"] > 0 and found["rows"][0]["best"]["chroma"] > 0
    page = (tmp_path / "s" / "report.html").read_text()
    assert "0.0114" in page and "0.5458" in page and "Grey, predicted, true" in page


class _Stopping:
    """A listener that stops after some steps, 0: never."""

    def __init__(self, steps: int) -> None:
        self._steps, self.heard = steps, 0

    def begin(self, title: str, row: int, rows: int) -> None:
        pass

    def advance(self, status: Status) -> bool:
        self.heard += 1
        return self.heard == self._steps


def test_a_study_that_was_stopped_goes_on(crops: Path, tmp_path: Path) -> None:
    """At the same weights after every epoch; what is there is not trained again, and not replaced unasked."""
    request = Request(images=[crops], epochs=(1, 2), networks=("dense",), widths=(2, 4), batch=8, patience=9)
    pictures = open_set([crops], request.wanted)
    rows = Denoise().rows(request, pictures)

    def run(name: str, steps: int = 0, resume: bool = True) -> tuple[Any, int]:
        listener = _Stopping(steps)
        found = train_rows(rows, pictures, [crops], tmp_path / name, (1, 2), listener, resume=resume)
        return found, listener.heard

    whole, heard = run("whole")
    assert whole is not None and heard == 12
    assert run("parts", steps=8) == (None, 8)
    parts, heard = run("parts")
    assert parts is not None and heard == 4
    for a, b in zip(whole, parts, strict=True):
        for epoch in (1, 2):
            states = [each.after(epoch).network.state_dict() for each in (a, b)]
            assert all((states[0][name] == value).all() for name, value in states[1].items())
    with pytest.raises(OutputExistsError):
        run("parts", resume=False)
    assert run("parts")[1] == 0


def test_weights_that_were_not_kept_before_a_kill_are(crops: Path, tmp_path: Path) -> None:
    request = Request(images=[crops], epochs=(1, 2), networks=("dense",), widths=(2,), batch=8)
    pictures = open_set([crops], request.wanted)
    rows = Denoise().rows(request, pictures)
    assert train_rows(rows, pictures, [crops], tmp_path, (1, 2), _Stopping(3), resume=True) is None
    (kept,) = (tmp_path / "dense" / "epochs").glob("*.safetensors")
    before = load_file(kept)
    kept.unlink()
    assert train_rows(rows, pictures, [crops], tmp_path, (1, 2), _Stopping(0), resume=True) is not None
    assert all((before[name] == value).all() for name, value in load_file(kept).items())


def test_a_picture_alone_is_validated_where_it_is_shown(tmp_path: Path) -> None:
    """An epoch of it is a step."""
    Image.fromarray(parrots()[:40, :50]).save(tmp_path / "photo.png")
    request = Request(images=[tmp_path / "photo.png"], epochs=(4, 6), size=16, networks=("convolutional",), widths=(2,))
    pictures = open_set(request.images, request.wanted)
    rows = Reconstruct().rows(request, pictures)
    (trained,) = train_rows(rows, pictures, request.images, tmp_path / "s", (4, 6), _Stopping(0)) or []
    assert list(trained.curves) == [2, 4, 6] and trained.outcome.steps == 6
    first, last = (task.looks()[1] for epoch in (4, 6) if (task := trained.after(epoch)) is not None)
    assert first.shape == (1, 16, 16, 3) and (first != last).any()


@pytest.mark.parametrize("kind", ["convolutional", "dense"])
def test_codes_come_back_from_their_streams(kind: str) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
    coder = CodeCoder(Autoencoder(kind, Shape(3, 3, 16, 16), (4, 6)).eval(), pictures[:4])
    symbols = coder._symbols(coder._codes(pictures[4:]))[0]
    decoder = SymbolDecoder(coder.stream(symbols), {"y": coder.tables, "z": []})
    assert np.array_equal(decoder.decode("y", coder.index(symbols)), symbols.ravel())
    assert symbols.min() >= 0 and symbols.max() < LEVELS
    coded = coder.code(pictures[4:])
    assert coded.bpp == pytest.approx(np.mean([8 * len(coder.stream(s)) for s in coder._symbols(
        coder._codes(pictures[4:]))]) / 256)  # fmt: skip


def test_small_pictures_are_enlarged_as_they_are() -> None:
    shown = sheet([[np.full((32, 32, 1), 9, np.uint8)] * 2, [np.zeros((32, 32, 3), np.uint8)]])
    assert shown.shape == (96 + 4 + 96, 96 + 4 + 96, 3)
    assert (shown[:96, :96] == 9).all() and (shown[96:100] == 255).all() and (shown[100:, :96] == 0).all()


@pytest.mark.parametrize(
    "options, words",
    [
        (["--epochs", "20,x"], "'20,x' is not like 20,50"),
        (["--widths", "0"], "'0' is not like"),
        (["--networks", "dense,vgg"], "vgg: there are dense, convolutional, skip, residual"),
        (["--sigma", "30"], "0<=x<=1"),
        (["--images", "/nowhere/at/all"], "no such file"),
    ],
)
def test_what_is_refused(crops: Path, tmp_path: Path, options: list[str], words: str) -> None:
    said = invoke("study", "denoise", "--images", crops, *options, "--out", tmp_path / "s")
    assert said.exit_code in (2, 8) and words in said.stderr and not (tmp_path / "s").exists()


def test_without_plotly_nothing_is_trained(crops: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly", None)
    result = invoke("study", "denoise", "--images", crops, "--quick", "--out", tmp_path / "out")
    assert result.exit_code == 6 and not (tmp_path / "out").exists()
    (line,) = result.stderr.splitlines()
    assert line.startswith("wisp: study denoise: plotly is needed") and line.endswith("pip install 'wisp-codec[bench]'")
