"""Paths of a rendered set or of one shard of it, and the lock that its writer holds."""

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

from alignnet_common.locks import file_lock
from alignnet_common.set_format import CARD, CONFIG, MANIFEST, PLAN, RESULT, annotation_file, frames_folder
from synth.planning.config import Shard

LOCK, FAILURE = ".lock", "failure.txt"


@dataclass(frozen=True)
class RenderedSet:
    """Paths of a rendered set, whose layout `alignnet_common.set_format` describes."""

    out: Path
    """Folder of the set."""
    shard: Shard | None = None
    """The part of the set that this process renders, if several machines render one set.

    A shard has its own manifest, plan, config and result, which the command without --shard merges.
    """

    @property
    def manifest(self) -> Path:
        """One JSON row per finished clip."""
        return self._path(MANIFEST)

    @property
    def plan(self) -> Path:
        """One JSON row per planned clip."""
        return self._path(PLAN)

    @property
    def config(self) -> Path:
        """Options of the command that rendered the set or shard."""
        return self._path(CONFIG)

    @property
    def result(self) -> Path:
        """Summary of the command that rendered the set or shard."""
        return self._path(RESULT)

    @property
    def card(self) -> Path:
        """Data-set card of the whole set; shards have none."""
        return self.out / CARD

    @property
    def failure(self) -> Path:
        """Full text of the errors of the last command; absent if it succeeded."""
        return self._path(FAILURE)

    @property
    def lock(self) -> Path:
        """Lock file of the process that renders into the set or shard."""
        return self._path(LOCK)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the set or shard for writing. Shards exclude the whole set, but not each other.

        Raises UserError if another process is writing.
        """
        complaint = f"another command (synth.render or synth.unpack) is writing to {self.out}"
        of_shard = file_lock(self.lock, complaint) if self.shard else nullcontext()
        with file_lock(RenderedSet(self.out).lock, complaint, shared=self.shard is not None), of_shard:
            yield

    def of_shards(self, name: str | None = None) -> list[Path]:
        """Files of all shards, such as manifest.3-of-8.jsonl; only those of the file `name` (MANIFEST, PLAN, …) if
        given."""
        names = (MANIFEST, PLAN, CONFIG, RESULT, FAILURE) if name is None else (name,)
        return sorted(path for name in names for path in self.out.glob(f"{Path(name).stem}.*-of-*"))

    def frames(self, clip: str) -> Path:
        """Folder of the frames of `clip`, such as "cam_a/person_0001"."""
        return frames_folder(self.out, clip)

    def annotation(self, clip: str) -> Path:
        """File of the annotation arrays of `clip`."""
        return annotation_file(self.out, clip)

    def _path(self, name: str) -> Path:
        """Path of a file of the set; the shard's number goes before the suffix, as in manifest.3-of-8.jsonl."""
        if self.shard is None:
            return self.out / name
        file = Path(name)
        return self.out / f"{file.stem}.{self.shard.number}-of-{self.shard.count}{file.suffix}"
