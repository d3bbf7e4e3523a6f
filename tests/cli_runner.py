"""The command line in a process of its own, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-m", "cli.main")
SECONDS = 120  # no measure of anything: only a command that hangs takes so long


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without Wisp's own variables, the repository importable, then `env`."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WISP_")}
    return {**inherited, "PYTHONPATH": str(ROOT), **(env or {})}


def run_wisp(
    *args: str | Path,
    cwd: Path,
    stdin: bytes | None = None,
    env: Mapping[str, str] | None = None,
    stdout: IO[bytes] | int = subprocess.PIPE,
) -> subprocess.CompletedProcess[bytes]:
    """Run `wisp ARGS` to its end. Without `stdin` its standard input is empty; `env` is added to `environment()`."""
    return subprocess.run(
        [*COMMAND, *map(str, args)],
        cwd=cwd,
        input=stdin or b"",
        env=environment(env),
        stdout=stdout,
        stderr=subprocess.PIPE,
        timeout=SECONDS,
        check=False,
    )


def start_wisp(*args: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start `wisp ARGS` and go on; both outputs are pipes."""
    return subprocess.Popen(
        [*COMMAND, *map(str, args)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def folder_content(folder: Path) -> dict[str, bytes | None]:
    """Every file below `folder` by name with its bytes, folders with None."""
    return {str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None for path in folder.rglob("*")}


def torch_trap(folder: Path) -> dict[str, str]:
    """Variables under which torch cannot be imported; the trap is laid in `folder`."""
    trap = folder / "trap"
    trap.mkdir()
    (trap / "torch.py").write_text('raise ImportError("torch must not be imported")\n')
    return {"PYTHONPATH": f"{trap}{os.pathsep}{ROOT}"}


def only_line(result: subprocess.CompletedProcess[bytes]) -> str:
    """The one line on stderr; stdout must be empty."""
    assert not result.stdout
    lines = result.stderr.decode().split("\n")
    assert len(lines) == 2 and not lines[1], lines
    return lines[0]
