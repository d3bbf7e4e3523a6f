"""The entropy path gives the same integers whatever the host program, environment or machine has switched on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from codec.exact.arithmetic import exact_arithmetic
from codec.exact.known_answer import known_answer_inputs
from codec.exact.prior import ExactPrior
from codec.model.loaded import DTYPES, LoadedModel
from codec.still.decode import decode_latents
from codec.still.entropy import TileSource, decode_tiles
from codec.still.layout import Layout
from tests.support.goldens import FEW, HASHES, LEARNED, NAMES, golden_hashes, loaded, packaged, parsed
from tests.support.host_settings import SETTINGS, each_setting, restored, snapshot

ROOT = Path(__file__).parents[3]
LAYOUTS = {"NCHW": torch.contiguous_format, "channels last": torch.channels_last}


def with_prior(dtype: str, layout: torch.memory_format) -> LoadedModel:
    """The packaged model with an entropy path in `dtype` and `layout`."""
    model = loaded(dtype)
    path = ExactPrior(model.config, model.file.tensors, model.runtime.device, DTYPES[dtype], layout)
    vars(model)["prior"] = path  # where the cached property keeps it
    return model


@pytest.mark.parametrize("onednn", [True, False], ids=["oneDNN", "no oneDNN"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["fp32", "fp64"])
def test_dtype_layout_threads_and_library_change_nothing(dtype: str, layout: str, threads: int, onednn: bool) -> None:
    model = with_prior(dtype, LAYOUTS[layout])
    with restored():
        torch.set_num_threads(threads)
        torch._C._set_mkldnn_enabled(onednn)
        assert torch.get_num_threads() == threads
        files = HASHES if threads == 2 and not onednn else FEW
        assert golden_hashes(model, files) == files
    assert model.prior.layout == LAYOUTS[layout]
    assert model.entropy_dtype == dtype


def wanted(setting: str) -> Mapping[str, str]:
    """All of the golden files where most is switched on, else some that take a moment."""
    return HASHES if setting == "everything" else FEW


@pytest.mark.parametrize("setting", each_setting)
def test_host_settings_change_nothing(setting: str) -> None:
    """Nor does the codec change them, nor does it need the slower fp64."""
    before = snapshot()
    with SETTINGS[setting]():
        inside = snapshot()
        model = loaded()
        assert golden_hashes(model, wanted(setting)) == wanted(setting)
        assert model.entropy_dtype == "fp32"
        assert snapshot() == inside
    assert snapshot() == before


@pytest.mark.parametrize("setting", each_setting)
def test_a_model_may_be_loaded_under_one_setting_and_used_under_another(setting: str) -> None:
    with SETTINGS[setting]():
        model = loaded()
        assert model.entropy_dtype == "fp32"
    assert golden_hashes(model, wanted(setting)) == wanted(setting)


def test_autocast_would_break_it_without_the_guard() -> None:
    prior = loaded("fp32").prior
    z, _ = known_answer_inputs(prior.config)
    with torch.no_grad(), torch.autocast("cpu", dtype=torch.bfloat16):
        unguarded = prior.hyper(prior.tensor(z), [0, 63])
        with exact_arithmetic(prior.device):
            guarded = prior.hyper(prior.tensor(z), [0, 63])
    assert guarded.dtype == torch.float32
    assert (guarded != unguarded.float()).any()


@pytest.mark.parametrize("batch_latents", [1, 40, 1 << 30])
def test_tiles_come_out_the_same_alone_or_in_company(batch_latents: int) -> None:
    assert golden_hashes(loaded(), batch_latents=batch_latents) == HASHES


def test_tiles_of_other_qualities_in_one_batch_change_nothing() -> None:
    """In another order, too, with some tiles twice."""
    model, still = loaded(), parsed("deltas")
    layout = Layout(still.header)
    sources = [TileSource(u.stream, u.check, layout.quality(u), "a tile") for u in still.units]
    assert len({source.quality for source in sources}) == 3
    alone = [decode_tiles(model, [source], 4, 4)[0][0] for source in sources]
    assert len(set(alone)) == len(alone)
    order = np.random.default_rng(2).integers(0, len(sources), 14).tolist()
    together, _ = decode_tiles(model, [sources[i] for i in order], 4, 4)
    assert together == [alone[i] for i in order]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
@pytest.mark.parametrize("dtype", ["fp32", "fp64"])
def test_cuda_gives_the_same(dtype: str) -> None:
    hostile: Any = nullcontext() if dtype == "fp64" else torch.autocast("cuda", dtype=torch.float16)
    with restored(), hostile:
        torch.set_float32_matmul_precision("medium")
        torch.backends.cudnn.benchmark = True
        model = loaded(dtype, device="cuda")
        assert golden_hashes(model) == HASHES
        assert golden_hashes(model, batch_latents=1) == HASHES
        assert model.prior.device.type == "cuda"


# Environments: oneDNN's verbose lines show that the variable was heard, where oneDNN is what computes.
BF16_MATH, SSE, AVX2 = "attr-fpmath:bf16", "isa:Intel SSE4.1", "isa:Intel AVX2"
ENVIRONMENTS: dict[str, tuple[dict[str, str], str]] = {
    "DNNL fpmath": ({"DNNL_DEFAULT_FPMATH_MODE": "BF16"}, BF16_MATH),
    "ONEDNN fpmath": ({"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}, BF16_MATH),
    "DNNL SSE4.1": ({"DNNL_MAX_CPU_ISA": "SSE41"}, SSE),
    "ONEDNN AVX2": ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, AVX2),
    "ATen default": ({"ATEN_CPU_CAPABILITY": "default"}, '"capability": "DEFAULT"'),
    "one thread": ({"OMP_NUM_THREADS": "1"}, '"threads": 1'),
    "plainest": (
        {"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41", "OMP_NUM_THREADS": "1"},
        '"capability": "DEFAULT"',
    ),
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name == "plainest" else pytest.mark.slow) for name in ENVIRONMENTS]
)
def test_environment_changes_nothing(name: str) -> None:
    variables, sign = ENVIRONMENTS[name]
    env = {**os.environ, "OMP_NUM_THREADS": "2", "ONEDNN_VERBOSE": "1", **variables}
    command = [sys.executable, "-m", "tests.support.goldens"]
    child = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    found = json.loads(child.stdout.splitlines()[-1])
    assert found["hashes"] == HASHES
    if not sign.startswith(("isa:", "attr-")) or "isa:Intel" in child.stdout:
        assert sign in child.stdout


def test_every_golden_file_takes_part() -> None:
    """The hashes above are over more than one unit, and no file's are another's."""
    assert len(set(HASHES.values())) == len(NAMES) >= 13
    assert len(LEARNED) >= len(NAMES) - 1
    model = loaded()
    y16 = decode_latents(parsed("tiles"), lambda _: model).field.y16
    assert y16.shape == (1, packaged().info.config.cy, 12, 16)
    assert y16.abs().max() > 16
