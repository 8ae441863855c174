"""The manifest of a set: which clips are finished and which are still to render.

A clip enters the manifest when all its files are on the disk, so that a killed command loses at most unfinished clips.
"""

import json
import os
import shutil
from collections.abc import Collection
from pathlib import Path

from alignnet_common.checked.forms import FormError
from alignnet_common.checked.set_rows import manifest_rows, read_manifest
from alignnet_common.cli.progress import progress
from alignnet_common.errors import UserError
from alignnet_common.files import naming, write_jsonl
from alignnet_common.set_format import (
    GENERATOR_VERSION,
    MANIFEST,
    ManifestRow,
    generator_versions,
)
from synth.dataset.layout import RenderedSet
from synth.dataset.reader import clip_error
from synth.planning.clip import Clip, plan_hash, plan_row


def append_row(target: RenderedSet, row: ManifestRow) -> None:
    """Append the row of a finished clip and sync the file: the clip is not rendered again."""
    with naming(target.manifest), target.manifest.open("a") as stream:
        stream.write(json.dumps(row) + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def open_set(target: RenderedSet, plan: list[Clip]) -> tuple[list[ManifestRow], list[Clip]]:
    """Rows of the finished, undamaged clips, and the clips still to render. Writes nothing.

    Raises UserError if the folder holds a set of another plan or other files.
    """
    rows = known_rows(target)
    known = {row["clip"] for row in rows}
    hashes = {clip.name: plan_hash(clip) if clip.name in known else "" for clip in plan}
    others = [row["clip"] for row in rows if hashes.get(row["clip"]) not in (None, row["plan_sha256"])]
    if others:
        raise UserError(
            f"{target.out} holds clips of other options{_of_other_version(rows)} ({others[0]} and {len(others) - 1} "
            "more): repeat the options it was made with (see its config.yaml), or name another folder with --out"
        )
    beyond = [row["clip"] for row in rows if row["clip"] not in hashes and _is_of(target, row)]
    if beyond:
        raise UserError(
            f"{target.out} holds clips that are not asked for ({beyond[-1]}): ask for as many identities as before, or "
            "more, or name another folder with --out"
        )
    ours = {row["clip"]: row for row in rows if row["clip"] in hashes}
    bar = progress(ours.values(), desc=f"check {target.out}", unit="clip", delay=3.0, leave=False)
    finished = {row["clip"]: row for row in bar if clip_error(target, row) is None}
    return list(finished.values()), [clip for clip in plan if clip.name not in finished]


def _of_other_version(rows: list[ManifestRow]) -> str:
    """For a message: the generator versions of the rows, if any is not the current one."""
    found = generator_versions(rows)
    if not _are_old(found):
        return ""
    return f" or of another generator version ({', '.join(found)}; this is {GENERATOR_VERSION})"


def _are_old(versions: Collection[str]) -> bool:
    return bool(set(versions) - {GENERATOR_VERSION})


def mixture_note(target: RenderedSet, finished: list[ManifestRow]) -> str | None:
    """A note for a set whose remaining clips are rendered by another generator version than a finished clip."""
    found = generator_versions(finished)
    if not _are_old(found):
        return None
    counts = ", ".join(f"{version}: {count} clips" for version, count in found.items())
    return (
        f"note: {target.out} mixes generator versions ({counts}; the remaining clips: {GENERATOR_VERSION}): "
        f'the field "generator" of {MANIFEST} names the version of each clip'
    )


def _is_of(target: RenderedSet, row: ManifestRow) -> bool:
    """Whether a clip belongs to the shard `target`; true for a whole set."""
    return target.shard is None or target.shard.holds(row.get("person", 0))


def known_rows(target: RenderedSet) -> list[ManifestRow]:
    """Rows of the manifests of the set and its shards. A clip that was rendered twice has several rows.

    Raises UserError if the folder holds other files, or a manifest is broken.
    """
    whole = RenderedSet(target.out)
    files = [path for path in (whole.manifest, *whole.of_shards(MANIFEST)) if path.exists()]
    is_set = files or whole.plan.exists() or target.plan.exists()
    if not is_set and target.out.exists() and (not target.out.is_dir() or any(map(_is_content, target.out.iterdir()))):
        raise UserError(f"{target.out} is not empty and not a rendered set: name another folder with --out")
    rows: list[ManifestRow] = []
    for file in files:
        try:
            rows += manifest_rows(file, ("clip", "frames", "plan_sha256"))
        except FormError as other:
            raise UserError(f"{other}: not a rendered set's: name another folder with --out") from None
        except ValueError as broken:
            raise UserError(f"{broken}; restore the manifest or render to another folder with --out") from None
    return rows


def _is_content(path: Path) -> bool:
    """Whether a file is content, and not a lock or partial file of a killed command."""
    return not (path.name.startswith(".lock") or (path.name.startswith(".") and path.suffix == ".partial"))


def begin_set(target: RenderedSet, plan: list[Clip], finished: list[ManifestRow]) -> None:
    """Write the plan and a manifest of the finished clips; remove partial files of a killed command."""
    target.out.mkdir(parents=True, exist_ok=True)
    sweep(target, {clip.name for clip in plan})
    target.failure.unlink(missing_ok=True)
    write_jsonl(target.plan, map(plan_row, plan))
    write_jsonl(target.manifest, finished)


def sweep(target: RenderedSet, ours: Collection[str]) -> None:
    """Remove partial files of a killed command; in a shard, only those of the clips named in `ours`."""
    for partial in sorted(target.out.glob("*/*/.*.partial")):
        # ".person_0001.4711.partial", ".person_0001.npz.4711.partial": other shards may be writing theirs.
        if target.shard is None or f"{partial.parent.name}/{partial.name.split('.')[1]}" in ours:
            shutil.rmtree(partial) if partial.is_dir() else partial.unlink()
    for file in (target.manifest, target.plan, target.config, target.result, target.failure):
        # The whole set removes those of its shards too: ".manifest.3-of-8.jsonl.4711.partial".
        name = file.name if target.shard else f"{file.stem}*"
        for partial in target.out.glob(f".{name}.*.partial"):
            partial.unlink()


def finish_set(target: RenderedSet, plan: list[Clip]) -> list[ManifestRow]:
    """Sort the manifest into the plan's order; returns its rows. Deletes the shards' files if the set is complete."""
    order = {clip.name: number for number, clip in enumerate(plan)}
    rows = sorted(read_manifest(target.manifest).values(), key=lambda row: order.get(row["clip"], len(order)))
    write_jsonl(target.manifest, rows)
    if target.shard is None and len(rows) == len(plan):
        for left in target.of_shards():
            left.unlink()
    return rows
