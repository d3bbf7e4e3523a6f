"""The guard around the entropy path: exact inside, and the host's settings untouched outside."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
import torch

from codec.exact.arithmetic import exact_arithmetic
from tests.support.goldens import HASHES, golden_hashes, loaded
from tests.support.host_settings import SETTINGS, each_setting, precision_owners, restored, snapshot

CPU = torch.device("cpu")
WAIT = 60.0  # seconds until a thread that never answers fails the test


@pytest.fixture(autouse=True)
def kept() -> Iterator[None]:
    before = snapshot()
    with restored():
        yield
    assert snapshot() == before


def conv_precisions() -> set[str]:
    """Of everything that a float32 convolution or product asks."""
    return {o.fp32_precision for o in precision_owners() if o not in rnn_owners()}


def rnn_owners() -> list[object]:
    return [getattr(backend, "rnn", None) for backend in (torch.backends.mkldnn, torch.backends.cudnn)]


@pytest.mark.parametrize("setting", each_setting)
def test_inside_all_is_exact(setting: str) -> None:
    with SETTINGS[setting](), exact_arithmetic(CPU):
        assert not torch.is_autocast_enabled("cpu")
        assert not torch.is_grad_enabled()
        assert conv_precisions() <= {"ieee"}


@pytest.mark.parametrize("setting", each_setting)
def test_settings_come_back_after_an_exception(setting: str) -> None:
    with SETTINGS[setting]():
        before = snapshot()
        with pytest.raises(ZeroDivisionError), exact_arithmetic(CPU):
            raise ZeroDivisionError
        assert snapshot() == before


@pytest.mark.parametrize("precision", ["highest", "high", "medium"])
def test_legacy_precision_can_still_be_asked_and_set(precision: str) -> None:
    torch.set_float32_matmul_precision(precision)
    with exact_arithmetic(CPU):
        pass
    assert torch.get_float32_matmul_precision() == precision
    allowed = torch.backends.cuda.matmul.allow_tf32
    assert allowed == (precision != "highest")
    torch.set_float32_matmul_precision("highest")
    assert torch.get_float32_matmul_precision() == "highest"


def test_scopes_may_be_nested() -> None:
    torch.set_float32_matmul_precision("medium")
    before = snapshot()
    with exact_arithmetic(CPU):
        with exact_arithmetic(CPU):
            pass
        assert conv_precisions() <= {"ieee"}
    assert snapshot() == before


def test_threads_do_not_take_it_from_under_each_other() -> None:
    """The switches belong to the process: the first thread out must not restore them while a second is inside."""
    torch.set_float32_matmul_precision("medium")
    before = snapshot()
    first_in, second_in, first_out = threading.Event(), threading.Event(), threading.Event()
    seen: list[set[str]] = []

    def first() -> None:
        with exact_arithmetic(CPU):
            first_in.set()
            second_in.wait(WAIT)
        first_out.set()

    def second() -> None:
        first_in.wait(WAIT)
        with exact_arithmetic(CPU):
            second_in.set()
            first_out.wait(WAIT)
            seen.append(conv_precisions())

    threads = [threading.Thread(target=target) for target in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert seen and seen[0] <= {"ieee"}
    assert snapshot() == before


def test_threads_decode_side_by_side() -> None:
    torch.set_float32_matmul_precision("medium")
    before = snapshot()
    model = loaded()
    found: list[dict[str, str]] = []
    threads = [threading.Thread(target=lambda: found.append(golden_hashes(model))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(WAIT)
    assert found == [HASHES] * 3
    assert snapshot() == before
