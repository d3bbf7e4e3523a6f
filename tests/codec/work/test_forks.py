"""Processes that were forked after the codec was used, by hand and by PyTorch's DataLoader."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from codec.work.forks import ForkLock
from tests.support.cli_runner import SECONDS, environment

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]

PRELUDE = """
import io, json, multiprocessing, os, signal, sys
import numpy as np, torch
import codec, codec.still.effort

torch.set_num_threads(2)  # with one there is nothing to wait for
signal.alarm(100)
codec.still.effort._REFINEMENT_STEPS[5] = 2
picture = (np.add.outer(np.arange(160), np.arange(256))[:, :, None] % 256 * np.ones(3)).astype(np.uint8)
picture[::3, ::5] = 17
small = picture[:64, :64]

def work(effort):
    data = codec.encode(picture if effort < 5 else small, 50, effort=effort)
    image = codec.decode_array(data)
    return len(data), int(image.sum()), codec.decode_tensor(data).shape[1]
"""


def run(program: str) -> Any:
    """What the program prints as JSON; it uses two of torch's threads."""
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRELUDE + program],
        env=environment({"OMP_NUM_THREADS": "2"}),
        capture_output=True,
        timeout=SECONDS,
        check=False,
    )
    assert result.returncode == 0, result.stderr.decode()
    return json.loads(result.stdout)


def test_a_pool_of_forked_processes() -> None:
    """They code as their parent, refinement with its gradients too; the parent keeps its two threads."""
    found = run("""
mine = [work(effort) for effort in (4, 5)]
with multiprocessing.get_context("fork").Pool(2) as pool:
    theirs = pool.map(work, [4, 5])
print(json.dumps([mine, theirs, work(4), torch.get_num_threads()]))
""")
    mine, theirs, after, threads = found
    assert theirs == mine and after == mine[0] and threads == 2


def test_a_parent_that_used_torch_but_not_the_networks() -> None:
    """A child keeps its threads until it uses them."""
    found = run("""
torch.ones(1000, 1000).exp().sum()
codec.encode(small, lossless=True)
with multiprocessing.get_context("fork").Pool(1) as pool:
    before, theirs, after = pool.apply(torch.get_num_threads), pool.apply(work, [4]), pool.apply(torch.get_num_threads)
print(json.dumps([before, theirs, after, work(4)]))
""")
    before, theirs, after, mine = found
    assert (before, after) == (2, 1) and theirs == mine


def test_a_lock_that_another_thread_held_is_free_in_the_child() -> None:
    lock, held, go = ForkLock(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            held.set()
            go.wait(SECONDS)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(SECONDS)
    child = os.fork()
    if child == 0:
        os._exit(0 if lock.acquire(blocking=False) else 1)
    status = os.waitpid(child, 0)[1]
    assert not lock.acquire(blocking=False)
    go.set()
    thread.join()
    assert status == 0
    with lock, lock:  # it is reentrant
        pass
