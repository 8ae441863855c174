"""Tracklets of all cameras joined to persons, without a query."""
