"""A data set in the layout that torchreid's own loader of PRID2011 reads, without copies of the frames.

FOLDER/prid2011/prid_2011                 a link to the folder of multi_shot/cam_a, cam_b/person_0001/*.png
FOLDER/prid2011/splits_prid2011.json      the splits: a list of {"train": names, "test": names}

`torchreid.data.VideoDataManager(root=FOLDER, sources="prid2011", split_id=0)` then has the training, query and gallery
tracklets of split 0 of `reid`.
"""

from collections.abc import Sequence
from pathlib import Path

from alignnet_common.errors import UserError
from alignnet_common.files import write_json
from alignnet_common.set_format import CAMERAS, FRAMES_FOLDER
from reid.data.datasets.prid import ARCHIVE_FOLDER, SPLITS_FILE
from reid.data.tracklets.types import ReidData, Tracklet

FOLDER = "prid2011"
"""torchreid's name of the data set's folder."""


def write_torchreid_layout(splits: Sequence[ReidData], folder: Path) -> Path:
    """Write the layout of a rendered set or of PRID2011 into `folder`; returns the file of the splits.

    An earlier link and file there are replaced. Raises UserError on frames that the loader would not find, and where
    `folder` holds a data set that is no link.
    """
    sources = {_source(tracklet) for tracklet in splits[0].tracklets}
    if len(sources) != 1:
        raise UserError(f"--torchreid: the frames are in {len(sources)} folders; torchreid reads one {FRAMES_FOLDER}")
    link, file = folder / FOLDER / ARCHIVE_FOLDER, folder / FOLDER / SPLITS_FILE
    if not link.is_symlink() and (link.exists() or file.exists()):
        raise UserError(f"--torchreid {folder}: {folder / FOLDER} is a data set already; name another folder")
    link.parent.mkdir(parents=True, exist_ok=True)
    link.unlink(missing_ok=True)
    link.symlink_to(sources.pop().resolve(), target_is_directory=True)
    write_json(file, [{"train": _names(each.train), "test": _names(each.query)} for each in splits])
    return file


def _source(tracklet: Tracklet) -> Path:
    """The folder of multi_shot. Raises UserError where torchreid's loader would not find a frame."""
    camera = tracklet.frames[0].parent.parent
    others = [frame for frame in tracklet.frames if frame.suffix != ".png"]
    if camera.name != CAMERAS[tracklet.camera] or camera.parent.name != FRAMES_FOLDER or others:
        layout = f"{FRAMES_FOLDER}/{CAMERAS[tracklet.camera]}/person/*.png"
        raise UserError(f"{(others or tracklet.frames)[0]}: torchreid's loader of PRID2011 reads {layout} only")
    return camera.parent.parent


def _names(tracklets: Sequence[Tracklet]) -> list[str]:
    """Names of the persons' folders, each once, in order."""
    return list(dict.fromkeys(tracklet.frames[0].parent.name for tracklet in tracklets))
