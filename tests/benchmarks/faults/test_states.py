"""State machines: commands, kills and damage in any order; some hundred steps of each kind here."""

import sys

import pytest

pytest.importorskip("hypothesis")
if sys.platform != "linux":
    pytest.skip("the steps run in forked processes", allow_module_level=True)

from benchmarks.faults.states import steps_taken, take_steps


@pytest.mark.parametrize(("machine", "steps"), [("rendered_set", 250), ("index_of_tracks", 200), ("training_run", 50)])
def test_whatever_happens_nothing_is_lost(machine, steps):
    if machine == "rendered_set":
        pytest.importorskip("fsspec")
    assert take_steps(machine, steps, seed=0) is None
    assert steps_taken(machine) > 0.5 * steps
