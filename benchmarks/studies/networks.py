"""The networks of each study, by the names that they are chosen by."""

from __future__ import annotations

RECONSTRUCT = ("convolutional", "unpadded", "dense", "bottleneck")
DENOISE = ("dense", "convolutional", "skip", "residual")
COLORIZE = ("convolutional", "skip")
