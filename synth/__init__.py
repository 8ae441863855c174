"""Synthetic data sets for video person re-identification, planned as data and rendered by Blender."""

from alignnet_common import __version__ as __version__
