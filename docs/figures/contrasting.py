"""Contrast at one token: after the whole primer, after its last few tokens, and weighed up."""

from __future__ import annotations

import numpy as np
import torch
from matplotlib.figure import Figure

from docs.figures.drawing import HUES, INK, Figures, canvas
from docs.figures.music import event_words
from musictx import encode, load_model, read_midi, shipped_primer
from musictx.events import NOTE_OFF, START
from musictx.sampling.contrast import STRIDES, contrast, log_probabilities, short_start


def distributions() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log probabilities [shape=(tokens, vocabulary)] after all, after the last few, and with contrast."""
    tokens = np.r_[START, encode(read_midi(shipped_primer("two-bar-loop")))].astype(np.int64)
    model = load_model("relative")
    with torch.inference_mode():
        whole = model(torch.from_numpy(tokens)[None])[0].numpy()
        parts = [tokens[short_start(n, STRIDES["theme"]) : n] for n in range(1, len(tokens) + 1)]
        short = np.stack([model(torch.from_numpy(part)[None])[0, -1].numpy() for part in parts])
    whole, short = log_probabilities(whole), log_probabilities(short)
    return whole, short, contrast(whole, short, 0.5)


def one_token() -> Figure:
    """Where the whole context tells most: the likeliest tokens of three distributions."""
    whole, short, weighed = distributions()
    told = (np.exp(whole) * (whole - short)).sum(-1)
    entropy = -(np.exp(whole) * whole).sum(-1)
    open_note = (entropy > 0.8) & (whole.argmax(-1) < NOTE_OFF)  # a key, and something left to draw
    here = int(np.argmax(np.where(open_note, told, 0)))
    shown = np.argsort(-whole[here])[:7]
    figure, axes = canvas(7, 3.4)
    for i, (name, logits) in enumerate(
        {"after the last few tokens": short, "after all": whole, "contrasted": weighed}.items()
    ):
        p = np.exp(logits[here])
        axes.bar(np.arange(7) + 0.27 * (i - 1), (p / p.sum())[shown], 0.25, color=HUES[i], label=name)
    labels = [event_words(int(t))[1].replace("\n", " ") for t in shown]
    axes.set_xticks(np.arange(7), labels, rotation=20)
    axes.set(ylabel="probability")
    axes.legend(labelcolor=INK)
    return figure


FIGURES: Figures = {"contrast": one_token}
