"""A machine's outcomes as a document, its fingerprint, and two machines' documents compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import codec
from benchmarks.exactness.golden import GoldenSet
from benchmarks.exactness.run import Outcome
from benchmarks.machine import machine, versions
from bitstream.errors import CorruptError, ExactnessError, FileAccessError, RequestError, WispError

KIND = "wisp exactness"
STATUSES = ("ok", "DIFFERS", "refused", "failed", "skipped")


def fingerprint(outcomes: Sequence[Outcome]) -> str:
    """SHA-256 over every (golden file, latents) that any configuration gave; "" where none gave any.

    Machines that run other configurations have the same one as long as nothing differs.
    """
    pairs = sorted({pair for outcome in outcomes for pair in outcome.latents.items()})
    lines = "".join(f"{name} {value}\n" for name, value in pairs)
    return hashlib.sha256(lines.encode()).hexdigest() if pairs else ""


def counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Number of outcomes by status, those with none left out."""
    found = {status: sum(outcome.status == status for outcome in outcomes) for status in STATUSES}
    return {status: count for status, count in found.items() if count}


def exit_status(outcomes: Sequence[Outcome]) -> int:
    """5 where latents differ, 6 where a configuration is refused, 1 where one failed or none ran, else 0."""
    found = counts(outcomes)
    if "DIFFERS" in found:
        return CorruptError.exit_status
    if "refused" in found:
        return ExactnessError.exit_status
    return 0 if found.get("ok") and "failed" not in found else WispError.exit_status


def document(outcomes: Sequence[Outcome], goldens: GoldenSet) -> dict[str, Any]:
    """What `--json` writes and `--compare` reads."""
    return {
        "kind": KIND,
        "wisp": codec.__version__,
        "model": goldens.model,
        "machine": machine(),
        "versions": versions(),
        "expected": goldens.expected,
        "outcomes": [{**asdict(outcome), "hash": outcome.hash} for outcome in outcomes],
        "counts": counts(outcomes),
        "fingerprint": fingerprint(outcomes),
        "exit_status": exit_status(outcomes),
    }


def read_document(path: Path) -> dict[str, Any]:
    """What `document` made on another machine. Raises FileAccessError, CorruptError."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise FileAccessError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise CorruptError(f"{path} is not JSON: {error}") from error
    try:
        if found["kind"] != KIND:
            raise ValueError(found["kind"])
        compare(found, found)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, RequestError):  # it has no latents: `compare` says so again when there is another side
            return found
        raise CorruptError(f"{path} was not written by `wisp bench exactness --json`") from error
    return found


@dataclass(frozen=True)
class Comparison:
    """Whether two machines decoded the same latents, and what differs in words."""

    same: bool
    lines: tuple[str, ...]


def compare(here: dict[str, Any], there: dict[str, Any]) -> Comparison:
    """Latents of the golden files that both have. Raises RequestError where they have none in common."""
    ours, theirs = _latents(here), _latents(there)
    common = sorted(ours.keys() & theirs.keys())
    if not common:
        raise RequestError("the two machines decoded no golden file in common")
    lines = [
        f"{name}: {_shortened(ours[name])} here, {_shortened(theirs[name])} there"
        for name in common
        if ours[name] != theirs[name]
    ]
    same = not lines
    alone = sorted(ours.keys() ^ theirs.keys())
    if alone:
        lines.append(f"not compared, for only one machine has them: {', '.join(alone)}")
    for kind in ("pixels", "encoded"):
        mine, other = _by_name(here, kind), _by_name(there, kind)
        both = mine.keys() & other.keys()
        equal = sum(mine[name] == other[name] for name in both)
        what = "pixels" if kind == "pixels" else "bytes of a file encoded"
        lines.append(f"{what} (which may differ): the same in {equal} of {len(both)} configurations")
    return Comparison(same, tuple(lines))


def _latents(document: dict[str, Any]) -> dict[str, set[str]]:
    """Every hash that a configuration gave, by golden file."""
    found: dict[str, set[str]] = {}
    for outcome in document["outcomes"]:
        for name, value in outcome["latents"].items():
            found.setdefault(name, set()).add(value)
    return found


def _by_name(document: dict[str, Any], kind: str) -> dict[str, str]:
    return {outcome["name"]: outcome[kind] for outcome in document["outcomes"] if outcome[kind]}


def _shortened(hashes: set[str]) -> str:
    return " and ".join(value[:8] for value in sorted(hashes))
