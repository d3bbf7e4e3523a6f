"""Where the command `wisp` begins: an interrupt during the imports ends it as quietly as one before them."""

from __future__ import annotations

import signal


def main() -> None:
    """Import the rest and run it. Python's own answer to Ctrl-C, a traceback, comes back when there is a handler."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from cli.main import main as run

    signal.signal(signal.SIGINT, usual)
    run()


if __name__ == "__main__":
    main()
