"""What is here: codecs and measures are tried in processes of their own before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.rd.probe import Found, ProbeAny, measures_ended
from benchmarks.rd.worker import limit_threads
from benchmarks.video.interface import VideoCodec
from benchmarks.video.measures import INFOS, open_clip_measures
from benchmarks.video.worker import Setting, opened


@dataclass(frozen=True)
class ProbeVideoCodec(ProbeAny):
    """Whether a codec of clips can be opened."""

    codec: VideoCodec

    def _opened(self) -> VideoCodec:
        return opened(self.codec, self.threads)


@dataclass(frozen=True)
class ProbeClipMeasures:
    """Which measures can run."""

    setting: Setting

    def run(self) -> Found:
        """See benchmarks.rd.probe.Probe."""
        limit_threads(self.setting.threads)
        found, absent = open_clip_measures(self.setting.measures, self.setting.threads)
        return Found(measures={measure.id: measure.version for measure in found}, absent=tuple(absent))

    def ended(self) -> Found:
        """See benchmarks.rd.probe.Probe."""
        return measures_ended(self.setting.measures, {name: info.title for name, info in INFOS.items()})
