"""Imports run one way: what a package, a layer or a file may know of the others."""

import ast
from graphlib import TopologicalSorter

import pytest

from alignnet_common.files import PROJECT_ROOT

PACKAGES = ("alignnet_common", "reid", "synth")
FILES = {
    ".".join(file.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for package in PACKAGES
    for file in (PROJECT_ROOT / package).rglob("*.py")
}

PURE = {
    *("losses", "pose_targets", "metrics", "reranking", "score_normalisation", "distances", "tensor_distances"),
    *("schedule", "charts", "collectives", "data.augmentation", "data.backdrop", "data.cover"),
    *("models.parts", "pose.decode", "pose.metrics"),
}
"""Of `reid`: functions of arrays, which know neither networks nor folders."""

COMMANDS = {"pretrain", "finetune", "evaluate", "attention", "report", "ablation", "data.__main__", "pose.__main__"}
"""Of `reid`: what a user types; networks and data know none of them, nor the engine that trains."""


def imported(file):
    """Names of our own modules that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            files = {f"{node.module}.{alias.name}" for alias in node.names} & FILES.keys()
            found |= files or {node.module}
    return found & FILES.keys()


IMPORTS = {name: imported(file) for name, file in FILES.items()}


def of_reid(*names):
    return {f"reid.{name}" for name in names}


def test_no_file_comes_back_to_itself():
    assert len(list(TopologicalSorter(IMPORTS).static_order())) == len(FILES)


@pytest.mark.parametrize(
    ("package", "others"), [("alignnet_common", {"reid", "synth"}), ("reid", {"synth"}), ("synth", {"reid"})]
)
def test_packages_know_kit_alone(package, others):
    for name in IMPORTS:
        if name.split(".")[0] == package:
            assert not {known for known in IMPORTS[name] if known.split(".")[0] in others}, name


def test_pure_functions_know_pure_functions():
    allowed = of_reid(*PURE, "config") | {"alignnet_common.coco18"}
    for name in of_reid(*PURE):
        assert IMPORTS[name] <= allowed, name


def test_networks_and_data_know_no_engine_and_no_command():
    above = of_reid("training", "parallel", "acceleration", "describe", "measure", "run_folder", "features", *COMMANDS)
    below = [name for name in FILES if name.startswith(("reid.models", "reid.data")) and name != "reid.data.__main__"]
    assert len(below) > 20
    for name in below:
        assert not IMPORTS[name] & above, name


def test_nothing_but_the_ablation_knows_a_whole_command():
    commands = of_reid(*COMMANDS) - of_reid("pretrain")
    for name in FILES:
        if not name.startswith("reid.ablation"):
            assert not IMPORTS[name] & commands, name
