"""Pillow plugin: `import wisp.pillow`, and Pillow opens and saves `.wisp` files.

    import wisp.pillow
    image = Image.open("photo.wisp")  # reads and checks the file; the pixels are decoded when they are needed
    image.save("copy.wisp", quality=60)
    first.save("clip.wisp", save_all=True, append_images=others, duration=40)

Options of `save`: `quality` (0..100), `lossless`, `exact`, `tile`, `target`, `effort`, `tune` as in `wisp.encode`;
`icc_profile`, `exif` and `xmp` (bytes), which are otherwise taken from `Image.info`.

With `save_all=True` all frames of the image and of those in `append_images` become a sequence; one frame alone
becomes a picture. `duration` is in milliseconds, one number or a list with one for each frame; otherwise it is that of
`Image.info`, and 100 ms where that is missing or 0. All frames have the size of the first one. `loop` is accepted and
not stored: the format does not hold it, and `Image.info` never has it.

Written by Pillow's guide "Writing your own image plugin".
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from fractions import Fraction
from typing import IO, TYPE_CHECKING, Any, BinaryIO, cast

from PIL import Image, ImageFile

from bitstream.chunks import SIGNATURE
from bitstream.errors import NotWispError, RequestError, WispError
from bitstream.sequence.seek import SequenceFile
from bitstream.still import Still
from codec.files.source import read_file
from codec.formats.pictures.attached import info_entries
from codec.formats.pictures.load import load_picture
from codec.jobs.describe_still import describe
from codec.pixels.picture import Picture, channels
from codec.settings import DEFAULT_QUALITY, EncodeSettings

if TYPE_CHECKING:
    from codec.sequence.video import Video

FORMAT = "WISP"
ENDING = ".wisp"
MIME = "image/x-wisp"
UNSTATED_MS = 100  # what browsers take for a duration of 0
_SETTINGS = ("lossless", "exact", "tile", "target", "effort", "tune")  # options of `save` beside the quality
_ATTACHED = ("icc_profile", "exif", "xmp")  # options, and entries of `Image.info`
_GREYS = ("1", "L", "LA", "La", "I", "I;16", "I;16B")


class WispImageFile(ImageFile.ImageFile):
    """A `.wisp` file as a Pillow image.

    `info` holds icc_profile, exif and xmp where the file does; of a picture quality, lossless and model as `wisp.probe`
    gives them, of a sequence duration, the milliseconds for which the frame at `tell()` is shown.

    A sequence has `n_frames`, `is_animated`, `seek` and `tell` as Pillow's own animations do; of a truncated one the
    frames before the fault are there. A damaged file raises OSError on opening or loading.

    `fast` set to True before the first pixels are needed decodes as `wisp.decode(..., fast=True)` does.
    """

    format = FORMAT
    format_description = "Wisp learned image codec"
    n_frames, is_animated = 1, False
    fast = False
    # Class attributes are those of an image that comes out of a pickle, pixels and all, too.
    _still: Still | None = None  # until it is decoded
    _sequence: SequenceFile | None = None
    _video: Video | None = None
    _number = 0  # of the frame
    _decoded: int | None = None  # likewise, of that in `im`

    def _open(self) -> None:
        assert self.fp is not None
        try:
            self._begin = self.fp.tell()
            try:
                header, metadata = self._open_sequence(cast(BinaryIO, self.fp))
            except RequestError:  # a still picture
                self.fp.seek(self._begin)
                header, metadata = self._open_still(cast(BinaryIO, self.fp))
        except NotWispError as error:
            raise SyntaxError(str(error)) from error  # what tells Pillow to try another plugin
        except WispError as error:
            raise OSError(str(error)) from error
        self._size = (header.width, header.height)
        self._mode = header.mode
        self.info.update(info_entries(metadata))
        self.tile = []

    def _open_still(self, file: BinaryIO) -> tuple[Any, Any]:
        self._still = read_file(file)
        facts = describe(self._still)
        self.info.update(quality=facts.quality, lossless=facts.lossless, model=facts.model)
        return self._still.header, self._still.metadata

    def _open_sequence(self, file: BinaryIO) -> tuple[Any, Any]:
        self._sequence = SequenceFile(file)
        self.n_frames = len(self._sequence.index)
        if not self.n_frames and self._sequence.fault is not None:
            raise self._sequence.fault
        self.is_animated = self.n_frames > 1
        self._go_to(0)
        return self._sequence.start.header, self._sequence.start.metadata

    def seek(self, frame: int) -> None:
        """Go to this frame of a sequence, counted from 0. Raises EOFError where there is none."""
        if self._seek_check(frame):
            self._go_to(frame)

    def tell(self) -> int:
        """The number of the frame."""
        return self._number

    def _go_to(self, number: int) -> None:
        assert self._sequence is not None
        clip, index = self._sequence.start.header.clip, self._sequence.index
        assert clip is not None
        units = index.durations[number] or (index.pts[number + 1] - index.pts[number] if number + 1 < len(index) else 0)
        seconds = clip.seconds(units) or (1 / clip.rate if clip.rate else Fraction(UNSTATED_MS, 1000))
        self._number, self.info["duration"] = number, round(1000 * seconds)

    def load(self) -> Any:
        """Decode the pixels, once."""
        try:
            if self._still is not None:
                self._load_still(self._still)
            elif self._sequence is not None and self._decoded != self._number:
                self._load_frame()
        except WispError as error:
            raise OSError(str(error)) from error
        return super().load()

    def _load_still(self, still: Still) -> None:
        from codec.api import default_codec

        self.im = default_codec().decode_still(still, fast=self.fast).picture.image().im
        self._still = None
        if self._exclusive_fp and self.fp is not None:
            self.fp.close()
        self.fp = None

    def _load_frame(self) -> None:
        if self._video is None:
            from codec.sequence.video import open_video

            assert self.fp is not None
            self.fp.seek(self._begin)
            self._video = open_video(cast(BinaryIO, self.fp), fast=self.fast)
        self.im = Picture(self._video[self._number].pixels).image().im
        self._decoded = self._number


def _save(image: Image.Image, file: IO[bytes], _: str | bytes) -> None:
    from codec.api import default_codec

    options = image.encoderinfo
    with _faults_as_of_pillow():
        settings = EncodeSettings(**_settings(options))
        picture = load_picture(image, info=_attached(options))
        data = default_codec().encode_picture(picture, settings).data
    file.write(data)


def _save_all(image: Image.Image, file: IO[bytes], name: str | bytes) -> None:
    from codec.sequence.writer import VideoWriter

    options = image.encoderinfo
    images = [image, *options.get("append_images", ())]
    greys, alphas, own = zip(*map(_look, _frames(images)), strict=True)
    if len(own) == 1:
        _save(image, file, name)
        return
    given = options.get("duration")
    durations = given if isinstance(given, Sequence) else [given or each for each in own]
    if len(durations) != len(own):
        raise ValueError(f"{len(durations)} durations for {len(own)} frames")
    if not all(0 <= (duration or 0) < math.inf for duration in durations):
        raise ValueError(f"a duration is not a number of milliseconds from 0 on: {given}")
    mode = ("L" if all(greys) else "RGB") + ("A" if any(alphas) else "")
    time, milliseconds = 0.0, Fraction(1, 1000)
    with _faults_as_of_pillow(), ExitStack() as held:
        writer: VideoWriter | None = None
        for frame, duration in zip(_frames(images), durations, strict=True):
            picture = load_picture(frame, frame=frame.tell(), info=_attached(options))
            if writer is None:
                kept, chosen = picture.metadata, _settings(options)
                made = VideoWriter(
                    cast(BinaryIO, file), picture.size, time_base=milliseconds, mode=mode, metadata=kept, **chosen
                )
                writer = held.enter_context(made)
            pixels = picture.pixels if picture.mode == mode else channels(picture.image().convert(mode))
            end, pts = time + (duration or UNSTATED_MS), round(time)
            writer.write(pixels, pts, max(round(end), pts + 1) - pts)
            time = max(end, pts + 1)


def _look(frame: Image.Image) -> tuple[bool, bool, float | None]:
    """Whether a frame is grey, and has transparency; its duration."""
    frame.load()  # before, a WebP does not know the duration
    return frame.mode in _GREYS, frame.has_transparency_data, frame.info.get("duration")


def _settings(options: dict[str, Any]) -> dict[str, Any]:
    """What `save` was given, as the fields of EncodeSettings."""
    chosen = {name: options[name] for name in _SETTINGS if name in options}
    return {"quality": options.get("quality", DEFAULT_QUALITY), **chosen}


def _attached(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in _ATTACHED if name in options}


def _frames(images: Sequence[Image.Image]) -> Iterator[Image.Image]:
    """Each image at each of its frames, then where it was; without a PNG's default picture if that is no frame."""
    for image in images:
        here = image.tell()
        try:
            for number in range(int(getattr(image, "default_image", False)), getattr(image, "n_frames", 1)):
                image.seek(number)
                yield image
        finally:
            image.seek(here)


@contextmanager
def _faults_as_of_pillow() -> Iterator[None]:
    """OSError, as Pillow's own writers say that they cannot."""
    try:
        yield
    except WispError as error:
        raise OSError(str(error)) from error


def _accept(prefix: bytes) -> bool:
    return prefix.startswith(SIGNATURE)


def register_pillow() -> None:
    """Make Pillow open and save `.wisp` files; more calls than one do nothing more."""
    Image.register_open(FORMAT, WispImageFile, _accept)
    Image.register_save(FORMAT, _save)
    Image.register_save_all(FORMAT, _save_all)
    Image.register_extension(FORMAT, ENDING)
    Image.register_mime(FORMAT, MIME)


register_pillow()
