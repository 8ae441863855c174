"""Statistics, contact sheets and the HTML page of a rendered set."""
