"""The pose network by itself: trained on rendered people, measured against the truth, looked at, used on images."""
