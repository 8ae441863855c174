"""Search in an index over a local web server."""
