"""An index of tracklets: descriptors, cameras, times and thumbnails in a folder."""
