"""Many inputs: one after the other or several at a time, each with its own outcome, none stopping the others."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import click

from cli.command import DEBUG, fault_of, let_stdout_go, notes_to, sentence
from cli.inputs import STDIN
from cli.plan import Job
from cli.progress import Display, JobProgress, ProgressKind, shown
from codec.files.output import STDOUT
from codec.work.processes import in_processes
from codec.work.threads import cores, set_threads


@dataclass(frozen=True)
class Report:
    """What a job tells: `lines` in any case, `details` with --verbose; `status` where it is not simply fine.

    `output` goes to standard output as it is. `last`: a signal came, and no other job is to be begun.
    """

    lines: tuple[str, ...] = ()
    details: tuple[str, ...] = ()
    status: int = 0
    output: str | None = None
    last: bool = False


Work = Callable[[Job, JobProgress], Report]  # picklable


@dataclass(frozen=True)
class Manners:
    """How a batch is run and what it tells."""

    jobs: int = 1
    threads: int | None = None
    skip_existing: bool = False
    quiet: bool = False
    verbose: bool = False
    debug: bool = False
    progress: ProgressKind = "auto"


@dataclass(frozen=True)
class Outcome:
    """How one input came out: exit status, the error's words, lines to say (notes first), a line for stdout.

    `last`: it was interrupted, and the batch ends with it.
    """

    status: int = 0
    error: str | None = None
    lines: tuple[str, ...] = ()
    output: str | None = None
    last: bool = False


def run_batch(ctx: click.Context, jobs: list[Job], work: Work, manners: Manners) -> None:
    """Do every job and exit with the status of the first that failed, 0 where none did; interrupted, with that."""
    statuses = [0] * len(jobs)
    with shown(manners.progress, [_weight(job) for job in jobs], quiet=manners.quiet) as show:
        parallel = min(manners.jobs, len(jobs)) > 1
        with closing((_in_processes if parallel else _in_turn)(jobs, work, manners, show)) as outcomes:
            for index, outcome in outcomes:
                for line in outcome.lines:
                    show.say(sentence(jobs[index].source, line))
                if outcome.output is not None:
                    show.print(outcome.output)
                if outcome.error is not None:
                    show.say(sentence(jobs[index].source, outcome.error))
                statuses[index] = outcome.status
                show.end(index, jobs[index].source, outcome.status)
                if outcome.last:
                    ctx.exit(outcome.status)
    ctx.exit(next(filter(None, statuses), 0))


def threads_each(jobs: int, threads: int | None) -> tuple[int, int | None]:
    """(jobs, threads of each) so that together they never exceed the cores; None leaves it to the libraries."""
    most = cores()
    jobs = min(jobs, most)
    if jobs == 1:
        return 1, None if threads is None else min(threads, most)
    threads = max(1, min(threads or most, most // jobs))
    return jobs, threads


def _weight(job: Job) -> int:
    try:
        return max(1, Path(job.source).stat().st_size) if job.source != STDIN else 1
    except (OSError, ValueError):
        return 1


def _in_turn(
    jobs: list[Job], work: Work, manners: Manners, show: Display
) -> Generator[tuple[int, Outcome], None, None]:
    for index, job in enumerate(jobs):
        show.begin(index, job.source)

        def tell(message: str, job: Job = job) -> None:
            if not manners.quiet:
                show.say(sentence(job.source, message))

        yield index, _done(job, work, manners, JobProgress(show, index, tell), tell)


def _done(job: Job, work: Work, manners: Manners, progress: JobProgress, tell: Callable[[str], None]) -> Outcome:
    """Do one job; whatever goes wrong becomes its outcome, an interruption excepted."""
    report = Report()
    try:
        with notes_to(tell):
            if job.fault is not None:
                raise job.fault
            if manners.skip_existing and _is_done(job):
                report = Report(details=(f"skipped: {job.target} exists",))
            else:
                report = work(job, progress)
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        if isinstance(error, OSError) and job.target == STDOUT:
            let_stdout_go()  # else what it still holds is tried, and fails, once more at the end
        return Outcome(fault.status, fault.message)
    lines = report.lines + (report.details if manners.verbose else ())
    return Outcome(report.status, lines=lines, output=report.output, last=report.last)


def _is_done(job: Job) -> bool:
    """Whether the output exists as a file that is not the input itself."""
    target, source = Path(job.target), Path(job.source)
    if job.target == STDOUT or not target.is_file():
        return False
    return not (source.exists() and target.samefile(source))


@dataclass(frozen=True)
class _Elsewhere:
    """Does a job in a process of its own, where nothing can be shown: notes become lines of the outcome."""

    work: Work
    manners: Manners

    def __call__(self, job: Job) -> Outcome:
        set_threads(self.manners.threads)
        notes: list[str] = []
        with click.Context(click.Command("worker")) as ctx:  # where --debug is looked up
            ctx.meta[DEBUG] = self.manners.debug
            outcome = _done(job, self.work, self.manners, JobProgress(), notes.append)
        kept = () if self.manners.quiet else tuple(notes)
        return replace(outcome, lines=(*kept, *outcome.lines))


def _in_processes(
    jobs: list[Job], work: Work, manners: Manners, show: Display
) -> Generator[tuple[int, Outcome], None, None]:
    def begin(index: int) -> None:
        show.begin(index, jobs[index].source)

    with closing(in_processes(_Elsewhere(work, manners), jobs, manners.jobs, begin)) as outcomes:
        for index, outcome in outcomes:
            yield index, outcome or Outcome(1, "the process that worked on it ended: not enough memory?")
