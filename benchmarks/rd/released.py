"""Points of the LIVE release's own JPEG pictures, at the rates that its authors state: nothing is coded for them."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.datasets import ReleasedJpeg, Sample, restoration_samples
from benchmarks.rd.records import CodecInfo, Failure, Key, Point, Record
from benchmarks.rd.worker import Setting, compared, in_words, measures_of, read_sample

RELEASED = CodecInfo(
    "live-jpeg",
    "JPEG of the LIVE release",
    "LIVE Image Quality Assessment Database Release 2",
    {},
    "rates of jpeg/info.txt, pictures of jpeg/",
)


@dataclass(frozen=True)
class ReleasedJob:
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

    def run(self) -> list[Record]:
        """See Job."""
        try:
            shown, reference, _ = read_sample(restoration_samples([self.jpeg])[0])
            pixels = read_sample(self._place)[2]
            values, failed = compared(measures_of(self.setting), reference, shown)
        except Exception as error:
            return [Failure(*self.key, in_words(error))]
        height, width, _ = reference.shape
        dataset, image, codec, quality = self.key
        point = Point(
            dataset=dataset,
            image=image,
            pixels=pixels,
            width=width,
            height=height,
            codec=codec,
            version=RELEASED.version,
            options=RELEASED.options,
            quality=quality,
            bytes=max(round(self.jpeg.bpp * width * height / 8), 1),
            bpp=self.jpeg.bpp,
            measures=values,
            encode_seconds=0.0,
            decode_seconds=0.0,
            threads=self.setting.threads,
            jobs=self.setting.jobs,
            command=f"jpeg/{self.jpeg.path.name} of the release",
        )
        return [point, *(Failure(*self.key, words) for words in failed)]

    def ended(self) -> list[Record]:
        """See Job."""
        return [Failure(*self.key, "its process ended")]
