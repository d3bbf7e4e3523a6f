"""Arithmetic broken on purpose: the known answer notices, and what follows is the right result or none."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from click.testing import CliRunner
from PIL import Image
from torch import Tensor

import codec.exact.prior
from bitstream.errors import CorruptError, ExactnessError
from cli.main import cli
from codec.api import Codec
from codec.exact import layers
from codec.exact.known_answer import known_answer, known_answer_inputs
from codec.exact.layers import ExactConv
from codec.files.source import read_file
from codec.model.loaded import LoadedModel, Runtime
from codec.pixels.picture import Picture
from codec.settings import EncodeSettings
from codec.still.decode import check_units, decode_still
from codec.still.encode import encode_still
from tests.support import reference_decoder
from tests.support.goldens import HASHES, golden_bytes, golden_hashes, loaded, parrots, parsed
from tests.support.tiny import forge, in_memory, tiny_config, tiny_tensors

PICTURE = parrots()[:64, :64]


def break_convolutions(patch: pytest.MonkeyPatch, *dtypes: torch.dtype) -> list[torch.dtype]:
    """1x1 convolutions of the entropy path compute in bfloat16 for inputs of `dtypes` -> what was asked for."""
    asked: list[torch.dtype] = []

    def conv2d(x: Tensor, weight: Tensor) -> Tensor:
        asked.append(x.dtype)
        if x.dtype in dtypes:
            return F.conv2d(x.bfloat16(), weight.bfloat16()).to(x.dtype)
        return F.conv2d(x, weight)

    patch.setattr(layers, "F", SimpleNamespace(conv2d=conv2d, leaky_relu_=F.leaky_relu_))
    return asked


def test_broken_fp32_falls_back_to_fp64(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = break_convolutions(monkeypatch, torch.float32)
    model = loaded()
    assert golden_hashes(model) == HASHES
    assert model.entropy_dtype == "fp64"
    assert set(asked) == {torch.float32, torch.float64}
    data = encode_still(model, Picture(PICTURE), 9000, EncodeSettings(tile=64)).data
    assert len(read_file(data).models_used) == 1
    monkeypatch.undo()
    exact = loaded()
    by_fp32, by_fp64 = decode_still(parsed("small"), lambda _: exact), decode_still(parsed("small"), lambda _: model)
    assert check_units(parsed("small"), lambda _: exact) == check_units(parsed("small"), lambda _: model)
    assert check_units(parsed("small"), lambda _: exact) == HASHES["small"]
    assert (by_fp32.picture.pixels == by_fp64.picture.pixels).all()
    assert Codec(device="cpu", precision="fp32").decode_array(data).shape == PICTURE.shape


def test_the_codec_says_what_it_runs_in(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec(device="cpu")
    assert codec.load(codec.model_info.id).entropy_dtype == "fp32"
    break_convolutions(monkeypatch, torch.float32)
    codec = Codec(device="cpu")
    assert codec.decode_latents(golden_bytes("tiles")).sha256 == HASHES["tiles"]
    assert codec.load(codec.model_info.id).entropy_dtype == "fp64"


def test_explicit_fp64_never_asks_fp32(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = break_convolutions(monkeypatch, torch.float32)
    assert golden_hashes(loaded("fp64")) == HASHES
    assert set(asked) == {torch.float64}


@pytest.mark.parametrize(
    "entropy_dtype, broken, named",
    [
        ("auto", (torch.float32, torch.float64), "fp32 and fp64"),
        ("fp32", (torch.float32,), "fp32"),
        ("fp64", (torch.float64,), "fp64"),
    ],
)
def test_nothing_is_coded_where_arithmetic_is_wrong(
    monkeypatch: pytest.MonkeyPatch, entropy_dtype: str, broken: tuple[torch.dtype, ...], named: str
) -> None:
    break_convolutions(monkeypatch, *broken)
    codec = Codec(device="cpu", entropy_dtype=entropy_dtype)  # type: ignore[arg-type]
    message = f"cpu in {named} does not give model {codec.model_info.id}'s known answer"
    small = golden_bytes("small")
    for use in (lambda: codec.decode(small), lambda: codec.decode_latents(small), lambda: codec.encode(PICTURE)):
        with pytest.raises(ExactnessError, match=message):  # at every further use, too
            use()


def test_the_command_line_leaves_no_output(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    break_convolutions(monkeypatch, torch.float32, torch.float64)
    picture, coded = tmp_path / "in.png", tmp_path / "in.wisp"
    Image.fromarray(PICTURE).save(picture)
    coded.write_bytes(golden_bytes("small"))
    for command, source in (("encode", picture), ("decode", coded)):
        result = CliRunner().invoke(cli, [command, str(source), "-o", str(tmp_path / "out"), "--device", "cpu"])
        assert result.exit_code == ExactnessError.exit_status
        assert "known answer" in result.output
        assert not (tmp_path / "out").exists()


def test_a_fault_after_the_self_test_is_caught_by_the_latent_check(monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded()
    assert model.entropy_dtype == "fp32"
    break_convolutions(monkeypatch, torch.float32)
    for name in ("best", "noise", "tiles"):
        with pytest.raises(CorruptError, match=r"tile \d+ of \d+"):
            decode_still(parsed(name), lambda _: model)


# Ways to get the arithmetic wrong, each of them small. The known answer must notice every one.
Patch = Callable[[pytest.MonkeyPatch], None]


def conv_with(change: Callable[[ExactConv, Tensor], Tensor]) -> Patch:
    return lambda patch: patch.setattr(ExactConv, "__call__", change)


def _sums(conv: ExactConv, x: Tensor) -> Tensor:
    return conv._depthwise(x) if conv.depthwise else F.conv2d(x, conv.weight)


def _flipped(conv: ExactConv, x: Tensor) -> Tensor:
    turned = copy(conv)
    turned.weight = conv.weight.flip(0) if conv.depthwise else conv.weight  # the nine taps in reverse
    return _sums(turned, x).round_().add_(conv.bias)


def _replicated(conv: ExactConv, x: Tensor) -> Tensor:
    padded = F.pad(x, (1, 1, 1, 1), mode="replicate")
    sums = conv._depthwise(padded)[:, :, 1:-1, 1:-1] if conv.depthwise else F.conv2d(x, conv.weight)
    return sums.round_().add_(conv.bias)


def snap_with(change: Callable[[Tensor], Tensor]) -> Patch:
    def patch_both(patch: pytest.MonkeyPatch) -> None:
        for module in (layers, codec.exact.prior):
            patch.setattr(module, "snap", change)

    return patch_both


def _half_up(x: Tensor) -> Tensor:
    return (x + 0.5).floor()


def _leaky(change: Callable[[Tensor], Tensor]) -> Patch:
    return lambda patch: patch.setattr(layers, "leaky_snap_", change)


FAULTS: dict[str, Patch] = {
    "bias before the rounding": conv_with(lambda conv, x: (_sums(conv, x) + conv.bias).round_()),
    "convolution not rounded": conv_with(lambda conv, x: _sums(conv, x) + conv.bias),
    "half up after a convolution": conv_with(lambda conv, x: _half_up(_sums(conv, x)) + conv.bias),
    "kernel flipped": conv_with(_flipped),
    "replicated border": conv_with(_replicated),
    "half up in snap": snap_with(lambda x: _half_up(x / 16).clamp(-511, 511)),
    "clamp at -512": snap_with(lambda x: (x / 16).round().clamp(-512, 511)),
    "clamp at 512": snap_with(lambda x: (x / 16).round().clamp(-511, 512)),
    "leaky rounded": _leaky(lambda x: (F.leaky_relu(x, 0.125).round() / 16).round().clamp(-511, 511)),
    "another slope": _leaky(lambda x: (F.leaky_relu(x, 0.124) / 16).round().clamp(-511, 511)),
    "another offset of the scale": lambda patch: patch.setattr(codec.exact.prior, "SCALE_OFFSET", 24),
    "groups of another step": lambda patch: patch.setattr(
        codec.exact.prior, "STEP_PHASE", ((0, 1, 2, 3), (1, 0, 3, 2), (3, 2, 1, 0), (2, 3, 0, 1))
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_known_answer_notices(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    model = loaded("fp64")
    wanted = model.file.tensors["known_answer"].tobytes()
    assert known_answer(model.prior) == wanted
    FAULTS[fault](monkeypatch)
    assert known_answer(model.prior) != wanted


def test_a_compand_model_answers_otherwise_than_a_clamp_model() -> None:
    clamp, compand = (tiny_config(8, context) for context in ("clamp", "compand"))
    assert (tiny_tensors(clamp)["known_answer"] != tiny_tensors(compand)["known_answer"]).any()


def test_a_wrong_known_answer_in_a_model_refuses_everything(tmp_path: Path) -> None:
    config = tiny_config()
    tensors = tiny_tensors(config)
    path = forge(tmp_path / "model.safetensors", config, {**tensors, "known_answer": tensors["known_answer"] ^ 1})
    with pytest.raises(ExactnessError, match="fp32 and fp64"):
        Codec(path, device="cpu").encode(PICTURE)


@pytest.mark.parametrize("cy", [4, 6, 9])
def test_inputs_are_those_of_the_format(cy: int) -> None:
    config = tiny_config(cy)
    z, y16 = known_answer_inputs(config)
    numbers = reference_decoder.generate(1, 2 * config.cz * 6 + 2 * cy * 96)
    assert (z.ravel() == numbers[: z.size] % 81 - 40).all()
    assert z.shape == (2, config.cz, 2, 3) and y16.shape == (2, cy, 8, 12)
    assert set(np.unique(y16)) <= {-2047, -511, -128, -17, -8, -1, 0, 1, 8, 16, 129, 511, 1153, 2047}
    model = LoadedModel(in_memory(config, tiny_tensors(config)), Runtime.resolve("cpu", "fp32", "fp32"))
    assert model.entropy_dtype == "fp32"
