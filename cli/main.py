"""The group `wisp` and its entry point."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import click

import codec
from bitstream.errors import FileAccessError
from cli.bench import bench
from cli.colorize import colorize
from cli.command import CLOSED_PIPE, let_stdout_go, say
from cli.concat import concat
from cli.cut import cut
from cli.decode import decode
from cli.demo import demo
from cli.denoise import denoise
from cli.encode import encode
from cli.info import info
from cli.models import models
from cli.stop import SIGNALLED
from cli.study import study
from cli.train import train
from cli.verify import verify

USAGE = 2

EPILOG = """\b
Exit status: 0 fine, 1 failed otherwise, 2 usage, 3 not a Wisp file, 4 truncated, 5 corrupt,
6 unsupported version, feature or model, 7 limit exceeded, 8 reading or writing failed.
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(codec.__version__, prog_name="wisp", message="%(prog)s %(version)s")
def cli() -> None:
    """Wisp: a learned image and video codec. Small .wisp files that decode alike on every machine."""


for command in (encode, decode, info, verify, cut, concat, denoise, colorize, models, demo, bench, train, study):
    cli.add_command(command)


def _terminate(number: int, _: FrameType | None) -> None:
    raise SystemExit(SIGNALLED + number)  # so that temporary files are removed on the way out


def main() -> None:
    """Entry point: what goes wrong outside a subcommand is one line, too."""
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is not signal.SIG_IGN:  # as under nohup
            signal.signal(getattr(signal, name), _terminate)
    try:
        _run()
    except BrokenPipeError:
        let_stdout_go()
        sys.exit(CLOSED_PIPE)
    except OSError as error:  # the help or the version could not be written
        let_stdout_go()
        say("standard output", error.strerror or str(error))
        sys.exit(FileAccessError.exit_status)


def _run() -> None:
    try:
        status = cli.main(standalone_mode=False, prog_name="wisp")
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        sys.exit(USAGE)
    except click.UsageError as error:
        where = error.ctx.command_path if error.ctx else "wisp"
        click.echo(f"wisp: {error.format_message()} (see {where} --help)", err=True)
        sys.exit(USAGE)
    except click.Abort:
        sys.exit(130)
    if sys.stdout is not None:
        sys.stdout.flush()
    sys.exit(status if isinstance(status, int) else 0)


if __name__ == "__main__":
    main()
