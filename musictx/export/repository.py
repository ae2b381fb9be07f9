"""A model as a repository of the Hugging Face Hub: weights, configuration, and its card as a README."""

from __future__ import annotations

import json
import os
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

from musictx.checkpoint import CARD, CONFIG, WEIGHTS, card_part, find_model, licence_of, load_model, read_card
from musictx.errors import MusictxError
from musictx.files import check_folder, real_path, write_bytes
from musictx.model import ModelConfig

# The Hub's names of licences, by ours; models of others may have any.
LICENCES = {
    "MIT": "mit",
    "Apache 2.0": "apache-2.0",
    "CC0": "cc0-1.0",
    "CC0 1.0": "cc0-1.0",
    "CC BY 4.0": "cc-by-4.0",
    "CC BY-SA 4.0": "cc-by-sa-4.0",
    "CC BY-NC 4.0": "cc-by-nc-4.0",
    "CC BY-NC-SA 4.0": "cc-by-nc-sa-4.0",
}
TAGS = ("music", "piano", "midi", "symbolic-music", "music-transformer")
LARGE = b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"  # for git; the Hub's own client needs no list

_USE = """```python
import musictx

model = musictx.load_model(".")  # this folder
primer = musictx.read_midi("primer.mid")
music = musictx.continue_performance(model, primer, seconds=30, seed=1)
musictx.write_midi(music, "out.mid")
```"""


def publish_model(model: str | os.PathLike[str], folder: str | os.PathLike[str]) -> dict[str, Any]:
    """Write a model as a folder to upload to the Hugging Face Hub.

    It holds the model's files as they are, and its card as a README for people and for the Hub.
    `load_model` takes the folder.

    Parameters
    ----------
    model : str or path
        A shipped model's name, a checkpoint folder, or the folder of a training run.
    folder : path
        A new or empty one, or one that holds nothing but a model's repository.

    Returns
    -------
    dict
        The model's card.

    Raises
    ------
    MusictxError
        The model cannot be loaded, the folder holds other things, or cannot be written.

    Examples
    --------
    >>> from musictx import load_model
    >>> from musictx.export.repository import publish_model
    >>> publish_model("relative", "my-repository")["licence"]
    'CC BY-NC-SA 4.0'
    >>> load_model("my-repository").config.position
    'relative'
    """
    source, folder = find_model(model), Path(folder)
    config = load_model(source).config  # what cannot be played is not published
    card = card_to_write(source)
    files = model_files(source)
    files["README.md"] = model_readme(str(card.get("name") or real_path(model).name), card, config).encode()
    files[".gitattributes"] = LARGE
    check_folder(folder, set(files), "a model's repository")
    if real_path(source) == real_path(folder):
        raise MusictxError(f"{folder} is the model itself; choose another folder")
    for name, content in files.items():
        write_bytes(folder / name, content)
    return card


def card_to_write(folder: Path) -> dict[str, Any]:
    """Card of a checkpoint folder, of which files are going to be written.

    Raises
    ------
    MusictxError
        A text in it has half a pair of surrogates, which no file can hold.
    """
    card = read_card(folder)
    try:
        json.dumps(card, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MusictxError(f"{folder / CARD} cannot be written again: a text has half a character") from error
    return card


def model_files(folder: Path) -> dict[str, bytes]:
    """The files of a checkpoint folder, by name."""
    return {
        name: (folder / name).read_bytes() for name in (CONFIG, CARD, WEIGHTS) if (folder / name).is_file()
    }


def code_licence() -> dict[str, bytes]:
    """The licence of musictx itself, by the name of its file; nothing if it is not installed as a package."""
    with suppress(PackageNotFoundError):
        if licence := distribution("musictx").read_text("licenses/LICENSE"):
            return {"LICENSE": licence.encode()}
    return {}


def licence_facts(licences: set[str]) -> dict[str, str]:
    """What the Hub is told of the licences of some weights, or nothing if one has none."""
    if not licences or "" in licences:
        return {}
    (name,) = licences if len(licences) == 1 else [", ".join(sorted(licences))]
    return {"license": LICENCES[name]} if name in LICENCES else {"license": "other", "license_name": name}


def hub() -> Any:
    """The library huggingface_hub.

    Raises
    ------
    MusictxError
        It is not installed.
    """
    try:
        import huggingface_hub.errors
    except ImportError:
        raise MusictxError(
            "the Hugging Face Hub needs the library huggingface_hub: pip install 'musictx[hub]'"
        ) from None
    return huggingface_hub


def front_matter(facts: dict[str, Any]) -> str:
    """Facts as the YAML at the head of a README."""
    return f"---\n{hub().ModelCardData(**facts).to_yaml()}\n---\n"


def model_readme(name: str, card: dict[str, Any], config: ModelConfig) -> str:
    """A model's card as the README of a repository."""
    licence = licence_of(card)
    facts = {
        **licence_facts({licence}),
        "library_name": "musictx",
        "tags": [*TAGS, f"{config.position}-positions"],
        "model_name": name,
        "eval_results": _results(card) or None,
    }
    parts = [
        front_matter(facts),
        f"# {name}",
        "A Music Transformer: give it a few seconds of piano music, and it plays on. "
        f"It knows the order of events by **{config.position}** positions.",
        "## Use",
        f"With musictx installed:\n\n{_USE}\n\n`musictx app --model FOLDER` opens the web demo with it.",
        "## Facts",
        _table(
            {
                "layers × width, heads": f"{config.layers} × {config.width}, {config.heads}",
                "training length": f"{config.context_length:,} events",
                "parameters": _number(card.get("parameters")),
                "tokens seen in training": _number(card.get("tokens_seen")),
                "trained with": f"musictx {card['musictx']}" if card.get("musictx") else "",
                "started from": str(card_part(card, "started_from").get("name", "")),
            }
        ),
    ]
    if metrics := _metrics(card):
        parts += [
            "NLL in nats per token on music that was held out; lower is better:",
            _table({f"{where}, {condition}": f"{value:.3f}" for where, condition, value in metrics}),
        ]
    parts += ["## Licence", _licence(licence, card)]
    return "\n\n".join(parts) + "\n"


def _licence(licence: str, card: dict[str, Any]) -> str:
    lines = [
        f"The weights: {licence}."
        if licence
        else "No licence is stated: nobody else may use these weights until you state one here."
    ]
    before = card_part(card_part(card, "started_from"), "trained on")
    corpora = {**before, **card_part(card, "trained on")}
    for corpus in corpora:
        about = card_part(corpora, corpus)
        lines.append(
            f"- Trained on {corpus} ({about.get('licence', 'licence not stated')}): "
            f"{about.get('what', '')}. {about.get('citation', '')}".rstrip()
        )
    return "\n".join(lines)


def _metrics(card: dict[str, Any]) -> list[tuple[str, str, float]]:
    """Of a card: corpus, kind of chunks, NLL in nats per token."""
    measured, later = card_part(card, "validation_nll"), card_part(card, "validation_nll_while_training")
    found: list[tuple[str, str, Any]] = [
        (corpus, condition, card_part(chunks, condition).get("per event"))
        for corpus, chunks in ((corpus, card_part(measured, corpus)) for corpus in measured)
        for condition in chunks
    ]
    either = found or [(corpus, "while training", value) for corpus, value in later.items()]
    return [(corpus, condition, value) for corpus, condition, value in either if _is_nll(value)]


def _is_nll(value: Any) -> bool:
    return isinstance(value, float | int) and not isinstance(value, bool) and 0 <= value < 1e6


def _results(card: dict[str, Any]) -> list[Any]:
    """The metrics as the Hub reads them."""
    return [
        hub().EvalResult(
            task_type="other",
            task_name="next event of piano music",
            dataset_type=corpus,
            dataset_name=corpus,
            metric_type="nll",
            metric_name=f"nats per token, {condition}",
            metric_value=value,
        )
        for corpus, condition, value in _metrics(card)
    ]


def _table(rows: dict[str, str]) -> str:
    return "\n".join(
        ["| | |", "| --- | --- |", *(f"| {key} | {value} |" for key, value in rows.items() if value)]
    )


def _number(value: Any) -> str:
    return f"{value:,}" if isinstance(value, int) else ""
