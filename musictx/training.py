"""The training loop, on Lightning Fabric: one core or many GPUs run the same lines.

A run is a folder::

    run.json        model and training settings
    metrics.jsonl   one line a measurement
    loss.png        the curve
    model/          the best model so far by validation loss: a checkpoint
    state.pt        everything needed to go on exactly (weights, optimisers, random states, place)
    samples/        continuations by the model at each checkpoint
"""

from __future__ import annotations

import ctypes
import json
import math
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.nn import functional as F

from musictx.batches import Augmentation, BatchSource
from musictx.checkpoint import save_model
from musictx.corpus import Chunk, Corpus, consecutive_chunks
from musictx.errors import MusictxError
from musictx.evaluation.nll import chunk_losses
from musictx.files import write_bytes
from musictx.model import ModelConfig, MusicTransformer
from musictx.optimizers import make_optimizers, schedule, set_rate


@dataclass(frozen=True)
class TrainingConfig:
    """How a model is trained. The first budget that is used up ends the run."""

    steps: int | None = None
    tokens: int | None = None
    hours: float | None = None
    batch: int = 4  # windows a step, over all devices
    micro_batch: int | None = None  # windows computed at once on a device; None: all of its share
    optimizer: str = "muon"
    matrix_lr: float = 0.02  # Muon
    lr: float = 3e-3  # AdamW
    weight_decay: float = 0.01
    warmup: int = 100  # steps
    decay: float = 0.4  # last share of the budget in which the rate falls to 0
    curriculum: float = 0.0  # first share of the budget on windows of half the context, twice as many
    clip: float = 1.0  # largest gradient norm
    seed: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    validate_every: int = 500  # steps
    validation_chunks: int = 256  # at most so many, spread over the validation pieces
    log_every: int = 20  # steps
    checkpoint_minutes: float = 5.0
    precision: str = "auto"
    devices: int | str = 1
    accelerator: str = "auto"
    compile: bool = False

    def __post_init__(self) -> None:
        if self.optimizer not in ("muon", "adamw"):
            raise MusictxError(f"optimizer is {self.optimizer!r}; it must be muon or adamw")
        if self.steps is None and self.tokens is None and self.hours is None:
            raise MusictxError("give a budget: steps, tokens or hours")
        for name in ("steps", "tokens", "hours", "batch", "micro_batch", "validate_every", "log_every"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise MusictxError(f"{name} is {value}; it must be greater than 0")

    def progress(self, step: int, tokens_a_step: int, seconds: float) -> float:
        """Share of the budget used up, by whichever limit is nearest."""
        shares = [0.0]
        if self.steps:
            shares.append(step / self.steps)
        if self.tokens:
            shares.append(step * tokens_a_step / self.tokens)
        if self.hours:
            shares.append(seconds / (3600 * self.hours))
        return max(shares)


def choose_precision(wanted: str, accelerator: str = "auto") -> str:
    """``"auto"``: bfloat16 autocast where the processor computes it, else float32."""
    if wanted != "auto":
        return wanted
    if torch.cuda.is_available() and accelerator in ("auto", "cuda", "gpu"):
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "16-mixed"
    capabilities: dict[str, bool] = getattr(torch.cpu, "get_capabilities", dict)()
    has_bf16 = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") or capabilities.get("bf16")
    return "bf16-mixed" if has_bf16 else "32-true"


def keep_freed_memory() -> None:
    """Tell glibc to keep large freed blocks instead of giving them back to the system.

    Each step frees and asks for the same large tensors; handing their pages back and forth costs 10 to
    25 % of a training step on the CPU. Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        trim_threshold, mmap_threshold = -1, -3  # M_TRIM_THRESHOLD, M_MMAP_THRESHOLD in malloc.h
        mallopt(mmap_threshold, 2**30)
        mallopt(trim_threshold, 2**31 - 1)


@dataclass(frozen=True)
class Progress:
    """What a progress display shows after a step."""

    step: int
    share: float
    loss: float
    tokens_per_second: float
    validation: float | None
    seconds_left: float


class Run:
    """A training run in a folder.

    Parameters
    ----------
    folder : Path
    model_config : ModelConfig
    config : TrainingConfig
    train : Corpus
    validation : dict of str to Corpus
        Named validation corpora; their mean NLL chooses the best model. May be empty.
    card : dict, optional
        Facts for the card of the model.
    """

    def __init__(
        self,
        folder: Path,
        model_config: ModelConfig,
        config: TrainingConfig,
        train: Corpus,
        validation: dict[str, Corpus],
        card: dict[str, Any] | None = None,
    ):
        self.folder, self.model_config, self.config = folder, model_config, config
        self.validation, self.train_corpus, self.card = validation, train, card or {}
        self.fabric = Fabric(
            accelerator=config.accelerator,
            devices=config.devices,
            precision=choose_precision(config.precision, config.accelerator),  # type: ignore[arg-type]
        )
        self.windows = self._source(model_config.context_length, config.batch)
        self.short_windows = self._source(max(1, model_config.context_length // 2), 2 * config.batch)
        self.tokens_a_step = config.batch * model_config.context_length
        self.step, self.seconds, self.best = 0, 0.0, math.inf

    def _source(self, length: int, batch: int) -> BatchSource:
        return BatchSource(
            self.train_corpus,
            length=length,
            batch=batch,
            seed=self.config.seed,
            augmentation=self.config.augmentation,
        )

    def fit(
        self,
        *,
        resume: bool = False,
        on_progress: Callable[[Progress], None] | None = None,
        on_checkpoint: Callable[[MusicTransformer, int], None] | None = None,
        stop_after: float | None = None,
    ) -> MusicTransformer:
        """Train until a budget is used up.

        Parameters
        ----------
        resume : bool
            Go on from ``state.pt`` if there is one.
        on_progress : callable, optional
            Called every `log_every` steps on the first device.
        on_checkpoint : callable, optional
            Called with the model and the step whenever the state was saved.
        stop_after : float, optional
            Save and return after so many seconds of this call, to be resumed later.

        Returns
        -------
        MusicTransformer
        """
        fabric, config = self.fabric, self.config
        fabric.launch()
        keep_freed_memory()
        torch.manual_seed(config.seed)
        model = MusicTransformer(self.model_config)
        forward = torch.compile(model) if config.compile else model
        optimizers = make_optimizers(
            model,
            kind=config.optimizer,
            matrix_lr=config.matrix_lr,
            lr=config.lr,
            weight_decay=config.weight_decay,
        )
        wrapped, *optimizers = fabric.setup(forward, *optimizers)  # type: ignore[arg-type]
        state_path = self.folder / "state.pt"
        if resume and state_path.is_file():
            self._load(state_path, model, optimizers)
        elif fabric.is_global_zero:
            self._start()
        # Other random numbers (dropout) on every device, and the same ones again after a resume.
        began = last_saved = last_logged = time.monotonic()
        seconds_before, logged_step, losses, validation = self.seconds, self.step, [], None
        wrapped.train()
        while (share := config.progress(self.step, self.tokens_a_step, self.seconds)) < 1.0:
            set_rate(optimizers, schedule(share, self.step, warmup=config.warmup, decay=config.decay))
            source = self.short_windows if share < config.curriculum else self.windows
            losses.append(self._step(source, wrapped, model, optimizers))
            self.step += 1
            now = time.monotonic()
            self.seconds = self._agree(seconds_before + now - began)
            share = config.progress(self.step, self.tokens_a_step, self.seconds)
            if self.step % config.log_every == 0 or share >= 1.0:
                loss = float(torch.stack(losses).mean())
                if not math.isfinite(loss):
                    raise MusictxError(
                        f"the loss is {loss} at step {self.step}: lower the learning rate (now "
                        f"{config.lr} and {config.matrix_lr}); the last good state is in {self.folder}"
                    )
                rate = (self.step - logged_step) * self.tokens_a_step / max(now - last_logged, 1e-9)
                last_logged, logged_step, losses = now, self.step, []
                self._log({"step": self.step, "loss": loss, "tokens_per_second": round(rate)})
                if on_progress and fabric.is_global_zero:
                    left = self.seconds * (1 - share) / max(share, 1e-9)
                    on_progress(Progress(self.step, share, loss, rate, validation, left))
            if self.validation and (self.step % config.validate_every == 0 or share >= 1.0):
                validation = self._validate(model, wrapped)
                last_logged, logged_step = time.monotonic(), self.step
            done = stop_after is not None and self._agree(now - began) > stop_after
            if self._agree(now - last_saved) > 60 * config.checkpoint_minutes or share >= 1.0 or done:
                self._save(state_path, model, optimizers)
                last_saved = time.monotonic()
                if fabric.is_global_zero:
                    if not self.validation:
                        self._save_best(model, {})
                    if on_checkpoint:
                        on_checkpoint(model, self.step)
                        model.train()
            if done:
                break
        return model

    def _step(
        self,
        source: BatchSource,
        wrapped: Any,
        model: MusicTransformer,
        optimizers: list[torch.optim.Optimizer],
    ) -> torch.Tensor:
        """One update from one batch, shared over devices and micro-batches."""
        fabric, config = self.fabric, self.config
        share = source.size // fabric.world_size
        micro = min(config.micro_batch or share, share)
        if share * fabric.world_size != source.size or share % micro:
            raise MusictxError(
                f"a batch of {source.size} windows cannot be shared by {fabric.world_size} devices "
                f"in micro-batches of {micro}"
            )
        total = torch.zeros((), device=fabric.device)
        for part in range(share // micro):
            first = fabric.global_rank * share + part * micro
            inputs, targets = (
                torch.from_numpy(np.ascontiguousarray(x)).to(fabric.device, non_blocking=True)
                for x in source.batch(self.step, first, micro)
            )
            last = part == share // micro - 1
            with fabric.no_backward_sync(wrapped, enabled=not last):
                logits = wrapped(inputs)
                loss = F.cross_entropy(logits.float().flatten(0, 1), targets.flatten()) * (micro / share)
                fabric.backward(loss)
            total += loss.detach()
        if config.clip:
            torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        for optimizer in optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return self.fabric.all_reduce(total, reduce_op="mean") if fabric.world_size > 1 else total  # type: ignore

    def _agree(self, seconds: float) -> float:
        """The first device's clock, so that all devices stop at the same step."""
        if self.fabric.world_size == 1:
            return seconds
        return float(self.fabric.broadcast(seconds))

    def _chunks(self, corpus: Corpus) -> Iterator[Chunk]:
        """At most `validation_chunks` full chunks, spread evenly; shorter ones if there are no full ones."""
        length = self.model_config.context_length
        chunks = list(consecutive_chunks(corpus, length, full_only=True))
        chunks = chunks or list(consecutive_chunks(corpus, length))
        stride = max(1, math.ceil(len(chunks) / self.config.validation_chunks))
        yield from chunks[::stride]

    def _validate(self, model: MusicTransformer, wrapped: Any) -> float:
        """Mean NLL of each validation corpus; keeps the model if their mean is the best so far."""
        results = {}
        if self.fabric.is_global_zero:
            with self.fabric.autocast():
                for name, corpus in self.validation.items():
                    losses = [x for _, x in chunk_losses(model, self._chunks(corpus))]
                    results[name] = float(np.concatenate(losses).mean())
            mean = float(np.mean(list(results.values())))
            self._log({"step": self.step, "validation": results})
            if mean < self.best:
                self.best = mean
                self._save_best(model, results)
        self.fabric.barrier()
        wrapped.train()
        return self.best

    def _save_best(self, model: MusicTransformer, results: dict[str, float]) -> None:
        facts = {
            **self.card,
            "parameters": model.parameter_count(),
            "steps": self.step,
            "tokens_seen": self.step * self.tokens_a_step,
            "training": asdict(self.config),
            "validation_nll_while_training": results,
        }
        save_model(model, self.folder / "model", facts)

    def _start(self) -> None:
        """Write the settings of a new run, and clear what an earlier one left."""
        settings = {"model": self.model_config.to_dict(), "training": asdict(self.config), "card": self.card}
        write_bytes(self.folder / "run.json", (json.dumps(settings, indent=2) + "\n").encode())
        (self.folder / "metrics.jsonl").unlink(missing_ok=True)

    def _log(self, line: dict[str, Any]) -> None:
        if self.fabric.is_global_zero:
            with open(self.folder / "metrics.jsonl", "a") as file:
                file.write(json.dumps({**line, "seconds": round(self.seconds, 1)}) + "\n")

    def _save(self, path: Path, model: MusicTransformer, optimizers: list[torch.optim.Optimizer]) -> None:
        """Write the state: a run that is killed at any moment goes on from the last one."""
        # Gathered, since every device draws its own dropout.
        random = self.fabric.all_gather(torch.get_rng_state())
        if self.fabric.is_global_zero:
            state = {
                "model": model.state_dict(),
                "optimizers": [o.state_dict() for o in optimizers],
                "step": self.step,
                "seconds": self.seconds,
                "best": self.best,
                "random": random,
                "cuda_random": torch.cuda.get_rng_state() if torch.cuda.is_available() else None,
                "seed": self.config.seed,
            }
            buffer = BytesIO()
            torch.save(state, buffer)
            write_bytes(path, buffer.getvalue())
            self._plot()
        self.fabric.barrier()

    def _load(self, path: Path, model: MusicTransformer, optimizers: list[torch.optim.Optimizer]) -> None:
        """Go on from a state; what was logged after it is forgotten, since it will be computed again."""
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            model.load_state_dict(state["model"])
            for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
            random = state["random"]
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            reason = " ".join(str(error).split())[:300]
            raise MusictxError(f"{path} cannot be resumed with these settings: {reason}") from error
        if random.ndim == 2:
            random = random[self.fabric.global_rank % len(random)]
        torch.set_rng_state(random.cpu())
        if state["cuda_random"] is not None and torch.cuda.is_available():
            torch.cuda.set_rng_state(state["cuda_random"].cpu())
        metrics = self.folder / "metrics.jsonl"
        if self.fabric.is_global_zero and metrics.is_file():
            kept = [x for x in metrics.read_text().splitlines() if _step_of(x) <= self.step]
            write_bytes(metrics, ("\n".join(kept) + "\n").encode() if kept else b"")

    def _plot(self) -> None:
        """Draw the loss curve; a machine that only trains may have no matplotlib."""
        try:
            from matplotlib.figure import Figure
        except ImportError:
            return
        metrics = self.folder / "metrics.jsonl"
        if not metrics.is_file():
            return
        lines = [json.loads(x) for x in metrics.read_text().splitlines()]
        figure = Figure(figsize=(7, 4), layout="constrained")
        axes = figure.subplots()
        train = [(x["step"], x["loss"]) for x in lines if "loss" in x]
        if train:
            axes.plot(*zip(*train, strict=True), color="0.6", linewidth=0.8, label="training")
        for name in self.validation:
            points = [(x["step"], x["validation"][name]) for x in lines if name in x.get("validation", {})]
            if points:
                axes.plot(*zip(*points, strict=True), marker="o", markersize=3, label=f"validation: {name}")
        axes.set(xlabel="step", ylabel="nats a token", title=f"{self.model_config.position}")
        axes.grid(alpha=0.3)
        if train:
            axes.legend()
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=110)
        write_bytes(self.folder / "loss.png", buffer.getvalue())


def _step_of(line: str) -> int:
    """Step of a line of metrics; a line that a killed run left half written counts as too late."""
    try:
        return int(json.loads(line)["step"])
    except ValueError:
        return 2**62
