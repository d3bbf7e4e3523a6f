"""The file of a fast synthesis: what is refused, and where it is searched for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from bitstream.errors import FileAccessError, ModelFileError, ModelNotFoundError
from codec.api import Codec
from codec.model import registry
from codec.model.config import ModelConfig
from codec.model.container import content_id, read_metadata
from codec.model.file import ModelInfo
from codec.model.synthesis import read_synthesis_file, synthesis_info, write_synthesis_file
from tests.support.tiny import Arrays, tiny_config, tiny_synthesis_tensors, write_tiny_model, write_tiny_synthesis

CONFIG = replace(tiny_config(), dec_depth=2)
OF = "0123456789abcdef"  # a model
TENSORS = tiny_synthesis_tensors(CONFIG)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "fast.safetensors"


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModelInfo:
    """The one model that is found, in a folder of its own."""
    (tmp_path / "packaged").mkdir()
    monkeypatch.setattr(registry, "PACKAGED", tmp_path / "packaged")
    return write_tiny_model(tmp_path / "packaged")


def forge(path: Path, tensors: Arrays, config: ModelConfig = CONFIG, before: int = 1, /, **changed: str) -> Path:
    """Its id is right for its content, nothing is checked; `changed` metadata replaced."""
    text = config.canonical_json()
    metadata = {
        "format": "wisp-synthesis",
        "version": "0",
        "id": content_id(f"{text}\n{before}\n{OF}\n", tensors),
        "name": "forged",
        "model": OF,
        "config": text,
        "before": str(before),
    }
    save_file({name: np.ascontiguousarray(t) for name, t in tensors.items()}, path, metadata | changed)
    return path


def test_writing_and_reading_agree(path: Path) -> None:
    info = write_synthesis_file(path, "faster", OF, CONFIG, 1, TENSORS)
    file = read_synthesis_file(path)
    assert file.info == info == synthesis_info(path, read_metadata(path))
    assert (info.name, info.model, info.config, info.before) == ("faster", OF, CONFIG, 1) and len(info.id) == 16
    assert set(file.tensors) == set(TENSORS) and all((file.tensors[n] == TENSORS[n]).all() for n in TENSORS)
    assert read_synthesis_file(forge(path, TENSORS)).info.id == info.id


def test_any_change_of_content_is_another_id(path: Path) -> None:
    bias = TENSORS["synthesis.head.bias"]
    variants = [
        (OF, 1, TENSORS),
        (OF, 0, TENSORS),
        ("f" * 16, 1, TENSORS),
        (OF, 1, {**TENSORS, "synthesis.head.bias": np.nextafter(bias, np.float16(9))}),
    ]
    ids = {write_synthesis_file(path, "faster", of, CONFIG, before, t).id for of, before, t in variants}
    assert len(ids) == 4


def without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda tensors: {other: tensor for other, tensor in tensors.items() if other != name}


def with_tensor(name: str, change: Callable[..., object]) -> Callable[[Arrays], Arrays]:
    return lambda tensors: {**tensors, name: np.asarray(change(tensors.get(name)))}


REFUSED: dict[str, tuple[str, Callable[[Arrays], Arrays]]] = {
    "missing": ("synthesis.head.bias is missing", without("synthesis.head.bias")),
    "missing block": ("synthesis.blocks.1.dw.weight is missing", without("synthesis.blocks.1.dw.weight")),
    "block too many": (
        "synthesis.blocks.2.a.bias does not belong",
        with_tensor("synthesis.blocks.2.a.bias", lambda _: np.zeros(8, np.float16)),
    ),
    "of the model": ("prior.x does not belong", with_tensor("prior.x", lambda _: np.zeros(3, np.int8))),
    "shape": (r"synthesis.stem.bias is float16 \(7,\)", with_tensor("synthesis.stem.bias", lambda t: t[1:])),
    "dtype": ("synthesis.up.bias is float32", with_tensor("synthesis.up.bias", lambda t: t.astype(np.float32))),
    "too large": (
        "synthesis.up.bias has values that are not finite",
        with_tensor("synthesis.up.bias", lambda t: t / 0),
    ),
}


@pytest.mark.filterwarnings("ignore:divide by zero")
@pytest.mark.parametrize("what", REFUSED)
def test_wrong_content_is_refused_though_its_id_is_right(path: Path, what: str) -> None:
    message, change = REFUSED[what]
    with pytest.raises(ModelFileError, match=f"^fast synthesis {path}: tensor {message}"):
        read_synthesis_file(forge(path, change(TENSORS)))
    with pytest.raises(ModelFileError, match=message):
        write_synthesis_file(path, "wrong", OF, CONFIG, 1, change(TENSORS))


BAD_METADATA: dict[str, tuple[str, dict[str, str]]] = {
    "format": ("not the file of a fast synthesis", {"format": "wisp-model"}),
    "version": ("version 1", {"version": "1"}),
    "id": ("has the id", {"id": "f" * 16}),
    "short id": ("metadata is damaged", {"id": "0123"}),
    "model": ("metadata is damaged", {"model": "image-v1"}),
    "another model": ("has the id", {"model": "f" * 16}),
    "before": ("metadata is damaged", {"before": "-1"}),
    "no before": ("metadata is damaged", {"before": ""}),
    "another before": ("has the id", {"before": "2"}),
    "config": ("not JSON", {"config": "{"}),
    "another config": ("has the id", {"config": "{}"}),
}


@pytest.mark.parametrize("what", BAD_METADATA)
def test_wrong_metadata_is_refused(path: Path, what: str) -> None:
    message, changed = BAD_METADATA[what]
    with pytest.raises(ModelFileError, match=message):
        read_synthesis_file(forge(path, TENSORS, **changed))


def test_no_more_blocks_lie_before_the_gain_than_there_are(path: Path) -> None:
    assert read_synthesis_file(forge(path, TENSORS, CONFIG, 2)).info.before == 2
    with pytest.raises(ModelFileError, match="3 blocks before the gain are more than its 2"):
        read_synthesis_file(forge(path, TENSORS, CONFIG, 3))


@pytest.mark.parametrize("where", [0, 7, 200, -1, -900])
def test_a_flipped_bit_is_noticed(path: Path, where: int) -> None:
    data = bytearray(forge(path, TENSORS).read_bytes())
    data[where] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(ModelFileError):
        read_synthesis_file(path)


def test_what_cannot_be_read_at_all(tmp_path: Path) -> None:
    with pytest.raises(FileAccessError):
        read_synthesis_file(tmp_path / "missing")
    (tmp_path / "text").write_text("a text")
    with pytest.raises(ModelFileError):
        read_synthesis_file(tmp_path / "text")


def test_it_is_no_model(model: ModelInfo) -> None:
    """It lies among the models, and is none of them, nor an error."""
    fast = write_tiny_synthesis(model.path.with_name("a-fast.safetensors"), model)
    assert registry.list_models() == ([model], [])
    assert registry.list_syntheses() == [fast]
    assert registry.find_model(model.id) == model
    with pytest.raises(ModelFileError, match=r"is a fast synthesis for the files of a model, not a model$"):
        Codec(fast.path)
    with pytest.raises(ModelNotFoundError):
        registry.find_model(fast.id)


def test_the_search_goes_package_then_variable_then_beside_the_named(
    model: ModelInfo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place in ("folder", "named", "beside"):
        (tmp_path / place).mkdir()
    named = write_tiny_model(tmp_path / "beside")
    (tmp_path / "beside" / "b.safetensors").write_bytes(b"something else")
    monkeypatch.setenv("WISP_MODEL_PATH", f"{tmp_path / 'folder'}:{tmp_path / 'named' / 'fast.safetensors'}")
    places = [tmp_path / place / "fast.safetensors" for place in ("packaged", "folder", "named", "beside")]
    written = [write_tiny_synthesis(path, model, seed=1 + i) for i, path in enumerate(places)]
    assert registry.list_syntheses(named.path) == written
    for info in written:
        assert registry.load_synthesis(model, named.path).info == info
        info.path.unlink()
    with pytest.raises(ModelNotFoundError, match=f"model {model.id} has no fast synthesis here.*WISP_MODEL_PATH"):
        registry.load_synthesis(model, named.path)


def test_that_of_another_model_is_not_taken(model: ModelInfo, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = write_tiny_model(tmp_path / "other", seed=5)
    write_tiny_synthesis(model.path.with_name("a.safetensors"), other)
    with pytest.raises(ModelNotFoundError, match=model.id):
        registry.load_synthesis(model)
    wanted = write_tiny_synthesis(model.path.with_name("z.safetensors"), model)
    assert registry.load_synthesis(model).info == wanted


def test_latents_of_another_width_are_refused(model: ModelInfo) -> None:
    wide = replace(tiny_config(12), dec_depth=1)
    path = model.path.with_name("wide.safetensors")
    write_synthesis_file(path, "wide", model.id, wide, 0, tiny_synthesis_tensors(wide))
    with pytest.raises(ModelFileError, match=r"takes 12 channels.*has 8"):
        registry.load_synthesis(model)
