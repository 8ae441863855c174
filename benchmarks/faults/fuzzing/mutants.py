"""Mutant number N of a reader's files: which file is changed, and how, by the seed and the number alone."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath

from benchmarks.faults.fuzzing import archive_mutants, bytes_mutants, text_mutants

Change = Callable[[random.Random, bytes], bytes]

BY_SUFFIX: dict[str, Change] = {
    ".json": text_mutants.of_json,
    ".jsonl": text_mutants.of_jsonl,
    ".csv": text_mutants.of_csv,
    ".yaml": text_mutants.of_yaml,
    ".txt": text_mutants.of_text,
    ".bvh": text_mutants.of_text,
    ".npy": archive_mutants.of_npy,
    ".npz": archive_mutants.of_zip,
    ".pt": archive_mutants.of_zip,
    ".whl": archive_mutants.of_zip,
    ".tar": archive_mutants.of_tar,
    ".safetensors": archive_mutants.of_safetensors,
    ".mat": archive_mutants.of_mat,
}
"""How a file is changed, by its suffix; others byte by byte."""


@dataclass(frozen=True)
class Mutant:
    """A file with other content."""

    file: str
    """Path below the folder of the reader."""

    content: bytes


def mutant(reader: str, seed: int, number: int, files: Mapping[str, bytes]) -> Mutant:
    """Mutant `number` of the good files, path -> content. Equal arguments give equal mutants."""
    rng = random.Random(f"{seed} {reader} {number}")
    file = rng.choice(sorted(files))
    change = BY_SUFFIX.get(PurePath(file).suffix, bytes_mutants.mutated)
    return Mutant(file, change(rng, files[file]))
