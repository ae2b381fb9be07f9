"""Tuning by preference: what a listener kept becomes likelier than what was rejected.

Direct preference optimisation needs no model of the taste: the ratio of a take's likelihood to what it was
before is its reward. Log ratios are means per token of the take, so that long and short takes count alike.
Beside it stands the likelihood of what was kept and, if there is some, of real music, which holds the model
where it can play.

References
----------
Rafailov et al., "Direct preference optimization: your language model is secretly a reward model" (2023).
Pal et al., "Smaug: fixing failure modes of preference optimisation" (2024), for the likelihood beside it.
Lambert et al., "Tülu 3: pushing frontiers in open language model post-training" (2024), for means per token.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import cycle, islice
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from musictx.checkpoint import find_model, load_model, weights_hash
from musictx.corpus import Chunk, Corpus
from musictx.errors import MusictxError
from musictx.events import PAD, START
from musictx.files import read_json, write_bytes
from musictx.losses import chunk_losses
from musictx.model import MusicTransformer
from musictx.sampling.primer import last_events, without_rest
from musictx.sampling.takes import take_tokens
from musictx.training.choices import Choice
from musictx.training.devices import choose_precision
from musictx.training.metrics import Look
from musictx.training.run import Run
from musictx.training.source import IGNORED, Curriculum, Source, fingerprints, make_validation
from musictx.training_settings import TuningConfig

JUDGED = 16  # pairs by which the preference is judged on the way
REFERENCE = "reference.json"


@dataclass(frozen=True)
class Pairs:
    """Takes as tokens, and which of them was preferred to which.

    Attributes
    ----------
    takes : list of Chunk
        Inputs and targets of a primer with a take; the primer's targets are `IGNORED`.
    better, worse : np.ndarray [shape=(pairs,)]
        Numbers of takes.
    reference : np.ndarray [shape=(takes,)]
        Log-likelihood of each take before the tuning, nats per token.
    """

    takes: list[Chunk]
    better: np.ndarray
    worse: np.ndarray
    reference: np.ndarray

    @classmethod
    def of(cls, model: MusicTransformer, choices: Sequence[Choice], longest: int) -> Pairs:
        """Takes that were kept beside takes that were rejected for them; without a reference.

        Each take of a choice stands in a pair, those of the shorter side as often as it takes.
        """
        takes: list[Chunk] = []
        pairs: list[tuple[int, int]] = []
        for number, choice in enumerate(choices):
            sides: list[list[int]] = []
            for wholes in (choice.kept, choice.rejected):
                chunks = (_chunk(model, choice, whole, number, longest) for whole in wholes)
                fresh = [chunk for chunk in chunks if (chunk.targets != IGNORED).any()]
                sides.append(list(range(len(takes), len(takes) + len(fresh))))
                takes += fresh
            if all(sides):
                count = max(map(len, sides))
                pairs += zip(*(islice(cycle(side), count) for side in sides), strict=True)
        if not pairs:
            raise MusictxError("the choices hold nothing to learn from: no take has a note beyond the primer")
        better, worse = np.array(pairs).T
        return cls(takes, better, worse, np.zeros(len(takes)))

    def __len__(self) -> int:
        """Number of pairs."""
        return len(self.better)

    def fingerprint(self) -> str:
        """What tells these pairs from others."""
        digest = hashlib.sha256(self.better.tobytes() + self.worse.tobytes())
        for take in self.takes:
            digest.update(take.inputs.tobytes() + take.targets.tobytes())
        return digest.hexdigest()

    def likelihoods(self, model: MusicTransformer, precision: str, which: Sequence[int]) -> np.ndarray:
        """Log-likelihood of some takes, nats per token [shape=(len(which),)]."""
        found = chunk_losses(model, [self.takes[i] for i in which], precision=precision)
        return np.array([-loss[take.targets != IGNORED].mean(dtype=np.float64) for take, loss in found])


def _chunk(model: MusicTransformer, choice: Choice, whole: Any, number: int, longest: int) -> Chunk:
    tokens, primer, *_ = take_tokens(model, whole, choice.cut, from_beginning=choice.from_beginning)
    before, take = tokens[:primer], tokens[primer:][: max(longest // 2, longest + 1 - primer)]
    room = longest + 1 - len(take)
    if primer > room:  # of a long primer the last part is read, as when a model plays on
        before, _ = without_rest(last_events(before[before != START], room))
    tokens = np.concatenate([before, take]).astype(np.int64)
    targets = tokens[1:].copy()
    targets[: len(before) - 1] = IGNORED
    return Chunk(number, tokens[:-1], targets)


class PreferenceSource:
    """Batches of pairs, each pass in another order, and of real music beside them.

    Parameters
    ----------
    pairs : Pairs
    config : TuningConfig
    music : Source, optional
        Windows of real music, whose likelihood counts too.
    """

    def __init__(self, pairs: Pairs, config: TuningConfig, music: Source | None = None):
        self.pairs, self.config, self.music = pairs, config, music
        self.rows = 2 * config.batch  # of pairs: what was kept, then what was rejected
        self.size = self.rows + (music.size if music else 0)

    def numbers(self, step: int) -> np.ndarray:
        """The pairs of a step [shape=(batch,)]."""
        count = len(self.pairs)
        places = np.arange(step * self.config.batch, (step + 1) * self.config.batch)
        passes = np.unique(places // count).tolist()
        orders = {k: np.random.default_rng([self.config.seed, k]).permutation(count) for k in passes}
        return np.array([orders[place // count][place % count] for place in places])

    def _takes(self, step: int) -> np.ndarray:
        """Numbers of the takes in the rows of a step."""
        numbers = self.numbers(step)
        return np.stack([self.pairs.better[numbers], self.pairs.worse[numbers]], 1).ravel()

    def batch(self, step: int, first: int = 0, count: int | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Inputs and targets of some rows, as wide as the longest of them."""
        last = self.size if count is None else first + count
        takes = [self.pairs.takes[i] for i in self._takes(step)[first : min(last, self.rows)]]
        rows = [(take.inputs, take.targets) for take in takes]
        if self.music and last > self.rows:
            begin = max(first - self.rows, 0)
            rows += zip(*self.music.batch(step, begin, last - self.rows - begin), strict=True)
        width = max(len(inputs) for inputs, _ in rows)
        inputs, targets = np.full((len(rows), width), PAD), np.full((len(rows), width), IGNORED)
        for i, (one, other) in enumerate(rows):
            inputs[i, : len(one)], targets[i, : len(other)] = one, other
        return inputs, targets

    def tokens(self, step: int) -> int:
        """Targets that count in the batch of a step."""
        takes = sum(int((self.pairs.takes[i].targets != IGNORED).sum()) for i in self._takes(step))
        return takes + (self.music.tokens(step) if self.music else 0)

    def fingerprint(self) -> str:
        """What tells these choices, and the music beside them, from others."""
        return self.pairs.fingerprint() + (self.music.fingerprint() if self.music else "")

    def loss(self, logits: torch.Tensor, targets: torch.Tensor, step: int, first: int) -> torch.Tensor:
        """What some rows of a batch add to the loss of the whole batch.

        Parameters
        ----------
        logits : torch.Tensor [shape=(rows, length, vocabulary)]
        targets : torch.Tensor [shape=(rows, length)]
        step, first : int
            As for `batch`. Pairs come whole.
        """
        nats = F.cross_entropy(
            logits.flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
        ).view(targets.shape)
        mean = -nats.sum(1) / (targets != IGNORED).sum(1)
        ours = max(0, min(len(mean), self.rows - first))
        takes = self._takes(step)[first : first + ours]
        reference = torch.from_numpy(self.pairs.reference[takes]).to(mean)
        margin = (mean[:ours] - reference).view(-1, 2).diff(dim=1).neg()
        kept, real = mean[:ours:2], mean[ours:]
        loss = -F.logsigmoid(self.config.beta * margin).sum() - self.config.likelihood * kept.sum()
        loss = loss / self.config.batch
        if self.music and len(real):
            loss = loss - self.config.likelihood * real.sum() / self.music.size
        return loss


def read_reference(folder: Path, pairs: Pairs, model: MusicTransformer, precision: str) -> Pairs:
    """Pairs with what the model to begin with makes of their takes: computed once, and kept in the folder."""
    place = folder / REFERENCE
    known = {"pairs": pairs.fingerprint(), "model": weights_hash(model), "precision": precision}
    with suppress(MusictxError):  # none yet, or damaged: it is computed anew
        told = read_json(place)
        nats = told.get("nats") if isinstance(told, dict) else None
        if nats and {name: told.get(name) for name in known} == known and len(nats) == len(pairs.takes):
            return replace(pairs, reference=np.array(nats, np.float64))
    nats = pairs.likelihoods(model, precision, range(len(pairs.takes)))
    write_bytes(place, json.dumps({**known, "nats": nats.tolist()}).encode())
    return replace(pairs, reference=nats)


def certainty(look: Look) -> float:
    """How surely a tuned model tells takes that were kept from those that were rejected, 0 to 1.

    Parameters
    ----------
    look : Look
        Of a tuning that went on after it.
    """
    return math.exp(fmean(look.losses.values()) - look.worth)


def tuning_run(
    folder: str | os.PathLike[str],
    model: str | os.PathLike[str],
    choices: Sequence[Choice],
    held: dict[str, Corpus],
    *,
    music: Corpus | None = None,
    config: TuningConfig | None = None,
    card: dict[str, Any] | None = None,
) -> Run:
    """A run that tunes a model to choices; `Run.fit` starts it, and goes on with it.

    Parameters
    ----------
    folder : path
        Of the run.
    model : str or path
        The model to begin with, as for `load_model`.
    choices : sequence of Choice
    held : dict of str to Corpus
        Music by which the model is watched: where it predicts it by more than `config.tolerance` nats per
        token worse than before, the run ends, and the best model until then stays.
    music : Corpus, optional
        Real music whose likelihood counts too.
    config : TuningConfig, optional
    card : dict, optional
        Facts for the card of the model.

    Returns
    -------
    Run

    Raises
    ------
    MusictxError
        There is nothing to learn from; the model is not there.

    Examples
    --------
    >>> from musictx import continue_variations, load_model, read_midi, shipped_primer
    >>> from musictx.corpus import build_corpus
    >>> from musictx.shipped import shipped_folder
    >>> from musictx.training import TuningConfig
    >>> from musictx.training.choices import Choice
    >>> from musictx.training.tuning import tuning_run
    >>> primer = read_midi(shipped_primer("ode-to-joy"))
    >>> one, other = continue_variations(load_model("rope"), primer, primer_end=2, tokens=24, variations=2)
    >>> mine = Choice(one.primer, one.cut, kept=(one.performance,), rejected=(other.performance,))
    >>> held = {"primers": build_corpus([shipped_folder("primers")], "corpus")}
    >>> run = tuning_run("tuned", "rope", [mine], held, config=TuningConfig(steps=1, validation_chunks=1))
    >>> run.fit().config.position, run.step
    ('rope', 1)
    """
    folder, config = Path(folder), config or TuningConfig()
    before = load_model(model)
    pairs = Pairs.of(before, choices, config.longest)
    if config.steps is None:
        config = replace(config, steps=math.ceil(config.passes * len(pairs) / config.batch))
    bfloat16 = choose_precision(config.precision, config.accelerator) == "bf16-mixed"
    precision = "bfloat16" if bfloat16 else "float32"
    pairs = read_reference(folder, pairs, before, precision)
    model_config = replace(before.config, dropout=0.0)
    length, windows = model_config.context_length, 2 * math.ceil(config.batch / 4)
    beside = None if music is None else Curriculum(music, replace(config, batch=windows), length).stages[-1]
    source = PreferenceSource(pairs, config, beside)
    watch = make_validation(held, length, config.validation_chunks)
    seen = np.unique(np.linspace(0, len(pairs) - 1, JUDGED).round().astype(int))

    def appraise(tuned: MusicTransformer, first: dict[str, float], now: dict[str, float]) -> float:
        if any(now[name] > first[name] + config.tolerance for name in held):
            return math.inf
        takes = np.concatenate([pairs.better[seen], pairs.worse[seen]]).tolist()
        gain = pairs.likelihoods(tuned, precision, takes) - pairs.reference[takes]
        margin = gain[: len(seen)] - gain[len(seen) :]
        preference = float(np.logaddexp(0, -config.beta * margin).mean())
        return preference + fmean(now.values())

    run = Run(
        folder, model_config, config, source, watch, card, start_from=find_model(model), appraise=appraise
    )
    run.music |= fingerprints(held)
    return run
