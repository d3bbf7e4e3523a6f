"""Timing of functions in this process, and of whole processes."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median


def seconds_of(function: Callable[[], object], repeats: int, warm_up: int = 2) -> list[float]:
    """Wall seconds of each of `repeats` calls, after `warm_up` calls that do not count."""
    for _ in range(warm_up):
        function()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def best_seconds(function: Callable[[], object], repeats: int) -> float:
    """The fastest call: what the machine can do."""
    return min(seconds_of(function, repeats))


def median_seconds(function: Callable[[], object], repeats: int) -> float:
    """The usual call."""
    return median(seconds_of(function, repeats))


@dataclass(frozen=True)
class ProcessRun:
    """Wall seconds and peak resident memory (MiB) of one finished process."""

    seconds: float
    peak_mib: float


def run_process(command: Sequence[str]) -> ProcessRun:
    """Run `command` to its end, output thrown away. Raises CalledProcessError where it fails."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command))
    return ProcessRun(seconds, usage.ru_maxrss / 1024)
