"""Draws the sightings of a clip: tracker, walk, bystanders and occluder in front of a given camera and scene."""

import dataclasses
from dataclasses import dataclass

import numpy as np

from alignnet_common.arrays import Floats
from synth.animation.retargeting import Recording
from synth.animation.walk import Walk, walk_rand
from synth.cameras.camera import Camera
from synth.cameras.tracker import Tracker, tracker_rand
from synth.people.identity import identity_rand
from synth.planning.bystanders import OCCLUDED_BY_BYSTANDER, bystanders_rand, crossing_bystander_rand, surroundings
from synth.planning.clearance import MIN_SECONDS, Spot, longest_unobstructed_walk, obstacles_of, paths
from synth.planning.clip import Bystander, Sighting
from synth.planning.config import RenderConfig
from synth.scenes.elements import Place, Solid
from synth.scenes.occluders import occluders_rand

TRIES = 20
"""Walks, or occluders, drawn for a scene before the best, or the last, is taken."""


@dataclass(frozen=True)
class SightingSampler:
    """Draws sightings of one camera, `frames` frames each, from the generator `rng`.

    With `recordings`, the person moves by motion capture in place of the computed gait. The path of a recording is
    unknown while planning, so such sightings have the shortest duration, MIN_SECONDS.
    """

    config: RenderConfig
    camera: Camera
    recordings: tuple[Recording, ...]
    frames: int
    rng: np.random.Generator

    def alone(self, place: Place) -> Sighting:
        """Draw a sighting of the person alone: no bystanders, no occluder."""
        obstacles = obstacles_of(place.solids)
        tracker = tracker_rand(self.rng)
        walk = self.walk_rand(obstacles)
        return self._sighting(place, tracker, walk, (), self._unobstructed_seconds(walk, obstacles))

    def with_bystanders(self, place: Place, bystander_rng: np.random.Generator) -> Sighting:
        """Draw a sighting with bystanders and, with probability `config.occlusion`, an occluder: a bystander who
        crosses in front of the person or, where none is drawn or has room, a prop.

        Bystanders are drawn from `bystander_rng`, everything else from the generator of the sampler.
        """
        obstacles = obstacles_of(place.solids)
        tracker = tracker_rand(self.rng)
        walk = self.walk_rand(obstacles)
        occluded = bool(self.rng.random() < self.config.occlusion)
        seconds = self._unobstructed_seconds(walk, obstacles)
        duration = self.frames / self.config.frame_rate(seconds, self.frames)
        around = surroundings(self.camera, walk, duration, obstacles)
        spots = bystanders_rand(bystander_rng, around)
        crossing = None
        if occluded and bystander_rng.random() < OCCLUDED_BY_BYSTANDER:
            crossing = crossing_bystander_rand(bystander_rng, around, spots)
        if crossing is not None:
            spots.append(crossing)
        elif occluded:
            place = dataclasses.replace(place, occluders=self.occluders_rand(walk, obstacles))
            occluders = obstacles_of(place.occluders)
            seconds = min(seconds, longest_unobstructed_walk(self.camera, walk, obstacles, occluders))
        bystanders = tuple(bystander_rand(bystander_rng, spot) for spot in spots)
        return self._sighting(place, tracker, walk, bystanders, seconds)

    def walk_rand(self, obstacles: Floats) -> Walk:
        """Draw a walk with room among the `obstacles` for the requested seconds; after TRIES draws, the one with the
        most room.

        Every scene has room for any walk of MIN_SECONDS, so the first draw is taken for clips as short as that.
        """
        seconds = self._requested_seconds
        walks = [walk_rand(self.rng, self.recordings, seconds)]
        if seconds <= MIN_SECONDS or walks[0].take:
            return walks[0]
        rooms = [longest_unobstructed_walk(self.camera, walks[0], obstacles, longest=seconds)]
        while rooms[-1] < seconds and len(walks) < TRIES:
            walks.append(walk_rand(self.rng, self.recordings, seconds))
            rooms.append(longest_unobstructed_walk(self.camera, walks[-1], obstacles, longest=seconds))
        return walks[int(np.argmax(rooms))]

    def occluders_rand(self, walk: Walk, obstacles: Floats) -> tuple[Solid, ...]:
        """Draw an occluder that leaves room for the walk during the requested seconds; after TRIES draws, the last.

        Any occluder leaves room for MIN_SECONDS, so the first draw is taken for clips as short as that.
        """
        seconds = self._requested_seconds
        path = paths(Spot((0.0, 0.0), walk.heading), np.linspace(-MIN_SECONDS, MIN_SECONDS, 31) / 2, walk.turn)[-1]
        for _ in range(TRIES):
            occluders = occluders_rand(self.rng, self.camera, path)
            around = obstacles_of(occluders)
            if longest_unobstructed_walk(self.camera, walk, obstacles, around, longest=seconds) >= seconds:
                break
        return occluders

    @property
    def _requested_seconds(self) -> float:
        """Duration of the sighting where a scene has room for MIN_SECONDS only: longer with a low --fps."""
        return self.frames / self.config.frame_rate(MIN_SECONDS, self.frames)

    def _unobstructed_seconds(self, walk: Walk, obstacles: Floats) -> float:
        """Seconds that the person can walk unobstructed; MIN_SECONDS for a recording."""
        return MIN_SECONDS if walk.take else longest_unobstructed_walk(self.camera, walk, obstacles)

    def _sighting(
        self, place: Place, tracker: Tracker, walk: Walk, bystanders: tuple[Bystander, ...], seconds: float
    ) -> Sighting:
        """The sighting, its frames spread over `seconds`."""
        if not {"views", "motions"}.isdisjoint(self.config.without):
            # The camera or the walk is replaced later, and the room in front of the other one is unknown.
            seconds = MIN_SECONDS
        return Sighting(place, tracker, walk, bystanders, self.frames, self.config.frame_rate(seconds, self.frames))


def bystander_rand(rng: np.random.Generator, spot: Spot) -> Bystander:
    """Draw a bystander who walks straight on through `spot`."""
    walk = dataclasses.replace(walk_rand(rng), heading=spot.heading, turn=0.0)
    return Bystander(identity_rand(rng, 0), walk, spot.offset)
