"""An index: tracklets come, change and go, index, forget, remove, search and kills in any order.

The model is what the folders of tracklets hold, without what was forgotten.
"""

import atexit
import functools
import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alignnet_common.files import asset
from benchmarks.faults.machines.forked import KILLED, fresh_place, in_fork, said
from benchmarks.faults.scenarios import write_network
from benchmarks.faults.steps import STEPS
from reid.configs.video.index import IndexConfig
from reid.configs.video.search import SearchConfig
from reid.index.run import index
from reid.index.store import Store
from reid.search.run import search

FOLDERS = {"north": ("gate", "yard"), "south": ("shop",)}
"""Cameras of two folders of tracklets."""
TRACKS = ("0001", "0002", "0003")
DEATHS = st.none() | st.integers(1, 60)
"""Changes of a file at which a command dies: none, or one of the first."""

Name = tuple[str, str]
"""Camera and track."""


@functools.cache
def network() -> Path:
    """A small network with random weights."""
    folder = Path(tempfile.mkdtemp(prefix="machine-network-"))
    atexit.register(shutil.rmtree, folder)
    write_network(folder / "network.safetensors")
    return folder / "network.safetensors"


@functools.cache
def pictures() -> tuple[Path, ...]:
    """The first frames of some people of the sample."""
    return tuple(sorted(asset("sample/multi_shot").glob("cam_a/*/0001.png"))[:8])


class IndexMachine(RuleBasedStateMachine):
    """Steps on an index of at most nine tracklets in three cameras."""

    @initialize()
    def begin(self) -> None:
        """Two empty folders, no index."""
        self.place = fresh_place()
        network()  # before the forks
        self.tracks: dict[str, dict[Name, int]] = {folder: {} for folder in FOLDERS}
        self.indexed: dict[str, dict[Name, int]] = {}
        self.forgotten: set[tuple[Name, int]] = set()
        self.unsure: set[str] = set()  # folders of which a killed command has indexed some

    def teardown(self) -> None:
        """Remove the folders."""
        shutil.rmtree(self.place, ignore_errors=True)

    @rule(
        folder=st.sampled_from(sorted(FOLDERS)),
        camera=st.integers(0, 1),
        track=st.sampled_from(TRACKS),
        picture=st.integers(0, 7),
    )
    def a_tracklet_comes_or_changes(self, folder: str, camera: int, track: str, picture: int) -> None:
        """A tracklet of one frame; another picture has another size."""
        name = FOLDERS[folder][camera % len(FOLDERS[folder])], track
        target = self.place / folder / name[0] / track
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir(parents=True)
        shutil.copy(pictures()[picture], target / "000001.png")
        self.tracks[folder][name] = picture

    @precondition(lambda self: any(self.tracks.values()))
    @rule(data=st.data())
    def a_tracklet_goes(self, data: st.DataObject) -> None:
        """Its folder is removed."""
        folder = data.draw(st.sampled_from([each for each, tracks in sorted(self.tracks.items()) if tracks]))
        name = data.draw(st.sampled_from(sorted(self.tracks[folder])))
        shutil.rmtree(self.place / folder / name[0] / name[1])
        del self.tracks[folder][name]

    def _config(
        self, folders: Sequence[str] = (), forget: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> IndexConfig:
        """A call of reid index."""
        return IndexConfig(
            [self.place / folder for folder in folders],
            self.place / "index",
            str(network()),
            remove=[self.place / folder for folder in remove],
            forget=list(forget),
            batch_size=1,
            workers=0,
            device="cpu",
        )

    @precondition(lambda self: any(self.tracks.values()))
    @rule(folders=st.sampled_from((["north"], ["south"], ["north", "south"])), dies_at=DEATHS)
    def index_folders(self, folders: list[str], dies_at: int | None) -> None:
        """Bring the index up to date."""
        code = in_fork(lambda: index(self._config(folders)), dies_at)
        if all(self.tracks[folder] for folder in folders):
            assert code in (0, KILLED), f"indexing is refused: {code} {said()}"
        else:
            assert code in (2, KILLED), f"a folder without tracklets is no mistake: {code} {said()}"
        if code == 0:
            for folder in folders:
                self.indexed[folder] = {
                    name: picture
                    for name, picture in self.tracks[folder].items()
                    if (name, picture) not in self.forgotten
                }
                self.unsure.discard(folder)
        elif code == KILLED:
            self.unsure |= set(folders)

    def _take_out(self, config: IndexConfig, dies_at: int | None) -> None:
        """Call reid index, and again if it was killed: it may then say that there is nothing left to take out."""
        code = in_fork(lambda: index(config), dies_at)
        if code == KILLED:
            code = in_fork(lambda: index(config))
            assert code in (0, 2), f"not repeated: {code} {said()}"
        else:
            assert code == 0, f"refused: {code} {said()}"

    @precondition(lambda self: any(self.indexed.values()) and not self.unsure)
    @rule(data=st.data(), dies_at=DEATHS)
    def forget(self, data: st.DataObject, dies_at: int | None) -> None:
        """Take a tracklet out for good."""
        folder = data.draw(st.sampled_from([each for each, tracks in sorted(self.indexed.items()) if tracks]))
        name = data.draw(st.sampled_from(sorted(self.indexed[folder])))
        config = self._config(forget=["/".join(name)])
        self._take_out(config, dies_at)
        self.forgotten.add((name, self.indexed[folder].pop(name)))

    @precondition(lambda self: any(self.indexed.values()) and not self.unsure)
    @rule(data=st.data(), dies_at=DEATHS)
    def remove_a_folder(self, data: st.DataObject, dies_at: int | None) -> None:
        """Take the tracklets of a folder out."""
        folder = data.draw(st.sampled_from([each for each, tracks in sorted(self.indexed.items()) if tracks]))
        config = self._config(remove=[folder])
        self._take_out(config, dies_at)
        self.indexed[folder] = {}

    @precondition(lambda self: any(self.indexed.values()) and not self.unsure)
    @rule(data=st.data())
    def search(self, data: st.DataObject) -> None:
        """A search by a tracklet finds all others, by falling score."""
        names = sorted(name for tracks in self.indexed.values() for name in tracks)
        camera, track = data.draw(st.sampled_from(names))
        found = self.place / "found.json"
        config = SearchConfig(self.place / "index", track=f"{camera}/{track}", json=found, top_k=100)
        assert in_fork(lambda: search(config)) == 0
        hits = json.loads(found.read_text())["hits"]
        scores = [hit["score"] for hit in hits]
        assert scores == sorted(scores, reverse=True)
        assert sorted((hit["camera"], hit["track"]) for hit in hits) == [
            each for each in names if each != (camera, track)
        ]

    @invariant()
    def the_index_holds_what_it_must(self) -> None:
        """Every tracklet once, with the descriptor of its picture; folders of killed commands are not compared."""
        STEPS["index_of_tracks"] += 1
        if not hasattr(self, "place") or not (self.place / "index" / "index.json").is_file():
            return
        sure = {str(self.place / folder): folder for folder in FOLDERS if folder not in self.unsure}
        found: dict[str, list[Name]] = {folder: [] for folder in sure.values()}
        for block in Store(self.place / "index").blocks():
            for row, vector in zip(block.rows, block.vectors(), strict=True):
                assert abs(float(np.linalg.norm(vector.astype(np.float32))) - 1) < 0.01
                assert block.thumbnail(row).startswith(b"\xff\xd8")
                if row.source in sure:
                    found[sure[row.source]].append((row.camera, row.track))
        for folder, names in found.items():
            assert sorted(names) == sorted(self.indexed.get(folder, {})), folder
