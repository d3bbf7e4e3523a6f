"""What the page's viewer is given: pictures at equal file size, with their sizes and measures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

from benchmarks.rd.records import EqualSize
from benchmarks.report.content import Content
from benchmarks.report.pictures import Pictures
from benchmarks.report.plots import Json, short

ORIGINAL = "original"  # the codec id of a viewer's original


def viewer_data(content: Content, pictures: Pictures) -> Json:
    """As plain JSON; what is shown is added to `pictures`. A value is null where it is missing, "inf" where infinite.

    What cannot be read is left out, with a note.
    """
    entries, missing = _entries(content, pictures)
    if missing:
        content.notes.append(f"{missing} of the viewer's pictures are missing in the results' folder.")
    command = content.results.runs[-1].command if content.results.runs else ""
    return {
        "clips": content.clips is not None,
        "words": content.words,
        "wisp": [codec.id for codec in content.codecs.values() if codec.wisp],
        "measures": [{"title": info.title, "unit": info.unit} for info in content.measures],
        "datasets": [{"name": dataset.name, "images": dataset.images} for dataset in content.datasets],
        "viewer": entries,
        "left_out": not entries and "--no-viewer" in command.split(),
    }


def _entries(content: Content, pictures: Pictures) -> tuple[list[Json], int]:
    """By picture, the original and the groups of equal size; and how many pictures could not be read."""
    latest = {(e.dataset, e.image, e.target_bpp, e.codec): e for e in content.results.equal}
    missing = 0
    entries: dict[tuple[str, str], Json] = {}
    groups: dict[tuple[str, str], dict[float, list[Json]]] = defaultdict(lambda: defaultdict(list))
    for record in latest.values():
        key = (record.dataset, record.image)
        entry = entries.setdefault(key, {"dataset": record.dataset, "image": record.image, "original": None})
        if content.clips:
            entry["sequence"], entry["frame"] = content.clips.sequence_and_frame(record.image)
        original = record.codec == ORIGINAL
        picture = pictures.add_shown(record.shown) if original else pictures.add_coded(record.file, record.shown)
        if picture is None:
            missing += 1
        elif original:
            entry["original"] = _shown(content, record, "Original", picture)
        else:
            title = content.results.titles.get(record.codec, record.codec)
            groups[key][record.target_bpp].append(_shown(content, record, title, picture))
    for key, entry in entries.items():
        entry["groups"] = [{"target": short(t), "pictures": found} for t, found in sorted(groups[key].items())]
    return [entry for entry in entries.values() if entry["original"] or entry["groups"]], missing


def _shown(content: Content, record: EqualSize, title: str, picture: str) -> Json:
    return {
        "codec": record.codec,
        "title": title,
        "setting": record.setting,
        "bytes": record.bytes,
        "bpp": short(record.bpp),
        "values": [_value(record.measures, info.id) for info in content.measures],
        "picture": picture,
    }


def _value(values: Mapping[str, float], name: str) -> float | str | None:
    value = values.get(name, math.nan)
    return "inf" if math.isinf(value) else short(value)
