"""Does it matter to a model where a passage stands in its context?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

from musictx.losses import computing_in
from musictx.model import MusicTransformer


def shift_sensitivity(
    model: MusicTransformer,
    music: Sequence[np.ndarray],
    places: Sequence[int],
    *,
    precision: str = "float32",
) -> list[dict[str, Any]]:
    """How predictions move when the same window of music is placed elsewhere in the context.

    The window is all that the model sees; only the positions that it is given change. For relative,
    rotary and ALiBi positions nothing may change at all (beyond rounding).

    Parameters
    ----------
    model : MusicTransformer
    music : sequence of np.ndarray
        Windows of event tokens.
    places : sequence of int
        Where the window begins, in events.
    precision : {"float32", "bfloat16"}

    Returns
    -------
    list of dict
        For each place: ``divergence``, the mean Kullback-Leibler divergence (nats) of the predictions
        from those at place 0; ``changed``, the share of places where the likeliest event is another;
        ``nats``, the NLL there, and ``nats_at_0``. None where learned positions end.
    """
    limit, rows = model.positions.limit, []
    longest = max(len(m) for m in music)
    for place in places:
        if limit is not None and place + longest > limit:
            rows.append(
                {"place": place, "divergence": None, "changed": None, "nats": None, "nats_at_0": None}
            )
            continue
        sums = np.zeros(5)
        for window in music:
            tokens = torch.from_numpy(window.astype(np.int64))[None].to(model.device)
            with torch.inference_mode(), computing_in(precision, model.device):
                home = F.log_softmax(model(tokens[:, :-1]).float(), -1)
                moved = F.log_softmax(model(tokens[:, :-1], place).float(), -1)
            truth = tokens[:, 1:, None]
            sums += [
                float((home.exp() * (home - moved)).sum()),
                float((home.argmax(-1) != moved.argmax(-1)).sum()),
                -float(moved.gather(-1, truth).sum()),
                -float(home.gather(-1, truth).sum()),
                truth.shape[1],
            ]
        divergence, changed, nats, nats_at_0 = (sums[:4] / sums[4]).tolist()
        rows.append(
            {
                "place": place,
                "divergence": max(0.0, divergence),
                "changed": changed,
                "nats": nats,
                "nats_at_0": nats_at_0,
            }
        )
    return rows
