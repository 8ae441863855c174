"""The plan of a set: every clip as data, drawn from one seed before anything is rendered.

Each identity, view and sighting has a random generator of its own, keyed by the seed, its purpose and its numbers. The
first clips of a set are therefore the same for any number of identities and any order or number of workers.
"""

import dataclasses
import functools
import signal
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context

from alignnet_common.cli.progress import progress
from alignnet_common.errors import JobError
from alignnet_common.set_format import CAMERAS, CameraName
from synth.animation.retargeting import Recording, recordings
from synth.cameras.camera import camera_rand
from synth.cameras.sensor import sensor_rand
from synth.planning.clip import Clip, Purpose, generator
from synth.planning.config import RenderConfig
from synth.planning.factors import leave_out
from synth.planning.outfits import make_dressed_identity, worn_outfits
from synth.planning.sightings import SightingSampler
from synth.scenes.families import place_rand

PEOPLE_AT_ONCE = 8
"""Number of people that a process plans between two steps of the progress bar."""
WORTH_PROCESSES = 1500
"""Sightings of a plan, at least, that several processes draw: they start in the time of some hundred sightings."""


def make_plan(config: RenderConfig, processes: int = 1) -> list[Clip]:
    """The clips of a set, or of its part by --shard, ordered by person and then camera.

    They are the same for any number of `processes`, of which several are used for large sets alone. Raises UserError if
    the folder of --motion cannot be used, JobError if a process is lost.
    """
    motions = recordings(config.motion) if config.motion else ()
    people = [person for person in range(1, config.ids + 1) if config.part is None or config.part.holds(person)]
    groups = [people[first : first + PEOPLE_AT_ONCE] for first in range(0, len(people), PEOPLE_AT_ONCE)]
    sightings = len(people) * len(CAMERAS) * len(config.frames_of_sightings)
    if processes == 1 or sightings < WORTH_PROCESSES or motions:
        plans: Iterator[list[Clip]] = (make_clips(config, group, motions) for group in groups)
    else:
        plans = _by_processes(config, groups, processes)
    clips = []
    with progress(total=len(people), desc="plan", unit="person", delay=3.0, leave=False) as bar:
        for found in plans:
            clips += found
            bar.update(len(found) // len(CAMERAS))
    return clips


def _by_processes(config: RenderConfig, groups: list[list[int]], processes: int) -> Iterator[list[Clip]]:
    """The clips of each group of people, in order."""
    # Not forked: the libraries of the calling process may have threads.
    pool = ProcessPoolExecutor(min(processes, len(groups)), get_context("spawn"), signal.signal, _LEFT_TO_PARENT)
    try:
        yield from pool.map(functools.partial(make_clips, config), groups)
    except BrokenProcessPool:
        raise JobError("a process that plans was killed, perhaps for its memory: run the same command again") from None
    finally:
        pool.shutdown(cancel_futures=True)


_LEFT_TO_PARENT = (signal.SIGINT, signal.SIG_IGN)
"""Ctrl-C ends the processes by the one that started them."""


def make_clips(config: RenderConfig, people: Sequence[int], motions: tuple[Recording, ...] = ()) -> list[Clip]:
    """The clips of `people` by both cameras."""
    return [make_clip(config, person, name, motions) for person in people for name in CAMERAS]


def make_clip(config: RenderConfig, person: int, camera_name: CameraName, motions: tuple[Recording, ...] = ()) -> Clip:
    """The clip of `person` (from 1) in front of one camera; `motions` are recordings to use in place of the gait."""
    seed, number = config.seed, CAMERAS.index(camera_name)
    view = (person - 1) % config.camera_pairs if config.camera_pairs else person
    view_rng = generator(seed, Purpose.VIEW, view, number)
    camera = camera_rand(view_rng)
    sensor = sensor_rand(view_rng)
    sightings = []
    for index, frames in enumerate(config.frames_of_sightings):
        # The key of the first sighting has no index: it does not depend on the number of sightings.
        key = (index,) if index else ()
        place = place_rand(generator(seed, Purpose.VIEW, view, number, *key) if index else view_rng)
        rng = generator(seed, Purpose.CLIP, person, number, *key)
        sampler = SightingSampler(config, camera, motions, frames, rng)
        if index == 0:
            bystander_rng = generator(seed, Purpose.BYSTANDERS, person, number)
            sightings.append(sampler.with_bystanders(place, bystander_rng))
        else:
            # Bystanders and occluders hide the person or are mistaken for them: one sighting has them, not all.
            sightings.append(sampler.alone(place))
    worn = worn_outfits(seed, person, config.outfits, len(sightings))[number]
    sightings = [dataclasses.replace(each, outfit=outfit) for each, outfit in zip(sightings, worn, strict=True)]
    clip = Clip(
        camera_name=camera_name,
        identity=make_dressed_identity(seed, person, config.outfits, config.without),
        camera=camera,
        sensor=sensor,
        sightings=tuple(sightings),
        samples=config.samples,
        denoise=config.denoised,
        seed=seed,
        noise_samples=config.noise_samples if config.denoised else 0,
    )
    return leave_out(clip, config.without)
