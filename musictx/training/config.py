"""Settings of a training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from musictx.corpus.batches import Augmentation
from musictx.errors import MusictxError, require
from musictx.training.devices import STRATEGIES, choose_precision, open_devices

if TYPE_CHECKING:
    from lightning_fabric import Fabric

# A run can only be resumed with the same of these: other ones would give another loss curve.
FIXED = (
    *("batch", "optimizer", "matrix_lr", "lr", "weight_decay", "warmup", "decay", "curriculum", "clip"),
    *("seed", "augmentation", "mix", "beta", "likelihood", "longest"),
)
# No run needs more; what is larger is a slip, and some numbers fit in no register.
MAX_VALUES: dict[str, float] = {
    **{"steps": 10**9, "tokens": 10**15, "hours": 8760, "warmup": 10**6, "validate_every": 10**9},
    **{"batch": 2**16, "micro_batch": 2**16, "devices": 64, "nodes": 4096, "seed": 2**63 - 1},
    **{"lr": 100, "matrix_lr": 100, "weight_decay": 100, "clip": 10**9},
    **{"log_every": 10**9, "checkpoint_minutes": 525_600},
}


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. The first budget that is used up ends the run."""

    steps: int | None = None
    tokens: int | None = None
    hours: float | None = None
    batch: int = 8  # windows per step, over all devices of all machines
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
    devices: int | str = 1  # of each machine
    nodes: int = 1  # machines, each of which `torchrun` or SLURM starts
    strategy: str = "auto"  # "fsdp": weights, gradients and averages in shards over all devices
    accelerator: str = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        require(self.optimizer in ("muon", "adamw"), "optimizer", self.optimizer, "be muon or adamw")
        if isinstance(self.mix, str):
            require(self.mix in ("folders", "tokens"), "mix", self.mix, "be folders, tokens or numbers")
        if not self.has_budget:
            raise MusictxError("give a budget: steps, tokens or hours")
        choose_precision(self.precision, self.accelerator)
        for name, maximum in MAX_VALUES.items():
            value = getattr(self, name)
            require(
                not isinstance(value, int | float) or value <= maximum, name, value, f"be at most {maximum}"
            )
        positive = ("steps", "tokens", "hours", "batch", "micro_batch", "lr", "matrix_lr", "log_every")
        for name in (*positive, "validate_every", "validation_chunks", "checkpoint_minutes"):
            value = getattr(self, name)
            require(value is None or value > 0, name, value, "be greater than 0")
        require(isinstance(self.devices, str) or self.devices >= 1, "devices", self.devices, "be at least 1")
        require(self.nodes >= 1, "nodes", self.nodes, "be at least 1")
        require(self.strategy in STRATEGIES, "strategy", self.strategy, f"be one of {', '.join(STRATEGIES)}")
        for name in ("weight_decay", "warmup", "clip", "seed"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "be at least 0")
        require(0 <= self.decay <= 1, "decay", self.decay, "lie between 0 and 1")
        for length, share in self.curriculum:
            require(length >= 1, "curriculum: tokens", length, "be at least 1")
            require(0 < share <= 1, "curriculum: share", share, "lie between 0 and 1")
        total = sum(share for _, share in self.curriculum)
        require(total <= 1 + 1e-9, "curriculum: shares", total, "add up to at most 1")

    def open_devices(self) -> Fabric:
        """What the run is computed on, as `musictx.training.devices.open_devices` gives it."""
        return open_devices(self.accelerator, self.devices, self.nodes, self.strategy, self.precision)

    @property
    def has_budget(self) -> bool:
        """Whether anything ends the run."""
        return any(limit is not None for limit in (self.steps, self.tokens, self.hours))

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


@dataclass(frozen=True)
class TeachingConfig(TrainingConfig):
    """How a model that can play already is taught other music: gently, and looked at often.

    The figures that these were chosen by are in checkpoints/README.md. Dropout is a setting of the model:
    for teaching it is `TEACHING_DROPOUT`.
    """

    matrix_lr: float = 0.006
    lr: float = 1e-3
    warmup: int = 5
    decay: float = 0.8
    validate_every: int = 10
    validation_chunks: int = 16


TEACHING_DROPOUT = 0.0


@dataclass(frozen=True)
class TuningConfig(TrainingConfig):
    """How a model is tuned to choices.

    Attributes
    ----------
    passes : float
        How often each pair of takes is seen, if nothing else ends the run.
    batch : int
        Pairs in a step.
    beta : float
        How much a nat per token between what was kept and what was rejected says: more holds the model
        nearer to what it was.
    likelihood : float
        Weight of the likelihood of what was kept, and of real music.
    tolerance : float
        Nats per token by which held-out music may become worse before the run ends.
    longest : int
        Tokens of a take with its primer that are looked at.
    """

    passes: float = 4.0
    batch: int = 4
    micro_batch: int | None = 2
    beta: float = 30.0
    likelihood: float = 0.3
    tolerance: float = 0.02
    longest: int = 3072
    optimizer: str = "adamw"
    lr: float = 2e-5
    warmup: int = 5
    decay: float = 1.0
    validate_every: int = 10
    validation_chunks: int = 16

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("passes", "beta", "tolerance", "longest"):
            require(getattr(self, name) > 0, name, getattr(self, name), "be greater than 0")
        require(self.likelihood >= 0, "likelihood", self.likelihood, "be at least 0")

    @property
    def has_budget(self) -> bool:  # noqa: D102
        return True
