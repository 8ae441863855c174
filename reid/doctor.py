"""Check that this machine can train and evaluate: `python -m reid.doctor`. Needs only the standard library."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.doctor.findings import Finding, report, run_without_options
from alignnet_common.doctor.machine import (
    GB,
    check_disk,
    check_memory,
    check_packages,
    check_shared_memory,
    cores,
    python_version,
)

OLDEST_PYTHON = (3, 11)
PACKAGES = {
    "torch": "torch",
    "torchvision": "torchvision",
    "numpy": "numpy",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "imageio": "imageio",
    "PIL": "pillow",
    "safetensors": "safetensors",
    "jsonargparse": "jsonargparse",
    "docstring_parser": "docstring-parser",
    "jinja2": "jinja2",
    "matplotlib": "matplotlib",
    "tensorboardX": "tensorboardX",
    "timm": "timm",
    "yaml": "PyYAML",
    "tqdm": "tqdm",
}
"""Packages that `reid` needs: the name on the package index by the name of the module."""

INSTALL = "run make install, or pip install alignnet-reid"
DRIVER = Path("/proc/driver/nvidia/version")
"""There where the NVIDIA driver is loaded, on Linux."""
TRAINING_BYTES = 4 * GB
"""Memory that a training on a CPU or its loading processes beside a GPU take, about."""
SHARED_BYTES = 1 * GB
"""Shared memory that the loading processes pass batches through, about."""
RUN_BYTES = 1 * GB
"""Disk of a run's checkpoints, about: three of the full network with the state of the optimizer."""


@dataclass(frozen=True)
class DoctorConfig:
    """Check Python, packages, GPUs, memory and disk; say what to do.

    Prints one line per check. Exit code: 0 if this machine can train and evaluate, else 2.
    """

    output_dir: Path = Path("runs")
    """Folder that runs are to be written into, for its free disk space."""


def doctor(config: DoctorConfig) -> None:
    """Print one line per check. Raises UserError if this machine cannot run `reid`."""
    report(findings(config), "this machine cannot run reid")


def findings(config: DoctorConfig) -> Iterator[Finding]:
    """The outcome of each check, in the order of the output."""
    yield check_python(python_version())
    packages = check_packages(PACKAGES, INSTALL)
    yield packages
    if packages.level == "ok":
        yield from check_torch()
    yield check_memory(TRAINING_BYTES, "a training")
    yield check_shared_memory(SHARED_BYTES, "the processes that load batches pass them through it (--workers 0: none)")
    yield check_disk(config.output_dir, RUN_BYTES, "a run of the full network")


def check_python(found: tuple[int, int]) -> Finding:
    """Whether this Python, (major, minor), is new enough."""
    name = ".".join(map(str, found))
    if found < OLDEST_PYTHON:
        return Finding("missing", "Python", f"reid needs Python 3.11 or newer; this is {name}", "use python3.11")
    return Finding("ok", "Python", name)


def check_torch() -> Iterator[Finding]:
    """Whether PyTorch loads together with torchvision, and the devices that it finds."""
    try:
        import torch
        import torchvision  # noqa: F401  # fails where it is built for another release of PyTorch
    except (ImportError, OSError, RuntimeError) as failure:
        reason = " ".join(str(failure).split())
        advice = "install both again: pip install --force-reinstall torch torchvision"
        yield Finding("missing", "PyTorch", f"cannot be loaded ({reason})", advice)
        return
    if torch.cuda.is_available():
        for number in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(number)
            name = torch.cuda.get_device_name(number)
            yield Finding("ok", f"cuda:{number}", f"{name}, {free / GB:.1f} of {total / GB:.1f} GB free")
    elif DRIVER.is_file():
        built = f"for CUDA {torch.version.cuda}" if torch.version.cuda else "without CUDA"
        advice = "install the build of PyTorch for this driver, see https://pytorch.org/get-started/locally"
        yield Finding("warning", "CUDA", f"an NVIDIA driver, but PyTorch {torch.__version__} is built {built}", advice)
    if torch.backends.mps.is_available():
        yield Finding("ok", "mps", "the GPU of this Mac")
    yield cpu(has_gpu=torch.cuda.is_available() or torch.backends.mps.is_available(), threads=torch.get_num_threads())


def cpu(has_gpu: bool, threads: int) -> Finding:
    """The CPU: a warning if it is all that there is, since the full network is too large for it."""
    found = f"{threads} threads on {cores()} cores"
    if has_gpu:
        return Finding("ok", "cpu", found)
    return Finding("warning", "cpu", f"{found}, and no GPU", "train the small network, with --preset small")


if __name__ == "__main__":
    try:
        from alignnet_common.cli import run_command
    except ImportError:  # the packages of the command line are not installed
        run_without_options(lambda: doctor(DoctorConfig()))
    else:
        run_command(doctor, DoctorConfig, "python -m reid.doctor")
