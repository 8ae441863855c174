"""Ground, walls, props, occluders and light of a scene as data; `families` has one file a kind of place."""
