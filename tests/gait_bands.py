"""How much healthy people differ in their walk, as published: the band that walkers are held to."""

import json

import numpy as np

from synth.gait import CURVES


def published_band(joint, phase):
    """Mean and standard deviation between people, (T,) degrees each, of "hip", "knee" or "ankle" at `phase` (T,)."""
    band = json.loads(CURVES.read_text())["bands"][joint]
    places = np.arange(len(band["mean"])) / len(band["mean"])
    return tuple(np.interp(phase % 1, places, band[part], period=1) for part in ("mean", "sd"))
