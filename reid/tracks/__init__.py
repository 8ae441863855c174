"""From videos to tracklets: frames, boxes of persons, tracks, crops."""
