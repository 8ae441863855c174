"""Paths of a rendered set below its folder, and the lock that its writer holds."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.locks import held
from synth.planning.config import Shard


@dataclass(frozen=True)
class RenderedSet:
    """Paths of a set below its folder."""

    out: Path
    shard: Shard | None = None
    """The part of the set that is worked on, where several machines render one set."""

    @property
    def manifest(self) -> Path:
        """A JSON row a finished clip; a shard has its own, which the command without --shard collects."""
        return self.out / self._named("manifest", "jsonl")

    @property
    def config(self) -> Path:
        """The options that the set, or the shard, was rendered with."""
        return self.out / self._named("config", "yaml")

    @property
    def result(self) -> Path:
        """What came of it."""
        return self.out / self._named("result", "json")

    @property
    def lock(self) -> Path:
        """Held by the process that renders into the shard, or into the whole set."""
        return self.out / self._named(".lock", "")

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep others from writing to the set, or to the shard, while the block runs: shards may be written to side by
        side, the whole set by one process alone. Raises UserError where somebody is at work on it."""
        complaint = f"another command (synth.render or synth.unpack) is writing to {self.out}"
        of_shard = held(self.lock, complaint) if self.shard else nullcontext()
        with held(RenderedSet(self.out).lock, complaint, shared=self.shard is not None), of_shard:
            yield

    def of_shards(self) -> list[Path]:
        """The files that shards have left of themselves."""
        return sorted(
            path
            for stem in ("manifest", "plan", "config", "result", "failure")
            for path in self.out.glob(f"{stem}.*-of-*")
        )

    @property
    def plan(self) -> Path:
        """A JSON row a planned clip."""
        return self.out / self._named("plan", "jsonl")

    @property
    def failure(self) -> Path:
        """In full, why the last run failed; absent where it did not."""
        return self.out / self._named("failure", "txt")

    def frames(self, clip: str) -> Path:
        """Folder of a clip's frames; `clip` as in "cam_a/person_0001"."""
        return self.out / "multi_shot" / clip

    def annotation(self, clip: str) -> Path:
        """The clip's annotations."""
        return self.out / "annotations" / f"{clip}.npz"

    def _named(self, stem: str, suffix: str) -> str:
        """A file's name, with the shard's in it if there is one."""
        parts = [stem, f"{self.shard.number}-of-{self.shard.count}" if self.shard else "", suffix]
        return ".".join(part for part in parts if part)
