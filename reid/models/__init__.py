"""The networks of the paper, one file each, their weights and model files."""
