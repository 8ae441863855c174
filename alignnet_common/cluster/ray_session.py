"""Ray is started on this machine or joined as a cluster, and left again. Ray is imported when that is asked for."""

import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Any

from alignnet_common.cluster.ray_folder import ray_folder
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import DISK_FULL, PROJECT_ROOT

FOR_WORKERS = {"PYTHONPATH": str(PROJECT_ROOT), "OMP_NUM_THREADS": "1"}
"""Variables of the workers' environment: they import this checkout whatever the current folder is."""


def start_ray(workers: int, address: str | None = None) -> int:
    """Start Ray on this machine with `workers` slots and no output, or join the cluster at `address`.

    Returns the number of cores to work on. Raises UserError if Ray is not installed, there is no such cluster, or no
    folder for Ray's sockets, JobError if Ray does not start here for another reason.
    """
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # Ray prints each death of a worker; `job_error` reports the final failures in one line.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
    try:
        import ray
    except ImportError as missing:
        option = "--workers" if address is None else "--address"
        raise UserError(f"{option} needs Ray: pip install 'alignnet-reid[cluster]'") from missing

    if address is not None:
        check_address(address)
    given: dict[str, Any] = {"address": address, "runtime_env": {"env_vars": FOR_WORKERS}}
    if address is None:
        # Workers of this machine inherit the variables: with a runtime_env, the first one starts a second later.
        given = {"address": "local", "num_cpus": workers, "include_dashboard": False}
        if folder := ray_folder():
            given["_temp_dir"] = str(folder)
    try:
        with variables(FOR_WORKERS if address is None else {}):
            ray.init(
                **given,
                configure_logging=True,
                logging_level=logging.CRITICAL,
                log_to_driver=False,
            )
    except (OSError, ValueError, RuntimeError) as failure:
        if isinstance(failure, OSError) and failure.errno in DISK_FULL:
            raise
        reason = (str(failure).strip() or type(failure).__name__).splitlines()[0]
        if address is None:
            raise JobError(f"Ray does not start on this machine ({reason})") from failure
        raise no_cluster(address, reason) from None
    return int(ray.cluster_resources().get("CPU", 0))


@contextmanager
def variables(given: Mapping[str, str]) -> Iterator[None]:
    """Variables of the environment within the block, for processes that are started there."""
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def check_address(address: str) -> None:
    """Raise UserError if nothing answers at a host:port address. Ray itself would retry for minutes."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or host.startswith("ray:"):
        return
    try:
        socket.create_connection((host, int(port)), timeout=10).close()
    except (OSError, UnicodeError) as failure:  # invalid host names cannot be encoded
        raise no_cluster(address, getattr(failure, "strerror", None) or str(failure)) from None


def no_cluster(address: str, why: str) -> UserError:
    """The error for an address without a cluster."""
    return UserError(f"--address {address}: no Ray cluster there ({why}): start one with ray start --head")


def stop_ray() -> None:
    """Stop Ray and its workers, or leave the cluster."""
    import ray

    ray.shutdown()


def available_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def interrupt_check() -> Iterator[Callable[[], None]]:
    """A function that raises KeyboardInterrupt if Ctrl-C was pressed inside the block.

    Python raises KeyboardInterrupt too, but Ray swallows it if one of its callbacks is running.
    """
    pressed = False

    def note(number: int, frame: FrameType | None) -> None:
        nonlocal pressed
        pressed = True
        signal.default_int_handler(number, frame)

    def check() -> None:
        if pressed:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        signal.signal(signal.SIGINT, before)
