"""Codecs that are programs: where they are, and one run of them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.codecs.interface import AbsentError


def find_program(names: Sequence[str], remedy: str) -> str:
    """Where the first of these programs is that the PATH has. Raises AbsentError."""
    for name in names:
        found = shutil.which(name)
        if found is not None:
            return found
    raise AbsentError(f"no program {' or '.join(names)} on the PATH", remedy)


def run_program(arguments: Sequence[str], data: bytes = b"") -> bytes:
    """What the program writes to stdout, with `data` on its stdin.

    Raises:
        RuntimeError: it cannot be started, or ends with another status than 0; the message has the last line that
            it wrote.
    """
    name = Path(arguments[0]).name
    try:
        done = subprocess.run(list(arguments), input=data, capture_output=True, check=False)
    except OSError as error:
        raise RuntimeError(f"{name}: {error.strerror or error}") from error
    if done.returncode:
        raise RuntimeError(f"{name}: {last_line(done.stderr or done.stdout) or f'exit status {done.returncode}'}")
    return done.stdout


def version_of(program: str, option: str, word: str) -> str | None:
    """The line that has `word` of what the program tells of its version; None where it does not tell."""
    try:
        done = subprocess.run([program, option], stdin=subprocess.DEVNULL, capture_output=True, check=False)
    except OSError:
        return None
    lines = (done.stdout + done.stderr).decode(errors="replace").splitlines()
    return next((line.strip() for line in lines if word in line.lower()), None)


def last_line(output: bytes) -> str:
    """The last line that is not blank, "" without one."""
    lines = (line.strip() for line in output.decode(errors="replace").splitlines())
    return next(reversed([line for line in lines if line]), "")
