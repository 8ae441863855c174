"""A training run: batches, losses, steps, schedule, checkpoints."""
