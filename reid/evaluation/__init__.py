"""Tracklets to descriptors to CMC, mAP and mINP."""
