"""Device, precision, memory, processes and the folder of a run."""
