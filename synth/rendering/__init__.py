"""A clip of the plan to pixels by Blender, and the Ray workers that do it in parallel."""
