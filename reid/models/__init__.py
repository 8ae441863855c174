"""The networks of the paper, one file each, and the pure functions between them."""
