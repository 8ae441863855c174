"""The data-set card of a rendered set, SET/README.md: what was drawn, how to load it, licence, use and limits.

Figures come from the plan and the manifest, without reading frames or annotations. The template is assets/data-card.md.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from alignnet_common.files import write_unless_edited
from alignnet_common.html import render_template
from alignnet_common.run_record import version_of
from alignnet_common.set_format import ANNOTATIONS, GENERATOR_VERSION, ManifestRow, generator_versions
from synth.cameras.camera import HEIGHT, WIDTH
from synth.dataset.layout import RenderedSet
from synth.people.identity import Identity
from synth.people.near_duplicates import OF_THE_BODY
from synth.people.phenotype import stature
from synth.planning.clip import Clip, Sighting
from synth.planning.config import RenderConfig
from synth.report.statistics import light_of, named_colours, nearest_name, years

MARK = "`synth render` writes this file"
"""Part of the card's last line."""
AGES = ((18, 30), (30, 45), (45, 60), (60, 76))
"""Age groups in years: from, up to but not including."""
VISIBLE = (0.5, 0.75, 0.95)
"""Mean visible ratios of a clip that the table of visibility counts below."""
HUB_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
"""Size categories of the Hugging Face hub: number of frames below which each holds."""

Table = list[tuple[str, str]]
"""Rows of a table of two columns."""


def write_card(target: RenderedSet, plan: Sequence[Clip], rows: Sequence[ManifestRow], config: RenderConfig) -> None:
    """Write the card of a complete set atomically. It replaces an earlier card, but not a file without MARK."""
    write_unless_edited(target.card, data_card(target.out.resolve().name, plan, rows, config), MARK)


def data_card(name: str, plan: Sequence[Clip], rows: Sequence[ManifestRow], config: RenderConfig) -> str:
    """The card of the set `name` as Markdown. `plan` and `rows` are its clips, at least one, and their manifest."""
    people = list({clip.identity.person: clip.identity for clip in plan}.values())
    sightings = [sighting for clip in plan for sighting in clip.sightings]
    frames = sum(clip.frames for clip in plan)
    return render_template(
        "data-card.md",
        set_name=name,
        size=next((label for limit, label in HUB_SIZES if frames < limit), "n>1M"),
        height=HEIGHT,
        width=WIDTH,
        composition=composition(plan, people, frames),
        people=shares_of_people(people),
        clothes=clothes(people),
        outfits=outfits_in_words(people),
        scenes=shares(Counter(sighting.place.family for sighting in sightings)),
        lights=shares(Counter(light_of(asdict(sighting.place.light)) or "unknown" for sighting in sightings)),
        motions=shares(Counter(motion_of(sighting) for sighting in sightings)),
        company=shares(Counter(company_of(sighting) for sighting in sightings)),
        visibility=visibility(rows),
        cameras=cameras(plan),
        annotations=[
            (array, " × ".join(map(str, form.shape)), form.dtype, form.unit) for array, form in ANNOTATIONS.items()
        ],
        generators=", ".join(f"{version} ({count} clips)" for version, count in generator_versions(rows).items()),
        is_mixed=set(generator_versions(rows)) != {GENERATOR_VERSION},
        versions={"Blender (`bpy`)": blender_versions(rows), "anny": version_of("anny")},
        seeds=", ".join(map(str, sorted({clip.seed for clip in plan}))),
        drawn=None if config.plan else {"without": config.without, "occlusion": percent(config.occlusion)},
        samples=numbers([clip.samples for clip in plan]),
        denoised=any(clip.denoise for clip in plan),
        noise_samples=numbers(noise) if (noise := {clip.noise_samples for clip in plan} - {0}) else None,
        is_recorded=any(sighting.walk.take for sighting in sightings),
        pixels=pixel_example(rows),
    )


def composition(plan: Sequence[Clip], people: Sequence[Identity], frames: int) -> Table:
    """Counts of the set."""
    copies = sum(identity.twin_of is not None for identity in people)
    sightings = [sighting for clip in plan for sighting in clip.sightings]
    return [
        ("identities", str(len(people))),
        ("near-duplicates among them", share(copies, len(people))),
        ("outfits per identity", numbers([len(identity.outfits) for identity in people])),
        ("cameras per identity", numbers(Counter(clip.identity.person for clip in plan).values())),
        ("clips", str(len(plan))),
        ("frames", str(frames)),
        ("frames per clip", numbers([clip.frames for clip in plan])),
        ("sightings", str(len(sightings))),
        ("sightings per clip", numbers([len(clip.sightings) for clip in plan])),
        ("frames per second", numbers([round(sighting.fps, 2) for sighting in sightings])),
        ("unlabelled bystanders", str(sum(len(sighting.bystanders) for sighting in sightings))),
    ]


def shares_of_people(people: Sequence[Identity]) -> Table:
    """Gender, age, stature and skin tone of the identities."""
    ages = [years(identity.phenotype.age) or 0.0 for identity in people]
    heights = [stature(identity.phenotype) for identity in people]
    women = sum(identity.phenotype.gender > 0.5 for identity in people)
    outside = sum(not AGES[0][0] <= age < AGES[-1][1] for age in ages)
    tones = Counter(nearest_name(identity.outfit.skin, named_colours("skin")) for identity in people)
    return [
        ("women", share(women, len(people))),
        ("men", share(len(people) - women, len(people))),
        *(
            (f"age {low} to {high - 1} years", share(sum(low <= age < high for age in ages), len(people)))
            for low, high in AGES
        ),
        *([("age outside of these, in an edited plan", share(outside, len(people)))] if outside else []),
        ("stature, metres: 5th, 50th, 95th percentile", percentiles(heights, 2)),
        *((f"skin tone {tone} (Fitzpatrick)", share(tones[tone], len(people))) for tone in named_colours("skin")),
    ]


def clothes(people: Sequence[Identity]) -> Table:
    """Most frequent garments and accessories of all outfits of the identities."""
    outfits = [outfit for identity in people for outfit in identity.outfits]
    kinds: dict[str, Counter[str]] = {
        "tops": Counter(outfit.top.kind for outfit in outfits),
        "bottoms": Counter(outfit.bottom.kind for outfit in outfits),
        "headwear": Counter(outfit.headwear.kind if outfit.headwear else "none" for outfit in outfits),
        "carried": Counter(thing.kind for outfit in outfits for thing in outfit.carried),
    }
    kinds["carried"]["nothing"] = sum(not outfit.carried for outfit in outfits)
    return [
        (title, ", ".join(f"{kind} {count}" for kind, count in counts.most_common() if count))
        for title, counts in kinds.items()
    ]


def outfits_in_words(people: Sequence[Identity]) -> str:
    """Sentences on outfits: how many there are, and whom a change of clothes makes equal."""
    most = max(len(identity.outfits) for identity in people)
    if most == 1:
        return "Each identity has one outfit: the set contains no change of clothes."
    alike = sum(identity.differs_in not in (None, *OF_THE_BODY) for identity in people)
    return (
        f"Identities have up to {most} outfits. Body, face, hair and gait stay; clothes, shoes and accessories change. "
        f"{share(alike, len(people))} of the identities are near-duplicates that differ from another identity in "
        "clothes or accessories alone: once clothes have changed, nothing distinguishes the two."
    )


def motion_of(sighting: Sighting) -> str:
    """Kind of the walk of a sighting."""
    return "recorded motion" if sighting.walk.take else sighting.walk.kind


def company_of(sighting: Sighting) -> str:
    """What is planned in a sighting besides the labelled person."""
    names = ["occluder"] * bool(sighting.place.occluders) + ["bystanders"] * bool(sighting.bystanders)
    return " and ".join(names) or "nothing"


def visibility(rows: Sequence[ManifestRow]) -> Table:
    """Clips by the mean visible ratio of their frames."""
    ratios = [row["visible_ratio"] for row in rows if "visible_ratio" in row]
    counted = [
        (f"clips with less than {percent(below)} of the silhouette visible", sum(ratio < below for ratio in ratios))
        for below in VISIBLE
    ]
    return [(title, share(count, len(ratios))) for title, count in counted]


def cameras(plan: Sequence[Clip]) -> Table:
    """Geometry and codecs of the cameras."""
    views = list({(clip.camera, clip.sensor): clip.camera for clip in plan}.values())
    distances, pitches = [view.distance for view in views], [view.pitch for view in views]
    codecs = Counter(clip.sensor.codec for clip in plan)
    return [
        ("different cameras", str(len(views))),
        ("distance, metres: smallest, median, largest", extremes(distances)),
        ("downward pitch, degrees: smallest, median, largest", extremes(pitches)),
        ("codec of the recorder", ", ".join(f"{codec} {share(codecs[codec], len(plan))}" for codec in sorted(codecs))),
    ]


def blender_versions(rows: Iterable[ManifestRow]) -> str:
    """Versions of Blender that rendered the clips."""
    return ", ".join(sorted({row.get("blender", "not recorded") for row in rows}))


def pixel_example(rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """The first clip, for the examples of loading."""
    return {"clip": rows[0]["clip"], "frames": rows[0]["frames"]}


def shares(counts: Mapping[str, int]) -> Table:
    """Counted names with their shares, most frequent first, then in alphabetical order."""
    whole = sum(counts.values())
    return [(name, share(count, whole)) for name, count in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]


def share(count: int, whole: int) -> str:
    """A count with its share of the whole.

    >>> share(3, 8)
    '3 (37.5 %)'
    """
    return f"{count} ({100 * count / whole:.1f} %)" if whole else "0"


def percent(ratio: float) -> str:
    """A ratio as percent.

    >>> percent(0.25)
    '25 %'
    """
    return f"{100 * ratio:g} %"


def numbers(values: Iterable[float]) -> str:
    """One number if all are equal, else the smallest to the largest.

    >>> numbers([4, 4]), numbers([2.5, 7, 3])
    ('4', '2.5 to 7')
    """
    found = sorted(set(values))
    return f"{found[0]:g}" if len(found) == 1 else f"{found[0]:g} to {found[-1]:g}"


def percentiles(values: Sequence[float], digits: int) -> str:
    """5th, 50th and 95th percentile."""
    return ", ".join(f"{value:.{digits}f}" for value in np.percentile(values, [5, 50, 95]))


def extremes(values: Sequence[float]) -> str:
    """Smallest value, median and largest value."""
    return ", ".join(f"{value:.1f}" for value in np.percentile(values, [0, 50, 100]))
