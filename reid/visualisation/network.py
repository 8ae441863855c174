"""Views of a fine-tuned network on its test tracklets for the report page; runs the network with PyTorch."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from reid.reporting.views import NetworkViews
from reid.visualisation.attention_views import part_views, weight_views
from reid.visualisation.gallery_views import gallery_view, ranked_queries
from reid.visualisation.ranked_galleries import hardest_failures, some_successes
from reid.visualisation.tested_network import load_tested

FAILURES, SUCCESSES = 12, 3
"""Largest numbers of queries on the page."""


def network_views(run: Path, result: Mapping[str, Any], features: Path, root: Path | None = None) -> NetworkViews:
    """Ranked galleries, part attention and frame weights of the network of a fine-tuning run.

    result -- the run's result.json. features -- folder of cached descriptors, as `reid.evaluate` writes it. root --
    folder of the data; default: as in the training. Raises UserError where the options, the model or the data of the
    run are missing, or are not those of the result.
    """
    network = load_tested(run, result, root)
    found = ranked_queries(network, features)
    with torch.inference_mode():
        return NetworkViews(
            queries=len(found),
            failed=sum(each.failed for each in found),
            failures=tuple(gallery_view(each, network.data) for each in hardest_failures(found, FAILURES)),
            successes=tuple(gallery_view(each, network.data) for each in some_successes(found, SUCCESSES)),
            parts=part_views(network),
            weights=weight_views(network),
        )
