"""A results file: JSON Lines, appended to as points come, so that a killed run can go on where it stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

from filelock import FileLock, Timeout

from benchmarks.rd.records import Curve, EqualSize, Failure, Point, Record, Run, from_line, to_line
from bitstream.errors import CorruptError, FileAccessError

FILE_NAME = "results.jsonl"
LOCK_NAME = ".lock"
_BEGIN = b'{"kind": "'  # of every line


@dataclass
class Results:
    """All records of a file, in its order."""

    runs: list[Run] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    equal: list[EqualSize] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)

    def add(self, record: Record) -> None:
        """Put a record where it belongs; a picture of the viewer or a published curve replaces one of its name."""
        if isinstance(record, Run):
            self.runs.append(record)
        elif isinstance(record, Point):
            self.points.append(record)
        elif isinstance(record, Failure):
            self.failures.append(record)
        elif isinstance(record, EqualSize):
            self.equal = [other for other in self.equal if other.key != record.key] + [record]
        else:
            self.curves = [curve for curve in self.curves if curve.name != record.name] + [record]

    def records(self) -> Iterable[Record]:
        """Everything, runs first."""
        groups: tuple[Sequence[Record], ...] = (self.runs, self.curves, self.points, self.failures, self.equal)
        for group in groups:
            yield from group

    @property
    def titles(self) -> dict[str, str]:
        """Title of every codec that a run of this file had."""
        return {codec.id: codec.title for run in self.runs for codec in run.codecs}


def read_results(path: Path) -> Results:
    """The records of `path`; a last line that a killed run left unfinished is passed over. Of two records of one
    picture of the viewer, or of two published curves of one name, the last counts.

    Raises FileAccessError, and CorruptError naming the line of anything else that is no record.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise FileAccessError(f"{path}: {error.strerror or error}") from error
    results = Results()
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        try:
            results.add(from_line(line.decode("utf-8")))
        except ValueError as error:
            if number == len(lines) and _begins_record(line):  # no line end: the run was killed while it wrote
                break
            raise CorruptError(f"{path}, line {number}: {error}") from error
    return results


def _begins_record(line: bytes) -> bool:
    return line.startswith(_BEGIN[: len(line)])


class ResultsFile:
    """A results file that is written to, by one process at a time. Opening it drops an unfinished last line and what
    is `stale`.

    Raises FileAccessError (it is in use, too), CorruptError.
    """

    def __init__(self, path: Path, stale: Callable[[Record], bool] = lambda _: False) -> None:
        self.path = path
        self.results = Results()
        if not path.parent.is_dir():  # FileLock would make it
            raise FileAccessError(f"{path.parent} is no folder")
        self._lock = FileLock(path.with_name(LOCK_NAME), timeout=0)
        try:
            self._lock.acquire()
        except Timeout as error:
            raise FileAccessError(f"{path} is in use by another run") from error
        except OSError as error:
            raise FileAccessError(f"{path.parent}: {error.strerror or error}") from error
        try:
            self._open(stale)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, stale: Callable[[Record], bool]) -> None:
        if self.path.exists():
            for record in read_results(self.path).records():
                if not stale(record):
                    self.results.add(record)
        try:
            self._rewrite()
            # A name that is no UTF-8 (a lone surrogate) becomes \udcff, which JSON reads back as it was.
            self._stream: IO[str] = self.path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise FileAccessError(f"{self.path}: {error.strerror or error}") from error

    def _rewrite(self) -> None:
        part = self.path.with_name(self.path.name + ".part")
        lines = "".join(f"{to_line(record)}\n" for record in self.results.records())
        part.write_text(lines, "utf-8", "backslashreplace")
        part.replace(self.path)

    def write(self, record: Record) -> None:
        """Append a record and hand it to the system at once."""
        self.results.add(record)
        self._stream.write(to_line(record) + "\n")
        self._stream.flush()

    def __enter__(self) -> ResultsFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()
        self._lock.release()
