"""The configurations under which every golden file must decode to the same latents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from codec.work.choices import EntropyDtype
from codec.work.threads import cores

Layout = Literal["channels last", "NCHW"]
SETTINGS = (
    "autocast bf16", "autocast fp16", "default dtype float64", "default dtype bf16", "matmul precision medium",
    "matmul precision high", "oneDNN bf16", "all backends bf16", "TF32 allowed", "oneDNN off", "denormals flushed",
    "deterministic algorithms", "inference mode", "all of these",
)  # fmt: skip
# What oneDNN's verbose lines and decode.py's own lines hold where the variable was heard; on processors other than
# x86 these variables mean nothing, and no sign shows.
_BF16_MATH = "attr-fpmath:bf16"
_ENVIRONMENTS: tuple[tuple[dict[str, str], str], ...] = (
    ({"DNNL_DEFAULT_FPMATH_MODE": "BF16"}, _BF16_MATH),
    ({"ONEDNN_DEFAULT_FPMATH_MODE": "BF16"}, _BF16_MATH),
    ({"ONEDNN_DEFAULT_FPMATH_MODE": "ANY"}, "attr-fpmath:any"),
    ({"ONEDNN_MAX_CPU_ISA": "SSE41"}, "isa:Intel SSE4.1"),
    ({"ONEDNN_MAX_CPU_ISA": "AVX2"}, "isa:Intel AVX2"),
    ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE"}, "isa:Intel AVX-512 with AVX512BW"),
    ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"}, "bfloat16 support"),
    ({"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_AMX"}, "AMX"),
    ({"ATEN_CPU_CAPABILITY": "default"}, '"capability": "DEFAULT"'),
    ({"ATEN_CPU_CAPABILITY": "avx2"}, '"capability": "AVX2"'),
    ({"ATEN_CPU_CAPABILITY": "avx512"}, '"capability": "AVX512"'),
    ({"ATEN_CPU_CAPABILITY": "default", "ONEDNN_MAX_CPU_ISA": "SSE41"}, '"capability": "DEFAULT"'),
)


@dataclass(frozen=True)
class Configuration:
    """One way to run the entropy path.

    `entropy_dtype` "auto" is what a user gets; `precision` is the pixel path's. `batched` is whether tiles are decoded
    in company. `setting` is one of SETTINGS, entered before the model is loaded. `environment` is set before torch is
    imported; where `sign` does not show in what torch and oneDNN tell of themselves, it was not heard.
    """

    name: str
    group: str
    entropy_dtype: EntropyDtype = "auto"
    threads: int = 1
    layout: Layout = "channels last"
    batched: bool = True
    precision: Literal["fp32", "bf16"] = "fp32"
    device: Literal["cpu", "cuda"] = "cpu"
    setting: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    sign: str = ""


def configurations() -> tuple[Configuration, ...]:
    """All, for this machine's number of cores; those that it cannot run are told by running them."""
    return (*_arithmetic(), *_settings(), *_environments(), *_cuda())


def _arithmetic() -> Iterator[Configuration]:
    group = "arithmetic"
    dtypes: tuple[EntropyDtype, ...] = ("fp32", "fp64")
    for dtype in dtypes:
        for threads in sorted({1, 2, 4, cores()}):
            name = f"{dtype}, {threads} thread{'s' if threads > 1 else ''}"
            yield Configuration(name, group, dtype, threads)
        for threads in (1, 2):
            name = f"{dtype}, NCHW, {threads} thread{'s' if threads > 1 else ''}"
            yield Configuration(name, group, dtype, threads, "NCHW")
        yield Configuration(f"{dtype}, tiles one by one", group, dtype, batched=False)
    yield Configuration("pixels in bf16", group, precision="bf16")


def _settings() -> Iterator[Configuration]:
    for setting in SETTINGS:
        yield Configuration(setting, "settings of the host program", setting=setting)


def _environments() -> Iterator[Configuration]:
    for variables, sign in _ENVIRONMENTS:
        name = " ".join(f"{key}={value}" for key, value in variables.items())
        yield Configuration(name, "environment", environment=variables, sign=sign)


def _cuda() -> Iterator[Configuration]:
    dtypes: tuple[EntropyDtype, ...] = ("fp32", "fp64")
    for dtype in dtypes:
        yield Configuration(f"CUDA, {dtype}", "device", dtype, device="cuda")
        yield Configuration(f"CUDA, {dtype}, tiles one by one", "device", dtype, batched=False, device="cuda")
    yield Configuration("CUDA, all settings", "device", device="cuda", setting="all of these")
    tf32 = {"NVIDIA_TF32_OVERRIDE": "1", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE": "1"}
    yield Configuration("CUDA, TF32 by environment", "device", device="cuda", environment=tf32)
