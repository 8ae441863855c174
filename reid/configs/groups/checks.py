"""Checks of option values."""

import re
import typing
from dataclasses import fields
from typing import Any, Literal


def require(condition: bool, message: str) -> None:
    """Raise ValueError(message), one line, unless `condition` holds."""
    if not condition:
        raise ValueError(message)


def check_choices(config: Any) -> None:
    """Raise ValueError, one line that names the option, where a field of a Literal type has another value."""
    types = typing.get_type_hints(type(config))
    for field in fields(config):
        choices = typing.get_args(types[field.name])
        if typing.get_origin(types[field.name]) is Literal and getattr(config, field.name) not in choices:
            option = "--" + field.name.replace("_", "-")
            listed = ", ".join(map(str, choices))
            raise ValueError(f"{option} {getattr(config, field.name)!r} is not one of {listed}")


def check_device(name: str) -> None:
    """Raise ValueError, one line, where --device is none of auto, cpu, cuda, cuda:N, N and mps."""
    require(
        re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?|\d+", name) is not None,
        f"--device {name}: must be auto, cpu, cuda, the number of a GPU such as cuda:1 or 1, or mps",
    )


def check_pose_scale(option: str, scale: float, height: int, width: int) -> None:
    """Check the factor by which frames are enlarged for the pose network.

    Raises ValueError, one line that names `option`, on a factor below 1, and where enlarged frames of `height` x
    `width` pixels are no multiples of 8 pixels. Frames that are not enlarged (factor 1) may have any size: the network
    pads them.
    """
    require(scale >= 1, f"{option} must be at least 1, not {scale}")
    sizes = [round(scale * length, 6) for length in (height, width)]  # rounded: 1.1 * 80 is 88 but for its last bit
    require(
        scale == 1 or all(size % 8 == 0 for size in sizes),
        f"{option} {scale:g} makes frames of {height}×{width} pixels {sizes[0]:g}×{sizes[1]:g}: "
        "both must be multiples of 8",
    )
