"""A network as a file for other runtimes: graphs, formats, 8-bit integers, comparison with PyTorch."""
