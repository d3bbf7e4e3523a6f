"""Every error that Wisp raises on purpose, each also the matching builtin, each with its exit status.

The message is one clear line: what is wrong and, where it helps, at which byte or in which unit.
The command line prints ``wisp: PATH: message`` and exits with ``exit_status``.
"""

from __future__ import annotations


class WispError(Exception):
    """Base of all of Wisp's errors."""

    exit_status = 1


class RequestError(WispError, ValueError):
    """What was asked for does not fit the file: a crop beyond the picture, a frame that is not there."""

    exit_status = 2


class TargetError(WispError, ValueError):
    """What was asked of the encoder cannot be reached with this picture."""

    exit_status = 1


class NotWispError(WispError, ValueError):
    """The data does not begin with the signature of a Wisp file."""

    exit_status = 3


class TruncatedError(WispError, EOFError):
    """The data is a Wisp file as far as it goes, but ends too early."""

    exit_status = 4


class CorruptError(WispError, ValueError):
    """The data breaks a rule of the format: a checksum, an order, a value."""

    exit_status = 5


class UnsupportedError(WispError, NotImplementedError):
    """A version, feature or kind of picture that this release does not know."""

    exit_status = 6


class ModelNotFoundError(WispError, LookupError):
    """No model file of the wanted id was found."""

    exit_status = 6


class ModelFileError(WispError, ValueError):
    """A model file is damaged, or its exactness cannot be proved."""

    exit_status = 6


class ExactnessError(WispError, ArithmeticError):
    """This machine's arithmetic does not reproduce the model's known answer."""

    exit_status = 6


class LimitError(WispError, OverflowError):
    """A stated limit (bitstream/limits.py) is exceeded."""

    exit_status = 7


class FileAccessError(WispError, OSError):
    """A file cannot be read or written, or is not a picture that can be read."""

    exit_status = 8


class OutputExistsError(FileAccessError, FileExistsError):
    """The output exists already and overwriting was not asked for."""


class NotSeekableError(RequestError, TypeError):
    """A leap or a count was asked of a source that only reads forward."""


class NoSuchFrameError(RequestError, IndexError):
    """A sequence has no frame of this number."""
