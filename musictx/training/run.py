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

import json
import math
import pickle
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from io import BytesIO
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning_fabric import Fabric
from torch.nn import functional as F

from musictx.checkpoint import find_model, load_model, read_card, save_model
from musictx.corpus import Chunk, Corpus, consecutive_chunks
from musictx.corpus.batches import BatchSource
from musictx.errors import MusictxError
from musictx.evaluation.nll import chunk_losses
from musictx.files import write_bytes
from musictx.model import ModelConfig, MusicTransformer
from musictx.process import keep_freed_memory, stop_signals
from musictx.training.config import FIXED, TrainingConfig, choose_precision
from musictx.training.metrics import Metrics
from musictx.training.optimizers import make_optimizers, schedule, set_rate

__all__ = ["Progress", "Run", "TrainingConfig"]


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
    start_from : str or path, optional
        A model (as for `load_model`) of the same shape, whose weights the run begins with.

    Examples
    --------
    >>> from pathlib import Path
    >>> from musictx.corpus import build_corpus, group_pieces, split_sources
    >>> from musictx.model import sized_config
    >>> from musictx.shipped import shipped_folder
    >>> from musictx.training import Run, TrainingConfig
    >>> corpus = build_corpus([shipped_folder("primers")], "corpus")
    >>> train, held = split_sources(corpus, group_pieces(corpus), share=0.1, seed=0)
    >>> config = TrainingConfig(steps=2, batch=1)
    >>> run = Run(Path("run"), sized_config("tiny", "relative", 64), config, train, {"primers": held})
    >>> run.fit().parameter_count(), run.step
    (153088, 2)
    """

    def __init__(
        self,
        folder: Path,
        model_config: ModelConfig,
        config: TrainingConfig,
        train: Corpus,
        validation: dict[str, Corpus],
        card: dict[str, Any] | None = None,
        start_from: str | Path | None = None,
    ):
        self.folder, self.model_config, self.config = folder, model_config, config
        self.validation, self.train_corpus, self.card = validation, train, card or {}
        self.start_from = start_from
        if start_from:
            before = read_card(find_model(start_from))
            known = ("name", "licence", "command", "tokens_seen")
            self.card["started_from"] = {k: before[k] for k in known if k in before}
        self.metrics = Metrics(folder / "metrics.jsonl")
        precision: Any = choose_precision(config.precision, config.accelerator)
        try:
            self.fabric = Fabric(accelerator=config.accelerator, devices=config.devices, precision=precision)
        except (ValueError, TypeError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise MusictxError(f"devices {config.devices} ({config.accelerator}): {reason}") from error
        self.windows = self._source(model_config.context_length, config.batch)
        self.short_windows = self._source(max(1, model_config.context_length // 2), 2 * config.batch)
        self.tokens_per_step = config.batch * model_config.context_length
        self.step, self.seconds, self.best = 0, 0.0, math.inf
        self.begun_at, self.stopped = 0, False  # the step at which `fit` began; whether a signal ended it
        self.losses: list[torch.Tensor] = []  # since the last line of the log

    def _source(self, length: int, batch: int) -> BatchSource:
        return BatchSource(
            self.train_corpus,
            length=length,
            batch=batch,
            seed=self.config.seed,
            augmentation=self.config.augmentation,
            balance=self.config.mix == "folders",
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
            Ctrl-C, or a signal to terminate, ends the run after its present step, with its state saved
            (`stopped` is then true); the second one ends it at once.
        """
        fabric, config = self.fabric, self.config
        fabric.launch()
        keep_freed_memory()
        torch.manual_seed(config.seed)
        model = MusicTransformer(self.model_config)
        if self.start_from:
            model.load_state_dict(load_model(self.start_from).state_dict())
        forward = torch.compile(model) if config.compile else model
        optimizers = make_optimizers(
            model,
            kind=config.optimizer,
            matrix_lr=config.matrix_lr,
            lr=config.lr,
            weight_decay=config.weight_decay,
        )
        wrapped, *optimizers = fabric.setup(forward, *optimizers)  # type: ignore[arg-type]
        if fabric.global_rank:  # other dropout on every device
            torch.manual_seed(config.seed + fabric.global_rank)
        state_path = self.folder / "state.pt"
        if resume and state_path.is_file():
            self._load(state_path, model, optimizers)
        elif fabric.is_global_zero:
            self._start()
        self.begun_at = self.step
        began = last_saved = last_logged = time.monotonic()
        seconds_before, logged_step, validation = self.seconds, self.step, None
        wrapped.train()
        with stop_signals() as signals:
            while (share := config.progress(self.step, self.tokens_per_step, self.seconds)) < 1.0:
                set_rate(optimizers, schedule(share, self.step, warmup=config.warmup, decay=config.decay))
                source = self.short_windows if share < config.curriculum else self.windows
                self.losses.append(self._step(source, wrapped, model, optimizers))
                self.step += 1
                now = time.monotonic()
                self.seconds = self._agree(seconds_before + now - began)
                share = config.progress(self.step, self.tokens_per_step, self.seconds)
                if self.step % config.log_every == 0 or share >= 1.0:
                    loss = float(torch.stack(self.losses).mean())
                    self._require(math.isfinite(loss), f"the loss is {loss}")
                    rate = (self.step - logged_step) * self.tokens_per_step / max(now - last_logged, 1e-9)
                    last_logged, logged_step, self.losses = now, self.step, []
                    self._log({"step": self.step, "loss": loss, "tokens_per_second": round(rate)})
                    if on_progress and fabric.is_global_zero:
                        left = self.seconds * (1 - share) / max(share, 1e-9)
                        on_progress(Progress(self.step, share, loss, rate, validation, left))
                if self.validation and (self.step % config.validate_every == 0 or share >= 1.0):
                    validation = self._validate(model, wrapped)
                    last_logged, logged_step = time.monotonic(), self.step
                self.stopped = self._agree(float(bool(signals))) > 0
                done = self.stopped or (stop_after is not None and self._agree(now - began) > stop_after)
                if self._agree(now - last_saved) > 60 * config.checkpoint_minutes or share >= 1.0 or done:
                    self._save(state_path, model, optimizers)
                    last_saved = time.monotonic()
                    if fabric.is_global_zero:
                        if self.best == math.inf:  # none was judged yet
                            self._save_best(model, {})
                        if on_checkpoint:
                            model.eval()  # no dropout: the sample is the model's, and the random state stays
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
        full = int(((corpus.ends - corpus.starts) // length).sum())
        stride = math.ceil((full or len(corpus)) / self.config.validation_chunks)
        chunks = consecutive_chunks(corpus, length, full_only=full > 0)
        return islice(chunks, 0, None, stride)

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
            "tokens_seen": self.step * self.tokens_per_step
            + self.card.get("started_from", {}).get("tokens_seen", 0),
            "training": asdict(self.config),
            "validation_nll_while_training": results,
        }
        save_model(model, self.folder / "model", facts)

    def _require(self, sane: bool, found: str) -> None:
        """Stop a run that has blown up, before its state takes the place of a good one."""
        if not sane:
            raise MusictxError(
                f"{found} at step {self.step}: lower the learning rates (now {self.config.lr} and "
                f"{self.config.matrix_lr}); what {self.folder} holds is from before"
            )

    def _start(self) -> None:
        """Write the settings of a new run, and clear what an earlier one left."""
        settings = {
            "model": self.model_config.to_dict(),
            "training": asdict(self.config),
            "card": self.card,
            "music": self._music(),
        }
        write_bytes(self.folder / "run.json", (json.dumps(settings, indent=2) + "\n").encode())
        self.metrics.clear()
        (self.folder / "state.pt").unlink(missing_ok=True)

    def _music(self) -> dict[str, str]:
        """Fingerprints of what is trained on and of what is held out."""
        named = {"training": self.train_corpus, **{f"held out: {k}": c for k, c in self.validation.items()}}
        return {name: corpus.fingerprint() for name, corpus in named.items()}

    def _check_settings(self) -> None:
        """A run goes on as it was begun; only its budget, and where it is computed, may change."""
        path = self.folder / "run.json"
        try:
            begun = json.loads(path.read_text())
            before = {**begun["model"], **{k: v for k, v in begun["training"].items() if k in FIXED}}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise MusictxError(f"{path} is missing or damaged, so that the run cannot go on") from error
        now = json.loads(json.dumps({**asdict(self.config), **self.model_config.to_dict()}))
        for name, value in before.items():
            if name in now and now[name] != value:
                raise MusictxError(
                    f"{self.folder} was begun with {name} {value!r}, not {now[name]!r}; "
                    "give the same settings to go on with it, or choose another folder"
                )
        # With other music a piece that was trained on could become one to be judged by.
        if begun.get("music", self._music()) != self._music():
            raise MusictxError(
                f"{self.folder} was begun with other music: files have come, gone or changed since. Give the "
                f"same files to go on, or teach it the new ones in another run: --from {self.folder}"
            )

    def _log(self, line: dict[str, Any]) -> None:
        if self.fabric.is_global_zero:
            self.metrics.append({**line, "seconds": round(self.seconds, 1)})

    def _save(self, path: Path, model: MusicTransformer, optimizers: list[torch.optim.Optimizer]) -> None:
        """Write the state: a run that is killed at any moment goes on from the last one."""
        self._require(all(bool(p.isfinite().all()) for p in model.parameters()), "weights are not finite")
        # Gathered, since every device draws its own dropout.
        random = self.fabric.all_gather(torch.get_rng_state())
        on_cuda = self.fabric.device.type == "cuda"
        cuda_random = self.fabric.all_gather(torch.cuda.get_rng_state()) if on_cuda else None
        if self.fabric.is_global_zero:
            state = {
                "model": model.state_dict(),
                "optimizers": [o.state_dict() for o in optimizers],
                "step": self.step,
                "seconds": self.seconds,
                "best": self.best,
                "losses": torch.stack(self.losses).cpu() if self.losses else torch.empty(0),
                "random": random,
                "cuda_random": cuda_random,
                "seed": self.config.seed,
            }
            buffer = BytesIO()
            torch.save(state, buffer)
            write_bytes(path, buffer.getvalue())
            self.metrics.plot(self.folder / "loss.png", self.model_config.position)
        self.fabric.barrier()

    def _load(self, path: Path, model: MusicTransformer, optimizers: list[torch.optim.Optimizer]) -> None:
        """Go on from a state; what was logged after it is forgotten, since it will be computed again."""
        self._check_settings()
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            model.load_state_dict(state["model"])
            for optimizer, saved in zip(optimizers, state["optimizers"], strict=True):
                optimizer.load_state_dict(saved)
            self.step, self.seconds, self.best = state["step"], state["seconds"], state["best"]
            self.losses = list(state.get("losses", torch.empty(0)).to(self.fabric.device))
            torch.set_rng_state(self._own(state["random"]))
            if state["cuda_random"] is not None and self.fabric.device.type == "cuda":
                torch.cuda.set_rng_state(self._own(state["cuda_random"]))
        except (OSError, EOFError, RuntimeError, LookupError, ValueError, TypeError, AttributeError) as error:
            reason = " ".join(str(error).split())[:300]
            raise MusictxError(f"{path} cannot be resumed with these settings: {reason}") from error
        except pickle.UnpicklingError as error:
            raise MusictxError(f"{path} is not the state of a training run") from error
        if self.fabric.is_global_zero:
            self.metrics.forget_after(self.step)

    def _own(self, states: torch.Tensor) -> torch.Tensor:
        """This device's random state out of those of all; a copy, since PyTorch reads it by its address."""
        own = states[self.fabric.global_rank % len(states)] if states.ndim == 2 else states
        return own.cpu().clone()
