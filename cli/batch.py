"""Many inputs: one after the other or several at a time, each with its own outcome, none stopping the others."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import click

from cli.command import DEBUG, fault_of, let_stdout_go, notes_to, sentence
from cli.inputs import STDIN
from cli.options import Arithmetic
from cli.plan import Job, Suffix, Wanted, names_folder, plan
from cli.progress import Display, JobProgress, ProgressKind, shown
from codec.files.output import STDOUT, Writing
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


@dataclass(frozen=True, kw_only=True)
class Batch:
    """The shared options of a command with many inputs: what is read and written, how many at a time, what is told."""

    writing: Writing
    strip: frozenset[str]
    recursive: bool
    jobs: int
    skip_existing: bool
    quiet: bool
    verbose: bool
    progress: ProgressKind
    debug: bool = False


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


def run_batch(
    batch: Batch,
    inputs: tuple[str, ...],
    output: str | None,
    suffix: str | Suffix,
    wanted: Wanted,
    arithmetic: Arithmetic,
    make_work: Callable[[Arithmetic, Writing], Work],
    *,
    check: Callable[[list[Job]], None] = lambda _: None,
) -> None:
    """Plan the jobs, `check` them, share out the cores, do the work. `wanted` picks the files of a folder.

    Exits with the status of the first job that failed, 0 where none did; interrupted, with that.
    """
    jobs = plan(inputs, output, suffix, recursive=batch.recursive, wanted=wanted)
    check(jobs)
    ctx = click.get_current_context()
    count, threads = threads_each(min(batch.jobs, len(jobs)), arithmetic.threads)
    batch = replace(batch, jobs=count, debug=bool(ctx.meta.get(DEBUG)))
    make_folders = len(jobs) > 1 or batch.recursive or names_folder(output)
    work = make_work(replace(arithmetic, threads=threads), replace(batch.writing, make_folders=make_folders))
    statuses = [0] * len(jobs)
    with shown(batch.progress, [_weight(job) for job in jobs], quiet=batch.quiet) as show, ExitStack() as stack:
        outcomes: Iterable[tuple[int, Outcome]]
        if min(count, len(jobs)) > 1:
            outcomes = stack.enter_context(closing(_in_processes(jobs, _Elsewhere(work, batch, threads), show)))
        else:
            say = lambda source, message: show.say(sentence(source, message))  # noqa: E731
            outcomes = map(partial(_done, work, batch, show, say), enumerate(jobs))
        for index, outcome in outcomes:
            _tell(show, jobs[index].source, outcome)
            statuses[index] = outcome.status
            show.end(index, jobs[index].source, outcome.status)
            if outcome.last:
                ctx.exit(outcome.status)
    ctx.exit(next(filter(None, statuses), 0))


def _tell(show: Display, source: str, outcome: Outcome) -> None:
    for line in outcome.lines:
        show.say(sentence(source, line))
    if outcome.output is not None:
        show.print(outcome.output)
    if outcome.error is not None:
        show.say(sentence(source, outcome.error))


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


def _done(
    work: Work, batch: Batch, show: Display | None, say: Callable[[str, str], None], numbered: tuple[int, Job]
) -> tuple[int, Outcome]:
    """Do one job; whatever goes wrong becomes its outcome, an interruption excepted. `say` takes source and note."""
    index, job = numbered
    if show is not None:
        show.begin(index, job.source)

    def tell(message: str) -> None:
        if not batch.quiet:
            say(job.source, message)

    report = Report()
    try:
        with notes_to(tell):
            if job.fault is not None:
                raise job.fault
            if batch.skip_existing and _is_done(job):
                report = Report(details=(f"skipped: {job.target} exists",))
            else:
                report = work(job, JobProgress() if show is None else JobProgress(show, index, tell))
    except Exception as error:
        fault = fault_of(error)
        if fault is None:
            raise
        if isinstance(error, OSError) and job.target == STDOUT:
            let_stdout_go()  # else what it still holds is tried, and fails, once more at the end
        return index, Outcome(fault.status, fault.message)
    lines = report.lines + (report.details if batch.verbose else ())
    return index, Outcome(report.status, lines=lines, output=report.output, last=report.last)


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
    batch: Batch
    threads: int | None

    def __call__(self, job: Job) -> Outcome:
        set_threads(self.threads)
        notes: list[str] = []
        with click.Context(click.Command("worker")) as ctx:  # where --debug is looked up
            ctx.meta[DEBUG] = self.batch.debug
            _, outcome = _done(self.work, self.batch, None, lambda _, message: notes.append(message), (0, job))
        return replace(outcome, lines=(*notes, *outcome.lines))


def _in_processes(jobs: list[Job], do: _Elsewhere, show: Display) -> Generator[tuple[int, Outcome], None, None]:
    def begin(index: int) -> None:
        show.begin(index, jobs[index].source)

    with closing(in_processes(do, jobs, do.batch.jobs, begin)) as outcomes:
        for index, outcome in outcomes:
            yield index, outcome or Outcome(1, "the process that worked on it ended: not enough memory?")
