"""What every subcommand shares: errors as one line and an exit status, notes, a quiet end on a closed pipe."""

from __future__ import annotations

import io
import os
import sys
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import click

from bitstream.errors import FileAccessError, LimitError, OutputExistsError, WispError
from codec.notes import WispNote

DEBUG = "wisp.debug"
INTERRUPTED = 130
CLOSED_PIPE = 141  # as if ended by SIGPIPE
UNEXPECTED = 1
_HINTS: dict[type[WispError], str] = {OutputExistsError: " (--overwrite replaces it)"}  # the library names no option
_MEMORY_WORDS = ("can't allocate memory", "out of memory", "failed to map segment")  # torch's and the loader's


@dataclass(frozen=True)
class Fault:
    """What an exception means to the user: one line's words, and the exit status."""

    message: str
    status: int


def fault_of(error: BaseException) -> Fault | None:
    """None for what is no failure of the work: click's own exceptions, a pipe that was closed."""
    if isinstance(error, (click.ClickException, click.exceptions.Exit, click.Abort, BrokenPipeError)):
        return None
    _trace_if_asked(error)
    if isinstance(error, KeyboardInterrupt):
        return Fault("interrupted", INTERRUPTED)
    if isinstance(error, WispError):
        return Fault(f"{error}{_HINTS.get(type(error), '')}", error.exit_status)
    if isinstance(error, MemoryError) or any(words in str(error) for words in _MEMORY_WORDS):
        return Fault("not enough memory", LimitError.exit_status)
    if isinstance(error, OSError):
        return Fault(error.strerror or str(error), FileAccessError.exit_status)
    # Else a mistake of ours: still one line, and no traceback unless asked for.
    return Fault(f"unexpected {type(error).__name__}: {error} (--debug shows where)", UNEXPECTED)


def _trace_if_asked(error: BaseException) -> None:
    ctx = click.get_current_context(silent=True)
    if ctx is not None and ctx.meta.get(DEBUG):
        traceback.print_exception(error)


class WispCommand(click.Command):
    """A subcommand whose parameter `input`, where it has one, names the file in messages."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; a failure ends as one line on stderr and its exit status."""
        inputs: tuple[str, ...] = ctx.params.get("inputs") or ()
        words = ctx.command_path.partition(" ")[2] or self.name  # "encode", "bench rd"
        label = str(inputs[0] if len(inputs) == 1 else ctx.params.get("input") or words)
        try:
            with notes_to(lambda message: say(label, message)):
                result = super().invoke(ctx)
                if sys.stdout is not None:  # None where it is closed
                    sys.stdout.flush()
                return result
        except BrokenPipeError:
            let_stdout_go()
            ctx.exit(CLOSED_PIPE)
        except (Exception, KeyboardInterrupt) as error:
            fault = fault_of(error)
            if fault is None:
                raise
            if isinstance(error, OSError) and not isinstance(error, WispError):
                let_stdout_go()
            say(label, fault.message)
            ctx.exit(fault.status)


def say(label: str, message: str) -> None:
    """One line on stderr, whatever characters a file's name has."""
    click.echo(sentence(label, message), err=True)


def sentence(label: str, message: str) -> str:
    """The line that `say` prints."""
    line = f"wisp: {label}: {' '.join(message.split())}"
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in line)


@contextmanager
def notes_to(tell: Callable[[str], None]) -> Iterator[None]:
    """Notes are printed as they come, each once; other warnings of libraries not at all."""
    told = set[str]()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", WispNote)

        def show(message: Warning | str, *_: Any, **__: Any) -> None:
            if str(message) not in told:
                told.add(str(message))
                tell(f"note: {message}")

        warnings.showwarning = show
        yield


def let_stdout_go() -> None:
    """Keep the interpreter from complaining once more about a pipe or disk that has gone, standard error's too."""
    try:
        if sys.stderr is not None:
            sys.stderr.flush()
        gone = [sys.stdout]
    except OSError:
        gone = [sys.stdout, sys.stderr]
    for stream in filter(None, gone):
        with suppress(io.UnsupportedOperation):  # in a test it is no file
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
