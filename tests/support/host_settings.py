"""What a host program may have switched on in torch before it calls the codec, each to be entered and left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

import torch

BACKENDS: Any = torch.backends
Setting = Callable[[], AbstractContextManager[Any]]


def precision_owners() -> list[Any]:
    """Everything with a float32 precision of its own (torch 2.9 and later)."""
    owners = [getattr(BACKENDS.mkldnn, part, None) for part in ("conv", "matmul", "rnn")]
    owners += [getattr(BACKENDS.cudnn, part, None) for part in ("conv", "rnn")]
    return [o for o in (*owners, BACKENDS.cuda.matmul) if hasattr(o, "fp32_precision")]


def snapshot() -> dict[str, Any]:
    """Every switch that the codec could leave changed."""
    return {
        "threads": torch.get_num_threads(),
        "default dtype": torch.get_default_dtype(),
        "float32 precision": [o.fp32_precision for o in precision_owners()],
        "mkldnn": torch._C._get_mkldnn_enabled(),
        "deterministic": torch.are_deterministic_algorithms_enabled(),
        "autocast": (torch.is_autocast_enabled("cpu"), torch.get_autocast_dtype("cpu")),
        "grad": torch.is_grad_enabled(),
        "inference": torch.is_inference_mode_enabled(),
    }


@contextmanager
def restored() -> Iterator[None]:
    """Every switch as it was found, whatever happens inside."""
    owners = precision_owners()
    saved = [o.fp32_precision for o in owners]
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    mkldnn, deterministic = torch._C._get_mkldnn_enabled(), torch.are_deterministic_algorithms_enabled()
    precision = torch.get_float32_matmul_precision()
    try:
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        torch._C._set_mkldnn_enabled(mkldnn)
        torch.use_deterministic_algorithms(deterministic)
        torch.set_flush_denormal(False)
        if hasattr(BACKENDS, "fp32_precision"):
            BACKENDS.fp32_precision = "none"  # before the legacy switch, which cannot be set against it
        torch.set_float32_matmul_precision(precision)
        for owner, value in zip(owners, saved, strict=True):
            owner.fp32_precision = value


@contextmanager
def _switched(function: Callable[[Any], object], value: object) -> Iterator[None]:
    with restored():
        function(value)
        yield


def _onednn_bf16(_: object) -> None:
    for part in ("conv", "matmul"):
        owner = getattr(BACKENDS.mkldnn, part, None)
        if owner is not None and hasattr(owner, "fp32_precision"):
            owner.fp32_precision = "bf16"


def _tf32(allowed: bool) -> None:
    BACKENDS.cuda.matmul.allow_tf32 = allowed


def _fp32_precision(value: Any) -> None:
    BACKENDS.fp32_precision = value


@contextmanager
def _everything() -> Iterator[None]:
    names = ("autocast bf16", "float64 default", "medium", "oneDNN bf16", "denormals flushed", "deterministic", "grad")
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(SETTINGS[name]())
        yield


SETTINGS: dict[str, Setting] = {
    "autocast bf16": lambda: torch.autocast("cpu", dtype=torch.bfloat16),
    "autocast fp16": lambda: torch.autocast("cpu", dtype=torch.float16),
    "float64 default": lambda: _switched(torch.set_default_dtype, torch.float64),
    "bf16 default": lambda: _switched(torch.set_default_dtype, torch.bfloat16),
    "medium": lambda: _switched(torch.set_float32_matmul_precision, "medium"),
    "high": lambda: _switched(torch.set_float32_matmul_precision, "high"),
    "oneDNN bf16": lambda: _switched(_onednn_bf16, None),
    "TF32": lambda: _switched(_tf32, True),
    "oneDNN off": lambda: _switched(torch._C._set_mkldnn_enabled, False),
    "two threads": lambda: _switched(torch.set_num_threads, 2),
    "denormals flushed": lambda: _switched(torch.set_flush_denormal, True),
    "deterministic": lambda: _switched(torch.use_deterministic_algorithms, True),
    "inference mode": torch.inference_mode,
    "no grad": torch.no_grad,
    "grad": torch.enable_grad,
    "everything": _everything,
}
if hasattr(BACKENDS, "fp32_precision"):
    SETTINGS["all backends bf16"] = lambda: _switched(_fp32_precision, "bf16")
each_setting = tuple(SETTINGS)
