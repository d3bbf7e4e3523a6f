"""What is here: codecs and measures are tried in processes of their own before anything is planned."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.codecs.interface import AbsentError
from benchmarks.rd.probe import Found
from benchmarks.rd.records import Absence, CodecInfo
from benchmarks.rd.worker import limit_threads
from benchmarks.video.interface import VideoCodec
from benchmarks.video.measures import INFOS, open_clip_measures
from benchmarks.video.worker import Setting, opened

_ENDED = "its library ended the process that loaded it"
_REMEDY = "install it again"


@dataclass(frozen=True)
class ProbeVideoCodec:
    """Whether `codec` can be opened."""

    codec: VideoCodec
    threads: int

    def run(self) -> Found:
        """See benchmarks.rd.probe.Probe."""
        try:
            codec = opened(self.codec, self.threads)
        except AbsentError as error:
            return self._absent(error.reason, error.remedy)
        middle = codec.qualities[len(codec.qualities) // 2]
        info = CodecInfo(codec.id, codec.title, codec.version, dict(codec.options), codec.command(middle))
        return Found(codecs=(info,))

    def ended(self) -> Found:
        """See benchmarks.rd.probe.Probe."""
        return self._absent(_ENDED, _REMEDY)

    def _absent(self, reason: str, remedy: str) -> Found:
        return Found(absent=(Absence(self.codec.id, self.codec.title, "codec", reason, remedy),))


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
        names = self.setting.measures
        return Found(absent=tuple(Absence(name, INFOS[name].title, "measure", _ENDED, _REMEDY) for name in names))
