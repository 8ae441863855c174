"""One reader a data set: folders and files to a split of tracklets."""
