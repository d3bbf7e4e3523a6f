"""What a host program may have switched on in torch before it calls the codec, entered and left again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_BACKENDS: Any = torch.backends


class UnavailableError(Exception):
    """This version of torch does not have the setting."""


def _precision_owners() -> list[Any]:
    """Everything with a float32 precision of its own (torch 2.9 and later)."""
    owners = [getattr(_BACKENDS.mkldnn, part, None) for part in ("conv", "matmul", "rnn")]
    owners += [getattr(_BACKENDS.cudnn, part, None) for part in ("conv", "rnn")]
    return [owner for owner in (*owners, _BACKENDS.cuda.matmul) if hasattr(owner, "fp32_precision")]


@contextmanager
def _restored() -> Iterator[None]:
    owners = _precision_owners()
    saved = [owner.fp32_precision for owner in owners]
    dtype, precision = torch.get_default_dtype(), torch.get_float32_matmul_precision()
    onednn, deterministic = torch._C._get_mkldnn_enabled(), torch.are_deterministic_algorithms_enabled()
    tf32, benchmark = _BACKENDS.cudnn.allow_tf32, _BACKENDS.cudnn.benchmark
    try:
        yield
    finally:
        torch.set_default_dtype(dtype)
        torch._C._set_mkldnn_enabled(onednn)
        torch.use_deterministic_algorithms(deterministic)
        torch.set_flush_denormal(False)
        _BACKENDS.cudnn.benchmark = benchmark
        if hasattr(_BACKENDS, "fp32_precision"):
            _BACKENDS.fp32_precision = "none"  # before the older switches, which cannot be set against it
        torch.set_float32_matmul_precision(precision)
        _BACKENDS.cudnn.allow_tf32 = tf32
        for owner, value in zip(owners, saved, strict=True):
            owner.fp32_precision = value


def _onednn_bf16() -> None:
    owners: list[Any] = [getattr(_BACKENDS.mkldnn, part, None) for part in ("conv", "matmul")]
    if not all(hasattr(owner, "fp32_precision") for owner in owners):
        raise UnavailableError(f"torch {torch.__version__} has no such setting")
    for owner in owners:
        owner.fp32_precision = "bf16"


def _all_bf16() -> None:
    if not hasattr(_BACKENDS, "fp32_precision"):
        raise UnavailableError(f"torch {torch.__version__} has no such setting")
    _BACKENDS.fp32_precision = "bf16"


def _tf32() -> None:
    _BACKENDS.cuda.matmul.allow_tf32 = True
    _BACKENDS.cudnn.allow_tf32 = True


def _deterministic() -> None:
    torch.use_deterministic_algorithms(True, warn_only=True)  # CUDA wants a variable set for the strict form


_SWITCHES: dict[str, Callable[[], object]] = {
    "default dtype float64": lambda: torch.set_default_dtype(torch.float64),
    "default dtype bf16": lambda: torch.set_default_dtype(torch.bfloat16),
    "matmul precision medium": lambda: torch.set_float32_matmul_precision("medium"),
    "matmul precision high": lambda: torch.set_float32_matmul_precision("high"),
    "oneDNN bf16": _onednn_bf16,
    "all backends bf16": _all_bf16,
    "TF32 allowed": _tf32,
    "oneDNN off": lambda: torch._C._set_mkldnn_enabled(False),
    "denormals flushed": lambda: torch.set_flush_denormal(True),
    "deterministic algorithms": _deterministic,
}
_ALL = ("default dtype float64", "matmul precision medium", "denormals flushed", "deterministic algorithms")


@contextmanager
def host_setting(name: str, device: str) -> Iterator[None]:
    """Enter the setting `name` (configurations.SETTINGS); "" is none. Raises UnavailableError."""
    with _restored():
        if name.startswith("autocast"):
            dtype = torch.bfloat16 if name.endswith("bf16") else torch.float16
            with torch.autocast(device, dtype=dtype):
                yield
        elif name == "inference mode":
            with torch.inference_mode():
                yield
        elif name == "all of these":
            for switch in _ALL:
                _SWITCHES[switch]()
            _BACKENDS.cudnn.benchmark = True
            with torch.autocast(device, dtype=torch.bfloat16):
                yield
        else:
            if name:
                _SWITCHES[name]()
            yield
