"""TensorBoard's events of a run, written in the thread that trains: a full disk is an error there, and nowhere else.

`SummaryWriter` writes in a thread of its own, whose errors are a traceback on the screen and may never be seen by the
run.
"""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_VERSION = "brain.Event:2"  # of the file format


class Events:
    """A new file of events in a folder, made where it is missing. Events from step `begins_at` on replace earlier ones.

    Raises ImportError where TensorBoard is not installed. All its methods raise OSError.
    """

    def __init__(self, folder: Path, begins_at: int) -> None:
        from tensorboard.compat.proto.event_pb2 import Event, SessionLog
        from tensorboard.summary.writer.record_writer import RecordWriter

        folder.mkdir(parents=True, exist_ok=True)
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._event, self._file = Event, RecordWriter((folder / name).open("wb"))
        self._write(begins_at, file_version=_VERSION)
        self._write(begins_at, session_log=SessionLog(status=SessionLog.START))

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """A point of the curve `name`."""
        from torch.utils.tensorboard.summary import scalar

        self._write(step, summary=scalar(name, value))

    def add_picture(self, name: str, picture: NDArray[np.uint8], step: int) -> None:
        """A picture (H, W, 3)."""
        from torch.utils.tensorboard.summary import image

        self._write(step, summary=image(name, picture, dataformats="HWC"))

    def close(self) -> None:
        """The file is whole."""
        self._file.close()

    def _write(self, step: int, **values: Any) -> None:
        self._file.write(self._event(wall_time=time.time(), step=step, **values).SerializeToString())
        self._file.flush()
