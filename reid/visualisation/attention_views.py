"""What a fine-tuned network attends to in the frames of test tracklets, as pictures."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from alignnet_common.arrays import Singles
from alignnet_common.coco18 import PARTS
from alignnet_common.images import spread_over
from alignnet_common.set_format import annotation_file, clip_of
from reid.data.datasets.annotations import read_visible_ratios
from reid.data.loading.frame_store import FrameStore
from reid.data.tracklets.frames import read_frame
from reid.data.tracklets.types import ReidData, Tracklet
from reid.evaluation.descriptors import padded
from reid.models.alignnet import part_attention
from reid.models.appearance import appearance_input
from reid.reporting.views import PartAttention, PartRow, WeightedFrame, WeightedTracklet
from reid.visualisation.pictures import fitted, jpeg, overlay, strip
from reid.visualisation.tested_network import FinetunedNetwork

ATTENDED, WEIGHTED = 3, 4
"""Tracklets on the page with part attention, and with frame weights."""

SHOWN = 8
"""Frames shown of a tracklet."""

CANDIDATES = 40
"""Tracklets among which those with the most varied weights are chosen, if the visible shares are not known."""

OCCLUDED = 0.2
"""Change of the visible share within a tracklet from which it counts as occluded."""


@dataclass(frozen=True)
class FrameAttention:
    """What the network attends to in T frames of a tracklet."""

    weights: Singles | None
    """(T, 4), see `AlignNetOutput.frame_weights`."""
    parts: Singles | None
    """(T, 3, h, w): attention of upper, middle and lower part, each map summing to 1; None for the baseline."""


def shown_frames(tracklet: Tracklet) -> list[int]:
    """Positions of the frames that are shown of a tracklet, evenly spread."""
    return spread_over(range(len(tracklet.frames)), SHOWN)


def attention_of(network: FinetunedNetwork, tracklet: Tracklet) -> FrameAttention:
    """What the network attends to in the shown frames of a tracklet."""
    model, images = network.model, network.images
    store = FrameStore((), images["height"], images["width"], 0)
    frames, valid = padded([store.read(tracklet.frames[number] for number in shown_frames(tracklet))[0]])
    chunk = frames.to(network.device).float() / 255
    output = model(chunk, valid.to(network.device))
    weights = None if output.frame_weights is None else output.frame_weights[0].float().cpu().numpy()
    if output.pose is None:
        return FrameAttention(weights, None)
    height, width = model.appearance(appearance_input(chunk[0, :1])).shape[-2:]
    parts = part_attention(output.pose.last, height, width, model.config.part_gain, model.config.limb_fields)
    return FrameAttention(weights, parts.float().cpu().numpy())


def part_views(network: FinetunedNetwork) -> tuple[PartAttention, ...]:
    """Part attention over the frames of some queries; empty for the baseline."""
    if network.model.pose is None:
        return ()
    return tuple(part_view(network, tracklet) for tracklet in spread_over(network.data.query, ATTENDED))


def part_view(network: FinetunedNetwork, tracklet: Tracklet) -> PartAttention:
    """Part attention over the frames of a tracklet; the colours of a part span its lowest to its highest attention."""
    frames = [fitted(read_frame(tracklet.frames[number])) for number in shown_frames(tracklet)]
    attention = attention_of(network, tracklet).parts
    assert attention is not None, "a network with part attention"
    cells = attention.shape[2] * attention.shape[3]
    rows = []
    for name, maps in zip(PARTS, attention.transpose(1, 0, 2, 3) * cells, strict=True):
        low, high = float(maps.min()), float(maps.max())
        drawn = [overlay(frame, each, low, high) for frame, each in zip(frames, maps, strict=True)]
        rows.append(PartRow(name, jpeg(strip(drawn)), low, high))
    grid = (attention.shape[2], attention.shape[3])
    return PartAttention(tracklet.pid, jpeg(strip(frames)), len(frames), len(tracklet.frames), grid, tuple(rows))


def weight_views(network: FinetunedNetwork) -> tuple[WeightedTracklet, ...]:
    """Frame weights of the tracklets with the largest occlusions, or else with the most varied weights.

    Empty for a network that weights all frames equally.
    """
    if not network.model.weighs_frames:
        return ()
    tracklets = [with_annotations(tracklet, network.data) for tracklet in network.tracklets]
    occluded = most_occluded(tracklets, WEIGHTED)
    if occluded:
        return tuple(weight_view(tracklet, attention_of(network, tracklet)) for tracklet in occluded)
    several = [tracklet for tracklet in tracklets if len(tracklet.frames) > 1] or tracklets
    looked_at = [(tracklet, attention_of(network, tracklet)) for tracklet in spread_over(several, CANDIDATES)]
    looked_at.sort(key=lambda each: -variation(each[1]))
    return tuple(weight_view(*each) for each in looked_at[:WEIGHTED])


def with_annotations(tracklet: Tracklet, data: ReidData) -> Tracklet:
    """The tracklet with the annotations of its rendered set, also where the set stands in for PRID2011."""
    if tracklet.annotations is not None or not data.name.startswith("synthetic"):
        return tracklet
    frame = tracklet.frames[0]
    path = annotation_file(frame.parents[3], clip_of(frame))
    return replace(tracklet, annotations=path) if path.is_file() else tracklet


def visible_shares(tracklet: Tracklet) -> Singles | None:
    """(T,) visible share of the person in each shown frame; None without annotations."""
    return None if tracklet.annotations is None else read_visible_ratios(tracklet)[shown_frames(tracklet)]


def most_occluded(tracklets: Sequence[Tracklet], count: int) -> list[Tracklet]:
    """At most `count` tracklets whose visible share changes by `OCCLUDED` or more, the largest change first."""
    changes = []
    for tracklet in tracklets:
        visible = visible_shares(tracklet)
        if visible is not None and np.ptp(visible) >= OCCLUDED:
            changes.append((float(np.ptp(visible)), tracklet))
    return [tracklet for _, tracklet in sorted(changes, key=lambda each: -each[0])[:count]]


def variation(attention: FrameAttention) -> float:
    """Largest difference of two weights of a row in units of the row's mean, mean over the rows."""
    assert attention.weights is not None, "a network that weights frames"
    return float((np.ptp(attention.weights, axis=0) / attention.weights.mean(axis=0).clip(1e-9)).mean())


def weight_view(tracklet: Tracklet, attention: FrameAttention) -> WeightedTracklet:
    """The weights under the frames of a tracklet; one row for the parts where their weights are the same."""
    assert attention.weights is not None, "a network that weights frames"
    weights, rows = attention.weights, ("whole frame (f_a)", *(f"{part} part" for part in PARTS))
    if np.array_equal(weights[:, 1:], weights[:, [1, 1, 1]]):
        weights, rows = weights[:, :2], ("whole frame (f_a)", "three parts")
    visible = visible_shares(tracklet)
    frames = tuple(
        WeightedFrame(
            jpeg(fitted(read_frame(tracklet.frames[number]))),
            None if visible is None else float(visible[place]),
            tuple(map(float, weights[place])),
        )
        for place, number in enumerate(shown_frames(tracklet))
    )
    return WeightedTracklet(tracklet.pid, rows, frames, len(tracklet.frames))
