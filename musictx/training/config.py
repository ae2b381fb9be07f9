"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field

from musictx.corpus.batches import Augmentation
from musictx.errors import MusictxError, require
from musictx.training.devices import choose_precision

# A run can only be resumed with the same of these: other ones would give another loss curve.
FIXED = (
    *("batch", "optimizer", "matrix_lr", "lr", "weight_decay", "warmup", "decay", "curriculum", "clip"),
    *("seed", "augmentation", "mix"),
)


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. The first budget that is used up ends the run."""

    steps: int | None = None
    tokens: int | None = None
    hours: float | None = None
    batch: int = 8  # windows per step, over all devices
    micro_batch: int | None = None  # windows computed at once on a device; None: all of its share
    optimizer: str = "muon"
    matrix_lr: float = 0.02  # Muon
    lr: float = 3e-3  # AdamW
    weight_decay: float = 0.01
    warmup: int = 100  # steps
    decay: float = 0.4  # last share of the budget in which the rate falls to 0
    curriculum: tuple[tuple[int, float], ...] = ()  # shorter windows first: (tokens, share of the budget)
    clip: float = 1.0  # largest gradient norm
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    # "folders": draw from each equally often; "tokens": from each as often as it has tokens; or in proportion
    # to a number for each folder.
    mix: str | tuple[float, ...] = "folders"
    validate_every: int = 500  # steps
    validation_chunks: int = 256  # the largest number, spread over the validation pieces; fewer if long
    log_every: int = 20  # steps
    checkpoint_minutes: float = 5.0
    precision: str = "auto"
    devices: int | str = 1
    accelerator: str = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        require(self.optimizer in ("muon", "adamw"), "optimizer", self.optimizer, "be muon or adamw")
        if isinstance(self.mix, str):
            require(self.mix in ("folders", "tokens"), "mix", self.mix, "be folders, tokens or numbers")
        if self.steps is None and self.tokens is None and self.hours is None:
            raise MusictxError("give a budget: steps, tokens or hours")
        choose_precision(self.precision, self.accelerator)
        for name, most in (("batch", 2**16), ("seed", 2**63 - 1)):
            require(getattr(self, name) <= most, name, getattr(self, name), f"be at most {most}")
        positive = ("steps", "tokens", "hours", "batch", "micro_batch", "lr", "matrix_lr", "log_every")
        for name in (*positive, "validate_every", "validation_chunks", "checkpoint_minutes"):
            value = getattr(self, name)
            require(value is None or value > 0, name, value, "be greater than 0")
        for name in ("weight_decay", "warmup", "clip", "seed"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "be at least 0")
        require(0 <= self.decay <= 1, "decay", self.decay, "lie between 0 and 1")
        for length, share in self.curriculum:
            require(length >= 1, "curriculum: tokens", length, "be at least 1")
            require(0 < share <= 1, "curriculum: share", share, "lie between 0 and 1")
        total = sum(share for _, share in self.curriculum)
        require(total <= 1 + 1e-9, "curriculum: shares", total, "add up to at most 1")

    def progress(self, step: int, tokens: int, seconds: float) -> float:
        """Share of the budget used up by some steps, tokens and seconds, by whichever limit is nearest."""
        shares = [0.0]
        if self.steps:
            shares.append(step / self.steps)
        if self.tokens:
            shares.append(tokens / self.tokens)
        if self.hours:
            shares.append(seconds / (3600 * self.hours))
        return max(shares)
