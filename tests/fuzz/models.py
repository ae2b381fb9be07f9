"""Small models for the targets: untrained, and quick."""

from __future__ import annotations

from pathlib import Path

import torch

from musictx.checkpoint import save_model
from musictx.model import ModelConfig, MusicTransformer

SCHEMES = ("vanilla", "relative", "rope")


def save_small_model(folder: Path, position: str) -> Path:
    """A model whose events are not all alike, as they are at first."""
    torch.manual_seed(len(position))
    sizes = {"layers": 1, "width": 32, "heads": 2, "feed_forward": 32, "context_length": 64}
    model = MusicTransformer(ModelConfig(position, **sizes))
    torch.nn.init.normal_(model.head.weight, std=0.3)
    save_model(model, folder, {"name": position, "tokens_seen": 5})
    return folder
