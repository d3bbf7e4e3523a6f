"""The options of the commands that take many inputs: what is read, what is told, how many at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from bitstream.metadata import NAMES
from cli.batch import Manners, Work, run_batch, threads_each
from cli.command import DEBUG
from cli.options import Arithmetic
from cli.plan import Job, Suffix, Wanted, names_folder, plan
from codec.files.output import Writing

MAX_JOBS = 256
_KINDS = tuple(NAMES)
_OPTIONS = (
    click.option("--overwrite", is_flag=True, help="Replace outputs that exist."),
    click.option("--skip-existing", is_flag=True, help="Leave inputs alone whose output exists."),
    click.option("-r", "--recursive", is_flag=True, help="Take what is in folders, too."),
    click.option(
        "-j", "--jobs", type=click.IntRange(1, MAX_JOBS), default=1, show_default=True, help="Inputs at a time."
    ),
    click.option("--keep-times", is_flag=True, help="Give outputs the times of their inputs."),
    click.option("--strip", is_flag=True, help="Leave out ICC profile, EXIF and XMP."),
    *(click.option(f"--strip-{kind}", is_flag=True, help=f"Leave out the {NAMES[kind]}.") for kind in _KINDS),
    click.option("--quiet", is_flag=True, help="Tell errors only."),
    click.option("-v", "--verbose", is_flag=True, help="Tell what was done with each input."),
    click.option(
        "--progress",
        type=click.Choice(["auto", "json", "none"]),
        default="auto",
        show_default=True,
        help="auto is a bar with the time left, on a terminal only; json is for programs, on standard error.",
    ),
)
_NAMES = ("overwrite", "skip_existing", "recursive", "jobs", "keep_times", "strip", "quiet", "verbose", "progress")


@dataclass(frozen=True)
class Batch:
    """The shared options of a command with many inputs, and how to run it."""

    writing: Writing
    strip: frozenset[str]
    recursive: bool
    manners: Manners

    def run(
        self,
        inputs: tuple[str, ...],
        output: str | None,
        suffix: str | Suffix,
        wanted: Wanted,
        arithmetic: Arithmetic,
        make_work: Callable[[Arithmetic, Writing], Work],
        *,
        check: Callable[[list[Job]], None] = lambda _: None,
    ) -> None:
        """Plan the jobs, `check` them, share out the cores, do the work, exit. `wanted` picks the files of a folder."""
        jobs = plan(inputs, output, suffix, recursive=self.recursive, wanted=wanted)
        check(jobs)
        count, threads = threads_each(min(self.manners.jobs, len(jobs)), arithmetic.threads)
        ctx = click.get_current_context()
        manners = replace(self.manners, jobs=count, threads=threads, debug=bool(ctx.meta.get(DEBUG)))
        writing = replace(self.writing, make_folders=len(jobs) > 1 or self.recursive or names_folder(output))
        run_batch(ctx, jobs, make_work(replace(arithmetic, threads=threads), writing), manners)


def batch(function: Callable[..., Any]) -> Callable[..., Any]:
    """The options above, handed over as one parameter `batch`."""

    @functools.wraps(function)
    def collected(*args: Any, **given: Any) -> Any:
        own = {name: given.pop(name) for name in _NAMES}
        chosen = [kind for kind in _KINDS if given.pop(f"strip_{kind}") or own["strip"]]
        for first, second in (("overwrite", "skip_existing"), ("quiet", "verbose")):
            if own[first] and own[second]:
                raise click.UsageError(f"--{first} and --{second.replace('_', '-')} exclude each other.")
        manners = Manners(
            jobs=own["jobs"],
            skip_existing=own["skip_existing"],
            quiet=own["quiet"],
            verbose=own["verbose"],
            progress=own["progress"],
        )
        writing = Writing(own["overwrite"], own["keep_times"])
        return function(*args, batch=Batch(writing, frozenset(chosen), own["recursive"], manners), **given)

    decorated: Callable[..., Any] = collected
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


def ending_in(endings: frozenset[str]) -> Wanted:
    """Files of these endings (with the dot, small letters)."""

    def wanted(path: Path) -> bool:
        return path.suffix.lower() in endings

    return wanted
