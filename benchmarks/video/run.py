"""The video benchmark itself: find out what is here, make the records that are missing, tell how it goes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.machine import machine, versions
from benchmarks.rd.estimate import TimeLeft
from benchmarks.rd.plan import Finished, spread
from benchmarks.rd.probe import tried
from benchmarks.rd.records import VIEWER, Absence, CodecInfo, EqualSize, Failure, Record, Run
from benchmarks.rd.results import FILE_NAME, Results, ResultsFile
from benchmarks.rd.run import Listener
from benchmarks.rd.worker import Job, run_job
from benchmarks.video.equal import FramesJob, frames_jobs, sequence_and_frame
from benchmarks.video.interface import VideoCodec
from benchmarks.video.probe import ProbeClipMeasures, ProbeVideoCodec
from benchmarks.video.sources import Source
from benchmarks.video.surveys import add_surveys
from benchmarks.video.worker import ClipJob, Footage, Setting
from bitstream.errors import RequestError, WispError
from codec.notes import WispNote
from codec.work.processes import in_own_processes

QUICK_POINTS = 4
FRAMES = "frames at equal size"  # the group of jobs whose frames the report's viewer shows


@dataclass(frozen=True)
class Request:
    """What is to be compared. `viewer_bpps` are the rates of the report's viewer, none of them for no viewer, and
    `viewer_frames` how many frames of each sequence it shows."""

    codecs: Sequence[VideoCodec]
    sources: Sequence[Source]
    measures: tuple[str, ...]
    threads: int
    jobs: int
    viewer_bpps: Sequence[float] = ()
    viewer_frames: int = 5
    quick: bool = False


def run_benchmark(request: Request, folder: Path, command: str, listener: Listener) -> Results:
    """Make every record of `request` that `folder`'s results lack, and return all of them.

    Raises FileAccessError, CorruptError (the results file), RequestError (no sequence can be read).
    """
    with TemporaryDirectory(prefix="wisp-bench-", ignore_cleanup_errors=True) as work:
        setting = Setting(request.measures, request.threads, request.jobs, Path(work))
        footage = _readable(request.sources, listener)
        infos, measures, absent = _here(request, setting, listener)
        present = [codec for codec in request.codecs if codec.id in infos]
        jobs = {codec.id: _points(codec, footage, setting, quick=request.quick) for codec in present}
        digests = {each.source.sample: each.info.pixels for each in footage}
        finished = Finished(infos, digests, measures, None, {job.key for found in jobs.values() for job in found})
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

        def stale(record: Record) -> bool:
            return finished.is_stale(record, folder) or _is_of_another_cut(record, footage)

        with ResultsFile(folder / FILE_NAME, stale) as file:
            add_surveys(folder, [each.info for each in footage])
            file.write(run)
            there = {point.key for point in file.results.points}
            groups: dict[str, list[Job]] = {
                name: [job for job in found if job.key not in there] for name, found in jobs.items()
            }
            groups = {name: found for name, found in groups.items() if found}
            shown = len(footage) * len(request.viewer_bpps)
            if not groups:  # else what the viewer lacks is known when the points are made
                shown = len(_frames(request, present, footage, setting, folder, file.results))
            listener.begin(sum(map(len, groups.values())) + shown, sum(map(finished.planned, file.results.points)))
            left = TimeLeft({**{name: len(found) for name, found in groups.items()}, FRAMES: shown}, request.jobs)
            _make(groups, request.jobs, left, listener, file)
            viewer = _frames(request, present, footage, setting, folder, file.results)
            for _ in range(shown - len(viewer)):
                listener.done(FRAMES, (), left.seconds)
            lanes: dict[str, list[Job]] = {
                f"{FRAMES} {n + 1}": list(viewer[n :: request.jobs]) for n in range(request.jobs)
            }
            left = TimeLeft({name: len(found) for name, found in lanes.items()}, request.jobs)
            _make({name: found for name, found in lanes.items() if found}, request.jobs, left, listener, file)
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
                listener.left_out(source.sample, str(error))
        for warning in caught:
            listener.noted(source.sample, str(warning.message))
    if not found:
        raise RequestError("none of the sequences can be read")
    return found


def _here(
    request: Request, setting: Setting, listener: Listener
) -> tuple[dict[str, CodecInfo], dict[str, str], list[Absence]]:
    """Codecs and versions of measures that can run here, and what cannot."""
    codecs = (ProbeVideoCodec(codec, setting.threads) for codec in request.codecs)
    found = tried([ProbeClipMeasures(setting), *codecs], setting.jobs)
    infos = {info.id: info for info in found.codecs}
    order = [*(codec.id for codec in request.codecs), *setting.measures]
    absent = sorted(found.absent, key=lambda absence: order.index(absence.id))
    for absence in absent:
        listener.absent(absence)
    return {id: infos[id] for id in order if id in infos}, dict(found.measures), absent


def _points(codec: VideoCodec, footage: Sequence[Footage], setting: Setting, *, quick: bool) -> list[ClipJob]:
    """Everything that `codec` is to do, sequence by sequence."""
    qualities = [codec.qualities[i] for i in spread(len(codec.qualities), QUICK_POINTS)] if quick else codec.qualities
    return [ClipJob(codec, each, quality, setting) for each in footage for quality in qualities]


def _is_of_another_cut(record: Record, footage: Sequence[Footage]) -> bool:
    """Whether a frame of the viewer, or its failure, is of a sequence of this run as it was before."""
    if isinstance(record, Failure):
        names = {(each.info.dataset, each.info.name) for each in footage}
        return record.codec == VIEWER and (record.dataset, record.image) in names
    if not isinstance(record, EqualSize):
        return False
    try:
        sequence, _ = sequence_and_frame(record.image)
    except ValueError:
        return True
    now = {(each.info.dataset, each.info.name): each.info.pixels for each in footage}
    return now.get((record.dataset, sequence), record.pixels) != record.pixels


def _frames(
    request: Request,
    present: Sequence[VideoCodec],
    footage: Sequence[Footage],
    setting: Setting,
    folder: Path,
    results: Results,
) -> list[FramesJob]:
    return frames_jobs(
        present, footage, results.points, request.viewer_bpps, request.viewer_frames, setting, folder, results.equal
    )


def _make(
    groups: Mapping[str, Sequence[Job]], workers: int, left: TimeLeft, listener: Listener, file: ResultsFile
) -> None:
    names = list(groups)
    with closing(in_own_processes(run_job, list(groups.values()), workers)) as answers:
        for group, index, answer in answers:
            name = names[group]
            records = groups[name][index].ended() if answer is None else answer
            left.done(name)
            listener.done(name, [record for record in records if isinstance(record, Failure)], left.seconds)
            for record in records:
                file.write(record)
