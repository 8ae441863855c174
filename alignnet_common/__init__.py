"""Code that `synth` and `reid` share: command line, files, locks, pages, and the format of rendered sets."""
