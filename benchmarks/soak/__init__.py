"""Hours of render, train, evaluate, index and search in a loop, with random kills."""
