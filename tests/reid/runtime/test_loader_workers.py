"""Loader processes where shared memory is small, as in containers."""

import errno
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from alignnet_common.errors import UserError
from alignnet_common.files import PROJECT_ROOT
from reid.runtime.loader_workers import batches_of
from reid_folders import TINY, flags, write_rendered


class Rows(Dataset):
    """Eight rows; the one after the last raises `failure`."""

    def __init__(self, failure):
        self.failure = failure

    def __len__(self):
        return 9

    def __getitem__(self, place):
        if place == 8:
            raise self.failure
        return torch.tensor(place)


@pytest.mark.parametrize(
    "failure",
    [
        RuntimeError("unable to allocate shared memory(shm) for file </torch_1_2_3>: No space left on device (28)"),
        RuntimeError("unable to write to file </torch_1_2_3>: No space left on device (28)"),
        RuntimeError("DataLoader worker (pid 9) is killed by signal: Bus error."),
        OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)),
    ],
)
def test_too_little_shared_memory_is_one_line_and_no_full_disk(failure):
    found = []
    with pytest.raises(UserError, match=r"/dev/shm.*--workers 0.*--shm-size") as refused:
        found.extend(batches_of(DataLoader(Rows(failure), batch_size=4, num_workers=1)))
    assert np.concatenate(found).tolist() == list(range(8))
    assert len(str(refused.value).splitlines()) == 1


def test_other_failures_stay_what_they_are():
    for failure in (RuntimeError("of the network"), UserError("one image"), ValueError("odd")):
        with pytest.raises(type(failure)):
            list(batches_of(DataLoader(Rows(failure), batch_size=4)))
    with pytest.raises(OSError, match="full"):
        list(batches_of(DataLoader(Rows(OSError(errno.ENOSPC, "full")), batch_size=4)))


@pytest.mark.skipif(sys.platform == "win32", reason="sockets without paths")
def test_a_long_folder_of_temporary_files_is_one_line_and_no_endless_wait(tmp_path):
    folder = tmp_path / ("t" * 90)
    folder.mkdir()
    data = write_rendered(tmp_path / "set", persons=4, frames=4)
    options = TINY | {"data": data, "run": tmp_path / "run", "max_steps": 1, "workers": 1, "variant": "baseline"}
    line = [sys.executable, "-m", "reid.pretrain", *flags(options)]
    environment = os.environ | {"TMPDIR": str(folder), "PYTHONPATH": str(PROJECT_ROOT)}
    done = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=120, check=False)
    assert done.returncode == 2, done.stderr
    assert f"TMPDIR={folder} is too long" in done.stderr


def in_shared_memory_of(size, words):
    """A command of reid, run where /dev/shm has this size; skipped where file systems cannot be mounted."""
    mounted = f"mount -t tmpfs -o size={size} tmpfs /dev/shm"
    if subprocess.run(["unshare", "-m", "sh", "-c", mounted], capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a file system")
    line = ["unshare", "-m", "sh", "-c", f'{mounted} && exec "$@"', "sh", sys.executable, "-m", *words]
    return subprocess.run(line, capture_output=True, text=True, cwd=PROJECT_ROOT, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/shm is of Linux")
@pytest.mark.parametrize("size", ["64k", "600k"])
def test_a_training_in_a_small_container(tmp_path, size):
    data = write_rendered(tmp_path / "set", persons=4, frames=4)
    options = TINY | {"data": data, "run": tmp_path / "run", "max_steps": 2, "workers": 2, "variant": "baseline"}
    options |= {"height": 256, "width": 128}
    done = in_shared_memory_of(size, ["reid.pretrain", *flags(options)])
    errors = [line for line in done.stderr.replace("\r", "\n").splitlines() if line and "training:" not in line]
    assert done.returncode == 2, done.stderr
    assert len(errors) == 1
    assert "--workers 0" in errors[0]
