"""Memory of this process, as Linux gives it."""

import resource
from pathlib import Path

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def memory(name: str) -> int:
    """A size of /proc/self/status in bytes, such as RssAnon; 0 where there is none."""
    lines = STATUS.read_text().splitlines() if STATUS.is_file() else []
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:")), 0)


def forget_peak() -> None:
    """Start the peak again, where the system can."""
    if CLEAR.exists():
        CLEAR.write_text("5")


def peak_memory() -> int:
    """The most memory in bytes since `forget_peak`, files that are mapped with it; elsewhere since the beginning."""
    return memory("VmHWM") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
