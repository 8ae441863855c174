"""Body shape of a person as parameters of the body model, anny."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Phenotype:
    """Body shape in units of anny, 0 to 1."""

    gender: float
    """0 male, 1 female."""
    age: float
    """1/3 child, 2/3 young adult, 1 old."""
    muscle: float
    weight: float
    height: float
    proportions: float


def phenotype_rand(rng: np.random.Generator) -> Phenotype:
    """Draw an adult: women and men equally likely, ages uniform from about 18 to 75.

    Statures follow Fryar et al., Anthropometric reference data 2015-2018, Vital and Health Statistics
    3(46), 2021: men 175.3 cm, women 161.3 cm on average.
    """
    female = bool(rng.random() < 0.5)
    return Phenotype(
        gender=float(np.clip(rng.normal(0.92 if female else 0.08, 0.08), 0, 1)),
        age=rng.uniform(0.62, 0.95),
        muscle=float(np.clip(rng.normal(0.5, 0.15), 0.15, 0.9)),
        weight=float(np.clip(rng.normal(0.48, 0.17), 0.15, 0.95)),
        # Means of 1.76 m for men and 1.63 m for women, standard deviation 7 cm; a unit is 1.09 m.
        height=float(np.clip(rng.normal(0.365, 0.064), 0.2, 0.6)),
        proportions=rng.uniform(0.3, 0.8),
    )


def stature(phenotype: Phenotype) -> float:
    """Approximate stature in metres, to a few centimetres."""
    return 1.76 - 0.13 * phenotype.gender + 1.09 * (phenotype.height - 0.365)
