"""Work shared among processes by Ray: on this machine, or on a cluster."""
