"""The measurement behind `wisp bench speed`, in steps.

Within a step the codecs take turns, so that a machine that becomes slower or faster does so for all of them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from statistics import median
from types import TracebackType
from typing import Any

from benchmarks.codecs.interface import AbsentError
from benchmarks.machine import machine, versions
from benchmarks.mosaic import Size
from benchmarks.processes import ROOT, WISP, ProcessRun, run_process
from benchmarks.speed.codec_process import CodecProcess, CodecProcessError, thread_environment
from benchmarks.speed.records import (
    COMMAND,
    DIRECTIONS,
    Direction,
    Fault,
    Missing,
    Participant,
    Row,
    SpeedReport,
    SpeedSettings,
    StartUp,
    in_words,
)
from benchmarks.speed.workplace import WISP_PREFIX, Workplace
from bitstream.errors import WispError

SEARCHED = Size(768, 512)  # where qualities are chosen
ONE_COLD_RUN_ABOVE = 1_000_000  # pixels
_SMALLEST = Size(64, 64)

Share = Callable[[float], None]
Key = tuple[str, Size, int, Direction]


@dataclass(frozen=True)
class Step:
    """A part of the run. `seconds` is how long it should take; `work` calls its argument with the share done, 0..1."""

    name: str
    seconds: float
    work: Callable[[Share], None]


@dataclass(frozen=True)
class _Pace:
    """What was learned of a codec while its quality was searched: seconds to open it, and per megapixel."""

    start: float
    encode: float
    decode: float

    def seconds(self, direction: Direction, size: Size) -> float:
        return (self.encode if direction == "encode" else self.decode) * size.megapixels


class SpeedRun:
    """To be entered; `prepare`, then the `work` of each of `steps`, then `report`.

    Raises WispError (from `prepare`) where no codec can take part.
    """

    def __init__(self, settings: SpeedSettings) -> None:
        self.settings = settings
        self.participants: list[Participant] = []
        self.absent: list[Missing] = []
        self.faults: list[Fault] = []
        self.load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0  # Windows has none
        self._place = Workplace()
        self._processes: dict[str, CodecProcess] = {}
        self._threads = 0  # of the processes
        self._pace: dict[str, _Pace] = {}
        self._cold: dict[Key, list[ProcessRun]] = {}
        self._warm: dict[Key, list[float]] = {}
        self._bytes: dict[Key, int] = {}
        self._start_up: dict[str, list[ProcessRun]] = {}

    def __enter__(self) -> SpeedRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._dismiss()
        self._place.close()

    def prepare(self, tell: Callable[[str], None] = lambda _: None) -> None:
        """See which codecs can run, and choose their qualities; `tell` hears which one is being tried."""
        for codec in self.settings.codecs:
            tell(codec)
            self._try_out(codec, self.settings.threads[0])
        self._threads = self.settings.threads[0]
        if not self.participants:
            reasons = [f"{missing.id}: {missing.reason}" for missing in self.absent]
            reasons += [f"{fault.codec}: {fault.message}" for fault in self.faults]
            raise WispError(f"no codec can take part: {'; '.join(reasons)}")

    def _try_out(self, codec: str, threads: int) -> None:
        title = self._place.known[codec].title
        try:
            process = self._processes[codec] = CodecProcess(codec, threads)
            found = process.ask("search", picture=str(self._place.picture(SEARCHED)), psnr=self.settings.psnr)
        except AbsentError as error:
            self.absent.append(Missing(codec, title, error.reason, error.remedy))
        except CodecProcessError as error:
            self._fault(codec, SEARCHED, threads, "encode", error)
        else:
            self._pace[codec] = _Pace(
                process.seconds,
                found["encode_seconds"] / SEARCHED.megapixels,
                found["decode_seconds"] / SEARCHED.megapixels,
            )
            chosen = {key: found[key] for key in ("command", "quality", "bpp", "psnr")}
            self.participants.append(Participant(codec, title, process.version, **chosen))

    def steps(self) -> list[Step]:
        """What is left to do after `prepare`."""
        steps = [Step("start-up", 3 * self.settings.cold_runs, self._measure_start_up)]
        for threads in self.settings.threads:
            for size in sorted(self.settings.sizes, key=lambda size: size.pixels):
                for direction in DIRECTIONS:
                    where = f"{size} {direction}, {in_words(threads)}"
                    cold = partial(self._measure_cold, size, threads, direction)
                    warm = partial(self._measure_warm, size, threads, direction)
                    steps.append(Step(f"{where}, cold", self._cold_seconds(size, direction), cold))
                    steps.append(Step(f"{where}, warm", self._warm_seconds(size, direction), warm))
        return steps

    def report(self) -> SpeedReport:
        """All that the steps found."""
        start_up = [
            StartUp(what, median(run.seconds for run in runs), median(run.peak_mib for run in runs))
            for what, runs in self._start_up.items()
        ]
        keys = sorted(self._cold.keys() | self._warm.keys(), key=self._order)
        return SpeedReport(
            self.settings,
            machine(),
            versions(),
            self.load,
            tuple(self.participants),
            tuple(self._row(key) for key in keys),
            tuple(start_up),
            tuple(self.absent),
            tuple(self.faults),
        )

    def _order(self, key: Key) -> tuple[Any, ...]:
        codec, size, threads, direction = key
        codecs = [*self.settings.codecs, COMMAND]
        return threads, size.pixels, codecs.index(codec), DIRECTIONS.index(direction)

    def _row(self, key: Key) -> Row:
        codec, size, threads, direction = key
        cold, warm = self._cold.get(key, []), self._warm.get(key, [])
        counted = warm[1:] or warm
        return Row(
            codec,
            size.width,
            size.height,
            threads,
            direction,
            self._bytes.get((codec, size, threads, "encode")),
            median(counted) if counted else None,
            len(counted),
            median(run.seconds for run in cold) if cold else None,
            len(cold),
            median(run.peak_mib for run in cold) if cold else None,
        )

    # Start-up

    def _measure_start_up(self, share: Share) -> None:
        """What a cold start consists of, in turns."""
        python = sys.executable
        commands = {"python": [python, "-c", "pass"], "worker without a codec": self._place.copy_command(_SMALLEST)}
        if self._wisp is not None:
            commands["import torch"] = [python, "-c", "import torch"]
            commands["wisp --version"] = [*WISP, "--version"]
        for turn in range(self.settings.cold_runs):
            for what, command in commands.items():
                self._start_up.setdefault(what, []).append(run_process(command, env=thread_environment(1), cwd=ROOT))
            share((turn + 1) / self.settings.cold_runs)

    # Cold: a process for every run

    def _measure_cold(self, size: Size, threads: int, direction: Direction, share: Share) -> None:
        runs = self._cold_runs(size)
        names = [participant.id for participant in self.participants] + ([COMMAND] if self._wisp else [])
        for turn in range(runs):
            for i, codec in enumerate(names):
                if direction == "encode" or self._place.coded(codec, size).exists():
                    with self._faults_of(codec, size, threads, direction):
                        command = self._command(codec, size, threads, direction)
                        env = thread_environment(threads)
                        run = run_process(command, env=env, cwd=ROOT, stderr=subprocess.PIPE)
                        self._cold.setdefault((codec, size, threads, direction), []).append(run)
                share((turn * len(names) + i + 1) / (runs * len(names)))
        if direction == "encode":
            for codec in names:
                if (coded := self._place.coded(codec, size)).exists():
                    self._bytes[codec, size, threads, direction] = coded.stat().st_size

    def _command(self, codec: str, size: Size, threads: int, direction: Direction) -> list[str]:
        if codec == COMMAND and self._wisp is not None:
            return self._place.wisp_command(self._wisp, size, threads, direction)
        return self._place.command(codec, self._quality(codec), size, threads, direction)

    # Warm: a process for every codec

    def _measure_warm(self, size: Size, threads: int, direction: Direction, share: Share) -> None:
        self._summon(threads)
        waiting = [participant.id for participant in self.participants]
        if direction == "decode":
            waiting = [codec for codec in waiting if self._place.coded(codec, size).exists()]
        count = len(waiting)
        while waiting:
            for codec in tuple(waiting):
                times = self._warm.setdefault((codec, size, threads, direction), [])
                with self._faults_of(codec, size, threads, direction, waiting):
                    times.append(self._warm_call(codec, size, direction))
                    if len(times) > self._warm_calls(times[0]) and codec in waiting:
                        waiting.remove(codec)
                if not times:
                    del self._warm[codec, size, threads, direction]
            share(1 - len(waiting) / count)

    def _warm_call(self, codec: str, size: Size, direction: Direction) -> float:
        process = self._processes.get(codec)
        if process is None:
            raise CodecProcessError("the codec's process has ended")
        if direction == "encode":
            told = process.ask(
                direction, picture=str(self._place.picture(size)), coded=None, quality=self._quality(codec)
            )
        else:
            told = process.ask(direction, coded=str(self._place.coded(codec, size)), shown=None)
        return float(told["seconds"])

    def _warm_calls(self, first: float) -> int:
        """How many calls after the first, which took so many seconds."""
        return min(self.settings.warm_runs, int(self.settings.warm_seconds / max(first, 1e-6)))

    def _summon(self, threads: int) -> None:
        """Processes with so many threads, those of another number sent away."""
        if threads == self._threads:
            return
        self._dismiss()
        for participant in self.participants:
            with self._faults_of(participant.id, SEARCHED, threads, "encode"):
                self._processes[participant.id] = CodecProcess(participant.id, threads)
        self._threads = threads

    def _dismiss(self) -> None:
        for process in self._processes.values():
            process.close()
        self._processes.clear()

    # What the steps share

    @property
    def _wisp(self) -> Participant | None:
        """The first Wisp that takes part: the commands' effort and quality are its."""
        return next((found for found in self.participants if found.id.startswith(WISP_PREFIX)), None)

    def _quality(self, codec: str) -> float:
        return next(participant.quality for participant in self.participants if participant.id == codec)

    def _cold_runs(self, size: Size) -> int:
        return self.settings.cold_runs if size.pixels <= ONE_COLD_RUN_ABOVE else 1

    def _cold_seconds(self, size: Size, direction: Direction) -> float:
        one = sum(pace.start + pace.seconds(direction, size) for pace in self._pace.values())
        if self._wisp is not None:
            pace = self._pace[self._wisp.id]
            one += pace.start + pace.seconds(direction, size)
        return one * self._cold_runs(size)

    def _warm_seconds(self, size: Size, direction: Direction) -> float:
        first = [pace.seconds(direction, size) for pace in self._pace.values()]
        return sum(seconds * (1 + self._warm_calls(seconds)) for seconds in first)

    @contextmanager
    def _faults_of(
        self, codec: str, size: Size, threads: int, direction: Direction, waiting: list[str] | None = None
    ) -> Iterator[None]:
        """Note what goes wrong inside and go on; the codec is no longer among `waiting`."""
        try:
            yield
        except (CodecProcessError, AbsentError, subprocess.CalledProcessError) as error:
            self._fault(codec, size, threads, direction, error)
            if waiting is not None:
                waiting.remove(codec)

    def _fault(self, codec: str, size: Size, threads: int, direction: Direction, error: Exception) -> None:
        message = str(error)
        if isinstance(error, subprocess.CalledProcessError):
            last = (error.stderr or b"").decode(errors="replace").strip().rpartition("\n")[2]
            message = last or f"status {error.returncode}"
        self.faults.append(Fault(codec, str(size), threads, direction, message))
