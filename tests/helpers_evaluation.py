"""Small corpora and models for the tests of `musictx.lab.evaluation`."""

import numpy as np
import torch

from musictx.corpus import Corpus
from musictx.events import EVENTS
from musictx.model import ModelConfig, MusicTransformer


def make_corpus(pieces) -> Corpus:
    ends = np.cumsum([len(p) for p in pieces])
    tokens = np.concatenate(pieces).astype(np.uint16)
    names = tuple(f"{i}.mid" for i in range(len(pieces)))
    return Corpus(tokens, np.append(0, ends[:-1]), ends, names, np.zeros(len(pieces), int), {})


def random_corpus(lengths, seed=0) -> Corpus:
    rng = np.random.default_rng(seed)
    return make_corpus([rng.integers(0, EVENTS, n) for n in lengths])


def tiny_model(position="relative", seed=0, **settings) -> MusicTransformer:
    torch.manual_seed(seed)
    settings = {"layers": 1, "width": 32, "heads": 2, "feed_forward": 32, "context_length": 32, **settings}
    model = MusicTransformer(ModelConfig(position=position, **settings))
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.2)
    return model.eval()
