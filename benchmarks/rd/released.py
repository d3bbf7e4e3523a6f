"""Points of the LIVE release's own JPEG pictures, at the rates that its authors state: nothing is coded for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from benchmarks.datasets import ReleasedJpeg, Sample, restoration_samples
from benchmarks.rd.jobs import Footage, PointMaker, Setting, compared, measures_of, workplace
from benchmarks.rd.records import CodecInfo, Key, Point

RELEASED = CodecInfo(
    "live-jpeg",
    "JPEG of the LIVE release",
    "LIVE Image Quality Assessment Database Release 2",
    {},
    "rates of jpeg/info.txt, pictures of jpeg/",
)


@dataclass(frozen=True)
class ReleasedJob(PointMaker):
    """One of them; no seconds are known.

    Among the pictures that JPEG has not harmed it is a point whose rate takes the place of the quality. With `restored`
    it is what the pictures to be restored are before anybody codes them again, the one point that they all have.
    """

    jpeg: ReleasedJpeg
    setting: Setting
    restored: bool = False

    @property
    def _place(self) -> Sample:
        return restoration_samples([self.jpeg])[0] if self.restored else self.jpeg.reference

    @property
    def key(self) -> Key:
        """Of the point."""
        return (self._place.dataset, self._place.name, RELEASED.id, 0.0 if self.restored else self.jpeg.bpp)

    def _point(self) -> tuple[Point, list[str]]:
        harmed, info = restoration_samples([self.jpeg])[0], self._place.survey()
        footage = Footage(harmed, harmed.survey())
        shown, reference = (workplace.clip(footage, "rgb24", self.setting, reference=way) for way in (False, True))
        values, failed = compared(measures_of(self.setting), reference, shown, workplace.folder(self.setting))
        size = max(round(self.jpeg.bpp * info.width * info.height / 8), 1)
        told = replace(RELEASED, command=f"jpeg/{self.jpeg.path.name} of the release")
        return self._recorded(info, told, size, self.jpeg.bpp, values), failed
