"""Settings of a training run, and what the command line says of each.

It imports next to nothing: the command line needs it before it has loaded PyTorch.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields, is_dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from musictx.errors import MusictxError, require

if TYPE_CHECKING:
    from musictx.corpus import Augmentation

PRECISIONS = ("auto", "32-true", "bf16-mixed")
STRATEGIES = ("auto", "ddp", "fsdp")
OPTIMIZERS = ("muon", "adamw")
TEACHING_DROPOUT = 0.0

# A run can only be resumed with the same of these: other ones would give another loss curve.
FIXED = (
    *("batch", "optimizer", "matrix_lr", "lr", "weight_decay", "warmup", "decay", "curriculum", "clip"),
    *("seed", "augmentation", "mix", "blend", "beta", "likelihood", "longest"),
)


class Option(NamedTuple):
    """What there is to know of a setting.

    Attributes
    ----------
    help : str
        For the command line; without it, it is set in Python alone.
    kind : type
        Of its values.
    above, lowest, highest : float
        Numbers must be greater than the first, and lie between the others. No run needs more than the
        highest: what is larger is a slip, and some numbers fit in no register.
    """

    help: str
    kind: type
    above: float
    lowest: float
    highest: float

    def check(self, name: str, value: object) -> None:
        """Say that a number lies outside its bounds."""
        if isinstance(value, int | float):
            require(value >= self.lowest, name, value, f"be at least {self.lowest:g}")
            require(value > self.above, name, value, f"be greater than {self.above:g}")
            require(value <= self.highest, name, value, f"be at most {self.highest}")


def _set(
    default: Any,
    help: str = "",
    kind: type | None = None,
    *,
    above: float = -math.inf,
    lowest: float = -math.inf,
    highest: float = math.inf,
) -> Any:
    known = Option(help, kind or type(default), above, lowest, highest)
    return field(default=default, metadata={"option": known})


def _augmentation() -> Augmentation:
    from musictx.corpus import Augmentation  # here, since it needs NumPy

    return Augmentation()


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. The first budget that is used up ends the run."""

    # fmt: off
    steps: int | None = _set(None, "Stop after this many steps.", int, above=0, highest=10**9)
    tokens: int | None = _set(None, "Stop after this many tokens, such as 25M.", str, above=0, highest=10**15)
    hours: float | None = _set(
        None, "Stop after this many hours. [default: 1, if no other end is set]", float, above=0, highest=8760
    )
    batch: int = _set(8, "Windows of music in a step, over all devices.", above=0, highest=2**16)
    micro_batch: int | None = _set(
        None, "Windows computed at once on a device: fewer need less memory.", int, above=0, highest=2**16
    )
    mix: str | tuple[float, ...] = _set(
        "folders",
        "folders: draw from each folder equally often; tokens: from each in proportion to its size; "
        "or a number for each folder, such as 3,1.",
    )
    curriculum: tuple[tuple[int, float], ...] = _set(
        (),
        "Shorter windows first, as TOKENS:SHARE of the budget: 1024:0.4,2048:0.3 spends 40 % on "
        "windows of 1024 tokens, 30 % on 2048 and the rest on the context.",
        str,
    )
    devices: int | str = _set(1, "GPUs, or processes on a CPU, of each machine.", lowest=1, highest=64)
    nodes: int = _set(1, "Machines; torchrun or srun starts this command on each.", lowest=1, highest=4096)
    strategy: str = _set(
        "auto", "ddp, as auto: each device holds the model; fsdp: it is in shards over all, if it fits none."
    )
    precision: str = _set("auto", "auto, 32-true or bf16-mixed.")
    seed: int = _set(0, "The same seed gives the same batches and first weights.", lowest=0, highest=2**63-1)
    optimizer: str = _set("muon", "muon or adamw.")
    matrix_lr: float = _set(0.02, "Peak learning rate of Muon.", above=0, highest=100)
    lr: float = _set(0.003, "Peak learning rate of AdamW.", above=0, highest=100)
    weight_decay: float = _set(0.01, "Weight decay.", lowest=0, highest=100)
    warmup: int = _set(100, "Warm-up steps.", lowest=0, highest=10**6)
    decay: float = _set(0.4, "Last share of the budget, over which the rates fall to 0.", lowest=0, highest=1)
    blend: float = _set(
        1.0, "With --from, the kept model lies between that one (0) and the trained (1).", above=0, highest=1
    )
    validate_every: int = _set(500, "Steps between validations.", above=0, highest=10**9)
    patience: float = _set(1.0, "Stop if nothing improves for this share of the budget.", above=0, highest=1)
    compile: bool = _set(False, "Use torch.compile (needs a C++ compiler).")
    clip: float = _set(1.0, lowest=0, highest=10**9)  # largest gradient norm
    augmentation: Augmentation = field(default_factory=_augmentation)
    validation_chunks: int = _set(256, above=0)  # at most, spread over the validation pieces
    log_every: int = _set(20, above=0, highest=10**9)  # steps
    checkpoint_minutes: float = _set(5.0, above=0, highest=525_600)
    accelerator: str = "auto"
    # fmt: on

    def __post_init__(self) -> None:
        if isinstance(self.mix, str):
            require(self.mix in ("folders", "tokens"), "mix", self.mix, "be folders, tokens or numbers")
        if not self.has_budget:
            raise MusictxError("give a budget: steps, tokens or hours")
        known_words = {"optimizer": OPTIMIZERS, "precision": PRECISIONS, "strategy": STRATEGIES}
        for name, known in known_words.items():
            value = getattr(self, name)
            require(value in known, name, value, f"be one of {', '.join(known)}")
        for name, option in options(type(self)).items():
            option.check(name, getattr(self, name))
        for length, share in self.curriculum:
            require(length >= 1, "curriculum: tokens", length, "be at least 1")
            require(0 < share <= 1, "curriculum: share", share, "lie between 0 and 1")
        total = sum(share for _, share in self.curriculum)
        require(total <= 1 + 1e-9, "curriculum: shares", total, "add up to at most 1")

    @property
    def has_budget(self) -> bool:
        """Whether anything ends the run."""
        return any(limit is not None for limit in (self.steps, self.tokens, self.hours))

    def progress(self, step: int, tokens: int, seconds: float) -> float:
        """Share of the budget used up by some steps, tokens and seconds, by whichever limit is nearest."""
        used = ((step, self.steps), (tokens, self.tokens), (seconds / 3600, self.hours))
        return max(0.0, *(spent / limit for spent, limit in used if limit))


@dataclass(frozen=True)
class TeachingConfig(TrainingConfig):
    """How a model that can play already is taught other music: gently, and looked at often.

    What is kept lies between the model that it begins with and the one that was trained (Wortsman et al.,
    "Robust fine-tuning of zero-shot models", 2022). The figures that these settings were chosen by are in
    checkpoints/README.md. Dropout is a setting of the model: for teaching it is `TEACHING_DROPOUT`.
    """

    matrix_lr: float = 0.006
    lr: float = 0.001
    warmup: int = 5
    decay: float = 0.8
    blend: float = 0.75
    validate_every: int = 10
    validation_chunks: int = 16
    patience: float = 0.25


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

    # fmt: off
    passes: float = _set(4.0, "How often each pair of takes is seen.", above=0, highest=10**6)
    beta: float = _set(30.0, "More holds the model nearer to what it was.", above=0)
    likelihood: float = _set(0.3, "Weight of the likelihood of what was kept, and of --music.", lowest=0)
    tolerance: float = _set(0.02, "Nats per token by which other music may become less likely.", above=0)
    batch: int = _set(4, "Pairs of takes in a step.", above=0, highest=2**16)
    seed: int = _set(0, "Random seed for the order of the pairs.", lowest=0, highest=2**63 - 1)
    longest: int = _set(3072, above=0)
    # fmt: on
    micro_batch: int | None = 2
    optimizer: str = "adamw"
    lr: float = 2e-5
    warmup: int = 5
    decay: float = 1.0
    validate_every: int = 10
    validation_chunks: int = 16

    @property
    def has_budget(self) -> bool:  # noqa: D102
        return True


def options(config: type[TrainingConfig]) -> dict[str, Option]:
    """What is known of the settings of a kind of run, those of what it is derived from included."""
    kinds = [kind for kind in reversed(config.__mro__) if is_dataclass(kind)]
    return {f.name: f.metadata["option"] for kind in kinds for f in fields(kind) if f.metadata}
