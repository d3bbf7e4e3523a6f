"""Other processes: where they start, how a module is started with a job, and how long and how large one gets.

As a script, `processes.py COMMAND...` runs a command and prints its wall seconds and peak memory: see `run_process`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]  # where a child of ours starts: what lies in the user's folder must not be imported
WISP = (sys.executable, "-m", "cli.start")
_UNITS_OF_A_MIB = 1 << 20 if sys.platform == "darwin" else 1 << 10  # of ru_maxrss


def module_command(module: str, job: object) -> list[str]:
    """`python -m MODULE JOB`, to be run in ROOT; `job` goes as JSON."""
    return [sys.executable, "-m", module, json.dumps(job)]


@dataclass(frozen=True)
class ProcessRun:
    """Wall seconds and peak resident memory (MiB) of one finished process."""

    seconds: float
    peak_mib: float


def run_process(
    command: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    stderr: int | None = None,
) -> ProcessRun:
    """Run `command` to its end, its output thrown away. Raises CalledProcessError where it fails.

    A bare interpreter starts and measures it: Linux counts what a process held before it called exec as memory of
    the program that it became, so a child of this process, which may hold much, would look as large as this one.
    """
    launcher = [sys.executable, "-I", "-S", __file__, *command]
    with subprocess.Popen(launcher, stdout=subprocess.PIPE, stderr=stderr, env=env, cwd=cwd) as process:
        try:
            output, errors = process.communicate()
        except BaseException:
            process.terminate()  # which ends the command, too
            raise
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, list(command), stderr=errors)
    status, seconds, peak_mib = json.loads(output)
    if status:
        raise subprocess.CalledProcessError(status, list(command), stderr=errors)
    return ProcessRun(seconds, peak_mib)


def _launch(command: Sequence[str]) -> None:
    """Print exit status, wall seconds and peak resident memory (MiB) of `command` as a JSON array."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        _, status, usage = os.wait4(process.pid, 0)
    except BaseException:
        process.kill()
        raise
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    print(json.dumps([process.returncode, seconds, usage.ru_maxrss / _UNITS_OF_A_MIB]))


if __name__ == "__main__":
    try:
        _launch(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)
