"""A codec in a process of its own, as the benchmark sees it: the command line, and one that stays and answers."""

from __future__ import annotations

import json
import os
import subprocess
import time
from contextlib import suppress
from typing import Any

from benchmarks.codecs.interface import AbsentError
from benchmarks.processes import ROOT, module_command

_SECONDS_TO_END = 10


class CodecProcessError(Exception):
    """A codec failed, or its process ended."""


def server_command(codec: str | None, threads: int, request: dict[str, Any] | None) -> list[str]:
    """The command line of benchmarks/speed/codec_server.py; see there for `request`."""
    job = {"codec": codec, "threads": threads, "request": request}
    return module_command("benchmarks.speed.codec_server", job)


def thread_environment(threads: int) -> dict[str, str]:
    """This process's, with OpenMP's number of threads, which wait for each other as those of `wisp` do."""
    return {"GOMP_SPINCOUNT": "10000", **os.environ, "OMP_NUM_THREADS": str(threads)}


class CodecProcess:
    """A codec server that stays. `title`, `version` are the codec's; `seconds` is what it took to start and open it.

    Raises AbsentError where the codec cannot run here, CodecProcessError where the process ends over it.
    """

    def __init__(self, codec: str, threads: int) -> None:
        start = time.perf_counter()
        self._process = subprocess.Popen(
            server_command(codec, threads, None),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=thread_environment(threads),
            cwd=ROOT,
            text=True,
        )
        try:
            told = self._answer()
        except BaseException:
            self.close()
            raise
        self.seconds = time.perf_counter() - start
        if "absent" in told:
            self.close()
            raise AbsentError(*told["absent"])
        self.title, self.version = str(told["title"]), str(told["version"])

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Have a request answered. Raises CodecProcessError."""
        if self._process.stdin is None or self._process.poll() is not None:
            raise CodecProcessError(self._end())
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise CodecProcessError(self._end()) from error
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            raise CodecProcessError(self._end())
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise CodecProcessError(told["error"])
        return told

    def _end(self) -> str:
        return f"the codec's process ended with status {self._process.wait(_SECONDS_TO_END)}"

    def close(self) -> None:
        """End the process."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                with suppress(OSError):  # what was not written yet has no reader any more
                    stream.close()
        try:
            self._process.wait(_SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
