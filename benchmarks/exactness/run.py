"""Every configuration in a process, and what came out of it beside what was expected."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from benchmarks.exactness.configurations import Configuration
from benchmarks.exactness.decode import MARK, Found
from benchmarks.exactness.golden import GoldenSet
from benchmarks.processes import ROOT, module_command

Status = Literal["ok", "DIFFERS", "refused", "failed", "skipped"]
_TELLING = re.compile(r"isa:[^,\n]*|attr-fpmath:\w+")  # what computes, and in which arithmetic, in oneDNN's lines


@dataclass(frozen=True)
class Outcome:
    """One configuration's line. `latents` is SHA-256 by golden file, `hash` one over all of them."""

    name: str
    group: str
    status: Status
    reason: str
    entropy_dtype: str
    capability: str
    latents: dict[str, str]
    pixels: str
    encoded: str

    @property
    def hash(self) -> str:
        """SHA-256 over the latents' hashes; "" where nothing was decoded."""
        return hash_of(self.latents)


def hash_of(latents: dict[str, str]) -> str:
    """SHA-256 over `name hash` lines in the order of the names, "" for none."""
    lines = "".join(f"{name} {value}\n" for name, value in sorted(latents.items()))
    return hashlib.sha256(lines.encode()).hexdigest() if latents else ""


def run(chosen: Sequence[Configuration], folder: Path, goldens: GoldenSet) -> Iterator[Outcome]:
    """Outcomes in the order of `chosen`, as they come.

    Configurations with an environment of their own have a process each, for it is read when torch is imported;
    neighbours without one share theirs.
    """
    batch: list[Configuration] = []
    for configuration in chosen:
        if configuration.environment:
            yield from _run_batch(batch, folder, goldens)
            yield from _run_batch([configuration], folder, goldens)
            batch = []
        else:
            batch.append(configuration)
    yield from _run_batch(batch, folder, goldens)


def _run_batch(batch: Sequence[Configuration], folder: Path, goldens: GoldenSet) -> Iterator[Outcome]:
    """One process; where it dies over a configuration, another takes up the rest."""
    left = list(batch)
    while left:
        told, last = "", ""
        for line in _lines(left, folder):
            if line.startswith(MARK):
                found = Found(**json.loads(line.removeprefix(MARK)))
                yield judge(left.pop(0), found, told, goldens)
            else:
                told += "".join(f"{word}\n" for word in _TELLING.findall(line) if word not in told)
                last = line
        if left:
            yield judge(left[0], Found(left.pop(0).name, "failed", last), told, goldens)


def _lines(batch: Sequence[Configuration], folder: Path) -> Iterator[str]:
    """Lines of the standard output of benchmarks/exactness/decode.py; where it fails, at last one that says how."""
    job = {"folder": str(folder.resolve()), "configurations": [asdict(configuration) for configuration in batch]}
    env = {**os.environ, **batch[0].environment}
    if batch[0].environment:
        env["ONEDNN_VERBOSE"] = "1"  # tells which instructions compute
    command = module_command("benchmarks.exactness.decode", job)
    with (
        tempfile.TemporaryFile("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, env=env, cwd=ROOT, text=True) as process,
    ):
        try:
            yield from process.stdout or ()
        except BaseException:
            process.kill()
            raise
        status = process.wait()
        errors.seek(0)
        said = errors.read().strip().rpartition("\n")[2]
        if status < 0:
            yield f"the process ended with {signal.Signals(-status).name}"
        elif status:
            yield said or f"the process ended with status {status}"


def judge(configuration: Configuration, found: Found, told: str, goldens: GoldenSet) -> Outcome:
    """What was found beside what was expected; `told` is what oneDNN said of itself."""
    status: Status
    told += f'"capability": "{found.capability}"'
    wrong = sorted(name for name, value in goldens.expected.items() if found.latents.get(name) != value)
    if found.verdict == "unavailable":
        status, reason = "skipped", found.reason
    elif found.verdict in ("refused", "failed"):
        status, reason = found.verdict, found.reason
    elif wrong:
        damaged = [golden.name for golden in goldens.files if golden.name in wrong and not golden.intact]
        note = f" (the golden files {', '.join(damaged)} are themselves damaged)" if damaged else ""
        status, reason = "DIFFERS", (found.reason or ", ".join(wrong)) + note
    elif configuration.sign not in told:
        status, reason = "skipped", f"no effect here: {_instructions(told, found)}"
    else:
        status, reason = "ok", ""
    fields = asdict(found)
    return Outcome(
        configuration.name,
        configuration.group,
        status,
        reason,
        **{name: fields[name] for name in ("entropy_dtype", "capability", "latents", "pixels", "encoded")},
    )


def _instructions(told: str, found: Found) -> str:
    isa = [line.removeprefix("isa:") for line in told.splitlines() if line.startswith("isa:")]
    return f"oneDNN has {isa[0] if isa else 'other instructions'}, torch {found.capability}"
