"""The benchmark itself: find out what is here, make the records that are missing, tell how it goes."""

from __future__ import annotations

import warnings
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Protocol

from benchmarks.codecs.interface import ImageCodec
from benchmarks.datasets import ReleasedJpeg, Sample, digest
from benchmarks.machine import machine, versions
from benchmarks.rd.equal import equal_jobs
from benchmarks.rd.estimate import TimeLeft
from benchmarks.rd.plan import Finished, tasks_of
from benchmarks.rd.probe import ProbeCodec, ProbeMeasures, tried
from benchmarks.rd.records import Absence, CodecInfo, Curve, Failure, Record, Run
from benchmarks.rd.released import RELEASED, ReleasedJob
from benchmarks.rd.results import FILE_NAME, Results, ResultsFile
from benchmarks.rd.worker import Job, PointJob, Setting, run_job
from bitstream.errors import RequestError, WispError
from codec.notes import WispNote
from codec.work.processes import in_own_processes

EQUAL = "equal sizes"  # the group of jobs whose pictures the report's viewer shows
PointJobs = dict[str, list[PointJob] | list[ReleasedJob]]  # by the process that does them


@dataclass(frozen=True)
class Request:
    """What is to be compared. `viewer_bpps` are the rates of the report's viewer, none of them for no viewer."""

    codecs: Sequence[ImageCodec]
    samples: Sequence[Sample]
    setting: Setting
    jpegs: Sequence[ReleasedJpeg] = ()
    curves: Sequence[Curve] = ()
    viewer_bpps: Sequence[float] = ()
    quick: bool = False


class Listener(Protocol):
    """Hears how a run goes."""

    def absent(self, absence: Absence) -> None:
        """A codec or measure cannot take part."""

    def begin(self, total: int, finished: int) -> None:
        """So many records are to be made; so many points are in the results already."""

    def noted(self, sample: Sample, note: str) -> None:
        """What was done to a picture when it was read."""

    def left_out(self, sample: Sample, reason: str) -> None:
        """A picture cannot be read."""

    def done(self, group: str, failures: Sequence[Failure], seconds_left: float | None) -> None:
        """One more is made."""


def run_benchmark(request: Request, folder: Path, command: str, listener: Listener) -> Results:
    """Make every record of `request` that `folder`'s results lack, and return all of them.

    Raises FileAccessError, CorruptError (the results file), RequestError (no picture can be read).
    """
    samples = _readable(request.samples, listener)
    infos, measures, absent = _here(request, listener)
    jobs = _all_points(request, samples, infos)
    keys = {job.key for found in jobs.values() for job in found}
    finished = Finished(infos, samples, measures, request.setting.keep, keys)
    run = Run(
        started=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=command,
        machine=machine(),
        versions=versions(),
        jobs=request.setting.jobs,
        threads=request.setting.threads,
        codecs=tuple(infos.values()),
        measures=measures,
        absent=tuple(absent),
    )
    with ResultsFile(folder / FILE_NAME, stale=lambda record: finished.is_stale(record, folder)) as file:
        file.write(run)
        for curve in request.curves:
            file.write(curve)
        groups = _missing(request, jobs, samples, infos, folder, file.results)
        listener.begin(sum(map(len, groups.values())), sum(map(finished.planned, file.results.points)))
        with closing(_made(groups, request.setting.jobs, listener)) as made:
            for record in made:
                file.write(record)
        return file.results


def _readable(samples: Sequence[Sample], listener: Listener) -> dict[Sample, str]:
    """Digests of the pictures that can be read. Raises RequestError where none can."""
    digests = {}
    for sample in samples:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("ignore")
            warnings.simplefilter("always", WispNote)
            try:
                digests[sample] = digest(*sample.read())
            except WispError as error:
                listener.left_out(sample, str(error))
        for warning in caught:
            listener.noted(sample, str(warning.message))
    if not digests:
        raise RequestError("none of the pictures can be read")
    return digests


def _here(request: Request, listener: Listener) -> tuple[dict[str, CodecInfo], dict[str, str], list[Absence]]:
    """Codecs and versions of measures that can run here, and what cannot."""
    setting = request.setting
    codecs = (ProbeCodec(codec, setting.threads) for codec in request.codecs)
    found = tried([ProbeMeasures(setting), *codecs], setting.jobs)
    infos = {info.id: info for info in found.codecs}
    order = [codec.id for codec in request.codecs]
    absent = sorted(
        found.absent,
        key=lambda a: (a.what, order.index(a.id) if a.id in order else setting.measures.index(a.id)),
    )
    for absence in absent:
        listener.absent(absence)
    if request.jpegs:
        infos[RELEASED.id] = RELEASED
    return {id: infos[id] for id in (*order, RELEASED.id) if id in infos}, dict(found.measures), absent


def _all_points(request: Request, samples: Mapping[Sample, str], infos: Mapping[str, CodecInfo]) -> PointJobs:
    """Every point of the request by the process that makes it, one a codec."""
    jobs: PointJobs = {}
    for codec in request.codecs:
        if codec.id in infos:
            tasks = tasks_of(codec, list(samples), quick=request.quick)
            jobs[codec.id] = [PointJob(codec, task, request.setting) for task in tasks]
    jobs[RELEASED.id] = [
        ReleasedJob(jpeg, request.setting, restored) for restored in (False, True) for jpeg in request.jpegs
    ]
    return jobs


def _missing(
    request: Request,
    points: PointJobs,
    samples: Mapping[Sample, str],
    infos: Mapping[str, CodecInfo],
    folder: Path,
    results: Results,
) -> dict[str, list[Job]]:
    """What is not there yet, and the viewer's pictures in as many processes as may run at a time."""
    there = {point.key for point in results.points}
    groups: dict[str, list[Job]] = {
        name: [job for job in jobs if job.key not in there] for name, jobs in points.items()
    }
    present = [codec for codec in request.codecs if codec.id in infos]
    viewer = equal_jobs(present, list(samples), request.viewer_bpps, request.setting, folder, results.equal)
    for lane in range(request.setting.jobs):
        groups[f"{EQUAL} {lane + 1}"] = list(viewer[lane :: request.setting.jobs])
    return {name: jobs for name, jobs in groups.items() if jobs}


def _made(groups: Mapping[str, Sequence[Job]], workers: int, listener: Listener) -> Generator[Record, None, None]:
    names, left = list(groups), TimeLeft({name: len(jobs) for name, jobs in groups.items()}, workers)
    with closing(in_own_processes(run_job, list(groups.values()), workers)) as answers:
        for group, index, answer in answers:
            records = groups[names[group]][index].ended() if answer is None else answer
            left.done(names[group])
            failures = [record for record in records if isinstance(record, Failure)]
            listener.done(names[group], failures, left.seconds)
            yield from records
