"""A tracklet and the split of a data set as plain data; names, order and decoding of its image files."""
