"""What every subcommand shares: errors as one line and an exit status, notes, a quiet end on a closed pipe."""

from __future__ import annotations

import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from bitstream.errors import FileAccessError, LimitError, WispError
from codec.notes import WispNote

DEBUG = "wisp.debug"
INTERRUPTED = 130
CLOSED_PIPE = 141  # as if ended by SIGPIPE
UNEXPECTED = 1
NO_MEMORY = "not enough memory"
_MEMORY_WORDS = ("can't allocate memory", "out of memory", "failed to map segment")  # torch's and the loader's


class WispCommand(click.Command):
    """A subcommand whose first parameter `input`, where it has one, names the file in messages."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the subcommand; a failure ends as one line on stderr and its exit status."""
        label = ctx.params.get("input") or self.name
        try:
            with _notes_shown(str(label)):
                result = super().invoke(ctx)
                if sys.stdout is not None:  # None where it is closed
                    sys.stdout.flush()
                return result
        except BrokenPipeError:
            let_stdout_go()
            ctx.exit(CLOSED_PIPE)
        except KeyboardInterrupt:
            fail(ctx, str(label), "interrupted", INTERRUPTED)
        except WispError as error:
            fail(ctx, str(label), str(error), error.exit_status)
        except MemoryError:
            fail(ctx, str(label), NO_MEMORY, LimitError.exit_status)
        except OSError as error:
            let_stdout_go()
            fail(ctx, str(label), error.strerror or str(error), FileAccessError.exit_status)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if any(words in str(error) for words in _MEMORY_WORDS):
                fail(ctx, str(label), NO_MEMORY, LimitError.exit_status)
            # Else a mistake of ours: still one line, and no traceback unless asked for.
            fail(ctx, str(label), f"unexpected {type(error).__name__}: {error} (--debug shows where)", UNEXPECTED)


def fail(ctx: click.Context, label: str, message: str, status: int) -> None:
    """Print the one line (with --debug the traceback before it) and exit."""
    if ctx.meta.get(DEBUG):
        traceback.print_exc()
    say(label, message)
    ctx.exit(status)


def say(label: str, message: str) -> None:
    """One line on stderr, whatever characters a file's name has."""
    line = f"wisp: {label}: {' '.join(message.split())}"
    click.echo("".join(c if c.isprintable() else ascii(c)[1:-1] for c in line), err=True)


@contextmanager
def _notes_shown(label: str) -> Iterator[None]:
    """Notes go to stderr as they come, other warnings of libraries nowhere."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", WispNote)

        def show(message: Warning | str, *_: Any, **__: Any) -> None:
            say(label, f"note: {message}")

        warnings.showwarning = show
        yield


def let_stdout_go() -> None:
    """Keep the interpreter from complaining once more about a pipe or disk that has gone."""
    if sys.stdout is not None:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
