"""The benchmark itself, of pictures and of clips: find out what is here, make the records that are missing, tell how it
goes."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from benchmarks.codecs.interface import BaseCodec
from benchmarks.datasets import ReleasedJpeg
from benchmarks.machine import machine, versions
from benchmarks.rd.equal import ViewerJob, viewer_jobs
from benchmarks.rd.jobs import Footage, Job, PointMaker, Setting, run_job
from benchmarks.rd.plan import Finished, points_of
from benchmarks.rd.probe import ProbeCodec, ProbeMeasures, tried
from benchmarks.rd.records import Absence, CodecInfo, Curve, Failure, Run
from benchmarks.rd.released import RELEASED, ReleasedJob
from benchmarks.rd.results import FILE_NAME, Results, ResultsFile
from benchmarks.rd.surveys import add_surveys
from benchmarks.sources import Source
from bitstream.errors import RequestError, WispError
from codec.notes import WispNote
from codec.work.processes import in_own_processes

EQUAL = "equal sizes"  # the group of jobs whose pictures the report's viewer shows


@dataclass(frozen=True)
class Request:
    """What is to be compared. `viewer_bpps` are the rates of the report's viewer, none of them for no viewer, and
    `viewer_frames` how many frames of a clip it shows. `keep`: coded files stay in the results' folder."""

    codecs: Sequence[BaseCodec]
    sources: Sequence[Source]
    measures: tuple[str, ...]
    threads: int = 1
    jobs: int = 1
    viewer_bpps: Sequence[float] = ()
    viewer_frames: int = 5
    quick: bool = False
    keep: bool = False
    lpips_weights: Path | None = None
    jpegs: Sequence[ReleasedJpeg] = ()
    curves: Sequence[Curve] = ()


class Listener(Protocol):
    """Hears how a run goes."""

    def absent(self, absence: Absence) -> None:
        """A codec or measure cannot take part."""

    def begin(self, total: int, finished: int) -> None:
        """So many records are to be made; so many points are in the results already."""

    def noted(self, source: Source, note: str) -> None:
        """What was done to a source when it was read."""

    def left_out(self, source: Source, reason: str) -> None:
        """A source cannot be read."""

    def done(self, group: str, failures: Sequence[Failure]) -> None:
        """One more is made."""


def run_benchmark(request: Request, folder: Path, command: str, listener: Listener) -> Results:
    """Make every record of `request` that `folder`'s results lack, and return all of them.

    Raises FileAccessError, CorruptError (the results file), RequestError (no source can be read).
    """
    with TemporaryDirectory(prefix="wisp-bench-", ignore_cleanup_errors=True) as work:
        keep = folder if request.keep else None
        setting = Setting(request.measures, request.threads, request.jobs, Path(work), keep, request.lpips_weights)
        footage = _readable(request.sources, listener)
        infos, measures, absent = _here(request, setting, listener)
        present = [codec for codec in request.codecs if codec.id in infos]
        points = _all_points(request, present, footage, setting)
        finished = Finished(infos, footage, measures, keep, {job.key for found in points.values() for job in found})
        run = Run(
            started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
            command=command,
            machine=machine(),
            versions=versions(),
            jobs=request.jobs,
            threads=request.threads,
            codecs=tuple(infos.values()),
            measures=measures,
            absent=tuple(absent),
        )
        with ResultsFile(folder / FILE_NAME, stale=lambda record: finished.is_stale(record, folder)) as file:
            clips = [each.info for each in footage if each.info.frames > 1]
            if clips:
                add_surveys(folder, clips)
            file.write(run)
            for curve in request.curves:
                file.write(curve)
            lacking = partial(_viewer, request, present, footage, setting, folder)
            _make_all(points, finished, lacking, len(clips) * len(request.viewer_bpps), request.jobs, listener, file)
            return file.results


def _readable(sources: Sequence[Source], listener: Listener) -> list[Footage]:
    """Those that can be read, each read once. Raises RequestError where none can."""
    found = []
    for source in sources:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", WispNote)
            try:
                found.append(Footage(source, source.survey()))
            except WispError as error:
                listener.left_out(source, str(error))
        for warning in caught:
            listener.noted(source, str(warning.message))
    if not found:
        raise RequestError(f"none of the {sources[0].many} can be read")
    return found


def _here(
    request: Request, setting: Setting, listener: Listener
) -> tuple[dict[str, CodecInfo], dict[str, str], list[Absence]]:
    """Codecs and versions of measures that can run here, and what cannot."""
    codecs = (ProbeCodec(codec, setting.threads) for codec in request.codecs)
    found = tried([ProbeMeasures(setting), *codecs], setting.jobs)
    infos = {info.id: info for info in found.codecs}
    order = [*(codec.id for codec in request.codecs), *setting.measures]
    absent = sorted(found.absent, key=lambda absence: order.index(absence.id))
    for absence in absent:
        listener.absent(absence)
    here = {id: infos[id] for id in order if id in infos}
    return here | ({RELEASED.id: RELEASED} if request.jpegs else {}), dict(found.measures), absent


def _all_points(
    request: Request, present: Sequence[BaseCodec], footage: Sequence[Footage], setting: Setting
) -> dict[str, Sequence[PointMaker]]:
    """Every point of the request by the process that makes it, one a codec."""
    jobs: dict[str, Sequence[PointMaker]] = {
        codec.id: points_of(codec, footage, setting, quick=request.quick) for codec in present
    }
    jobs[RELEASED.id] = [ReleasedJob(jpeg, setting, restored) for restored in (False, True) for jpeg in request.jpegs]
    return jobs


def _viewer(
    request: Request,
    present: Sequence[BaseCodec],
    footage: Sequence[Footage],
    setting: Setting,
    folder: Path,
    results: Results,
) -> list[ViewerJob]:
    rates, frames = request.viewer_bpps, request.viewer_frames
    return viewer_jobs(present, footage, results.points, rates, frames, setting, folder, results.equal)


def _make_all(
    points: Mapping[str, Sequence[PointMaker]],
    finished: Finished,
    lacking: Callable[[Results], list[ViewerJob]],
    shown: int,
    workers: int,
    listener: Listener,
    file: ResultsFile,
) -> None:
    """The points that are not there yet, then what the viewer lacks: of clips, which follow from their points, `shown`
    at most."""
    there = {point.key for point in file.results.points}
    groups: dict[str, list[Job]] = {
        name: [job for job in found if job.key not in there] for name, found in points.items()
    }
    count = sum(map(len, groups.values()))
    shown = max(shown if count else 0, len(lacking(file.results)))
    listener.begin(count + shown, sum(map(finished.planned, file.results.points)))
    _make(groups, workers, listener, file)
    viewer = lacking(file.results)
    lanes: dict[str, list[Job]] = {f"{EQUAL} {n + 1}": list(viewer[n::workers]) for n in range(workers)}
    _make(lanes, workers, listener, file)
    for _ in range(shown - len(viewer)):  # they were there already
        listener.done(EQUAL, ())


def _make(groups: Mapping[str, Sequence[Job]], workers: int, listener: Listener, file: ResultsFile) -> None:
    """Each group in a process of its own."""
    groups = {name: jobs for name, jobs in groups.items() if jobs}
    names = list(groups)
    with closing(in_own_processes(run_job, list(groups.values()), workers)) as answers:
        for group, index, answer in answers:
            name = names[group]
            records = groups[name][index].ended() if answer is None else answer
            listener.done(name, [record for record in records if isinstance(record, Failure)])
            for record in records:
                file.write(record)
