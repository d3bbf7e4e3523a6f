"""The codec as a guest in somebody else's program: its settings, its threads, its processes."""

from __future__ import annotations

import ctypes
import io
import multiprocessing
import pickle
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import codec
from codec.api import Codec, default_codec
from codec.model.file import read_model_file
from codec.model.registry import PACKAGED, _curve, known_quality
from codec.work.threads import thread_count, working_threads
from tests.support.cli_runner import SECONDS, environment
from tests.support.clips import moving, written
from tests.support.refining import steps_of_effort_5
from tests.support.scenes import photo

PICTURE = photo(96, 128)


@pytest.fixture
def meta_device() -> Iterator[None]:
    """Tensors that are made without naming their device hold nothing."""
    torch.set_default_device("meta")
    try:
        yield
    finally:
        torch.set_default_device(None)


@pytest.fixture
def two_steps() -> Iterator[None]:
    """Refinement goes through everything once and again."""
    with steps_of_effort_5(2):
        yield


@pytest.mark.usefixtures("meta_device", "learned_only", "two_steps")
def test_a_default_device_changes_nothing(wisp: Codec) -> None:
    fresh = Codec(device="cpu", precision="fp32")
    torch.set_default_device(None)
    options: list[dict[str, Any]] = [
        {},
        {"effort": 5},
        {"effort": 5, "tune": "ms-ssim", "tile": 64},
        {"target": codec.Target("ms-ssim", 0.95)},
        {"regions": [codec.Region((0, 0, 40, 40), 20)]},
    ]
    clip, picture = moving(3), PICTURE[:64, :80]
    wanted = [wisp.encode(picture, 40, **each) for each in options], written(wisp, clip, quality=40)
    shown = [wisp.decode_array(data) for data in wanted[0]]
    torch.set_default_device("meta")
    assert ([fresh.encode(picture, 40, **each) for each in options], written(fresh, clip, quality=40)) == wanted
    for data, pixels in zip(wanted[0], shown, strict=True):
        assert np.array_equal(fresh.decode_array(data), pixels)
        assert np.array_equal(fresh.decode_tensor(data).permute(1, 2, 0).numpy(), pixels)
    with codec.open_video(io.BytesIO(wanted[1]), codec=fresh, workers=2) as video:
        assert [tuple(batch.shape) for batch in video.to_torch(3)] == [(3, 3, 64, 96)]
    damaged = bytearray(wanted[0][2])
    damaged[-40] ^= 1
    assert fresh.salvage_picture(bytes(damaged)).report.damaged


def test_eight_threads_give_what_one_gives(learned_only: None) -> None:
    """The first use included, in which the networks are built."""
    jobs = [(PICTURE[:64, : 64 + 8 * i], 30 + 5 * i) for i in range(8)]
    alone = Codec(device="cpu", precision="fp32")
    wanted = [alone.encode(pixels, quality) for pixels, quality in jobs]
    shown = [alone.decode_array(data) for data in wanted]
    shared, together = Codec(device="cpu", precision="fp32"), threading.Barrier(8)

    def work(number: int) -> tuple[bytes, np.ndarray[Any, Any]]:
        together.wait(SECONDS)
        data = shared.encode(*jobs[number])
        return data, shared.decode_array(data)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(work, range(8)))
    assert [data for data, _ in found] == wanted
    assert all(np.array_equal(pixels, seen) for (_, pixels), seen in zip(found, shown, strict=True))


def test_threads_load_a_model_once(monkeypatch: pytest.MonkeyPatch) -> None:
    codec_, loads, together = Codec(device="cpu", precision="fp32"), [], threading.Barrier(4)

    def load_slowly(path: Path) -> Any:
        loads.append(path)
        threading.Event().wait(0.2)
        return read_model_file(path)

    monkeypatch.setattr("codec.coder.load_model_file", load_slowly)

    def load(_: int) -> tuple[object, object]:
        together.wait(SECONDS)
        model = codec_.load(codec_.model_info.id)
        return model, model.prior

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(load, range(4)))
    assert len(loads) == 1 and len(found) == 1


# Threads


def test_a_codec_has_threads_of_its_own(learned_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    before, mine = torch.get_num_threads(), Codec(device="cpu", precision="fp32", threads=3)
    seen: list[tuple[int, int, list[int]]] = []

    def spy(*_: Any) -> bool:
        late: list[int] = []
        thread = threading.Thread(target=lambda: late.append(torch.get_num_threads()))
        thread.start()
        thread.join()
        seen.append((torch.get_num_threads(), thread_count(), late))
        return False

    monkeypatch.setattr("codec.still.lossless.may_be_smaller", spy)
    data = mine.encode(PICTURE, 40)
    written(mine, moving(1), quality=40)
    assert seen == [(3, 3, [before])] * 2  # and who comes meanwhile has the host's number
    decoded = []
    monkeypatch.setattr("codec.coder.decode_still", lambda *_, **__: decoded.append(torch.get_num_threads()))
    mine.decode_still(mine.parsed(data))
    assert decoded == [3] and torch.get_num_threads() == before
    with pytest.raises(ValueError, match="threads"):
        Codec(threads=0)


def test_threads_come_back_after_an_error() -> None:
    before = torch.get_num_threads()
    with pytest.raises(ZeroDivisionError), working_threads(before + 2):
        assert torch.get_num_threads() == thread_count() == before + 2
        _ = 1 // 0
    assert torch.get_num_threads() == before


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallinfo2"), reason="this is not glibc")
def test_the_allocator_stays_as_it_is() -> None:
    """A block of 30 MB is still given back to the system at once, which shows as one that is mapped by itself."""
    program = """
import ctypes, sys
import codec
wisp = codec.Codec(device="cpu")
wisp.load(wisp.model_info.id)
libc = ctypes.CDLL(None)
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "arena ordblks smblks hblks hblkhd a b c d e".split()]
libc.mallinfo2.restype, libc.malloc.restype = Info, ctypes.c_void_p
before = libc.mallinfo2().hblks
libc.malloc(ctypes.c_size_t(30 << 20))
sys.exit(libc.mallinfo2().hblks != before + 1)
"""
    result = subprocess.run([sys.executable, "-c", program], env=environment(), check=False, timeout=SECONDS)
    assert result.returncode == 0


# Other processes


def _coded(wisp: Codec) -> tuple[bytes, str]:
    return wisp.encode(PICTURE, 40), repr(wisp)


def test_a_codec_pickles_into_a_spawned_process() -> None:
    mine = Codec(PACKAGED / "image-v1.safetensors", device="cpu", precision="fp32", entropy_dtype="fp64", threads=2)
    wanted = _coded(mine)  # used before
    again = pickle.loads(pickle.dumps(mine))
    assert repr(again) == repr(mine) and again is not mine
    assert pickle.loads(pickle.dumps(default_codec())) is default_codec()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.apply(_coded, [mine]) == wanted


def test_a_codec_says_what_it_is(wisp: Codec) -> None:
    assert repr(wisp) == ("Codec(model='image-v1', device='cpu', precision='fp32', entropy_dtype='auto', threads=None)")


# Warnings, and what was missing once


def test_a_hosts_filters_of_warnings_are_its_own(tmp_path: Path) -> None:
    """Threads that load pictures side by side leave none of theirs behind."""
    Image.fromarray(PICTURE).save(tmp_path / "a.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        def load(_: int) -> None:
            for _ in range(20):
                codec.encode(tmp_path / "a.png", lossless=True)

        with ThreadPoolExecutor(4) as pool:
            list(pool.map(load, range(4)))
        for category in (UserWarning, Image.DecompressionBombWarning):
            with pytest.raises(category):
                warnings.warn("Corrupt EXIF data", category, stacklevel=1)


def test_a_model_may_come_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packaged = PACKAGED / "image-v1.safetensors"
    identity = default_codec().model_info.id
    monkeypatch.setattr("codec.model.registry.PACKAGED", tmp_path)
    monkeypatch.setenv("WISP_MODEL_PATH", "")
    _curve.cache_clear()
    assert known_quality(identity, 1000) is None
    monkeypatch.setenv("WISP_MODEL_PATH", str(packaged))
    assert known_quality(identity, 1000) is not None
