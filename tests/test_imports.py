"""Imports run one way: each folder imports from folders below it, and from alignnet_common, alone."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter

import pytest

from alignnet_common.files import PROJECT_ROOT

ORDER = """
    benchmarks
    benchmarks.workers
    synth
    synth.rendering synth.report
    synth.dataset
    synth.body synth.planning
    synth.animation synth.scenes.families
    synth.scenes
    synth.people
    synth.cameras
    reid.ablation reid.pose
    reid
    reid.evaluation reid.training
    reid.provenance
    reid.models reid.data
    reid.data.loading
    reid.data.datasets
    reid.data.transforms reid.data.tracklets
    reid.runtime reid.reporting
    reid.metrics reid.functional
    reid.configs
    alignnet_common
"""
"""Folders from the top down; those of one line know nothing of each other."""

LEVEL = {folder: level for level, line in enumerate(ORDER.strip().splitlines()) for folder in line.split()}
TOPS = ("alignnet_common", "benchmarks", "reid", "synth")
FILES = {
    ".".join(file.relative_to(PROJECT_ROOT).with_suffix("").parts).removesuffix(".__init__"): file
    for top in TOPS
    for file in (PROJECT_ROOT / top).rglob("*.py")
}


def folder_of(module):
    """The folder that a module's file lies in, as a dotted name."""
    return ".".join(FILES[module].parent.relative_to(PROJECT_ROOT).parts)


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


def test_no_file_imports_itself_in_a_circle():
    assert len(list(TopologicalSorter(IMPORTS).static_order())) == len(FILES)


@pytest.mark.parametrize("module", sorted(FILES))
def test_a_folder_imports_from_folders_below_it(module):
    own = folder_of(module)
    for other in map(folder_of, IMPORTS[module]):
        assert other == own or LEVEL[other] > LEVEL[own], f"{module} in {own} imports from {other}"
        assert {own.split(".")[0], other.split(".")[0]} != {"reid", "synth"}, f"{module} imports from {other}"


@pytest.mark.parametrize("folder", sorted({folder_of(module) for module in FILES}))
def test_a_folder_has_twelve_files_at_most_and_says_what_for(folder):
    files = [path for path in (PROJECT_ROOT / folder.replace(".", "/")).iterdir() if path.is_file()]
    assert len(files) <= 12
    assert ast.get_docstring(ast.parse(FILES[folder].read_text())), f"{folder}/__init__.py: no docstring"


@pytest.mark.parametrize(
    ("module", "heavy"), [("reid.evaluate", "torch"), ("synth.render", "bpy"), ("reid.pretrain", "bpy")]
)
def test_a_command_starts_without_what_it_may_not_need(module, heavy):
    code = f"import sys, {module}; sys.exit({heavy!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT_ROOT, check=False).returncode == 0
