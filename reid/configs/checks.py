"""Checks of option values."""


def require(condition: bool, message: str) -> None:
    """Raise ValueError, one line, where a value is out of range."""
    if not condition:
        raise ValueError(message)


def check_pose_scale(option: str, scale: float, height: int, width: int) -> None:
    """Raise ValueError, one line, on a factor below 1, or one with which frames of `height` x `width` pixels are no
    whole cells of the pose network's maps. Frames that are not enlarged (1) may have any size: the network pads them.
    """
    require(scale >= 1, f"{option} must be at least 1, not {scale}")
    sizes = [round(scale * length, 6) for length in (height, width)]  # 1.1 times 80 is 88, but for its last bit
    require(
        scale == 1 or all(size % 8 == 0 for size in sizes),
        f"{option} {scale:g} makes frames of {height}×{width} pixels {sizes[0]:g}×{sizes[1]:g}: "
        "both must be multiples of 8",
    )
