"""Which inputs become which outputs: files, folders, standard input and output."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import click

from bitstream.errors import FileAccessError, WispError
from cli.inputs import STDIN
from codec.files.output import STDOUT

_OF_FILES = (".wisp", ".png", ".jpg", ".jpeg", ".webp", ".avif", ".tif", ".gif", ".mp4", ".mov", ".mkv", ".y4m")
_SEPARATORS = tuple(filter(None, (os.sep, os.altsep)))
Wanted = Callable[[Path], bool]  # whether a file found in a folder is an input
Suffix = Callable[[str], str]  # the ending of the output that an input becomes


@dataclass(frozen=True)
class Job:
    """One input and its output, each a path or "-"; `fault` is why it cannot be done."""

    source: str
    target: str
    fault: WispError | None = None


def plan(
    inputs: tuple[str, ...], output: str | None, suffix: str | Suffix, *, recursive: bool, wanted: Wanted
) -> list[Job]:
    """The jobs of a command. `suffix` is the ending of outputs that are not named, or says it of an input.

    Folders among the inputs need `recursive`; below `output` their structure is kept. Raises UsageError where
    several inputs have no folder to go to; one that is missing is not made here.
    """
    sources = list(_sources(inputs, recursive, wanted))
    several = len(inputs) > 1 or any(_is_folder(name) for name in inputs if name != STDIN)
    if several and inputs.count(STDIN):
        raise click.UsageError("standard input (-) goes alone.")
    if not several and not names_folder(output):
        return [_single(inputs[0], output, suffix)]
    folder = None if output is None else _folder(output)
    if several and output is not None and _names_file(output):
        raise click.UsageError(f"several inputs need a folder to go to, and {output} names a file.")
    if STDIN in inputs:
        raise click.UsageError(f"{output} is a folder: name the file that standard input becomes.")
    return _without_collisions([_placed(source, folder, suffix) for source in sources])


def names_folder(output: str | None) -> bool:
    """Whether an output is a folder that is there, or is written like one."""
    return output is not None and output != STDOUT and (_is_folder(output) or output.endswith(_SEPARATORS))


def _names_file(output: str) -> bool:
    """Whether an output that is no folder looks like one file, or like numbered ones."""
    return not names_folder(output) and (Path(output).suffix.lower() in _OF_FILES or "%" in Path(output).name)


def _is_folder(name: str) -> bool:
    """False, too, where that cannot be told: whoever opens it will say why."""
    try:
        return Path(name).is_dir()
    except (OSError, ValueError):
        return False


@dataclass(frozen=True)
class _Source:
    name: str
    below: Path  # where it lies in the folder that was named, else its bare name
    fault: WispError | None = None


def _sources(inputs: tuple[str, ...], recursive: bool, wanted: Wanted) -> Iterator[_Source]:
    for name in inputs:
        if name == STDIN or not _is_folder(name):
            yield _Source(name, Path(Path(name).name))
        elif not recursive:
            yield _Source(name, Path(Path(name).name), FileAccessError("is a folder (--recursive takes what is in it)"))
        else:
            unread: list[OSError] = []
            found = sorted(_files_below(Path(name), wanted, unread.append))
            for error in unread:
                fault = FileAccessError(f"the folder cannot be read: {error.strerror}")
                yield _Source(error.filename, Path(error.filename), fault)
            if not found and not unread:
                yield _Source(name, Path(Path(name).name), FileAccessError("holds no file to take"))
            yield from (_Source(str(path), path.relative_to(name)) for path in found)


def _files_below(folder: Path, wanted: Wanted, unread: Callable[[OSError], None]) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=unread):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            path = Path(place, name)
            if not name.startswith(".") and wanted(path) and path.is_file():  # no pipes, which may never end
                yield path


def _single(source: str, output: str | None, suffix: str | Suffix) -> Job:
    if output is not None:
        return Job(source, output)
    if source == STDIN:
        return Job(source, STDOUT)
    if not Path(source).name:  # such as "." or "/"
        return Job(source, STDOUT, FileAccessError("is not the name of a file"))
    return Job(source, str(Path(source).with_suffix(_ending(suffix, source))))


def _ending(suffix: str | Suffix, source: str) -> str:
    return suffix if isinstance(suffix, str) else suffix(source)


def _folder(output: str) -> Path:
    if output == STDOUT:
        raise click.UsageError("several inputs need a folder to go to: -o DIR.")
    folder = Path(output)
    if not _is_folder(output) and os.path.lexists(output):
        raise click.UsageError(f"several inputs need a folder to go to, and {output} is a file.")
    return folder


def _placed(source: _Source, folder: Path | None, suffix: str | Suffix) -> Job:
    if source.fault is not None or not source.below.name:
        return Job(source.name, STDOUT, source.fault or FileAccessError("is not the name of a file"))
    target = Path(source.name) if folder is None else folder / source.below
    return Job(source.name, str(target.with_suffix(_ending(suffix, source.name))))


def _without_collisions(jobs: list[Job]) -> list[Job]:
    """Two inputs of one output: the first keeps it, the others fail. So does what would replace another input."""
    taken: dict[str, str] = {}
    sources = {os.path.realpath(job.source): job.source for job in jobs if job.source != STDIN}
    kept = []
    for job in jobs:
        place = os.path.realpath(job.target)
        if job.fault is not None:
            kept.append(job)
        elif sources.get(place, job.source) != job.source:
            fault = FileAccessError(f"its output {job.target} is an input, too")
            kept.append(Job(job.source, job.target, fault))
        elif place in taken:
            fault = FileAccessError(f"its output {job.target} is that of {taken[place]}, too")
            kept.append(Job(job.source, job.target, fault))
        else:
            taken[place] = job.source
            kept.append(job)
    return kept
