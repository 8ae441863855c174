"""The commands of a cycle, and what they must leave."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

from benchmarks.faults.content import Leaves, leaves
from benchmarks.faults.scenarios import NET, TRAINING, Words
from reid.index.store import Store

OF_THE_PROCESS = re.compile(r".*/(wait|wait_share)|.*/rng/torch")
"""Places that say how long a process waited, and the state of its global generator, from which nothing is drawn."""

PEOPLE, FRAMES = 4, 4
"""Of the set that a cycle renders."""

KEPT = 6
"""Cycles whose tracklets stay in the index: it grows to this size, and then one set comes for each that goes."""


def commands(number: int) -> dict[str, Words]:
    """The commands of cycle `number` by name: program, command, options. They run in the folder of their lane."""
    home = name_of(number)
    tracks = f"{home}/set/multi_shot"
    found: dict[str, Words] = {
        "render": (
            *("synth", "render", "--ids", f"{PEOPLE}", "--frames", f"{FRAMES}", "--samples", "2", "--workers", "1"),
            *("--seed", f"{number}", "--out", f"{home}/set"),
        ),
        "verify": ("synth", "verify", f"{home}/set"),
        "pretrain": (
            "reid",
            "pretrain",
            "--data",
            f"{home}/set",
            "--run",
            f"{home}/run",
            *TRAINING,
            "--max-steps",
            "12",
        ),
        "evaluate": (
            *("reid", "evaluate", "--dataset", "folder", "--root", tracks, "--json", f"{home}/found.json"),
            *("--weights", f"{home}/run/model.safetensors", "--device", "cpu"),
        ),
        "index": ("reid", "index", tracks, "--index", "index", "--workers", "0", *NET),
        "search": (
            *("reid", "search", "--index", "index", "--crop", f"{tracks}/cam_a/person_0001/0001.png"),
            *("--json", f"{home}/hits.json", "--html", f"{home}/hits.html", "--device", "cpu"),
        ),
    }
    if number >= KEPT:
        old = f"{name_of(number - KEPT)}/set/multi_shot"
        found["remove"] = ("reid", "index", "--remove", old, "--index", "index", "--workers", "0", *NET)
    return found


def name_of(number: int) -> str:
    """Folder of a cycle in that of its lane."""
    return f"cycle-{number:05d}"


def left_by(lane: Path, number: int) -> Leaves:
    """What the set, the training and the evaluation of a cycle say, and the content of the index."""
    home = lane / name_of(number)
    said = {f"{name}/{place}": text for name in ("set", "run") for place, text in leaves(home / name).items()}
    said["hits"] = json.dumps([(hit["camera"], hit["track"], hit["score"]) for hit in read(home / "hits.json")["hits"]])
    said["found"] = json.dumps({name: read(home / "found.json")[name] for name in ("rank1", "mAP", "cmc")})
    return {place: text for place, text in said.items() if not OF_THE_PROCESS.fullmatch(place)} | indexed(lane)


def indexed(lane: Path) -> Leaves:
    """Each tracklet of the index, by its source below the lane, camera and name, and its descriptor."""
    found = {}
    for block in Store(lane / "index").blocks():
        for row, vector in zip(block.rows, block.vectors(), strict=True):
            source = Path(row.source).relative_to(lane)
            place = f"index/{source}/{row.camera}/{row.track}"
            assert place not in found, f"{place} is in the index twice"
            found[place] = vector.tobytes().hex()
    return found


def expected_in_index(number: int) -> int:
    """Tracklets of the index after cycle `number`."""
    return 2 * PEOPLE * min(number + 1, KEPT)


def read(path: Path) -> dict[str, Any]:
    """A JSON file."""
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def forget(lane: Path, number: int) -> None:
    """Remove the folders of a cycle whose tracklets have left the index."""
    if number >= KEPT:
        shutil.rmtree(lane / name_of(number - KEPT), ignore_errors=True)
