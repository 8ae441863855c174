"""Render one person in the clothes drawn from the seed and in a custom coat: `custom_garment.py OUT`.

Writes OUT/drawn.png and OUT/custom.png. Everything but the coat is the same in both.
"""

import sys
from dataclasses import replace
from pathlib import Path

import imageio.v3 as iio

from synth.body.model import BodyModel
from synth.people.fabric import Fabric, Print
from synth.people.outfit import Top
from synth.planning.config import RenderConfig
from synth.planning.plan import make_plan
from synth.rendering.clip_renderer import render_clip

YELLOW, BLUE, WHITE = (0.8, 0.55, 0.02), (0.02, 0.05, 0.35), (0.8, 0.8, 0.8)  # linear RGB, 0 to 1


def main(out: Path) -> None:
    """Render one frame twice and save both."""
    logo = Print("lettering", "rectangle", "both", across=0, rise=0.3, width=0.2, height=0.2, colour=WHITE, second=BLUE)
    cloth = Fabric(YELLOW, BLUE, "hoops", period=0.12, print=logo, roughness=0.8, folds=0.5)
    # A closed coat with long sleeves that hangs over the thighs; lengths are fractions of the body part.
    coat = Top("coat", sleeve=1, hem=-0.3, neck=0.95, ease=0.02, opening=0, fabric=cloth, under=WHITE, hood="none")

    clip = make_plan(RenderConfig(ids=2, frames=1, samples=8, seed=7))[0]
    person = replace(clip.identity, outfit=replace(clip.identity.outfit, top=coat))
    model = BodyModel()
    out.mkdir(parents=True, exist_ok=True)
    for name, shown in (("drawn", clip), ("custom", replace(clip, identity=person))):
        iio.imwrite(out / f"{name}.png", render_clip(model, shown, "cpu").frames[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
