"""Mutants of good files for each reader: none may end in a traceback, a hang, more memory, or a pickle that is run.

    python -m benchmarks.faults.fuzz --out fuzz                                      1000 mutants of each reader
    python -m benchmarks.faults.fuzz --reader index,link --mutants 100000 --out fuzz
    python -m benchmarks.faults.fuzz --reader index --only 4711                      reads one mutant here

Mutant N of a reader depends on the seed and N alone. OUT/READER.json counts how the mutants ended; the same command
goes on where it stopped, and begins anew where the code of the project is another one. OUT/table.md has all readers.
"""

import hashlib
import json
import shutil
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from alignnet_common.cli import run_command
from alignnet_common.errors import JobError, UserError
from alignnet_common.files import PROJECT_ROOT, write_atomically, write_json
from alignnet_common.options import bounded, check_ranges
from alignnet_common.run_record import versions
from benchmarks.faults.fuzzing.attempts import Tally, attempt, good_files, read_by
from benchmarks.faults.fuzzing.mutants import mutant
from benchmarks.faults.fuzzing.reader import Reader
from benchmarks.faults.fuzzing.readers import READERS
from reid.reporting.markdown import markdown_table

PACKAGES = ["numpy", "torch", "pillow", "safetensors", "av", "onnxruntime", "pyarrow", "pyyaml"]


@dataclass(frozen=True)
class FuzzConfig:
    """Read mutants of good files by the project's readers, and count how that ends."""

    reader: list[str] = field(default_factory=list)
    """Names of readers. Default: all."""

    mutants: int = bounded(1000, at_least=1)
    """Mutants of each reader."""

    out: Path = Path("fuzz")
    """Folder for the results."""

    seed: int = bounded(0, at_least=0)
    """Of the mutants."""

    only: int | None = None
    """Read this one mutant in this process, leave its files in OUT/mutant, and let its exception through."""

    def __post_init__(self) -> None:
        check_ranges(self)
        unknown = [name for name in self.reader if name not in READERS]
        if unknown:
            raise ValueError(f"--reader {unknown[0]}: the readers are {', '.join(READERS)}")

    @property
    def readers(self) -> list[Reader]:
        """The readers that are asked for."""
        return [READERS[name] for name in self.reader or READERS]


def fuzz(config: FuzzConfig) -> None:
    """Read the mutants; raise JobError where some ended badly."""
    if config.only is not None:
        read_one(config)
        return
    import torch

    torch.set_num_threads(1)  # threads of a process do not live on in the processes that are forked from it
    code = hash_of_code()
    bad = []
    for reader in config.readers:
        tally = tried(reader, config, code)
        if tally.bad:
            bad.append(reader.name)
    write_atomically(config.out / "table.md", table_of(config.out).encode())
    if bad:
        raise JobError(f"mutants of {', '.join(bad)} ended badly: see {config.out / 'table.md'}")


def tried(reader: Reader, config: FuzzConfig, code: str) -> Tally:
    """Read the mutants of a reader that are not read yet."""
    result = config.out / f"{reader.name}.json"
    made_of = {"seed": config.seed, "code": code}
    tally = before(result, made_of)
    shown = 0.0

    def keep(now: Tally) -> None:
        nonlocal shown
        facts = asdict(now) | {"bad": now.bad, "versions": versions(PACKAGES)}
        write_json(result, {"reader": reader.name, **made_of, **facts})
        if time.monotonic() - shown > 10 or now.next >= config.mutants:
            shown = time.monotonic()
            rate = now.next / max(now.seconds, 0.1)
            print(f"{reader.name}: {now.next} mutants, {now.bad} bad, {rate:.0f} a second", flush=True)

    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        template = Path(folder) / "good"
        prepare(reader, template)
        attempt(reader, template, config.seed, config.mutants, tally, keep)
    return tally


def prepare(reader: Reader, template: Path) -> None:
    """Write the good files, and read a copy of them. Raises UserError where a package that is needed is missing."""
    template.mkdir()
    try:
        reader.make(template)
    except ImportError as missing:
        raise UserError(f"reader {reader.name}: {missing}: install it, or name others (--reader)") from missing
    copied = template.with_name("read-once")
    shutil.copytree(template, copied)
    for path in read_by(reader, copied, good_files(reader, copied)):
        reader.read(path)
    shutil.rmtree(copied)


def before(result: Path, made_of: dict[str, Any]) -> Tally:
    """The counts of an earlier command with the same seed and code; else new ones."""
    if result.is_file():
        found = json.loads(result.read_text())
        if all(found[name] == value for name, value in made_of.items()):
            return Tally(**{name: found[name] for name in asdict(Tally())})
    return Tally()


def read_one(config: FuzzConfig) -> None:
    """Read one mutant in this process."""
    (reader,) = config.readers
    folder = config.out / "mutant"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    reader.make(folder)
    assert config.only is not None
    changed = mutant(reader.name, config.seed, config.only, good_files(reader, folder))
    (folder / changed.file).write_bytes(changed.content)
    print(f"{folder / changed.file}: {len(changed.content)} bytes, {changed.content[:300]!r}")
    reader.read(folder / changed.file if reader.alone else folder)


def hash_of_code() -> str:
    """SHA-256 over the source of the project and of the mutants."""
    digest = hashlib.sha256()
    for folder in (
        *(PROJECT_ROOT / name for name in ("alignnet_common", "reid", "synth")),
        Path(__file__).parent / "fuzzing",
    ):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def table_of(out: Path) -> str:
    """The results of a folder as a table in Markdown, and the kinds of bad ends."""
    found = [json.loads(path.read_text()) for path in sorted(out.glob("*.json"))]
    rows = [
        [each["reader"], *(str(each[name]) for name in ("next", "values", "lines", "bad", "peak_mib"))]
        for each in found
    ]
    text = markdown_table(["reader", "mutants", "read", "one line", "bad", "peak MiB"], rows)
    kinds = [
        f"- {each['reader']}: {row['mutants']} x {kind} (first: {row['first']})"
        for each in found
        for kind, row in sorted(each["kinds"].items(), key=lambda pair: -pair[1]["mutants"])
    ]
    return "\n".join([text.rstrip("\n"), *([""] if kinds else []), *kinds]) + "\n"


if __name__ == "__main__":
    run_command(fuzz, FuzzConfig, "python -m benchmarks.faults.fuzz")
