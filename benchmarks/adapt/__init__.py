"""Adaptation without labels, measured with labels: reid adapt on Market-1501's training half as unlabelled tracklets.

    python -m benchmarks.adapt --market …/Market-1501-v15.09.15 --out runs/adapt-market
    python -m benchmarks.adapt --market … --out runs/adapt-noisy --mixed 0.2 --broken 0.3
    python -m benchmarks.adapt --market … --out runs/adapt-labels --labelled
    python -m benchmarks.adapt --market … --out runs/adapt-market --official

A tracklet is all images of a person by one camera in one sequence, under a number that does not name the person: what
a perfect tracker would give. --mixed, --broken and --wrong-cameras are the faults of a real one. The persons are read
to measure only: pairs of tracklets that are rightly together in the clusters, and with --official the ranking of the
official test, before and after, with and without the statistics of each camera. With --labelled the persons take the
place of the clusters. After an interruption, repeat the command.
"""
