"""The log of `wisp encode --log`: where its lines go."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click

from bitstream.errors import FileAccessError, RequestError
from cli.inputs import STDIN
from cli.plan import Job
from codec.files.output import STDOUT, Writing
from codec.files.paths import reason_of
from codec.jobs.log import FrameLog, LogKind


@contextmanager
def frame_log(
    job: Job, kind: LogKind | None, name: str | None, measure: bool, writing: Writing
) -> Iterator[FrameLog | None]:
    """The log of one video, in the file `name` or beside the output on a standard stream.

    Without a `kind` None, or one that nobody reads where its PSNR is wanted (`measure`).
    """
    if kind is None:
        yield FrameLog("json", lambda _: None) if measure else None
    elif name is None:
        yield FrameLog(kind, lambda line: click.echo(line, err=job.target == STDOUT))
    else:
        path = Path(job.source) if job.source != STDIN else None
        with _opened_log(name, job.target, path, writing.overwrite) as put:
            yield FrameLog(kind, put)


@contextmanager
def _opened_log(name: str, target: str, source: Path | None, overwrite: bool) -> Iterator[Callable[[str], None]]:
    """What puts a line into the file, where it can be read at once."""
    Writing(overwrite).check(name, source)
    if target != STDOUT and os.path.realpath(name) == os.path.realpath(target):
        raise RequestError(f"--log-file {name} is the output itself")

    def refused(error: OSError) -> FileAccessError:
        return FileAccessError(f"--log-file {name}: {reason_of(error)}")

    def put(line: str) -> None:
        try:
            file.write(f"{line}\n")
        except OSError as error:
            raise refused(error) from error

    try:
        file = Path(name).open("w", encoding="utf-8", buffering=1)  # noqa: SIM115
    except OSError as error:
        raise refused(error) from error
    try:
        yield put
    finally:
        with suppress(OSError):  # what could not be written has been told
            file.close()
