"""The plan of a set: every clip as data, drawn from one seed before anything is rendered.

Each identity, view and sighting has a random generator of its own, keyed by the seed, its purpose and its numbers. The
first clips of a set are therefore the same for any number of identities and any order or number of workers.
"""

import dataclasses

from alignnet_common.cli.progress import progress
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


def make_plan(config: RenderConfig) -> list[Clip]:
    """The clips of a set, or of its part by --shard, ordered by person and then camera.

    Raises UserError if the folder of --motion cannot be used.
    """
    motions = recordings(config.motion) if config.motion else ()
    people = [person for person in range(1, config.ids + 1) if config.part is None or config.part.holds(person)]
    bar = progress(people, desc="plan", unit="person", delay=3.0, leave=False)
    return [make_clip(config, person, name, motions) for person in bar for name in CAMERAS]


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
        denoise=config.denoise,
        seed=seed,
    )
    return leave_out(clip, config.without)
