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

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from musictx.checkpoint import find_model, licence_of, load_model, read_card, save_model, weights_hash
from musictx.corpus import Corpus
from musictx.corpus.split import refuse_shared
from musictx.errors import MusictxError
from musictx.model import ModelConfig, MusicTransformer
from musictx.process import Interrupted, interruptible, keep_freed_memory, stop_signals
from musictx.training import state
from musictx.training.devices import agree, open_devices, refuse_too_large, share_batch, together
from musictx.training.metrics import METRICS, Look, Looks, Metrics, Progress
from musictx.training.optimizers import make_optimizers, schedule, set_rate
from musictx.training.shards import gathered
from musictx.training.source import Curriculum, Source, ValidationLoss, fingerprints, loss_of, make_validation
from musictx.training_settings import TrainingConfig

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Run:
    """A training run in a folder.

    Parameters
    ----------
    folder : Path
    model_config : ModelConfig
    config : TrainingConfig
    train : Corpus or Source
        Performances, of which windows are drawn; or anything else that gives batches.
    validation : dict of str to Corpus, or ValidationLoss
        Named corpora held out for validation, or a function that measures a model: what their mean loss is
        lowest for is the best model. May be empty.
    card : dict, optional
        Facts for the card of the model.
    start_from : str or path, optional
        A model (as for `load_model`) of the same shape, whose weights the run begins with. It is judged
        before the first step, and is the best until another one is better.
    build : callable, optional
        What makes the model of its configuration.
    appraise : callable, optional
        Told the model, the losses on what is held out before the first step, and those now, it gives what
        the best model has the least of, instead of their mean. Infinity ends the run.
    fabric : lightning_fabric.Fabric, optional
        The devices, if `open_devices` has opened them already.

    Raises
    ------
    MusictxError
        A piece is both trained on and held out; the devices are not there; the model to start from is not.

    Examples
    --------
    >>> from pathlib import Path
    >>> from musictx.corpus import training_and_validation
    >>> from musictx.model import sized_config
    >>> from musictx.shipped import shipped_folder
    >>> from musictx.training import Run, TrainingConfig
    >>> music = training_and_validation([shipped_folder("primers")], place="corpus")
    >>> config = TrainingConfig(steps=2, batch=1)
    >>> run = Run(Path("run"), sized_config("tiny", "relative", 64), config, music.train, music.validation)
    >>> run.fit().parameter_count(), run.step
    (153088, 2)
    """

    def __init__(
        self,
        folder: Path,
        model_config: ModelConfig,
        config: TrainingConfig,
        train: Corpus | Source,
        validation: Mapping[str, Corpus] | ValidationLoss,
        card: dict[str, Any] | None = None,
        start_from: str | Path | None = None,
        build: Callable[[ModelConfig], MusicTransformer] = MusicTransformer,
        appraise: Callable[[MusicTransformer, dict[str, float], dict[str, float]], float] | None = None,
        fabric: Fabric | None = None,
    ):
        self.folder, self.model_config, self.config, self.build = folder, model_config, config, build
        self.appraise = appraise
        self.card, self.start_from = dict(card or {}), start_from
        if start_from:
            before = read_card(find_model(start_from))
            known = {**before, "licence": licence_of(before)}  # of the model that it was taught from, too
            told = ("name", "licence", "command", "tokens_seen", "trained on")
            self.card["started_from"] = {k: known[k] for k in told if known.get(k)}
            if "sampling" in before:  # it plays like it
                self.card.setdefault("sampling", before["sampling"])
        length = model_config.context_length
        self.curriculum = Curriculum(train, config, length)
        self.music = {"training": self.curriculum.fingerprint()}
        self.judge: ValidationLoss | None = None
        if not isinstance(validation, Mapping):
            self.judge = validation
        elif validation:
            if isinstance(train, Corpus):
                refuse_shared(train, validation)
            self.music |= fingerprints(validation)
            self.judge = make_validation(
                validation, length, min(config.validation_chunks, max(1, 2**18 // length))
            )
        self.fabric = fabric or open_devices(config)
        self.metrics = Metrics(folder / METRICS)
        self.step, self.tokens, self.seconds = 0, 0, 0.0
        # The step at which `fit` began; whether a signal ended it, or `appraise` or `config.patience`.
        self.begun_at, self.stopped, self.ended = 0, False, False
        self.started: dict[str, str] = {}  # from which weights, where it is not from random ones
        self.looks = Looks()  # at what is held out; the first device has them
        self.losses: list[torch.Tensor] = []  # since the last line of the log
        self.signals: list[int] = []  # that asked this process to stop

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
            Go on from the run's state. A folder that holds a run is refused otherwise.
        on_progress : callable, optional
            Called every `log_every` steps on the first device.
        on_checkpoint : callable, optional
            Called with the model and the step whenever the state was saved.
        stop_after : float, optional
            Save and return after this many seconds of training, to be resumed later.

        Returns
        -------
        MusicTransformer
            That of the last step, while the best one is in ``model/``; whole on the first device, and as near
            to the one to start from as `config.blend` says. Ctrl-C, or a signal to terminate, ends the run
            after its present step, with its state saved (`stopped` is then true); the second one ends it at
            once.

        Raises
        ------
        MusictxError
            The folder holds a run and `resume` is not given, or another process trains in it; what it holds
            is damaged, or was begun with other settings or other music; the loss is no longer a number.
        """
        with together(self.fabric):
            keep_freed_memory()
            with state.held(self.folder) if self.fabric.is_global_zero else nullcontext():
                self._set_up()
                self._begin(resume)
                return self._train(on_progress, on_checkpoint, math.inf if stop_after is None else stop_after)

    def _set_up(self) -> None:
        """Make model and optimisers, with random weights or those of another model."""
        config = self.config
        refuse_too_large(self.model_config, config.nodes if config.strategy == "fsdp" else 1)
        for source in self.curriculum.stages:  # refused before any work is done
            share_batch(source.size, self.fabric.world_size, config.micro_batch)
        torch.manual_seed(config.seed)
        self.model = self.build(self.model_config)
        if self.start_from:
            start = load_model(self.start_from)
            self.before, self.started = start.state_dict(), {"starting weights": weights_hash(start)}
            self.model.load_state_dict(self.before)
        forward: Any = torch.compile(self.model) if config.compile else self.model
        self.wrapped = self.fabric.setup_module(forward)  # first: shards are other tensors
        optimizers = make_optimizers(self.model, config)
        self.optimizers: list[Any] = [self.fabric.setup_optimizers(optimizer) for optimizer in optimizers]
        if self.fabric.global_rank:  # other dropout on every device
            torch.manual_seed(config.seed + self.fabric.global_rank)

    def _begin(self, resume: bool) -> None:
        """Go on from the state in the folder, or write the settings of a new run."""
        settings = {"model": self.model_config.to_dict(), "training": asdict(self.config)}
        settings |= {"start": self.started, "card": self.card, "music": self.music}
        state.refuse_other_music(self.music, self.fabric)
        if resume and state.has_state(self.folder, self.fabric):
            state.check_settings(self.folder, settings)
            self._load()
        elif self.fabric.is_global_zero:
            state.refuse_taken(self.folder, resume)
            state.refuse_lost(self.folder, self.metrics, self.config.checkpoint_minutes)
            state.write_settings(self.folder, settings)
            self.metrics.clear()
        self.begun_at = self.step
        if self.fabric.is_global_zero:
            self.looks = self.metrics.looks()
        last, ended = agree(self.fabric, float(self.looks[-1].step if self.looks else -1), self.over)
        self.ended = ended > 0
        if self.judge and self.due and last < self.step:  # none yet, or a signal to stop ended it
            self._validate(self.judge)

    def _train(
        self,
        on_progress: Callable[[Progress], None] | None,
        on_checkpoint: Callable[[MusicTransformer, int], None] | None,
        stop_after: float,
    ) -> MusicTransformer:
        """The loop itself."""
        fabric, config = self.fabric, self.config
        began = last_saved = last_logged = time.monotonic()
        seconds_before, logged = self.seconds, self.tokens
        self.wrapped.train()
        with stop_signals() as self.signals:
            while (share := self.share) < 1.0 and not self.ended:
                set_rate(
                    self.optimizers, schedule(share, self.step, warmup=config.warmup, decay=config.decay)
                )
                source = self.curriculum.at(share)
                self.losses.append(self._step(source))
                self.tokens += source.tokens(self.step)
                self.step += 1
                now = time.monotonic()
                spent, unsaved, stopped = agree(fabric, now - began, now - last_saved, bool(self.signals))
                self.seconds, self.stopped = seconds_before + spent, stopped > 0
                share = self.share
                if self.step % config.log_every == 0 or share >= 1.0:
                    loss = float(torch.stack(self.losses).mean())
                    self._require(math.isfinite(loss), f"the loss is {loss}")
                    rate = (self.tokens - logged) / max(now - last_logged, 1e-9)
                    last_logged, logged, self.losses = now, self.tokens, []
                    self._log({"loss": loss, "tokens_per_second": round(rate)})
                    if on_progress and fabric.is_global_zero:
                        left = self.seconds * (1 - share) / max(share, 1e-9)
                        best = None if self.appraise else self.looks.best  # its worth is no loss
                        validation = best.worth if best else None
                        on_progress(Progress(self.step, share, loss, rate, validation, left))
                if self.judge and self.due and not self.stopped:
                    self._validate(self.judge)
                    last_logged, logged = time.monotonic(), self.tokens
                done = share >= 1.0 or self.stopped or self.ended or spent > stop_after
                if done or unsaved > 60 * config.checkpoint_minutes:
                    self._save()
                    last_saved, model = time.monotonic(), self._whole()
                    if fabric.is_global_zero:
                        if self.looks.best is None:  # none was judged yet
                            self._save_best(model, {})
                        if on_checkpoint:
                            on_checkpoint(model, self.step)
                if done:
                    break
        return self._whole()

    @property
    def share(self) -> float:
        """Share of the budget that is used up."""
        return self.config.progress(self.step, self.tokens, self.seconds)

    @property
    def over(self) -> bool:
        """Whether the looks at what is held out end the run."""
        return self.looks.over(self.share, self.step, self.config.patience)

    @property
    def due(self) -> bool:
        """Whether the model is judged at this step."""
        if not self.step:
            return self.start_from is not None
        return self.step % self.config.validate_every == 0 or self.share >= 1.0

    def _whole(self) -> MusicTransformer:
        """The model for those who do not train: put together on the first device, and blended."""
        blend = self.config.blend if self.start_from else 1
        if blend == 1 and self.config.strategy != "fsdp":
            return self.model
        weights = gathered(self.model.state_dict(), keep=self.fabric.is_global_zero)
        if not self.fabric.is_global_zero:
            return self.model
        if blend < 1:
            weights = blended(self.before, weights, blend)
        with torch.random.fork_rng(devices=[]):  # drawing first weights changes no later number
            whole = self.build(self.model_config)
        whole.load_state_dict(weights)
        return whole.to(self.fabric.device)

    def _step(self, source: Source) -> torch.Tensor:
        """One update from one batch, shared over devices and micro-batches; its mean loss."""
        fabric = self.fabric
        share, micro = share_batch(source.size, fabric.world_size, self.config.micro_batch)
        total = torch.zeros((), device=fabric.device)
        for part in range(share // micro):
            first = fabric.global_rank * share + part * micro
            inputs, targets = (
                torch.from_numpy(np.ascontiguousarray(x)).to(fabric.device, non_blocking=True)
                for x in source.batch(self.step, first, micro)
            )
            last = part == share // micro - 1
            with fabric.no_backward_sync(self.wrapped, enabled=not last):
                logits = self.wrapped(inputs).float()
                loss = loss_of(source, logits, targets, self.step, first) * fabric.world_size
                fabric.backward(loss)  # the devices' gradients are averaged
            total += loss.detach()
        if self.config.clip:
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.config.clip)
        for optimizer in self.optimizers:
            optimizer.step()
            optimizer.zero_grad()
        return fabric.all_reduce(total, reduce_op="mean") if fabric.world_size > 1 else total  # type: ignore

    def _validate(self, judge: ValidationLoss) -> None:
        """Measure the loss on what is held out, and keep the model if it is the best so far.

        A signal to stop ends it between two batches, with nothing recorded: the run goes on with it.
        """
        model = self._whole()
        if self.fabric.is_global_zero:
            with suppress(Interrupted), interruptible(model, self.signals):
                with self.fabric.autocast():
                    results = judge(model)
                    first = self.looks[0].losses if self.looks else results
                    worth = self.appraise(model, first, results) if self.appraise else fmean(results.values())
                self.looks.append(Look(self.step, results, worth))
                # Kept before it is logged: a run that is killed between the two looks again.
                if self.looks.best is self.looks[-1]:
                    self._save_best(model, results)
                self._log({"validation": results, "worth": None if worth == math.inf else worth})
            self.ended = self.over
        ended, stopped = agree(self.fabric, self.ended, bool(self.signals))
        self.ended, self.stopped = ended > 0, stopped > 0
        self.wrapped.train()

    def _save_best(self, model: MusicTransformer, results: dict[str, float]) -> None:
        # Anybody may have written the card of the model that it began with.
        before = self.card.get("started_from", {}).get("tokens_seen")
        facts = {
            **self.card,
            "parameters": model.parameter_count(),
            "steps": self.step,
            "tokens_seen": self.tokens + (before if type(before) is int else 0),
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

    def _log(self, line: dict[str, Any]) -> None:
        if self.fabric.is_global_zero:
            place = {"step": self.step, "tokens": self.tokens}
            self.metrics.append({**place, **line, "seconds": round(self.seconds, 1)})

    def _save(self) -> None:
        """Write the state: a run that is killed at any moment goes on from the last one."""
        self._require(
            all(bool(p.isfinite().all()) for p in self.model.parameters()), "weights are not finite"
        )
        place = {name: getattr(self, name) for name in state.PLACE}
        state.write_state(self.folder, self.fabric, self.model, self.optimizers, place, self.losses)
        if self.fabric.is_global_zero:
            self.metrics.plot(self.folder / "loss.png", self.model_config.position)
        self.fabric.barrier()

    def _load(self) -> None:
        """Go on from the state; what was logged after it is forgotten, since it will be computed again."""
        place, self.losses = state.read_state(self.folder, self.fabric, self.model, self.optimizers)
        for name in state.PLACE:
            setattr(self, name, place[name])
        if self.fabric.is_global_zero:
            self.metrics.forget_after(self.step)


def blended(before: dict[str, Any], after: dict[str, Any], share: float) -> dict[str, Any]:
    """Weights that lie a share of the way from some to others (Wortsman et al., 2022)."""
    return {name: before[name].to(far).lerp(far, share) for name, far in after.items()}
