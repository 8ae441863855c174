"""A trained network made fast for descriptors: norms folded, batches by size."""
