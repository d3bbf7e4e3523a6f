"""Model files: the id that names their content, what is refused, and where they are searched for."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from bitstream.errors import FileAccessError, ModelFileError, ModelNotFoundError
from codec.api import Codec
from codec.model import registry
from codec.model.config import ModelConfig
from codec.model.file import model_id, read_model_file, read_model_info, read_quality_curve, write_model_file
from tests.support import reference_decoder
from tests.support.goldens import HASHES, golden_bytes, packaged, parrots
from tests.support.tiny import Arrays, answered, forge, tiny_config, tiny_tensors

CONFIG = tiny_config()
PICTURE = parrots()[:64, :64]


@pytest.fixture(scope="module")
def tensors() -> Arrays:
    return tiny_tensors(CONFIG)


@pytest.fixture
def model(tmp_path: Path, tensors: Arrays) -> Path:
    return write_model_file(tmp_path / "tiny.safetensors", "tiny", CONFIG, 1, tensors).path


def test_writing_and_reading_agree(model: Path, tensors: Arrays) -> None:
    file = read_model_file(model)
    assert file.info == read_model_info(model)
    assert file.info.id == model_id(CONFIG, 1, tensors) == reference_decoder.read_model(model).id
    assert (file.info.name, file.info.config, file.info.skip_below) == ("tiny", CONFIG, 1)
    assert set(file.tensors) == set(tensors)
    assert all((file.tensors[name] == tensors[name]).all() for name in tensors)
    assert (read_quality_curve(model) == tensors["quality_curve"]).all()


def test_the_id_is_of_the_content_not_of_the_file(tmp_path: Path, tensors: Arrays) -> None:
    """Order of tensors, name of the model, and defaults spelt out or left out change nothing."""
    identity = model_id(CONFIG, 1, tensors)
    assert model_id(CONFIG, 1, dict(reversed(tensors.items()))) == identity
    everything = json.dumps(asdict(CONFIG), indent=1)
    assert "context" in everything and "context" not in CONFIG.canonical_json()
    texts = [CONFIG.canonical_json(), everything, json.dumps(dict(reversed(asdict(CONFIG).items())))]
    for i, text in enumerate(texts):
        path = forge(tmp_path / f"{i}.safetensors", CONFIG, tensors, config=text, name=f"name {i}")
        assert read_model_file(path).info.id == identity
        assert read_model_info(path).config == CONFIG
        assert reference_decoder.read_model(path).id == identity
    assert ModelConfig.from_json("{}") == ModelConfig()
    assert ModelConfig().canonical_json() == "{}"


def test_any_change_of_content_is_another_id(tensors: Arrays) -> None:
    seen = {model_id(CONFIG, 1, tensors), model_id(CONFIG, 2, tensors)}
    other = {"c": 12, "cy": 9, "cz": 9, "cp": 9, "enc_depth": 3, "dec_depth": 2, "deep": 2, "context": "compand"}
    for key, value in other.items():
        seen.add(model_id(ModelConfig(**{**asdict(CONFIG), key: value}), 1, tensors))
    assert len(seen) == 10
    for name, tensor in tensors.items():
        changed = tensor.copy()
        changed.view(np.uint8).flat[-1] ^= 1
        variants = [changed, tensor.reshape(1, *tensor.shape), tensor.astype(np.float64)]
        for variant in variants:
            seen.add(model_id(CONFIG, 1, {**tensors, name: variant}))
        seen.add(model_id(CONFIG, 1, {key: t for key, t in tensors.items() if key != name}))
        seen.add(model_id(CONFIG, 1, {("renamed" if key == name else key): t for key, t in tensors.items()}))
    assert len(seen) == 10 + 5 * len(tensors)


def test_the_packaged_model_is_what_it_claims() -> None:
    info = packaged().info
    assert model_id(info.config, info.skip_below, packaged().tensors) == info.id
    assert (info.name, info.config, info.skip_below) == ("image-v1", ModelConfig(), 1)


@pytest.mark.parametrize("where", [0, 7, 9, 200, -1, -5000])
def test_a_flipped_bit_is_noticed(model: Path, where: int) -> None:
    data = bytearray(model.read_bytes())
    data[where] ^= 0x10
    model.write_bytes(data)
    with pytest.raises(ModelFileError):
        read_model_file(model)


@pytest.mark.parametrize("kept", [0, 1, 8, 100, 0.5, 0.999])
def test_a_shortened_file_is_refused(model: Path, kept: float) -> None:
    data = model.read_bytes()
    model.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.raises(ModelFileError):
        read_model_file(model)
    with pytest.raises(ModelFileError):
        Codec(model, device="cpu").encode(PICTURE)


def test_what_cannot_be_read_at_all(tmp_path: Path) -> None:
    for path in (tmp_path / "missing.safetensors", tmp_path):
        with pytest.raises(FileAccessError):
            read_model_file(path)
        with pytest.raises(FileAccessError):
            Codec(path)
    (tmp_path / "text.safetensors").write_text("a text")
    with pytest.raises(ModelFileError, match="not a model file"):
        Codec(tmp_path / "text.safetensors")


def without(name: str) -> Callable[[Arrays], Arrays]:
    return lambda tensors: {other: tensor for other, tensor in tensors.items() if other != name}


def with_tensor(name: str, change: Callable[..., object]) -> Callable[[Arrays], Arrays]:
    return lambda tensors: {**tensors, name: np.asarray(change(tensors.get(name)))}


def renamed(name: str, after: str) -> Callable[[Arrays], Arrays]:
    return lambda tensors: {after if other == name else other: tensor for other, tensor in tensors.items()}


FALLING = np.arange(101, dtype=np.uint16)[::-1].copy()
REFUSED: dict[str, tuple[str, Callable[[Arrays], Arrays]]] = {
    "missing synthesis": ("synthesis.head.bias is missing", without("synthesis.head.bias")),
    "missing analysis": ("analysis.gain.table is missing", without("analysis.gain.table")),
    "hyper analysis": (
        "hyper_analysis.net.5.bias is float",
        with_tensor("hyper_analysis.net.5.bias", lambda t: t[1:]),
    ),
    "renamed synthesis": ("synthesis.up.weight is missing", renamed("synthesis.up.weight", "synthesis.down.weight")),
    "table sum": ("frequency table", with_tensor("tables.y.stored", lambda t: t + np.eye(1, len(t), dtype=t.dtype)[0])),
    "table length": ("do not fit", with_tensor("tables.z.length", lambda t: t + np.eye(1, 64, dtype=t.dtype)[0])),
    "table place": ("frequency table reaches", with_tensor("tables.z.lowest", lambda t: t + np.int16(32767))),
    "missing": ("prior.up1.shift is missing", without("prior.up1.shift")),
    "missing table": ("tables.z.stored is missing", without("tables.z.stored")),
    "missing curve": ("quality_curve is missing", without("quality_curve")),
    "missing answer": ("known_answer is missing", without("known_answer")),
    "renamed": ("prior.b1.a.weight is missing", renamed("prior.b1.a.weight", "prior.b1.z.weight")),
    "extra": ("prior.more does not belong", with_tensor("prior.more", lambda _: np.zeros(3, np.int8))),
    "extra dtype": ("is float64", with_tensor("analysis.stem.bias", lambda t: t.astype(np.float64))),
    "dtype": ("prior.up1.weight is int16", with_tensor("prior.up1.weight", lambda t: t.astype(np.int16))),
    "shape": ("prior.up1.bias is int32", with_tensor("prior.up1.bias", lambda t: t[:-1])),
    "transposed": ("quality_bias is int32", with_tensor("prior.quality_bias", lambda t: t.T.copy())),
    "short answer": ("known_answer is uint8", with_tensor("known_answer", lambda t: t[:31])),
    "index": ("z.table_index goes beyond", with_tensor("z.table_index", lambda t: t | 64)),
    "falling curve": ("quality curve must rise", with_tensor("quality_curve", lambda t: FALLING)),
    "flat curve": ("quality curve must rise", with_tensor("quality_curve", lambda t: np.maximum(t, 200))),
    "high curve": ("quality curve must rise", with_tensor("quality_curve", lambda t: t + np.uint16(1))),
}


@pytest.mark.parametrize("what", REFUSED)
def test_wrong_content_is_refused_though_its_id_is_right(tmp_path: Path, tensors: Arrays, what: str) -> None:
    message, change = REFUSED[what]
    path = forge(tmp_path / "model.safetensors", CONFIG, change(tensors))
    with pytest.raises(ModelFileError, match=message):
        read_model_file(path)
    with pytest.raises(ModelFileError, match=message):
        write_model_file(tmp_path / "written.safetensors", "wrong", CONFIG, 1, change(tensors))
    with pytest.raises(ModelFileError, match=message):
        Codec(path, device="cpu").encode(PICTURE)


BAD_METADATA: dict[str, tuple[str, dict[str, str]]] = {
    "format": ("not a Wisp model file", {"format": "other"}),
    "version": ("version 1", {"version": "1"}),
    "id": ("has the id", {"id": "0123456789abcdef"}),
    "short id": ("metadata is damaged", {"id": "0123"}),
    "no id": ("metadata is damaged", {"id": "xyz"}),
    "skip": ("metadata is damaged", {"skip_below": "-1"}),
    "skip text": ("metadata is damaged", {"skip_below": "one"}),
    "other skip": ("has the id", {"skip_below": "2"}),
    "not JSON": ("not JSON", {"config": "{"}),
    "no object": ("not known", {"config": "[]"}),
    "unknown key": ("not known", {"config": '{"channels": 3}'}),
    "value": ("cy = 3", {"config": '{"cy": 3}'}),
    "large": ("cp = 4097", {"config": '{"cp": 4097}'}),
    "kind of value": ("c = 8.0", {"config": '{"c": 8.0}'}),
    "truth": ("deep = True", {"config": '{"deep": true}'}),
    "context": ("'expand' is not known", {"config": '{"context": "expand"}'}),
    "another config": ("has the id|is", {"config": "{}"}),
}


@pytest.mark.parametrize("what", BAD_METADATA)
def test_wrong_metadata_is_refused(tmp_path: Path, tensors: Arrays, what: str) -> None:
    message, changed = BAD_METADATA[what]
    path = forge(tmp_path / "model.safetensors", CONFIG, tensors, **changed)
    with pytest.raises(ModelFileError, match=message):
        read_model_file(path)


def test_a_skip_threshold_beyond_the_tables_is_refused(tmp_path: Path, tensors: Arrays) -> None:
    assert read_model_file(forge(tmp_path / "64.safetensors", CONFIG, tensors, 64)).info.skip_below == 64
    with pytest.raises(ModelFileError, match="skip threshold 65"):
        read_model_file(forge(tmp_path / "65.safetensors", CONFIG, tensors, 65))


@pytest.mark.filterwarnings("ignore:quality .* reaches only")  # random weights reach nothing
@pytest.mark.usefixtures("learned_only")
@pytest.mark.parametrize("skip", [0, 1, 30, 64])
def test_every_skip_threshold_codes_alike_in_both_decoders(tmp_path: Path, tensors: Arrays, skip: int) -> None:
    path = forge(tmp_path / "model.safetensors", CONFIG, answered(CONFIG, tensors), skip)
    codec = Codec(path, device="cpu", precision="fp32")
    data = codec.encode(PICTURE, 90)
    reference = reference_decoder.decode_file(data, reference_decoder.read_model(path))
    assert codec.decode_latents(data).sha256 == reference_decoder.latents_sha256(reference)


@pytest.fixture
def places(tmp_path: Path, tensors: Arrays, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The same model in each place where one may lie, each copy named after its place."""
    paths = {}
    for place in ("packaged", "folder", "named", "extra"):
        (tmp_path / place).mkdir()
        paths[place] = tmp_path / place / ("my.model" if place == "folder" else "model.safetensors")
        write_model_file(paths[place], place, CONFIG, 1, tensors)
    (tmp_path / "empty").mkdir()
    monkeypatch.setattr(registry, "PACKAGED", tmp_path / "packaged")
    entries = [tmp_path / "empty", tmp_path / "nowhere", tmp_path / "folder", paths["named"]]
    monkeypatch.setenv("WISP_MODEL_PATH", ":".join(map(str, entries)))
    return paths


def test_the_search_goes_package_then_variable_then_named(places: dict[str, Path], tensors: Arrays) -> None:
    identity = model_id(CONFIG, 1, tensors)
    found, errors = registry.list_models(places["extra"])
    assert [info.name for info in found] == ["packaged", "folder", "named", "extra"]
    assert len(errors) == 1  # the entry that is nowhere
    for place in ("packaged", "folder", "named"):
        assert registry.find_model(identity, places["extra"]).name == place
        places[place].unlink()
    assert registry.find_model(identity, places["extra"]).name == "extra"
    with pytest.raises(ModelNotFoundError, match=f"{identity}.*WISP_MODEL_PATH"):
        registry.find_model(identity)


@pytest.mark.usefixtures("learned_only")
def test_a_file_finds_its_model_by_the_variable(places: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    data = Codec(places["extra"], device="cpu", precision="fp32").encode(PICTURE)
    wanted = Codec(places["extra"], device="cpu", precision="fp32").decode_array(data)
    monkeypatch.undo()
    default = Codec(device="cpu", precision="fp32")
    with pytest.raises(ModelNotFoundError):
        default.decode(data)
    monkeypatch.setenv("WISP_MODEL_PATH", str(places["folder"].parent))
    assert (default.decode_array(data) == wanted).all()


def test_a_named_model_must_be_right_though_not_needed(places: dict[str, Path], tensors: Arrays) -> None:
    places["extra"].write_bytes(b"no model")
    with pytest.raises(ModelFileError):
        registry.find_model(model_id(CONFIG, 1, tensors), places["extra"])


def test_a_codec_with_a_model_of_its_own_still_reads_other_files(model: Path) -> None:
    codec = Codec(model, device="cpu", precision="fp32")
    assert codec.decode_latents(golden_bytes("small")).sha256 == HASHES["small"]
    assert codec.model_info.name == "tiny"


@pytest.mark.usefixtures("learned_only")
def test_another_model_in_the_same_place_is_not_the_remembered_one(model: Path) -> None:
    first = Codec(model, device="cpu").encode(PICTURE)
    info = write_model_file(model, "other", CONFIG, 1, tiny_tensors(CONFIG, 5))
    codec = Codec(model, device="cpu")
    second = codec.encode(PICTURE)
    assert info.id_bytes in second and info.id_bytes not in first
    assert codec.decode_array(second).shape == PICTURE.shape
    with pytest.raises(ModelNotFoundError):
        codec.decode(first)


def test_repacking_changes_nothing(model: Path, tmp_path: Path) -> None:
    """Other software may rewrite the file: more metadata, another name."""
    with safe_open(model, framework="numpy") as file:
        metadata, names = dict(file.metadata()), list(file.keys())
        copied = {name: file.get_tensor(name) for name in reversed(names)}
    save_file(copied, tmp_path / "copy.safetensors", {**metadata, "comment": "repacked", "name": "copy"})
    assert read_model_file(tmp_path / "copy.safetensors").info.id == read_model_info(model).id
