"""Options of reid serve."""

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.options import bounded, check_ranges
from reid.configs.groups.checks import check_device, require

SHORTEST_TOKEN = 16
"""Characters of a token, at least."""


@dataclass(frozen=True)
class ServeConfig:
    """Search an index in a browser: choose a video, draw a box, see the hits."""

    index: Path = Path("index")
    """Folder of the index (reid index). Its videos are those that its tracklets are from."""

    host: str = "127.0.0.1"
    """Address to listen at. Any other than this machine's own (127.0.0.1, ::1) needs --token."""

    port: int = bounded(8000, at_least=0, at_most=65535)
    """Port to listen at; 0: a free one."""

    token: str | None = None
    """Password that every request must have, 16 characters or more: open the page as /?token=TOKEN."""

    top_k: int = bounded(20, at_least=1, at_most=200)
    """Hits, at most."""

    device: str = "auto"
    """Device of the network: auto (a CUDA GPU if there is one, else the CPU), cpu, cuda, cuda:1 or 1, mps."""

    def __post_init__(self) -> None:
        check_ranges(self)
        check_device(self.device)
        try:
            local = ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            raise ValueError(f"--host {self.host}: not an address such as 127.0.0.1 or 0.0.0.0") from None
        require(
            local or self.token is not None, f"--host {self.host}: other machines can reach it, so --token is needed"
        )
        long = self.token is None or len(self.token) >= SHORTEST_TOKEN
        require(long, f"--token: at least {SHORTEST_TOKEN} characters")
