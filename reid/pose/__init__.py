"""python -m reid.pose: training, evaluation, prediction and drawing of the pose network."""
