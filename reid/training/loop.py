"""The training loop: optimizer steps, logged and saved as the run's options say."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NoReturn

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from tqdm import tqdm

from alignnet_common.cli.progress import progress
from alignnet_common.errors import UserError
from reid.data.loading.batch import Batch
from reid.models.alignnet import AlignNet
from reid.models.batch_norm import freeze_norms
from reid.models.weights import write_torch_file
from reid.runtime.distributed import ProcessGroup, all_reduce_mean, process_group
from reid.runtime.memory import enough_memory, watched_memory
from reid.training.batches import TrainingBatches
from reid.training.checkpointing import restore
from reid.training.logger import StepLogger
from reid.training.objective import AlignNetLoss, Losses
from reid.training.run import Run
from reid.training.state import TrainState


class Trainer:
    """Optimizer steps from `state.step` to the last one."""

    def __init__(
        self,
        model: AlignNet,
        optimizer: torch.optim.Optimizer,
        batches: TrainingBatches,
        loss: AlignNetLoss,
        run: Run[Any],
        validate: Callable[[], Mapping[str, Any]] | None = None,
    ) -> None:
        """`validate` ranks held-out identities with the network as it is, every --eval-every steps, on rank 0."""
        self.validate = validate
        self.begun = False  # whether a step of this session was done
        self.state = TrainState(model, optimizer)
        self.batches = batches
        self.loss = loss
        self.run = run
        if run.checkpoint is not None:
            restore(self.state, run.checkpoint, run.folder)

    @property
    def is_finished(self) -> bool:
        """Whether the run that is resumed has done all its steps and has a result."""
        return self.run.checkpoint is not None and self.state.step >= self.batches.last_step and self.run.has_result

    def fit(self) -> None:
        """Train to the last step. Every process of the group calls this; rank 0 logs and saves.

        Raises UserError if a loss or gradient is not finite, memory is short, or a frame cannot be read.
        """
        run, batches, state = self.run, self.batches, self.state
        with process_group(run.group, run.device):
            batches.cache_pose_maps(state.model, run.device)
            network = wrap_ddp(self.loss, run.device, run.group).train()
            if run.config.batch_norm == "frozen":
                freeze_norms(network)
            loaded = batches.after(state, run.device, run.group)
            logger = StepLogger(run.folder, state.step) if run.is_main else nullcontext()
            with logger as log, ProgressBar(state.step, batches.last_step, run.group) as bar:
                while state.step < batches.last_step:
                    with bar.waiting():
                        batch = next_batch(loaded)
                    with bar.computing(), step_errors(batch, state.step + 1, run):
                        row = self.step(network, batch)
                    bar.update(row["loss"])
                    if log is not None:
                        row |= bar.seconds() | self.validation_row()
                        log.add(row)
                        if self.is_checkpoint_step or "validation" in row:
                            log.sync()
                            run.save(state)

    @property
    def is_checkpoint_step(self) -> bool:
        """Whether a checkpoint follows the step that was just done."""
        step = self.state.step
        return step % self.run.config.checkpoint_every == 0 or step == self.batches.last_step

    def validation_row(self) -> dict[str, Any]:
        """Rank-1 and mAP of the held-out identities after a step that --eval-every names, else nothing."""
        if self.validate is None or self.state.step % self.run.config.eval_every:
            return {}
        metrics = self.validate()
        self.state.validation = metrics["mAP"]
        return {"validation": {name: metrics[name] for name in ("rank1", "mAP")}}

    def memory_watched(self, batch: Batch) -> AbstractContextManager[None]:
        """In the first step of a session on a CPU: memory that runs out is one line. Later steps need no more."""
        run = self.run
        if self.begun or run.device.type != "cpu" or run.config.compile:
            return nullcontext()
        weights = sum(parameter.nbytes for parameter in self.state.model.parameters() if parameter.requires_grad)
        advice = run.flags.less_memory(run.config)
        return watched_memory(computed_in_words(batch), advice, left_for=2 * weights)

    def step(self, network: nn.Module, batch: Batch) -> dict[str, Any]:
        """One optimizer step on a loaded batch; returns its row for metrics.jsonl.

        network -- the loss module, wrapped for several processes. Raises FloatingPointError if the loss or the
        gradient is not finite; the weights are then unchanged.
        """
        state, config = self.state, self.run.config
        factor = state.schedule.factor(config, state.step, self.batches.planned_steps)
        for rates in state.optimizer.param_groups:
            rates["lr"] = factor * rates["rate"]
        if state.model.appearance.mixstyle is not None:
            state.model.appearance.mixstyle.start_step(state.step, self.run.group.rank)
        state.optimizer.zero_grad(set_to_none=True)
        with self.memory_watched(batch):
            losses: Losses = network(self.batches.prepare(batch, state.model, self.run.device))
            losses["loss"].backward()
        self.begun = True
        values = mean_losses(losses, self.run.group)
        if not math.isfinite(values["loss"]):
            raise FloatingPointError(f"the loss is {values['loss']}")
        # A finite loss can have an infinite gradient; an optimizer step with it would make every weight NaN.
        norm = nn.utils.clip_grad_norm_(state.model.parameters(), config.clip_norm or math.inf)
        if not torch.isfinite(norm):
            raise FloatingPointError(f"the gradient is {norm.item()}")
        state.optimizer.step()
        return state.advance(values, self.batches.sampler.batches, config)


def computed_in_words(batch: Batch) -> str:
    """What a step computes."""
    count, length, _, height, width = batch.frames.shape
    return f"{count} chunks of {length} frames of {height} × {width}"


def mean_losses(losses: Losses, group: ProcessGroup) -> dict[str, float]:
    """Losses as numbers, averaged over the processes."""
    means = all_reduce_mean(torch.stack([value.detach() for value in losses.values()]), group).tolist()
    return dict(zip(losses, means, strict=True))


def wrap_ddp(loss: AlignNetLoss, device: torch.device, group: ProcessGroup) -> nn.Module:
    """The loss module, with gradients averaged over the processes of the group."""
    if group.size == 1:
        return loss
    return DistributedDataParallel(loss, device_ids=[device] if device.type == "cuda" else None)


def next_batch(batches: Iterator[Batch]) -> Batch:
    """The next batch. A UserError of a loader process arrives with its traceback in the message: only its own line is
    kept."""
    try:
        return next(batches)
    except UserError as mistake:
        raise UserError(str(mistake).rsplit("UserError: ", 1)[-1].strip()) from None


@contextmanager
def step_errors(batch: Batch, step: int, run: Run[Any]) -> Iterator[None]:
    """Turn errors of a step into a UserError of one line with advice: memory is short, or a loss or gradient is not
    finite; the batch, as loaded, is then written to RUN/bad_batch.pt."""
    try:
        with enough_memory(computed_in_words(batch), run.flags.less_memory(run.config)):
            yield
    except FloatingPointError as failure:
        path = run.folder / ("bad_batch.pt" if run.group.size == 1 else f"bad_batch-{run.group.rank}.pt")
        write_torch_file(path, batch.as_dict())
        advice = run.flags.calmer(run.config)
        raise UserError(f"{failure} at step {step}: its batch is in {path}; {advice}") from None


class ProgressBar:
    """Progress of a training with the loss and the share of time spent waiting for batches; rank 0 only."""

    def __init__(self, step: int, last: int, group: ProcessGroup) -> None:
        self._bar: tqdm[NoReturn] = progress(
            total=last, initial=step, desc="training", unit="step", disable=not group.is_main
        )
        self._started = time.perf_counter()
        self._waited = self._wait = self._compute = 0.0

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.close()

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Time the wait for a batch."""
        begun = time.perf_counter()
        yield
        self._wait = time.perf_counter() - begun
        self._waited += self._wait

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Time the computation of a step."""
        begun = time.perf_counter()
        yield
        self._compute = time.perf_counter() - begun

    def seconds(self) -> dict[str, float]:
        """Seconds of the last step, and the share of them that was spent waiting for its batch."""
        total = self._wait + self._compute
        return {"seconds": round(total, 4), "wait": round(self._wait / total, 4)}

    def update(self, loss: float) -> None:
        """Count one step."""
        share = self._waited / (time.perf_counter() - self._started)
        self._bar.set_postfix(loss=f"{loss:.3f}", wait=f"{share:.0%}", refresh=False)
        self._bar.update()
