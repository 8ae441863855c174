"""A trained network made fast for descriptors: norms folded, layers fused, batches by size."""
