"""Measures that are programs on the PATH: they read two PNG files, the reference first, and print a number."""

from __future__ import annotations

import hashlib
import math
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from benchmarks.codecs.interface import AbsentError
from benchmarks.measures.padding import at_least
from benchmarks.raw import Pixels

LEAST_SIDE = 8  # libjxl's programs refuse smaller pictures, or see no difference in them


@dataclass(frozen=True)
class Program:
    """A program that was found."""

    path: Path

    @property
    def name(self) -> str:
        """What it is called."""
        return self.path.name

    @property
    def version(self) -> str:
        """Its name and the start of its SHA-256: not all of these programs tell a version."""
        return f"{self.name}, SHA-256 {hashlib.sha256(self.path.read_bytes()).hexdigest()[:8]}"

    def compare(self, reference: Pixels, shown: Pixels) -> float:
        """The number printed for two pictures (H, W, 3) uint8; a side below LEAST_SIDE is replicated up to it.

        Raises:
            RuntimeError: the program failed; the message is the last line that it wrote to stderr.
        """
        with TemporaryDirectory(prefix="wisp-measure-") as folder:
            paths = [Path(folder, name) for name in ("reference.png", "shown.png")]
            for path, pixels in zip(paths, (reference, shown), strict=True):
                Image.fromarray(at_least(pixels, LEAST_SIDE)).save(path, compress_level=1)
            return self._number(self._run([str(path) for path in paths]))

    def _run(self, arguments: list[str]) -> str:
        try:
            done = subprocess.run(
                [str(self.path), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
            )
        except OSError as error:
            raise RuntimeError(f"{self.name}: {error.strerror or error}") from error
        if done.returncode:
            words = done.stderr.decode(errors="replace").split("\n")
            said = next((line.strip() for line in reversed(words) if line.strip()), "")
            raise RuntimeError(f"{self.name}: {said or f'exit status {done.returncode}'}")
        return done.stdout.decode(errors="replace")

    def _number(self, output: str) -> float:
        """The first line's first word that is a number: butteraugli_main goes on with a p-norm, dssim with a path."""
        for line in output.splitlines():
            word = next(iter(line.split()), "")
            try:
                value = float(word)
            except ValueError:
                continue
            if math.isfinite(value):
                return value
        raise RuntimeError(f"{self.name}: printed no number")


def find_program(name: str, remedy: str) -> Program:
    """The program of this name on the PATH. Raises AbsentError."""
    found = shutil.which(name)
    if found is None:
        raise AbsentError(f"the program {name} is not on the PATH", remedy)
    return Program(Path(found))


def open_butteraugli() -> tuple[str, Callable[[Pixels, Pixels], float]]:
    """Version and function of libjxl's butteraugli_main. Raises AbsentError."""
    program = find_program("butteraugli_main", "apt install libjxl-devtools, or libjxl's release archive on the PATH")
    return program.version, program.compare


def open_dssim() -> tuple[str, Callable[[Pixels, Pixels], float]]:
    """Version and function of kornelski's dssim. Raises AbsentError."""
    program = find_program(
        "dssim", "cargo install dssim, or a release of github.com/kornelski/dssim (PyPI's dssim is something else)"
    )
    return program.version, program.compare
