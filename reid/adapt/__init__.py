"""Adaptation to unlabelled cameras: tracklets, clusters, training against camera proxies, the choice without labels."""
