"""Render a synthetic data set: `python -m synth.render --ids 1000`."""

import shlex
import sys
import time
from collections.abc import Sequence
from typing import Any

from alignnet_common.cli.progress import progress
from alignnet_common.cluster.ray_folder import ray_folder
from alignnet_common.cluster.ray_session import available_cores, interrupt_check, start_ray, stop_ray
from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.options import as_plain, save_config
from alignnet_common.run_record import versions
from alignnet_common.set_format import GENERATOR_VERSION, ManifestRow, generator_versions
from synth.commands import PROGRAM
from synth.dataset.layout import RenderedSet
from synth.dataset.manifest import append_row, begin_set, finish_set, known_rows, mixture_note, open_set
from synth.doctor import problem
from synth.people.near_duplicates import OF_THE_BODY
from synth.planning.clip import Clip
from synth.planning.config import RenderConfig
from synth.planning.estimate import check_space, cost
from synth.planning.plan import make_plan
from synth.planning.plan_file import read_plan
from synth.rendering.devices import pick_device

PACKAGES = ("bpy", "anny", "ray", "numpy", "pillow")
"""Distributions that the pixels of a set depend on."""


def render(config: RenderConfig) -> None:
    """Plan the set, render the clips that are missing, and write manifest and result.json."""
    plan = planned_clips(config)
    target = RenderedSet(config.out, config.part)
    if config.dry_run:
        print_estimate(config, target, plan)
        return
    lacks = problem()
    if lacks:
        raise UserError(lacks)
    started = time.monotonic()
    # Raises UserError for a folder that holds something else, before anything is written.
    known_rows(target)
    device = pick_device(config.device) if config.address is None else config.device
    if config.address is None:
        ray_folder()  # raises UserError, too
    config.out.mkdir(parents=True, exist_ok=True)
    with target.held():
        finished, waiting = open_set(target, plan)
        check_space(config.out, waiting)
        begin_set(target, plan, finished)
        save_config(config, target.config)
        print(f"{config.out}: {format_counts(finished, waiting)}", flush=True)
        if note := alike_note(plan):
            print(note, file=sys.stderr, flush=True)
        if waiting:
            if note := mixture_note(target, finished):
                print(note, file=sys.stderr, flush=True)
            render_waiting(target, waiting, config, device)
        rows = finish_set(target, plan)
        if target.shard is None:
            from synth.report.data_card import write_card  # --help starts without the templates' engine

            write_card(target, plan, rows, config)
        write_json(target.result, summary(config, target, rows, len(waiting), time.monotonic() - started))
    part = f"part {config.shard} " if config.shard else ""
    print(f"{config.out}: {part}complete, {len(rows)} clips; {next_command(config)}")


def print_estimate(config: RenderConfig, target: RenderedSet, plan: list[Clip]) -> None:
    """Print the number of clips left to render, and an estimate of time and disk space."""
    finished, waiting = open_set(target, plan)
    print(f"{config.out}: {format_counts(finished, waiting)}")
    # The cores of a cluster are unknown until it is joined, which a dry run does not.
    cores = config.workers or (available_cores() if config.address is None else 1)
    print(cost(waiting, max(1, min(cores, len(waiting)))))


def format_counts(finished: Sequence[Any], waiting: Sequence[Clip]) -> str:
    """Numbers of clips planned, rendered and left to render."""
    frames = sum(clip.frames for clip in waiting)
    total = len(finished) + len(waiting)
    return f"{total} clips planned, {len(finished)} there, {len(waiting)} to render ({frames} frames)"


def alike_note(plan: Sequence[Clip]) -> str | None:
    """A note on people with several outfits who differ from another person in clothes alone; None without such."""
    people = {clip.identity.person: clip.identity for clip in plan if clip.identity.changes}
    alike = sum(identity.differs_in not in (None, *OF_THE_BODY) for identity in people.values())
    if not alike:
        return None
    return (
        f"note: {alike} of {len(people)} people are near-duplicates that differ from another in clothes or accessories "
        "alone: once clothes have changed, nothing tells the two apart; --without twins leaves near-duplicates out"
    )


def planned_clips(config: RenderConfig) -> list[Clip]:
    """The clips of the set, or of the part given by --shard: drawn, or read from --plan."""
    if config.plan is None:
        return make_plan(config, available_cores())
    clips = read_plan(config.plan)
    return [clip for clip in clips if config.part is None or config.part.holds(clip.identity.person)]


def next_command(config: RenderConfig) -> str:
    """A hint at the command to run next."""
    if config.shard:
        return "when all parts are complete, the same command without --shard merges them"
    return f"look at it with: python -m synth.preview --data {shlex.quote(str(config.out))}"


def render_waiting(target: RenderedSet, waiting: list[Clip], config: RenderConfig, device: str) -> None:
    """Render the clips on Ray workers; each finished clip is appended to the manifest."""
    from synth.body import anny_cache  # a dry run imports neither meshes nor the renderer
    from synth.rendering.workers import render_all

    cores = start_ray(config.workers or available_cores(), config.address)
    workers = min(config.workers or cores, len(waiting))
    frames = sum(clip.frames for clip in waiting)
    line = f"render on {workers} × {device}"
    cold = config.address is None and not anny_cache.is_filled()
    first = f"{line}, the body model's cache before it, once on this machine" if cold else line
    with progress(total=frames, unit="frame", desc=first, smoothing=0.1) as bar:
        try:
            with interrupt_check() as check:
                for row in render_all(waiting, target.out, workers, device):
                    append_row(target, row)
                    bar.set_description(line, refresh=False)
                    bar.update(row["frames"])
                    check()
        finally:
            stop_ray()


def summary(
    config: RenderConfig, target: RenderedSet, rows: list[ManifestRow], rendered: int, seconds: float
) -> dict[str, Any]:
    """Content of result.json."""
    return {
        "command": "python -m synth.render",
        "config": as_plain(config),
        "seed": config.seed if config.plan is None else None,
        "identities": len({row["person"] for row in rows}),
        "clips": len(rows),
        "frames": sum(row["frames"] for row in rows),
        "clips_rendered_now": rendered,
        "seconds": round(seconds, 1),
        "manifest_sha256": sha256_of_file(target.manifest),
        "generator": GENERATOR_VERSION,
        "clips_by_generator": generator_versions(rows),
        "versions": versions(PACKAGES),
    }


if __name__ == "__main__":
    PROGRAM.run("render")
