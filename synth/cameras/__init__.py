"""Camera geometry, tracker, sensor, image pipeline and colour, as data and array functions."""
