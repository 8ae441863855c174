"""Ground, walls, props, occluders and light of a scene, as data; `families` has one file for each kind of place."""
