"""Denoises frames by Open Image Denoise, from the library that Blender's module contains.

The library is called directly: it stays loaded between frames, which takes a small part of the time of Blender's own
denoising step.
"""

import ctypes
import functools
from importlib.metadata import files
from pathlib import Path

import numpy as np

from alignnet_common.arrays import Floats
from alignnet_common.errors import UserError

CPU, FLOAT3 = 1, 3
"""OIDN_DEVICE_TYPE_CPU and OIDN_FORMAT_FLOAT3 of its C interface, https://www.openimagedenoise.org/documentation.html"""
NAMES = ("libOpenImageDenoise.so.2", "OpenImageDenoise.dll", "libOpenImageDenoise.2.dylib")
"""File names of the library on Linux, Windows and macOS."""
_HANDLE, _NAME, _INT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
SIGNATURES = {
    "oidnNewDevice": (_HANDLE, [_INT]),
    "oidnSetDeviceInt": (None, [_HANDLE, _NAME, _INT]),
    "oidnSetDeviceBool": (None, [_HANDLE, _NAME, ctypes.c_bool]),
    "oidnCommitDevice": (None, [_HANDLE]),
    "oidnNewFilter": (_HANDLE, [_HANDLE, _NAME]),
    "oidnSetSharedFilterImage": (None, [_HANDLE, _NAME, _HANDLE, _INT, *[_SIZE] * 5]),
    "oidnSetFilterBool": (None, [_HANDLE, _NAME, ctypes.c_bool]),
    "oidnCommitFilter": (None, [_HANDLE]),
    "oidnExecuteFilter": (None, [_HANDLE]),
    "oidnGetDeviceError": (_INT, [_HANDLE, ctypes.POINTER(_NAME)]),
}
"""Return type and argument types of the C functions."""


class Denoiser:
    """Denoises frames of one size on one thread, so that the result does not depend on the number of cores."""

    def __init__(self, height: int, width: int) -> None:
        self._library = library()
        self._device = self._library.oidnNewDevice(CPU)
        self._library.oidnSetDeviceInt(self._device, b"numThreads", 1)
        self._library.oidnSetDeviceBool(self._device, b"setAffinity", False)
        self._library.oidnCommitDevice(self._device)
        self._filter = self._library.oidnNewFilter(self._device, b"RT")
        self._images = {
            name: np.zeros((height, width, 3), np.float32) for name in ("color", "albedo", "normal", "output")
        }
        for name, image in self._images.items():
            place = (self._filter, name.encode(), image.ctypes.data, FLOAT3, width, height, 0, 0, 0)
            self._library.oidnSetSharedFilterImage(*place)
        self._library.oidnSetFilterBool(self._filter, b"hdr", True)
        self._library.oidnCommitFilter(self._filter)
        self._check()

    def __call__(self, radiance: Floats, albedo: Floats, normal: Floats) -> Floats:
        """Denoise linear `radiance` (H, W, 3), guided by `albedo` (H, W, 3) in 0..1 and `normal` (H, W, 3).

        Raises RuntimeError if the library reports an error.
        """
        for name, values in (("color", radiance), ("albedo", albedo), ("normal", normal)):
            self._images[name][:] = values
        self._library.oidnExecuteFilter(self._filter)
        self._check()
        return self._images["output"].astype(np.float64)

    def _check(self) -> None:
        """Raise RuntimeError with the library's last error, if any."""
        message = _NAME()
        if self._library.oidnGetDeviceError(self._device, ctypes.byref(message)):
            raise RuntimeError(f"Open Image Denoise: {(message.value or b'').decode()}")


@functools.cache
def denoiser(height: int, width: int) -> Denoiser:
    """The denoiser of this process for frames of this size, loaded once."""
    return Denoiser(height, width)


@functools.cache
def library() -> ctypes.CDLL:
    """The shared library. Raises UserError if this build of bpy does not contain it."""
    found = [file.locate() for file in files("bpy") or () if file.name in NAMES]
    if not found:
        raise UserError("--denoise: this build of Blender's module contains no Open Image Denoise: leave --denoise out")
    loaded = ctypes.CDLL(str(Path(str(found[0]))))
    for name, (returns, takes) in SIGNATURES.items():
        function = getattr(loaded, name)
        function.restype, function.argtypes = returns, takes
    return loaded
