"""Imports run one way: a folder imports from folders below it and from alignnet_common, and reid never from synth."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from alignnet_common.files import PROJECT_ROOT

ORDER = """
    benchmarks
    benchmarks.soak benchmarks.optimisations
    benchmarks.people benchmarks.search benchmarks.faults.machines
    benchmarks.adapt benchmarks.faults benchmarks.ingredients benchmarks.transfer
    benchmarks.faults.fuzzing
    benchmarks.workers
    synth
    synth.rendering synth.report
    synth.dataset
    synth.body synth.planning
    synth.animation synth.scenes.families
    synth.scenes
    synth.people
    synth.cameras
    reid.serve reid.repair
    reid.ablation reid.adapt reid.pose reid.link reid.search
    reid.index reid.tracks
    reid
    reid.recipes reid.tracks.detectors
    reid.training reid.visualisation reid.inference reid.exporting reid.adapt.clustering
    reid.evaluation reid.inference.network reid.tracks.ssdlite
    reid.provenance
    reid.models reid.data
    reid.data.loading
    reid.data.datasets
    reid.data.transforms reid.data.tracklets
    reid.runtime reid.reporting
    reid.metrics reid.functional
    reid.configs reid.configs.video
    reid.configs.groups
    alignnet_common.cli alignnet_common.cluster
    alignnet_common.checked alignnet_common.doctor
    alignnet_common
"""
"""Folders from the top down. Folders of one line do not import each other."""

LEVEL = {folder: level for level, line in enumerate(ORDER.strip().splitlines()) for folder in line.split()}
FILES = {
    ".".join(file.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for top in ("alignnet_common", "benchmarks", "reid", "synth")
    for file in (PROJECT_ROOT / top).rglob("*.py")
}
"""Files by the name of their module."""


def folder_of(module):
    """The folder of a module's file, as a dotted name. An entry point, __main__.py, belongs to its program."""
    if module.endswith(".__main__"):
        return module.split(".")[0]
    return ".".join(FILES[module].parent.relative_to(PROJECT_ROOT).parts)


def imported(file):
    """Names of the project's modules that a file imports, inside functions too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: a relative import"
            files = {f"{node.module}.{alias.name}" for alias in node.names} & FILES.keys()
            found |= files or {node.module}
    return found & FILES.keys()


IMPORTS = {module: imported(file) for module, file in FILES.items()}
FOLDERS = sorted({folder_of(module) for module in FILES})


def one_way(own, other):
    """Whether files of the folder `own` may import files of the folder `other`."""
    apart = {own.split(".")[0], other.split(".")[0]} == {"reid", "synth"}
    return own == other or (LEVEL[own] < LEVEL[other] and not apart)


def test_imports_run_one_way_between_folders():
    wrong = [
        f"{module} imports {other}"
        for module, others in IMPORTS.items()
        for other in others
        if not one_way(folder_of(module), folder_of(other))
    ]
    assert not wrong


def test_no_file_imports_itself_in_a_circle():
    assert len(list(TopologicalSorter(IMPORTS).static_order())) == len(FILES)


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_a_purpose_in_one_line_and_twelve_files_at_most(folder):
    files = [path for path in (PROJECT_ROOT / folder.replace(".", "/")).iterdir() if path.is_file()]
    assert len(files) <= 12
    assert ast.get_docstring(ast.parse(FILES[folder].read_text())), f"{folder}/__init__.py: no docstring"


def test_commands_start_without_the_heavy_libraries_that_they_may_not_need():
    code = """
import sys, reid.evaluate, reid.report
assert "torch" not in sys.modules, "reid.evaluate or reid.report imports torch"
import synth.render, reid.pretrain
assert "bpy" not in sys.modules, "synth.render or reid.pretrain imports bpy"
import reid.models.checkpoint, reid.training.loop
assert "timm" not in sys.modules, "timm is imported where no network of timm is used"
"""
    ended = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
