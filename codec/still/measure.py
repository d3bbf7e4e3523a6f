"""What an encoded picture decodes to, made of the latents at hand: nothing is range-decoded."""

from __future__ import annotations

from collections.abc import Iterator

from codec.model.loaded import LoadedModel
from codec.pixels.picture import Picture
from codec.still.decode import Decoding, ModelLoader
from codec.still.encode import CodedPicture
from codec.still.learned import DecodedTile, tile_of
from codec.work.progress import Progress
from codec.work.stages import stage


def decoded(encoded: CodedPicture, load: ModelLoader) -> Picture:
    """The picture that the file of `encoded`, which kept its latents, decodes to."""
    with stage("synthesis"):
        job = _Known(encoded, load)
        job.run(Progress())
        return Picture(job.canvas)


class _Known(Decoding):
    """Decoding whose latents are known already."""

    def __init__(self, encoded: CodedPicture, load: ModelLoader) -> None:
        super().__init__(encoded.layout.header, dict(enumerate(encoded.units)), load)
        self._known = encoded.latents

    def _learned_tiles(self, model: LoadedModel, chosen: list[int]) -> Iterator[DecodedTile]:
        for i in chosen:
            yield tile_of(i, self._known[i], self.layout.tiles[i], model.config)
