"""Search in an index, measured: false match rates that are estimated without labels, against the true ones.

    python -m benchmarks.search --market …/Market-1501-v15.09.15 --out runs/false-matches

Tracklets of Market-1501's training half are described by a network. Its cameras are used as if nothing else were known;
the persons are read to measure only. Others: benchmarks.search.speed, .day and .survival.
"""
