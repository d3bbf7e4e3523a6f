"""The converter: from a checkpoint with random weights to a model file that codes pictures."""

from __future__ import annotations

import io
import sys
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from bitstream.errors import FileAccessError, ModelFileError, OutputExistsError
from cli.main import cli
from codec.api import Codec
from codec.files.source import read_file
from codec.model.config import ModelConfig
from codec.model.file import ModelInfo, read_model_file
from codec.model.loaded import LoadedModel, Runtime
from codec.notes import WispNote
from codec.training.data.sources import find_pictures
from codec.training.export.checkpoint import read_checkpoint
from codec.training.export.model import export_model, middles
from codec.training.export.precision import choose_pixel_path
from tests.support import reference_decoder
from tests.support.goldens import parrots
from tests.support.tiny import in_memory, tiny_checkpoint, tiny_config, tiny_tensors, write_checkpoint

Checkpoint = dict[str, Tensor]


def crop(i: int, side: int = 64) -> NDArray[np.uint8]:
    top, left = 13 * i % (256 - side), 29 * i % (320 - side)
    return np.ascontiguousarray(parrots()[top : top + side, left : left + side])


def write_crops(path: Path, names: list[str]) -> Path:
    with tarfile.open(path, "w") as tar:
        for i, name in enumerate(names):
            png = io.BytesIO()
            Image.fromarray(crop(i)).save(png, "png")
            member = tarfile.TarInfo(name)
            member.size = len(png.getvalue())
            tar.addfile(member, io.BytesIO(png.getvalue()))
    return path


@pytest.fixture(scope="module")
def crops(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two tar files with eight photographs and four graphics."""
    folder = tmp_path_factory.mktemp("crops")
    for part in range(2):
        write_crops(folder / f"pack_{part}.tar", [f"{'ppg'[i % 3]}_{part}_{i}.png" for i in range(6)])
    return folder


def convert_small(checkpoint: Path, output: Path, crops: Path, report: Callable[[str], None] = print) -> ModelInfo:
    return export_model(
        checkpoint, output, [crops], name="tiny", table_crops=6, curve_crops=2, curve_points=5, report=report
    )


@dataclass(frozen=True)
class Converted:
    config: ModelConfig
    dtype: torch.dtype
    info: ModelInfo
    report: list[str]


def each_case() -> list[Any]:
    """Each context in one of the dtypes; the other combinations belong to the slow tests."""
    quick, contexts = (("clamp", torch.float16), ("compand", torch.float32)), ("clamp", "compand")
    every = [(context, dtype) for context in contexts for dtype in (torch.float16, torch.float32)]
    return [pytest.param(case, marks=[] if case in quick else pytest.mark.slow) for case in every]


@pytest.fixture(scope="module", params=each_case(), ids=lambda case: f"{case[0]} {case[1]}")
def converted(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, crops: Path) -> Converted:
    context, dtype = request.param
    folder, config = tmp_path_factory.mktemp("model"), tiny_config(9, context)
    checkpoint = write_checkpoint(folder / "checkpoint.safetensors", config, tiny_checkpoint(config, 1, dtype))
    report: list[str] = []
    return Converted(config, dtype, convert_small(checkpoint, folder / "m.safetensors", crops, report.append), report)


def test_the_model_file_is_what_the_format_says(converted: Converted) -> None:
    file = read_model_file(converted.info.path)
    assert file.info == converted.info
    assert (file.info.name, file.info.config, file.info.skip_below) == ("tiny", converted.config, 1)
    reference = reference_decoder.read_model(converted.info.path)
    assert reference.id == converted.info.id
    assert reference_decoder.known_answer(reference) == file.tensors["known_answer"].tobytes()
    assert (np.diff(file.quality_curve.astype(int)) > 0).all()
    assert [line.split(":")[0] for line in converted.report if ":" in line][:2] == ["worst accumulator", "pixel path"]


def test_tables_of_the_model_sum_to_the_whole(converted: Converted) -> None:
    file = read_model_file(converted.info.path)
    for kind in ("y", "z"):
        stored, lengths = file.tensors[f"tables.{kind}.stored"], file.tensors[f"tables.{kind}.length"]
        assert lengths.min() >= 2
        for part in np.split(stored.astype(np.int64), np.cumsum(lengths)[:-1]):
            assert (part + 1).sum() == 1 << 24


@pytest.mark.filterwarnings("ignore:quality .* reaches only")  # random weights reach nothing
@pytest.mark.usefixtures("learned_only")
def test_pictures_go_through_the_model(converted: Converted) -> None:
    picture = crop(3, 150)[:, :130]
    codec = Codec(converted.info.path, device="cpu", precision="fp32")
    reference = reference_decoder.read_model(converted.info.path)
    for quality, tile in ((0, 1024), (64, 64), (100, 128)):
        data = codec.encode(picture, quality, tile=tile)
        decoded = codec.decode_latents(data)
        assert decoded.sha256 == reference_decoder.latents_sha256(reference_decoder.decode_file(data, reference))
        assert decoded.model.info.id == converted.info.id
        assert len(read_file(data).units) == -(-150 // tile) * -(-130 // tile)
        assert codec.decode_array(data).shape == picture.shape


@pytest.mark.usefixtures("learned_only")
def test_pictures_go_through_the_command_line(converted: Converted, tmp_path: Path) -> None:
    Image.fromarray(crop(5)).save(tmp_path / "in.png")
    paths = {name: str(tmp_path / name) for name in ("in.png", "a.wisp", "out.png")}
    for command in (
        ["encode", paths["in.png"], "-o", paths["a.wisp"]],
        ["decode", paths["a.wisp"], "-o", paths["out.png"]],
    ):
        result = CliRunner().invoke(
            cli, [*command, "--model", str(converted.info.path), "--device", "cpu", "--precision", "fp32"]
        )
        assert result.exit_code == 0, result.output
    wanted = Codec(converted.info.path, device="cpu", precision="fp32").decode_array(paths["a.wisp"])
    assert (np.asarray(Image.open(paths["out.png"])) == wanted).all()
    without = CliRunner().invoke(cli, ["decode", paths["a.wisp"], "-o", str(tmp_path / "no.png")])
    assert without.exit_code == 6
    assert converted.info.id in without.output and not (tmp_path / "no.png").exists()


def test_weights_of_the_pixel_path_are_the_checkpoints(converted: Converted) -> None:
    tensors = read_model_file(converted.info.path).tensors
    source = tiny_checkpoint(converted.config, 1, converted.dtype)
    dtypes = {t.dtype for name, t in tensors.items() if name.startswith(("analysis.", "synthesis.", "hyper_analysis."))}
    assert len(dtypes) == 1
    (dtype,) = dtypes
    assert dtype == np.float16 or (dtype == np.float32 and converted.dtype == torch.float32)
    for name, origin in {"analysis.y_gain.table": "y_gain.table", "synthesis.head.bias": "synthesis.head.bias"}.items():
        assert (tensors[name] == source[origin].numpy().astype(dtype)).all()


class FakeTrials:
    """In place of networks: PSNR and bits by quality, for fp16 and fp32."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, half: list[float], full: list[float], dearer: float) -> None:
        self.psnr = {np.dtype(np.float16): half, np.dtype(np.float32): full}
        self.dearer, self.seen = dearer, list[np.dtype[np.generic]]()
        monkeypatch.setattr("codec.training.export.precision._curve", self.curve)

    def curve(self, dtype: np.dtype[np.generic], crops: object) -> list[tuple[float, float]]:
        self.seen.append(dtype)
        factor = 1 + self.dearer * (dtype == np.float16)
        return [(1000.0 * (i + 1) * factor, level) for i, level in enumerate(self.psnr[dtype])]


RISING = [30.0, 32.0, 34.0, 36.0, 37.0, 38.0]


@pytest.mark.parametrize(
    "half, full, dearer, kept",
    [
        (RISING, RISING, 0.0, np.float16),
        (RISING, RISING, 0.0009, np.float16),
        (RISING, RISING, 0.0011, np.float32),
        ([p + 0.1 for p in RISING], RISING, 0.0009, np.float16),
        ([p - 20 for p in RISING], RISING, 0.0, np.float32),  # curves that do not overlap
        ([5.0] * 6, RISING, 0.0, np.float32),  # ruined: the same whatever the quality
        ([float("nan")] * 6, RISING, 0.0, np.float32),
        (RISING, [30.0, 32.0, 34.0, 36.0, 37.0, 36.9], 0.0, np.float32),  # the source itself saturates
    ],
)
def test_fp16_is_taken_only_where_it_is_cheap(
    monkeypatch: pytest.MonkeyPatch, half: list[float], full: list[float], dearer: float, kept: type
) -> None:
    FakeTrials(monkeypatch, half, full, dearer)
    weights = {"analysis.a": torch.tensor([1 / 3]), "synthesis.b": torch.tensor([2.0])}
    chosen, cost = choose_pixel_path(weights, lambda arrays: arrays["analysis.a"].dtype, [])  # type: ignore[arg-type, return-value]
    assert {array.dtype for array in chosen.values()} == {np.dtype(kept)}
    assert (cost <= 0.1) == (kept is np.float16)
    assert float(chosen["analysis.a"][0]) == float(np.asarray(1 / 3, np.float32).astype(kept))


def test_without_the_package_that_measures_it_weights_stay_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeTrials(monkeypatch, RISING, RISING, 0.0)
    monkeypatch.setitem(sys.modules, "bjontegaard", None)
    with pytest.warns(WispNote, match=r"weights stay in fp32.*pip install 'wisp-codec\[train\]'"):
        chosen, _ = choose_pixel_path({"a": torch.ones(2)}, lambda arrays: arrays["a"].dtype, [])  # type: ignore[arg-type, return-value]
    assert chosen["a"].dtype == np.float32


def test_fp16_at_the_source_stays_without_a_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    trials = FakeTrials(monkeypatch, RISING, RISING, 5.0)
    chosen, cost = choose_pixel_path({"a": torch.ones(2, dtype=torch.float16)}, lambda _: pytest.fail("loaded"), [])
    assert chosen["a"].dtype == np.float16
    assert cost == 0 and not trials.seen


def test_weights_that_fp16_ruins_stay_fp32() -> None:
    """No fake: a synthesis whose weights overflow in fp16, undone by the layer behind."""
    config = tiny_config()
    checkpoint = {n: t for n, t in tiny_checkpoint(config, 2, torch.float32).items() if not n.startswith("prior.")}
    checkpoint["synthesis.up.weight"] *= 1e6
    checkpoint["synthesis.gain.table"] -= np.log(1e6)
    tensors = tiny_tensors(config, 2)
    runtime = Runtime.resolve("cpu", "fp32", "fp32")
    rename = {"y_gain.table": "analysis.y_gain.table", "y_inv.table": "synthesis.y_inv.table"}
    pixel_path = {rename.get(name, name): tensor for name, tensor in checkpoint.items()}
    chosen, cost = choose_pixel_path(
        pixel_path, lambda arrays: LoadedModel(in_memory(config, {**tensors, **arrays}), runtime), [crop(0), crop(1)]
    )
    assert {array.dtype for array in chosen.values()} == {np.dtype(np.float32)}
    assert not cost <= 0.1


def spoiled(name: str, change: Callable[[Tensor], Tensor | None]) -> Callable[[Checkpoint], None]:
    def spoil(tensors: Checkpoint) -> None:
        tensor = change(tensors.pop(name).float())
        if tensor is not None:
            tensors[name] = tensor.contiguous()

    return spoil


def filled(value: float) -> Callable[[Tensor], Tensor]:
    return lambda tensor: torch.full_like(tensor, value)


@pytest.mark.parametrize(
    "message, spoil",
    [
        ("prior.b1.a.weight is missing", spoiled("prior.b1.a.weight", lambda t: None)),
        ("prior.up1.bias is", spoiled("prior.up1.bias", lambda t: t[:-1])),
        ("prior.q_bias is", spoiled("prior.q_bias", lambda t: t[:7])),
        ("prior.leave.3.weight has values that are not finite", spoiled("prior.leave.3.weight", filled(np.nan))),
        ("prior.z_bias has values that are not finite", spoiled("prior.z_bias", filled(np.inf))),
        ("layer b1.f|b1.f: values may reach", spoiled("prior.b1.f.bias", filled(1e5))),
        ("enter.2: values may reach", spoiled("prior.enter.2.bias", filled(-1e9))),
        ("synthesis.head.weight is missing", spoiled("synthesis.head.weight", lambda t: None)),
        ("analysis.stem.weight is missing or misshapen", spoiled("analysis.stem.weight", lambda t: t[:, :5])),
    ],
)
def test_checkpoints_that_cannot_be_converted(
    tmp_path: Path, crops: Path, message: str, spoil: Callable[[Checkpoint], None]
) -> None:
    config = tiny_config()
    tensors = tiny_checkpoint(config)
    spoil(tensors)
    path = write_checkpoint(tmp_path / "checkpoint.safetensors", config, tensors)
    with pytest.raises(ModelFileError, match=message):
        convert_small(path, tmp_path / "model.safetensors", crops)
    assert not (tmp_path / "model.safetensors").exists()


def test_files_that_are_no_checkpoints(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        read_checkpoint(tmp_path / "missing.safetensors")
    (tmp_path / "noise").write_bytes(b"no safetensors at all")
    with pytest.raises(ModelFileError):
        read_checkpoint(tmp_path / "noise")
    only_pixels = {n: t for n, t in tiny_checkpoint(tiny_config()).items() if not n.startswith("prior.")}
    path = write_checkpoint(tmp_path / "pixels.safetensors", tiny_config(), only_pixels)
    with pytest.raises(ModelFileError, match="no entropy path"):
        read_checkpoint(path).prior()


def test_the_command_reports_errors_in_a_line(tmp_path: Path, crops: Path) -> None:
    config = tiny_config()
    path = write_checkpoint(tmp_path / "checkpoint.safetensors", config, tiny_checkpoint(config))
    out = tmp_path / "model.safetensors"
    arguments = ["train", "export", str(path), "-o", str(out), "--table-crops", "4", "--curve-crops", "1"]
    arguments += ["--name", "tiny", "--skip-below", "2"]
    for missing in ([], ["--data", str(tmp_path / "none")], ["--data", str(path)]):
        failed = CliRunner().invoke(cli, [*arguments, *missing])
        assert failed.exit_code == FileAccessError.exit_status and failed.output.startswith("wisp: ")
        assert failed.output.count("\n") <= 2 and not out.exists()
    result = CliRunner().invoke(cli, [*arguments, "--data", str(crops)])
    assert result.exit_code == 0, result.output
    assert read_model_file(out).info.skip_below == 2
    assert read_model_file(out).info.id in result.output


def test_middles_are_spread_over_the_pictures(tmp_path: Path) -> None:
    write_crops(tmp_path / "a.tar", [f"{'pg'[i % 2]}_{i}.png" for i in range(12)])
    entries = find_pictures([tmp_path])
    found = middles(entries, 4)
    assert [int(np.flatnonzero([(crop(i) == c).all() for i in range(12)])[0]) for c in found] == [0, 3, 6, 9]
    assert len(middles([entry for entry in entries if entry.is_photograph], 99)) == 6


def test_an_output_that_exists_is_kept(tmp_path: Path, crops: Path) -> None:
    config = tiny_config()
    path = write_checkpoint(tmp_path / "checkpoint.safetensors", config, tiny_checkpoint(config))
    out = tmp_path / "my.model"
    out.write_bytes(b"mine")
    with pytest.raises(OutputExistsError):
        convert_small(path, out, crops)
    assert out.read_bytes() == b"mine"
