"""What pyproject.toml cannot say: the packages are found, and assets/ is installed inside alignnet_common."""

from setuptools import find_namespace_packages, find_packages, setup

ASSETS = "alignnet_common.assets"

setup(
    packages=[
        *find_packages(include=["alignnet_common*", "reid*", "synth*"]),
        ASSETS,
        *(f"{ASSETS}.{folder}" for folder in find_namespace_packages("assets")),
    ],
    package_dir={ASSETS: "assets"},
)
