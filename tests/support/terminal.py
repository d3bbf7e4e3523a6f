"""The command line on a pseudo-terminal, and what is left to read there."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.cli_runner import COMMAND, SECONDS, environment

try:
    import pty
except ImportError:  # Windows
    pty = None  # type: ignore[assignment]
needs_terminal = pytest.mark.skipif(pty is None, reason="no pseudo-terminals here")


def on_terminal(*args: str, cwd: Path, env: Mapping[str, str]) -> tuple[int, str, bytes]:
    """-> exit status, what the terminal got, standard output, which is a pipe."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [*COMMAND, *args],
        cwd=cwd,
        env=environment({"TERM": "xterm", **env}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        got = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not part:
                break
            got += part
        os.close(ours)
        assert process.stdout
        written = process.stdout.read()
        return process.wait(SECONDS), got.decode(), written


def left_standing(shown: str) -> list[str]:
    """The lines that are there in the end, by the few control sequences that rich uses."""
    rows, row, column = [""], 0, 0
    for token in re.findall(r"\x1b\[\??\d*(?:;\d+)*[A-Za-z]|\r|\n|[^\x1b\r\n]+", shown):
        if token == "\r":
            column = 0
        elif token == "\n":
            row += 1
            rows += [""] * (row == len(rows))
        elif token == "\x1b[2K":
            rows[row] = ""
        elif match := re.fullmatch(r"\x1b\[(\d*)A", token):
            row -= int(match[1] or 1)
        elif not token.startswith("\x1b"):
            rows[row] = rows[row][:column].ljust(column) + token + rows[row][column + len(token) :]
            column += len(token)
    return [line.rstrip() for line in rows if line.strip()]
