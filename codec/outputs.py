"""Files out: written whole under a temporary name beside the target, then renamed; or nothing is changed."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from bitstream.errors import FileAccessError, OutputExistsError

STDOUT = "-"
_SHOWN = 60  # characters of the target's name in the temporary's


def check_output(target: str, *, overwrite: bool, source: Path | None = None) -> None:
    """Refuse early what `write_output` would refuse late.

    Raises OutputExistsError (exists, no `overwrite`) or FileAccessError (a directory, no such folder, or the
    same file as `source`).
    """
    if target == STDOUT:
        if sys.stdout is None:
            raise FileAccessError("standard output is closed")
        if sys.stdout.isatty():
            raise FileAccessError("not written to a terminal: redirect it or name a file with -o")
        return
    path = Path(target)
    try:
        if path.is_dir():
            raise FileAccessError(f"output {target} is a directory")
        if _is_special(path):
            return
        if not path.resolve().parent.is_dir():
            raise FileAccessError(f"output {target}: the folder {path.parent} does not exist")
        if source is not None and path.exists() and source.exists() and path.samefile(source):
            raise FileAccessError(f"output {target} is the input itself")
        if path.exists() and not overwrite:
            raise OutputExistsError(f"output {target} exists already (--overwrite replaces it)")
    except FileAccessError:
        raise
    except (OSError, ValueError, RuntimeError) as error:  # a null byte in the name; a loop of symbolic links
        raise FileAccessError(f"output {target}: {_reason(error)}") from error


def write_output(target: str, data: bytes, *, overwrite: bool) -> None:
    """Write `data` to the file `target`, to stdout ("-"), or into a device or pipe that is there already.

    Raises OutputExistsError or FileAccessError; what existed before is then as it was.
    """
    try:
        if target == STDOUT:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        elif _is_special(Path(target)):
            Path(target).write_bytes(data)
        else:
            _write_and_rename(Path(target).resolve(), data, overwrite)
    except FileExistsError as error:
        raise OutputExistsError(f"output {target} exists already (--overwrite replaces it)") from error
    except BrokenPipeError:
        raise
    except OSError as error:
        raise FileAccessError(f"output {target}: {_reason(error)}") from error


def _is_special(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _reason(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error)


def _write_and_rename(path: Path, data: bytes, overwrite: bool) -> None:
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:_SHOWN]}.", suffix=".part", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask())
        if overwrite:
            temporary.replace(path)
        else:
            _rename_to_new(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _rename_to_new(temporary: Path, path: Path) -> None:
    """Rename without replacing: a link fails where the target has appeared meanwhile, a rename would not."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        if path.exists():
            raise FileExistsError(str(path)) from None
        temporary.rename(path)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
