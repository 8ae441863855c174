"""Tasks done by processes of Ray, each single-threaded; those of processes and machines that die are given to others.

A worker is a class with `ready()`, called once, and `work(task)`; Ray makes an actor of it.
"""

import os
import platform
import re
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL, write_text

TRIES = 3
"""Attempts per task before the others are finished without it."""


@dataclass(frozen=True)
class Job:
    """What workers do."""

    worker: type
    """Class with `ready(self)` and `work(self, task)`. Ray reports exceptions of its `__init__` only as text."""

    arguments: tuple[Any, ...]
    """Of the class."""

    name_of: Callable[[Any], str]
    """Name of a task, for messages."""

    tasks: str
    """What the tasks are, for messages, such as "Clips"."""

    cannot: str
    """What cannot be done with a task that fails, such as "be rendered"."""

    report: Path
    """File for Ray's reports of failures."""

    tasks_per_worker: int | None = None
    """A worker is replaced after so many tasks; None: never."""

    first_alone: bool = False
    """Whether one worker is ready before the others start."""


@dataclass(frozen=True)
class Result:
    """Outcome of a worker's call: of a task, or of a start if `of_start`."""

    of_start: bool
    task: Any = None
    made: Any = None
    """What `work` has returned."""
    failure: Exception | None = None


class WorkerPool:
    """Ray actors that are starting, idle or working. A dead actor is not replaced before the next `start_workers`."""

    def __init__(self, job: Job) -> None:
        import ray

        self._ray, self._job = ray, job
        # Without Ray's restarts and retries: Ray would wait for a machine that is gone.
        self._actor = ray.remote(num_cpus=1, max_restarts=0, max_task_retries=0)(job.worker)
        self._starting: dict[Any, Any] = {}
        self._idle: list[Any] = []
        self._tasks_done = Counter[Any]()
        self.running: dict[Any, tuple[Any, Any]] = {}
        """Worker and task by Ray's reference to the call."""

    def start_workers(self, count: int = 1) -> None:
        """Start `count` more workers. A cluster without free cores starts them later."""
        for _ in range(count):
            worker = self._actor.remote(*self._job.arguments)
            self._starting[worker.ready.remote()] = worker

    def assign(self, waiting: deque[Any]) -> None:
        """Give tasks from the front of `waiting` to idle workers."""
        while waiting and self._idle:
            worker, task = self._idle.pop(), waiting.popleft()
            self.running[worker.work.remote(task)] = worker, task

    def next_result(self) -> Result:
        """Wait until a worker has started, finished its task or failed.

        A dead worker is dropped; one that has done `tasks_per_worker` tasks is replaced.
        """
        (done,), _ = self._ray.wait([*self.running, *self._starting], num_returns=1)
        of_start = done in self._starting
        worker, task = (self._starting.pop(done), None) if of_start else self.running.pop(done)
        try:
            made = self._ray.get(done)
        except self._ray.exceptions.RayError as failure:
            if is_death(failure):
                self._tasks_done.pop(worker, None)
                self._ray.kill(worker)  # the worker may live on if only its answer was lost
            elif not of_start:
                self._idle.append(worker)
            return Result(of_start, task, failure=failure)
        self._tasks_done[worker] += not of_start
        if self._job.tasks_per_worker is None or self._tasks_done[worker] < self._job.tasks_per_worker:
            self._idle.append(worker)
        else:
            self._ray.kill(worker)
            del self._tasks_done[worker]
            self.start_workers()
        return Result(of_start, task, made)


class FailureCounts:
    """Counts failed starts of workers and failed attempts per task."""

    def __init__(self, job: Job, workers: int) -> None:
        self._job = job
        self._most_starts = TRIES * workers
        self._failed_starts = 0
        self._tries = Counter[str]()
        self.lost: dict[str, Exception] = {}
        """The last failure of each task that was given up."""

    def reset_starts(self) -> None:
        """Start counting failed starts again, after a success."""
        self._failed_starts = 0

    def start_error(self, failure: Exception) -> JobError | None:
        """The error to raise after a failed start, or None to try again.

        An exception ends the run at once, deaths only after TRIES starts per worker in a row.
        """
        self._failed_starts += 1
        is_hopeless = not is_death(failure) or getattr(failure, "actor_init_failed", False)
        if not is_hopeless and self._failed_starts < self._most_starts:
            return None
        return job_error({self._job.tasks: failure}, self._job)

    def may_retry(self, task: Any, failure: Exception) -> bool:
        """Whether to try a failed task again; if not, its failure is added to `lost`."""
        name = self._job.name_of(task)
        self._tries[name] += 1
        if self._tries[name] < TRIES:
            return True
        self.lost[name] = failure
        return False


def run_all(job: Job, tasks: Sequence[Any], workers: int) -> Iterator[Any]:
    """Do `tasks` with `workers` processes; yields what `work` returns as tasks are done, in any order.

    `start_ray` has been called. Dead workers are replaced. A task that fails or whose worker dies is tried again after
    the others, TRIES times in all. Raises JobError at the end if tasks could not be done, and at once if no worker
    starts; Ray's reports go to `job.report`. UserError and OSError of a full disk are raised as they are.
    """
    pool, waiting, failures = WorkerPool(job), deque(tasks), FailureCounts(job, workers)
    count = min(workers, len(tasks))
    first = 1 if job.first_alone else count
    pool.start_workers(first)
    others = count - first
    while waiting or pool.running:
        pool.assign(waiting)
        result = pool.next_result()
        if result.failure is None:
            failures.reset_starts()
            pool.start_workers(others)
            others = 0
            if not result.of_start:
                yield result.made
            continue
        raise_if_final(result.failure)
        if is_death(result.failure):
            pool.start_workers()
        if result.of_start:
            if error := failures.start_error(result.failure):
                raise error
        elif failures.may_retry(result.task, result.failure):
            waiting.append(result.task)
    if failures.lost:
        raise job_error(failures.lost, job)


def check_seen(folder: Path, option: str) -> None:
    """Raise UserError if the machine of a worker does not see a folder, which is given by an option."""
    if not folder.is_dir():
        raise UserError(f"{platform.node()} does not see {folder}: name a folder that all machines share by {option}")


def enter(folder: Path, needed: Path, option: str) -> None:
    """Make a folder the current one of a worker, so that relative paths are those of the command.

    Raises UserError if its machine has no such folder, or not the one that is given by an option.
    """
    if folder.is_dir():
        os.chdir(folder)
    check_seen(folder / needed, option)


def raise_if_final(failure: Exception) -> None:
    """Raise the cause of a failure if another attempt cannot help: a UserError or a full disk."""
    cause = getattr(failure, "cause", None)
    if isinstance(cause, UserError) or (isinstance(cause, OSError) and cause.errno in DISK_FULL):
        raise cause


def is_death(failure: Exception) -> bool:
    """Whether the worker died (crash, lost machine, out of memory). If not, the task raised an exception."""
    from ray.exceptions import RayTaskError

    return not isinstance(failure, RayTaskError)


def job_error(lost: dict[str, Exception], job: Job) -> JobError:
    """The one-line error for tasks that could not be done; writes Ray's full reports to the file of the job."""
    reports = (f"{name}\n{failure}\n" for name, failure in lost.items())
    write_text(job.report, re.sub(r"\x1b\[\d*m", "", "\n".join(reports)))
    name, failure = next(iter(lost.items()))
    cause = getattr(failure, "cause", None)
    if cause is not None:
        reason = f"{type(cause).__name__}: {cause}"
    elif getattr(failure, "actor_init_failed", False):
        reason = f"no worker starts: {str(failure).strip().splitlines()[-1]}"
    else:
        reason = f"its worker died {TRIES} times"
    others = f", nor {len(lost) - 1} more; all others are there" if len(lost) > 1 else ""
    return JobError(f"{name} cannot {job.cannot}: {reason}{others}: more in {job.report}; the same command tries again")
