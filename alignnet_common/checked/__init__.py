"""Files of others, read with bounds: names, JSON, CSV, arrays, archives and .mat tables; a bad file is one line."""
