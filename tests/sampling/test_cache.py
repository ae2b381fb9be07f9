"""Caches go when nobody needs them, and share what they can."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scheme_contract import model, music

from musictx.sampling import Cache, SamplingSettings, generate


@pytest.fixture
def no_collector() -> Iterator[None]:
    """Memory is freed when the last name for it goes, or not at all."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("no_collector")
def test_a_dropped_cache_frees_its_memory_at_once() -> None:
    with torch.inference_mode():
        cache = Cache(model(), 1, 8, int8=True)
        for tokens in music(12, batch=1).split(4, 1):
            cache.step(tokens)
            cache.step(tokens[:, :1])
    parts = [cache, cache.engine, cache.steps, cache.layers[0].keys]
    watched = [weakref.ref(x) for x in parts if x is not None]
    del cache, parts
    assert [ref() for ref in watched] == [None] * len(watched)


@pytest.mark.usefixtures("no_collector")
def test_music_that_is_finished_or_stopped_leaves_no_cache_behind() -> None:
    made, primer = model(), np.array([389, 380, 60, 300])
    list(generate(made, primer, settings=SamplingSettings(allow_end=False), max_tokens=5))
    stopped = generate(made, primer, settings=SamplingSettings(allow_end=False))
    next(stopped)
    next(stopped)
    stopped.close()
    assert not [x for x in gc.get_objects() if type(x) is Cache]


@torch.inference_mode()
def test_a_sibling_begins_anew_with_the_same_weights() -> None:
    made, tokens = model(), music(20, batch=3)
    cache = Cache(made, 3, 8)
    cache.step(tokens)
    sibling = cache.sibling(2, 4)
    assert sibling.engine is cache.engine and sibling.length == 0
    found = torch.cat([sibling.step(t) for t in tokens[:2].split(1, 1)], 1)
    torch.testing.assert_close(found, made(tokens[:2]), rtol=0, atol=1e-4)
    again = torch.cat([tokens, tokens[:, :1]], 1)
    torch.testing.assert_close(cache.step(tokens[:, :1]), made(again)[:, -1:], rtol=0, atol=1e-4)
