"""Names of the evaluation protocols, of the settings of clothes, and of the score normalizations."""

from typing import Literal

Protocol = Literal["step", "torchreid", "official"]
"""How queries, gallery and average precision (AP) are counted. On MARS the protocols differ by up to two points of
rank-1, so that a result needs the name of its protocol.

step: the gallery as given; AP is the mean of the precision at each hit; queries without a positive are skipped, and
counted.
torchreid: as step, but queries that are also gallery items are removed from the gallery.
https://github.com/KaiyangZhou/deep-person-reid
official: the gallery as given; AP is the area under the precision-recall curve by the trapezoidal rule; shares are of
all queries, where one without a positive counts 0. https://github.com/liangzheng06/MARS-evaluation
"""

Clothes = Literal["general", "same", "changed"]
"""Which gallery items of the query's person count as matches, by their clothes; the others of the person are ignored,
as those of the query's camera are.

general: all of them; the standard setting of LTCC.
same: those in the query's outfit (SC, same clothes; PRCC's cameras A and B).
changed: those in another outfit (CC, cloth-changing; LTCC's cloth-changing setting, PRCC's cameras A and C).

LTCC: Qian et al., Long-Term Cloth-Changing Person Re-identification, ACCV 2020, https://arxiv.org/abs/2005.12633.
PRCC: Yang et al., Person Re-identification by Contour Sketch under Moderate Clothing Change, TPAMI 2019,
https://arxiv.org/abs/2002.02295. As one rule for all data sets, SC and CC are those of Gu et al., Clothes-Changing
Person Re-identification with RGB Modality Only, CVPR 2022, https://github.com/guxinqian/Simple-CCReID.
"""

ScoreNorm = Literal["row", "column", "symmetric"]
"""Scores over which mean and deviation are taken. row: all gallery items, for each query (t-norm). column:
all queries, for each gallery item (z-norm). symmetric: the mean of both (s-norm)."""
