"""The command line: in this process, where the model stays loaded, or in one of its own, as a user starts it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from click.testing import CliRunner, Result

from cli.main import cli

ROOT = Path(__file__).parents[2]
COMMAND = (sys.executable, "-m", "cli.main")
SECONDS = 120  # no measure of anything: only a command that hangs takes so long


def invoke(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """`wisp ARGUMENTS` in this process to its end; an exception that is no exit is raised here."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], input=stdin)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def succeed(*arguments: str | Path, stdin: bytes | None = None) -> Result:
    """As `invoke`; the exit status must be 0."""
    result = invoke(*arguments, stdin=stdin)
    assert result.exit_code == 0, result.stderr
    return result


def environment(env: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what changes commands, the repository importable, then `env`."""
    changes = ("WISP_", "PYTHONUNBUFFERED", "NO_COLOR", "FORCE_COLOR", "COLUMNS")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(changes)}
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


def start_wisp(
    *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None, stdout: int = subprocess.PIPE
) -> subprocess.Popen[bytes]:
    """Start `wisp ARGS` and go on; both outputs are pipes unless `stdout` is something else."""
    return subprocess.Popen(
        [*COMMAND, *map(str, args)],
        cwd=cwd,
        env=environment(env),
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def start_without_reader(*args: str | Path, cwd: Path, env: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """The same with a pipe for its output that nobody reads, from the start."""
    reading, writing = os.pipe()
    os.close(reading)
    try:
        return start_wisp(*args, cwd=cwd, env=env, stdout=writing)
    finally:
        os.close(writing)


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    """Poll, and fail where the process ends before, or never comes so far."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.02)


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
