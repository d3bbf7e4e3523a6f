"""Commands that are stopped by signals, in a folder of which nothing may be lost."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tests.support.cli_runner import COMMAND, ROOT, SECONDS, environment, folder_content, invoke
from tests.support.goldens import golden_bytes

STATUS = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}

# In every process: signals as a terminal has them, whatever the tests run in; four cores; and where it is asked
# for a stop once a temporary file is written, just before it would be renamed, or as soon as a worker is started.
_HOOK = """
import os, pathlib, signal, sys, time
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_IGN if "NOHUP" in os.environ else signal.SIG_DFL)
os.sched_getaffinity = lambda _: set(range(4))
os.cpu_count = lambda: 4
def stop(*_):
    pathlib.Path(os.environ["READY"], str(os.getpid())).touch()
    while True:
        time.sleep(0.01)
if os.environ["STOP"] == "writing":
    os.fsync = stop
elif os.environ["STOP"] == "starting" and "--multiprocessing-fork" in sys.orig_argv:
    stop()
"""


class Place:
    """A folder with inputs, outputs that are there already in `out`, and named pipes that nobody writes to."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.hook, self.ready = folder / "place", folder / "hook", folder / "ready"
        for made in (self.folder / "out", self.hook, self.ready):
            made.mkdir(parents=True)
        (self.hook / "sitecustomize.py").write_text(_HOOK)
        picture = np.random.default_rng(5).integers(0, 256, (24, 32, 3), dtype=np.uint8)
        for name in "abc":
            Image.fromarray(picture).save(self.folder / f"{name}.png")
            (self.folder / "out" / f"{name}.wisp").write_bytes(b"another file")
        (self.folder / "small.wisp").write_bytes(golden_bytes("rgba_lossless"))
        self.whole = invoke("encode", self.folder / "a.png", "--lossless", "-o", "-").stdout_bytes
        self.writers: list[int] = []

    def content(self) -> dict[str, bytes | None]:
        """Of the folder, the pipes left out."""
        return {name: data for name, data in folder_content(self.folder).items() if not name.startswith("pipe")}

    @contextmanager
    def start(self, *args: str, stop: str = "", **options: Any) -> Iterator[subprocess.Popen[bytes]]:
        """`wisp ARGS` in a session of its own, which gets what is sent to all."""
        env = {"PYTHONPATH": f"{self.hook}{os.pathsep}{ROOT}", "READY": str(self.ready), "STOP": stop}
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
        settings: dict[str, Any] = {"start_new_session": True, **pipes, **options}
        env = environment({**env, **settings.pop("env", {})})
        with subprocess.Popen([*COMMAND, *args], cwd=self.folder, env=env, **settings) as process:
            try:
                yield process
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                for writer in self.writers:
                    os.close(writer)

    def stopped(self, count: int) -> Callable[[], bool]:
        """Whether so many processes have come to the stop."""
        return lambda: len(list(self.ready.iterdir())) == count

    def pipe(self, name: str) -> str:
        os.mkfifo(self.folder / name)
        return name

    def is_read(self, *names: str) -> Callable[[], bool]:
        """Whether all of these pipes are open for reading; they are then kept open, and empty."""
        left, seen = list(names), [""]

        def check() -> bool:
            while left:
                try:
                    self.writers.append(os.open(self.folder / left[0], os.O_WRONLY | os.O_NONBLOCK))
                except OSError:
                    return False
                left.pop(0)
            # Until they wait for more: Python hears a signal that comes just before a system call after it only.
            return waiting([pid for name in names for pid in readers(self.folder / name)], seen)

        return check


def readers(pipe: Path) -> list[int]:
    """The processes, of which only Linux tells, but this one that have it open."""
    found = []
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):  # it has ended, or is not ours
            if link.parts[2] != str(os.getpid()) and link.readlink() == pipe:
                found.append(int(link.parts[2]))
    return found


def waiting(processes: list[int], seen: list[str]) -> bool:
    """Whether the main threads of all have slept since the last call, which left what it saw in `seen`."""
    if not Path("/proc/self/status").exists():
        time.sleep(0.5)
        return True
    now = ""
    for process in processes:
        with suppress(OSError):
            status = Path(f"/proc/{process}/status").read_text().splitlines()
            now += "".join(line for line in status if line.startswith(("State", "voluntary", "nonvoluntary")))
    before, seen[0] = seen[0], now
    return now == before and now.count("sleeping") == len(processes) > 0


def waits_for_more(process: subprocess.Popen[bytes]) -> Callable[[], bool]:
    """Whether it has taken all that was written to its standard input, and waits."""
    import fcntl
    import termios

    seen = [""]

    def check() -> bool:
        assert process.stdin
        left = fcntl.ioctl(process.stdin, termios.FIONREAD, bytes(4))
        return not any(left) and waiting([process.pid], seen)

    return check


def finished(process: subprocess.Popen[bytes], label: str) -> int:
    """-> exit status; standard error may only say that it was interrupted, and by SIGINT it does."""
    _, stderr = process.communicate(timeout=SECONDS)
    interrupted = process.returncode == STATUS["SIGINT"]
    assert stderr.decode() == (f"wisp: {label}: interrupted\n" if interrupted else ""), stderr.decode()
    return process.returncode


def send(process: subprocess.Popen[bytes], name: str, whom: str = "one") -> None:
    """To the one process, or as a terminal does to all."""
    number = signal.Signals[name]
    os.kill(process.pid, number) if whom == "one" else os.killpg(process.pid, number)
