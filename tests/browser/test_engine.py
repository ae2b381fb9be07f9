"""The browser's engine in a real browser: the logits, the grammar, the filters and the takes of Python's."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from musictx.app.web_model import web_model
from musictx.checkpoint import list_models, load_model
from musictx.errors import MusictxError
from musictx.events import END, NOTE_OFF, NOTE_ON, START, TIME_SHIFT, VELOCITY
from musictx.events.grammar import MAX_NOTE_STEPS, MAX_REST_STEPS, Grammar
from musictx.midi import read_midi
from musictx.model import ModelConfig, MusicTransformer
from musictx.sampling.contrast import contrast, log_probabilities
from musictx.sampling.filters import SamplingSettings, draw, filter_logits
from musictx.sampling.primer import prepare_primer
from musictx.sampling.shaping import Shaping
from musictx.shipped import SHIPPED_MODELS, shipped_folder

from .engine_files import STATIC, follow, logits_of, rounded_to_8_bits, serving

ENGINE = STATIC / "engine"
EIGHT_BITS = 0.02  # what rounding activations, keys and values to 16 and 14 bits may move a logit

SETTINGS: list[tuple[str, dict[str, Any]]] = [
    ("vanilla", {}),
    ("none", {"activation": "relu", "norm": "rms"}),
    ("learned", {"activation": "relu_squared", "context_length": 160}),
    ("alibi", {"window": 20}),
    ("relative", {"max_distance": 40}),
    ("relative", {"max_distance": 8, "beyond": "zero"}),
    ("relative", {"max_distance": 500, "window": 70}),
    ("relative", {"feed_forward": 70}),
    ("rope", {"window": 33, "activation": "relu_squared"}),
    ("rope", {"window": 300, "activation": "swiglu", "feed_forward": 70}),
    ("rope", {"rope_scaling": "yarn", "rope_factor": 4.0, "norm": "rms"}),
    ("rope", {"rope_scaling": "ntk", "rope_factor": 4.0, "heads": 8}),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module")
def page(chromium: Any, folder: Path) -> Iterator[Any]:
    (folder / "index.html").write_text("<!doctype html><title>engine</title>")
    with serving(folder) as address:
        page = chromium.new_page()
        page.goto(address)
        yield page
        page.close()


def _model(position: str, **settings: Any) -> MusicTransformer:
    torch.manual_seed(0)
    sizes = {"layers": 2, "width": 64, "heads": 4, "feed_forward": 96, "context_length": 128}
    model = MusicTransformer(ModelConfig(position, **{**sizes, **settings})).eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    return model


@pytest.mark.parametrize("bits", [32, 8])
@pytest.mark.parametrize(("position", "settings"), SETTINGS, ids=str)
def test_logits_are_those_of_the_model(
    page: Any, folder: Path, position: str, settings: dict[str, Any], bits: int
) -> None:
    model = _model(position, **settings)
    length = min(model.positions.limit or 1070, 1070)  # past the first page of keys and values
    tokens = torch.randint(0, 388, (length,), generator=torch.Generator().manual_seed(1)).tolist()
    reference = model if bits == 32 else rounded_to_8_bits(model)
    found = follow(page, folder, web_model(model, bits=bits), logits_of(reference, tokens), tokens, 43)
    assert found["worst"] < (1e-4 if bits == 32 else EIGHT_BITS), found


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=() if name in ("relative", "rope") else (pytest.mark.slow,))
        for name in SHIPPED_MODELS
    ],
)
def test_logits_of_the_shipped_models_past_their_training_length(page: Any, folder: Path, name: str) -> None:
    if name not in list_models():
        pytest.skip(f"the model {name} is not here")
    model = load_model(name)
    tokens = _music(model, model.config.context_length + 600)
    for bits, bound in ((32, 1e-3), (8, EIGHT_BITS)):
        reference = model if bits == 32 else rounded_to_8_bits(model)
        expected = logits_of(reference, tokens)
        found = follow(page, folder, web_model(model, bits=bits), expected, tokens, len(tokens) - 610)
        assert found["worst"] < bound, (bits, found)


def _music(model: MusicTransformer, length: int) -> list[int]:
    """So many events of a primer that is played again and again."""
    path = shipped_folder("primers") / "chopin-black-keys.mid"
    primer = prepare_primer(model, read_midi(path), 0, 8).tokens.tolist()
    return (primer * (length // len(primer) + 1))[:length]


def test_learned_positions_end_where_the_table_does(page: Any, folder: Path) -> None:
    model = _model("learned", context_length=60)
    tokens = [60] * 70
    found = follow(page, folder, web_model(model), logits_of(model, tokens[:60]), tokens, 8)
    assert found["full"] == 60


def test_a_model_file_is_the_same_for_the_same_weights_and_fits_the_site() -> None:
    if "relative" not in list_models():
        pytest.skip("the shipped models are not here")
    content = web_model(load_model("relative"))
    assert content == web_model(load_model("relative"))
    assert len(content) <= 8_000_000


@pytest.mark.parametrize("settings", [{"width": 24, "heads": 2}, {"width": 64, "heads": 16}])
def test_sizes_that_the_engine_does_not_take_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(MusictxError, match="multiple of"):
        web_model(_model("none", **settings))


# ---- grammar, filters and random numbers

GRAMMAR = """
async ([tokens, maxNote, maxRest]) => {
  const { Engine } = await import("/static/engine/engine.js");
  const engine = await Engine.make(await (await fetch("/static/engine/engine.wasm")).arrayBuffer());
  engine.begin([], 0, maxNote, maxRest);
  return tokens.map((token) => {
    const allowed = engine.allowed.join("");
    engine.calls.advance(token);
    return allowed;
  });
}
"""


@pytest.mark.parametrize("seed", range(3))
def test_the_grammar_allows_what_pythons_allows(page: Any, seed: int) -> None:
    """Along random grammatical music with long notes and rests, and a few events that break the rules."""
    rng = np.random.default_rng(seed)
    max_note, max_rest = (400, 250) if seed == 2 else (MAX_NOTE_STEPS, MAX_REST_STEPS)
    state = Grammar(max_note=max_note, max_rest=max_rest)
    tokens, expected = [], []
    for k in range(1500):
        allowed = state.allowed()
        expected.append("".join(map(str, allowed.astype(int))))
        allowed[END] = False
        weight = allowed * rng.random(len(allowed)) ** 8
        weight[VELOCITY - 30 : VELOCITY] *= 3 if seed else 30  # time passes
        token = int(rng.integers(0, 388)) if k % 97 == 96 else int(rng.choice(391, p=weight / weight.sum()))
        tokens.append(token)
        state.advance(token)
    assert page.evaluate(GRAMMAR, [tokens, max_note, max_rest]) == expected


@pytest.mark.parametrize("keys", [2, 4, 6, 10])
def test_the_grammar_ends_loops_where_pythons_does(page: Any, keys: int) -> None:
    """Notes on a few keys, now quicker, now slower, that at last stay there all the same."""
    rng = np.random.default_rng(keys)
    state = Grammar()
    tokens, expected, ends = [], [], 0

    def take(token: int) -> None:
        expected.append("".join(map(str, state.allowed().astype(int))))
        tokens.append(token)
        state.advance(token)

    take(VELOCITY + 20)
    for k in range(450):
        key = int(rng.integers(60, 60 + keys))
        if k < 320 and not state.allowed()[NOTE_ON + key]:
            key, ends = int(rng.integers(128)), ends + 1
        for token in (
            NOTE_ON + key,
            TIME_SHIFT + int(rng.integers(0, 10 if k // 100 % 2 else 45)),
            NOTE_OFF + key,
        ):
            take(token)
    assert page.evaluate(GRAMMAR, [tokens, MAX_NOTE_STEPS, MAX_REST_STEPS]) == expected
    assert ends > 5 or keys > 6


CHOOSE = """
async (cases) => {
  const { Engine } = await import("/static/engine/engine.js");
  const engine = await Engine.make(await (await fetch("/static/engine/engine.wasm")).arrayBuffer());
  return cases.map(({ before, logits, uniform, settings, mayEnd }) => {
    engine.begin(before);
    const place = engine.calls.logits_place();
    new Float32Array(engine.calls.memory.buffer, place, 391).set(logits);
    return engine.choose(uniform, settings, mayEnd);
  });
}
"""


def test_filters_and_draws_are_pythons(page: Any) -> None:
    rng = np.random.default_rng(0)
    cases: list[dict[str, Any]] = []
    expected = []
    for k in range(400):
        logits = (rng.normal(size=391) * 4).astype(np.float32).round(1 if k % 4 == 0 else 8)  # ties as well
        before = [VELOCITY + 20, 60, 256 + 30] if k % 2 else []
        values = {
            "temperature": float(rng.choice([0, 0.5, 1, 1.7])),
            "top_k": int(rng.choice([0, 1, 5, 300])),
            "top_p": float(rng.choice([1, 0.98, 0.5, 0.05])),
            "min_p": float(rng.choice([0, 0.02, 0.5])),
        }
        uniform = float(rng.choice([rng.random(), 0.0, 1 - 2**-53]))
        may_end = bool(k % 3)
        state = Grammar()
        for token in before:
            state.advance(token)
        allowed = state.allowed()
        allowed[END] &= may_end
        chances = filter_logits(np.where(allowed, logits, -np.inf)[None], SamplingSettings(**values))
        expected.append(int(draw(chances, np.array([uniform]))[0]))
        case = {"before": before, "logits": logits.tolist(), "uniform": uniform, "mayEnd": may_end}
        cases.append(case | {"settings": values})
    assert page.evaluate(CHOOSE, cases) == expected


@pytest.mark.parametrize("strengths", [(0.5,), (0.25, 0.5)])
def test_the_contrast_is_pythons(page: Any, strengths: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    allowed = np.flatnonzero(rng.random(391) < 0.7)
    whole, *shorts = rng.normal(size=(1 + len(strengths), 20, 391)).astype(np.float32) * 3
    whole[:5, allowed[0]] += 12.0  # one that is all but certain
    mixed = page.evaluate(
        """async ([whole, shorts, strengths, allowed]) => {
          const { contrast } = await import("/static/engine/contrast.js");
          const after = (i) => strengths.map((each, k) => [each, shorts[k][i]]);
          return whole.map((all, i) => Array.from(contrast(all, after(i), allowed)));
        }""",
        [whole.tolist(), [short.tolist() for short in shorts], strengths, allowed.tolist()],
    )
    forbidden = ~np.isin(np.arange(391), allowed)
    after, *others = (log_probabilities(np.where(forbidden, -np.inf, x)) for x in (whole, *shorts))
    total = sum(strengths)
    mean = np.sum([each / total * x for each, x in zip(strengths, others, strict=True)], axis=0)
    expected = contrast(after, mean, total)
    assert np.array_equal(np.array(mixed) > -1e8, np.isfinite(expected))
    np.testing.assert_allclose(np.maximum(mixed, -100), np.maximum(expected, -100), rtol=1e-5, atol=1e-5)


def test_the_shaping_is_pythons(page: Any) -> None:
    rng = np.random.default_rng(0)
    primer = [START, VELOCITY + 14, 60, TIME_SHIFT + 20, 67, TIME_SHIFT + 99, NOTE_OFF + 60, TIME_SHIFT + 8]
    played = rng.choice([70, 75, NOTE_OFF + 70, TIME_SHIFT + 3, TIME_SHIFT + 30, VELOCITY + 25], 60).tolist()
    more = rng.choice([70, 75, 79, TIME_SHIFT + 1], 60).tolist()  # ever denser
    logits = rng.normal(size=(60, 391)).astype(np.float32) * 3
    allowed = np.flatnonzero(rng.random(391) < 0.7)
    for shape, before, after in (
        ("denser,higher,louder", primer, played),
        ("calmer, lower,softer", primer, played),
        ("lower", [START], played),
        ("steady", primer, more),
        ("steady,louder", primer[:2] + [60, 62, 64, TIME_SHIFT, 65, 67, TIME_SHIFT + 9] * 5, more),
        ("steady", [START], more),
        ("steady", primer, [*range(30, 60), *[VELOCITY - 1] * 5, *[NOTE_OFF + 30, VELOCITY - 1] * 12, 70]),
        ("steady", [*primer, *[60, NOTE_OFF + 60, TIME_SHIFT + 24] * 9], [62, *[TIME_SHIFT + 49] * 58, 70]),
        ("steady", [*primer, *[67] * 30], [VELOCITY + 31, TIME_SHIFT + 49, 90, TIME_SHIFT, 80, 100] * 10),
        ("steady", [*primer, *[67] * 30], [VELOCITY, TIME_SHIFT + 49, 30, TIME_SHIFT, 40, 20] * 10),
        ("steady", [*primer, *[67] * 30], [50, TIME_SHIFT + 99, TIME_SHIFT + 79] * 20),
        ("steady,calmer,softer", [*primer, *[67] * 30], [VELOCITY, 30, 32, *[TIME_SHIFT + 99] * 2] * 12),
        ("steady", [*primer, *[TIME_SHIFT + 99] * 3, 60], more),
        ("steady", primer, [60, TIME_SHIFT + 49, NOTE_OFF + 60, 67, TIME_SHIFT + 49, NOTE_OFF + 67] * 10),
    ):
        found, longest = page.evaluate(
            """async ([shape, primer, played, logits, allowed]) => {
              const { Shaping } = await import("/static/engine/shaping.js");
              const shaping = new Shaping(shape, primer);
              const found = logits.map((each, k) => {
                const tilted = Float32Array.from(each);
                shaping.shape(tilted, allowed);
                shaping.advance(played[k]);
                return Array.from(tilted);
              });
              return [found, [shaping.maxNote, shaping.maxRest]];
            }""",
            [shape, before, after, logits.tolist(), allowed.tolist()],
        )
        shaping = Shaping(shape, np.array(before))
        assert longest == [shaping.max_note, shaping.max_rest]
        for row, scores, token in zip(np.array(found), logits, after, strict=True):
            right = shaping.shaped(np.where(np.isin(np.arange(391), allowed), scores, -np.inf))
            np.testing.assert_allclose(row[allowed], right[allowed], rtol=1e-6, atol=1e-6)
            shaping.advance(token)


def test_random_numbers_are_numpys(page: Any) -> None:
    seeds = [[0], [3, 0], [2**31 - 1, 1], [2**53 - 1, 7]]
    drawn = page.evaluate(
        """async (seeds) => {
          const { Random } = await import("/static/engine/random.js");
          return seeds.map((seed) => {
            const random = new Random(seed);
            const numbers = [random.next(), random.next()];
            return [...numbers, ...random.permutation([0, 1, 2, 3, 4, 5, 6]), random.next()];
          });
        }""",
        seeds,
    )
    for seed, numbers in zip(seeds, drawn, strict=True):
        rng = np.random.default_rng(seed)
        right = [rng.random(), rng.random(), *rng.permutation(np.arange(7)).tolist(), rng.random()]
        assert numbers == right


# ---- the compiled file


def test_the_compiled_engine_belongs_to_its_sources() -> None:
    sources = b"".join(
        (ENGINE / name).read_bytes() for name in ("engine.c", "kernels.h", "sampling.h", "constants.h")
    )
    assert hashlib.sha256(sources).hexdigest().encode() in (ENGINE / "engine.wasm").read_bytes()


def test_it_can_be_compiled_anew(page: Any, folder: Path) -> None:
    if not (shutil.which("clang") and shutil.which("wasm-ld")):
        pytest.skip("needs clang and lld")
    subprocess.run([ENGINE / "build.sh", folder / "engine.wasm"], check=True)
    model = _model("relative")
    tokens = list(range(40, 120))
    found = follow(page, folder, web_model(model), logits_of(model, tokens), tokens, 16, "/engine.wasm")
    own = follow(page, folder, web_model(model), logits_of(model, tokens), tokens, 16)
    assert found == own
