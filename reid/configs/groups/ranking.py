"""Names of the evaluation protocols and of the score normalizations."""

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

ScoreNorm = Literal["row", "column", "symmetric"]
"""Scores over which mean and deviation are taken. row: all gallery items, for each query (t-norm). column:
all queries, for each gallery item (z-norm). symmetric: the mean of both (s-norm)."""
