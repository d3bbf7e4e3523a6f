"""Decoding what was just encoded, to compare it with what went in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np

from bitstream.errors import ExactnessError
from codec.files.source import read_file
from codec.pixels.distortion import seen_psnr
from codec.pixels.picture import Picture
from codec.still.decode import ModelLoader, decode_still
from codec.still.encode import CodedPicture
from codec.work.stages import stage


@dataclass(frozen=True)
class Trial:
    """How an encoded picture came back; `psnr` in dB over all colours that can be seen, inf where they are equal."""

    decoded: Picture
    psnr: float


def try_out(encoded: CodedPicture, load: ModelLoader) -> Trial:
    """Decode the file of `encoded`, which kept its latents, from its bytes and compare.

    Raises ValueError where it did not keep them, ExactnessError where latents, lossless tiles, alpha or metadata are
    not what was encoded, and whatever decoding raises.
    """
    if len(encoded.latents) + encoded.lossless_tiles < len(encoded.units):
        raise ValueError("the picture was encoded without keep_latents: there is nothing to compare with")
    with stage("decoding"):
        still = read_file(encoded.data)
        digest = hashlib.sha256()
        decoded = decode_still(still, load, digest=digest)
    source, result = encoded.picture, decoded.picture
    faults = []
    if digest.hexdigest() != encoded.latents_sha256:
        faults.append("latents")
    lossless = [unit.tile_index for unit in encoded.units if not unit.learned]
    if not all(np.array_equal(encoded.pixels_of(i), result.pixels[encoded.layout.box(i).index]) for i in lossless):
        faults.append("lossless tiles")
    if source.has_alpha and not np.array_equal(source.alpha, result.alpha):
        faults.append("alpha")
    if still.metadata != source.metadata:
        faults.append("metadata")
    if faults:
        raise ExactnessError(f"the encoded file does not decode to what was encoded: {', '.join(faults)} differ")
    return Trial(result, seen_psnr(source, result))


def decoded(encoded: CodedPicture, load: ModelLoader) -> Picture:
    """The picture that the file of `encoded`, which kept its latents, decodes to: nothing is range-decoded for it."""
    from codec.still.measure import shown

    units = dict(enumerate(encoded.units))
    return Picture(shown(encoded.layout, units, load, encoded.latents, encoded.details))
