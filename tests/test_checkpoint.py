"""Checkpoints come back as they were saved, and anything else is refused in one line."""

from __future__ import annotations

import errno
import json
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import musictx.files
from musictx.checkpoint import (
    CARD,
    CONFIG,
    WEIGHTS,
    find_model,
    list_models,
    load_model,
    read_card,
    read_config,
    read_weights,
    save_model,
    usual_settings,
    weights_hash,
)
from musictx.errors import MusictxError
from musictx.lab.evaluation.loading import primers_nll
from musictx.model import ModelConfig, MusicTransformer
from musictx.model.positions import SCHEMES
from musictx.shipped import COMPARED_MODELS, DEFAULT_MODEL

TOKENS = torch.arange(12)[None]


def tiny(position: str = "rope", **settings: Any) -> MusicTransformer:
    torch.manual_seed(0)
    config = ModelConfig(
        position=position, layers=1, width=16, heads=2, feed_forward=16, context_length=16, **settings
    )
    model = MusicTransformer(config)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter)
    return model.eval()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save_model(tiny(), tmp_path / "model", {"licence": "CC0", "steps": 3})
    return tmp_path / "model"


def assert_one_line(error: pytest.ExceptionInfo[MusictxError]) -> None:
    assert "\n" not in str(error.value)


def test_a_hash_tells_models_apart_and_not_their_places(tmp_path: Path) -> None:
    model = tiny()
    save_model(model, tmp_path)
    assert weights_hash(load_model(tmp_path)) == weights_hash(model)
    others = [tiny("vanilla"), tiny(rope_base=500.0), tiny()]
    with torch.no_grad():
        others[2].head.weight[0, 0] += 1e-3
    assert len({weights_hash(m) for m in (model, *others)}) == 4


@pytest.mark.parametrize("position", SCHEMES)
def test_a_model_comes_back_as_it_was(tmp_path: Path, position: str) -> None:
    model = tiny(position, max_distance=5, dropout=0.3)
    save_model(model, tmp_path)
    loaded = load_model(tmp_path)
    assert loaded.config == model.config
    assert not loaded.training
    with torch.no_grad():
        assert torch.equal(loaded(TOKENS), model(TOKENS))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_halves_the_file_and_loads_as_float32(tmp_path: Path, dtype: torch.dtype) -> None:
    model = tiny()
    save_model(model, tmp_path / "full")
    save_model(model, tmp_path / "half", dtype=dtype)
    sizes = [(tmp_path / name / WEIGHTS).stat().st_size for name in ("full", "half")]
    assert sizes[1] < 0.6 * sizes[0]
    loaded = load_model(tmp_path / "half")
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    with torch.no_grad():
        torch.testing.assert_close(loaded(TOKENS), model(TOKENS), rtol=0, atol=0.5)


def test_the_card_comes_back(folder: Path) -> None:
    assert read_card(folder) == {"licence": "CC0", "steps": 3}
    (folder / CARD).unlink()
    assert read_card(folder) == {}
    for content in ("{", "[1]", "[" * 100_000, '{"steps": ' + "9" * 5000 + "}"):
        (folder / CARD).write_text(content)
        with pytest.raises(MusictxError, match=r"card\.json cannot be read"):
            read_card(folder)


@pytest.mark.parametrize(
    "sampling",
    [
        "theme",
        0.5,
        [],
        {"theme": "much"},
        {"theme": 2},
        {"shape": "dense"},
        {"speed": 2},
        {"theme": None},
        {"top_k": 0.5},
        {"top_k": float("inf")},
    ],
)
def test_a_card_with_settings_that_make_no_sense_is_refused(sampling: Any) -> None:
    with pytest.raises(MusictxError, match="the model's card has sampling"):
        usual_settings({"sampling": sampling})
    assert usual_settings({}) == {}
    assert usual_settings({"sampling": {"theme": 1, "top_k": 4.0, "int8": False, "allow_end": False}}) == {
        "theme": 1,
        "top_k": 4.0,
    }


def test_a_run_is_found_by_its_folder_and_what_is_nothing_is_named(folder: Path) -> None:
    assert find_model(folder) == find_model(folder.parent) == folder
    with pytest.raises(MusictxError, match="no model at 'nonsense': it must be one of vanilla"):
        load_model("nonsense")


# Damage


def damage(folder: Path, kind: str) -> None:
    path = folder / WEIGHTS
    data = path.read_bytes()
    if kind == "missing":
        path.unlink()
    elif kind == "folder":
        path.unlink()
        path.mkdir()
    elif kind == "pickle":
        path.write_bytes(pickle.dumps({"weights": [1, 2, 3]}))
    elif kind == "torch":
        torch.save({"a": torch.zeros(3)}, path)
    else:
        content = {
            "empty": b"",
            "cut in the head": data[:50],
            "cut in the weights": data[:-100],
            "text": b"these are no weights",
            "zeros": bytes(len(data)),
            "longer": data + bytes(16),
        }
        path.write_bytes(content[kind])


@pytest.mark.parametrize(
    "kind",
    [
        *("missing", "folder", "pickle", "torch", "empty", "cut in the head", "cut in the weights"),
        *("text", "zeros", "longer"),
    ],
)
def test_weights_that_are_damaged_or_foreign_are_refused(folder: Path, kind: str) -> None:
    damage(folder, kind)
    with pytest.raises(MusictxError, match=r"model\.safetensors is missing, cut or not") as error:
        load_model(folder)
    assert_one_line(error)


@pytest.mark.parametrize("kind", ["one missing", "one more", "other shape", "other model"])
def test_weights_must_be_those_of_the_configuration(folder: Path, kind: str) -> None:
    weights = load_file(folder / WEIGHTS)
    if kind == "one missing":
        del weights["head.weight"]
    elif kind == "one more":
        weights["tail.weight"] = torch.zeros(3)
    elif kind == "other shape":
        weights["head.weight"] = weights["head.weight"][:388].clone()
    else:
        weights = {"transformer.h.0.attn.weight": torch.zeros(3, 3)}
    save_file(weights, folder / WEIGHTS)
    with pytest.raises(MusictxError, match=r"model\.safetensors does not fit its config\.json") as error:
        load_model(folder)
    assert_one_line(error)


def test_settings_that_earlier_versions_had_are_read_where_they_say_nothing(folder: Path) -> None:
    before = load_model(folder)
    found = json.loads((folder / CONFIG).read_text())
    assert not {"kv_heads", "norm_placement"} & found.keys()
    (folder / CONFIG).write_text(json.dumps({**found, "kv_heads": None, "norm_placement": "pre"}))
    after = load_model(folder)
    assert after.config == before.config and torch.equal(after(TOKENS), before(TOKENS))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r"config\.json cannot be read"),
        ('{"layers": 1', r"config\.json cannot be read"),
        ("[1, 2]", "holds no settings"),
        ('"relative"', "holds no settings"),
        (
            '{"hidden_size": 768, "n_layer": 12}',
            "does not know: 'hidden_size', 'n_layer'",
        ),
        ('{"kv_heads": 2}', r"config\.json: kv_heads is 2; this version plays None only"),
        ('{"norm_placement": "post"}', r"norm_placement is 'post'; this version plays 'pre' only"),
        (r'{"\n\r": 1}', r"does not know: '\\n\\r'$"),
        ('{"layers": "six"}', r"config\.json: layers is 'six'"),
        ('{"rope_factor": 1' + "0" * 40 + "}", r"config\.json: rope_factor is 10+\.*0+; it must be"),
        ('{"layers": true}', r"config\.json: layers is True"),
        ('{"layers": 100000}', r"config\.json: layers is 100000; it must be a whole number from 1 to 1000"),
        ('{"width": 10000000000000000000000}', r"config\.json: width is 1\d+; it must be"),
        (
            '{"width": 1048576, "feed_forward": 16777216}',
            r"does not fit its config\.json: [\d,]+ numbers for",
        ),
        ('{"layers": ' + "9" * 5000 + "}", r"config\.json cannot be read"),
        ("[" * 100_000, r"config\.json cannot be read: it is nested too deeply"),
        ('{"dropout": null}', r"config\.json: dropout is None"),
        ('{"position": "sinus"}', r"config\.json: position is 'sinus'"),
        ('{"vocabulary": 388}', "a vocabulary of 388 events; this version plays 391"),
    ],
)
def test_configurations_that_are_damaged_or_foreign_are_refused(
    folder: Path, content: str, message: str
) -> None:
    (folder / CONFIG).write_text(content)
    with pytest.raises(MusictxError, match=message) as error:
        load_model(folder)
    assert_one_line(error)


def test_a_configuration_that_is_not_text_is_refused(folder: Path) -> None:
    (folder / CONFIG).write_bytes(b"\xff\xfe\x00\x81")
    with pytest.raises(MusictxError, match=r"config\.json cannot be read"):
        load_model(folder)


def test_a_folder_without_configuration_is_no_model(folder: Path) -> None:
    (folder / CONFIG).unlink()
    with pytest.raises(MusictxError, match="no model at"):
        load_model(folder)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_full_disk_leaves_the_old_model(folder: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    """Whichever of its files the disk has no room for."""
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    written = []

    def full(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == number:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(musictx.files.os, "fsync", full)
    name = (WEIGHTS, CONFIG, CARD)[number - 1]
    with pytest.raises(MusictxError, match=f"{name}' cannot be written: No space left on device"):
        save_model(tiny("relative"), folder)
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before


# What may change at load time


@pytest.mark.parametrize(
    "change",
    [
        {"rope_base": 1000.0},
        {"rope_scaling": "ntk", "rope_factor": 2.0},
        {"rope_scaling": "yarn", "rope_factor": 2.0},
        {"window": 4},
    ],
)
def test_each_setting_that_may_change_changes_the_result(folder: Path, change: dict[str, Any]) -> None:
    changed, plain = load_model(folder, **change), load_model(folder)
    for name, value in change.items():
        assert getattr(changed.config, name) == value
    with torch.no_grad():
        assert (changed(TOKENS) - plain(TOKENS)).abs().max() > 1e-6


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"layers": 2}, "layers cannot change after training; only rope_base"),
        ({"rope_scaling": "linear"}, "rope_scaling is 'linear'"),
        ({"rope_factor": 2.0}, "rope_factor does nothing without rope_scaling"),
        ({"window": 0}, "window is 0"),
    ],
)
def test_settings_that_may_not_change_are_refused(folder: Path, change: dict[str, Any], message: str) -> None:
    with pytest.raises(MusictxError, match=message):
        load_model(folder, **change)


def test_rope_settings_are_refused_where_they_would_do_nothing(tmp_path: Path) -> None:
    save_model(tiny("relative"), tmp_path)
    with pytest.raises(MusictxError, match=r"can change in rope models only; .* has relative"):
        load_model(tmp_path, rope_scaling="ntk")
    assert load_model(tmp_path, window=4).config.window == 4
    save_model(tiny("rope", window=8), tmp_path)
    with pytest.raises(MusictxError, match="rope_scaling yarn needs a rope_factor"):
        load_model(tmp_path, rope_scaling="yarn")


def test_a_longer_context_takes_the_place_of_the_window(tmp_path: Path) -> None:
    save_model(tiny("rope", window=8), tmp_path)
    assert load_model(tmp_path).config.window == 8
    assert load_model(tmp_path, rope_scaling="ntk", rope_factor=4.0).config.window is None
    assert load_model(tmp_path, rope_scaling="ntk", rope_factor=4.0, window=16).config.window == 16
    assert load_model(tmp_path, window=None).config.window is None


# The models that come with musictx


def test_the_compared_models_are_matched() -> None:
    assert list_models() == [*COMPARED_MODELS, DEFAULT_MODEL]
    counts = {name: load_model(name).parameter_count() for name in COMPARED_MODELS}
    assert max(counts.values()) <= 1.02 * min(counts.values()), counts
    configs = {name: read_config(find_model(name)) for name in COMPARED_MODELS}
    assert {name: config.position for name, config in configs.items()} == {n: n for n in COMPARED_MODELS}
    for same in ("layers", "width", "heads", "context_length", "norm", "activation"):
        assert len({getattr(config, same) for config in configs.values()}) == 1, same
    cards = [read_card(find_model(name)) for name in COMPARED_MODELS]
    for same in ("tokens_seen", "steps"):
        assert len({card[same] for card in cards}) == 1, same
    assert len({card["training"]["seed"] for card in cards}) == 1
    assert all(card["licence"] for card in cards)


def test_a_model_without_a_name_is_the_one_to_make_music_with() -> None:
    assert load_model().config == read_config(find_model("grand"))
    assert load_model().config.context_length == 4096


@pytest.mark.slow
def test_the_cards_tell_the_loss_of_the_shipped_weights() -> None:
    """Recomputed on the shipped primers, whole, one after the other."""
    for name in list_models():
        card, model = read_card(find_model(name)), load_model(name)
        assert primers_nll(model) == pytest.approx(card["primers_nll"], abs=2e-3), name


def test_what_is_wrong_with_weights_is_said_on_one_line(tmp_path: Path) -> None:
    """The library quotes the damaged header, which may hold line breaks."""
    header = b'{"x":{"dtype":"\\n\\r","shape":[1],"data_offsets":[0,4]}}'
    (tmp_path / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + bytes(4))
    with pytest.raises(MusictxError, match="not a safetensors file") as told:
        read_weights(tmp_path)
    assert len(str(told.value).splitlines()) == 1
