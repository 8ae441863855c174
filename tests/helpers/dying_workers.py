"""reid tracks or reid index on Ray with a worker that is killed once: `dying_workers.py MARK tracks|index OPTIONS…`.

The first worker that is half through a task makes the file MARK and kills itself.
"""

import os
import signal
import sys
from pathlib import Path

from alignnet_common.cli import run_command
from reid.configs.video.index import IndexConfig
from reid.configs.video.tracks import TracksConfig
from reid.index import describe
from reid.index.run import index
from reid.tracks import follow
from reid.tracks.run import tracks

mark, command = Path(sys.argv.pop(1)), sys.argv.pop(1)


def die_once():
    try:
        mark.open("x").close()
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


class DyingFollower(follow.Follower):
    """Dies with half of a video's crops on the disk."""

    def work(self, recordings):
        add, crops = follow.CropWriter.add, 0

        def dying(writer, frame, boxes):
            nonlocal crops
            crops += 1
            if crops == 15:
                die_once()
            add(writer, frame, boxes)

        follow.CropWriter.add = dying
        try:
            return super().work(recordings)
        finally:
            follow.CropWriter.add = add


class DyingDescribing(describe.Describing):
    """Dies when a part is described."""

    def described(self, part):
        found = super().described(part)
        die_once()
        return found


if command == "tracks":
    follow.Follower = DyingFollower
    run_command(tracks, TracksConfig, "stub", goes_on=True)
else:
    describe.Describing, describe.PART = DyingDescribing, 2
    run_command(index, IndexConfig, "stub", goes_on=True)
