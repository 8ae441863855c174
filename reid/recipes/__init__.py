"""Steps of the commands that train or run a network: pre-training, fine-tuning, evaluation of attention."""
