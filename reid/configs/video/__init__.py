"""Options of the commands from videos to found persons."""
