"""The guard that keeps a host program's or environment's precision switches out of the entropy path.

Within it autocast is off and the float32 precision of every backend that might trade it for speed
(oneDNN's bfloat16, cuDNN's and cuBLAS's TF32) is IEEE. What the guard cannot reach is caught by the
model's known answer (codec/exact/known_answer.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch

from codec.work.forks import ForkLock, renew_in_child

IEEE = "ieee"


def _precision_owners() -> list[Any]:
    """The objects whose `fp32_precision` decides what a float32 convolution or product computes."""
    backends = torch.backends
    owners = [
        getattr(backends.mkldnn, "conv", None),
        getattr(backends.mkldnn, "matmul", None),
        getattr(backends.cudnn, "conv", None),
        backends.cuda.matmul,
    ]
    return [o for o in owners if hasattr(o, "fp32_precision")]


def _tf32_owners() -> list[Any]:
    """The same switches as torch before 2.9 names them."""
    return [torch.backends.cudnn, torch.backends.cuda.matmul]


class _Switches:
    """The process's switches: the first scope in saves and sets them, the last one out restores them.

    So threads may be inside side by side: none takes the exact arithmetic from under another, and the
    host program's own settings come back.
    """

    def __init__(self) -> None:
        self._lock = ForkLock()
        self._scopes = 0
        self._saved: list[tuple[Any, str, Any]] = []
        renew_in_child(self)

    def renew(self) -> None:
        """Of those inside none is in a forked process."""
        self._scopes = 0
        self._restore()

    def enter(self) -> None:
        with self._lock:
            if self._scopes == 0:
                owners = _precision_owners()
                attribute = "fp32_precision" if owners else "allow_tf32"
                self._saved = [(o, attribute, getattr(o, attribute)) for o in owners or _tf32_owners()]
                for owner, name, _ in self._saved:
                    setattr(owner, name, IEEE if owners else False)
            self._scopes += 1

    def leave(self) -> None:
        with self._lock:
            self._scopes -= 1
            if self._scopes == 0:
                self._restore()

    def _restore(self) -> None:
        for owner, name, value in self._saved:
            setattr(owner, name, value)
        self._saved = []


_SWITCHES = _Switches()


@contextmanager
def exact_arithmetic(device: torch.device) -> Iterator[None]:
    """Float arithmetic as IEEE 754 says, without gradients, for this scope only."""
    grad = nullcontext() if torch.is_inference_mode_enabled() else torch.no_grad()
    _SWITCHES.enter()
    try:
        with grad, torch.autocast(device.type, enabled=False):
            yield
    finally:
        _SWITCHES.leave()
