"""The command line where `import torch` fails, each command in a process of its own that is forked from a warm one.

So the imports are paid for once: `python -m tests.support.without_torch` makes them, then forks for every request.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from tests.support.cli_runner import environment, torch_trap

Ran = subprocess.CompletedProcess[bytes]


class WithoutTorch:
    """Runs commands as `run_wisp` does; a context manager that ends the warm process."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._server = subprocess.Popen(
            [sys.executable, "-m", "tests.support.without_torch"],
            env=environment(torch_trap(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __call__(self, *args: str | Path, cwd: Path, stdin: bytes = b"", stdout: Path | None = None) -> Ran:
        """`wisp ARGS` to its end, standard output in the file `stdout` where that is named."""
        assert self._server.stdin and self._server.stdout
        streams = [self._folder / "stdin", stdout or self._folder / "stdout", self._folder / "stderr"]
        streams[0].write_bytes(stdin)
        request = {"args": [str(arg) for arg in args], "cwd": str(cwd), "streams": [str(path) for path in streams]}
        self._server.stdin.write(json.dumps(request).encode() + b"\n")
        self._server.stdin.flush()
        status = int(self._server.stdout.readline())
        return Ran(args, status, b"" if stdout else streams[1].read_bytes(), streams[2].read_bytes())

    def __enter__(self) -> WithoutTorch:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.communicate()


def _serve() -> None:
    import numpy  # noqa: F401  # imported here to be there in every process forked
    from PIL import Image

    from cli.main import main

    Image.init()
    answers = os.fdopen(os.dup(1), "w")
    for line in os.fdopen(os.dup(0), "rb"):
        request = json.loads(line)
        process = os.fork()
        if not process:
            os.chdir(request["cwd"])
            flags = (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT | os.O_TRUNC] * 2)
            for number, (path, flag) in enumerate(zip(request["streams"], flags, strict=True)):
                os.dup2(os.open(path, flag), number)
            sys.argv[1:] = request["args"]
            main()
        print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), file=answers, flush=True)


if __name__ == "__main__":
    _serve()
