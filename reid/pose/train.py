"""Train a pose network on the exact joints of rendered people, and evaluate it on held-out identities.

    python -m reid.pose train --config jobs/pose-small.yaml --data OUT --run RUN
    python -m reid.pose train --data OUT                        all six stages of OpenPose's size: a GPU's work

The training is that of reid.pretrain with the pose loss alone: the same files, --resume and torchrun.
RUN/pose.safetensors holds the weights under OpenPose's names, RUN/pose.json the metrics of reid.pose evaluate.
"""

from dataclasses import replace

import safetensors.torch

from alignnet_common.cli import as_plain
from alignnet_common.files import sha256_of_file, write_atomically, write_json
from alignnet_common.run_record import command_line
from reid.configs.pose import PoseTrainConfig
from reid.data.datasets.synthetic import clips_kept_out
from reid.models.weights import read_pose_weights
from reid.pose.evaluate import lines, pose_numbers, truth_of
from reid.pose.inference import poses_of, read_pose_net
from reid.recipes.pretrain import pretrain_run
from reid.runtime.device import pick_device
from reid.runtime.distributed import torchrun_group
from reid.runtime.run_dir import model_file
from reid.training.flags import FlagNames
from reid.training.run import Run

PROG = "python -m reid.pose train"
WEIGHTS, NUMBERS = "pose.safetensors", "pose.json"
FLAGS = FlagNames(identities="--batch", per_identity=2, memory="--batch", rates="--lr", has_all=False)


def train(config: PoseTrainConfig) -> None:
    """Train, write RUN/pose.safetensors, and evaluate it on the held-out identities."""
    asked = replace(config, resume=False)
    options = config.as_pretraining()
    pretrain_run(Run.open(options, command_line(PROG), asked, FLAGS))
    if not torchrun_group().is_main:
        return
    weights = config.folder / WEIGHTS
    # Contiguous: the file has one layout, and a GPU's training keeps channels innermost.
    tensors = {name: tensor.contiguous() for name, tensor in read_pose_weights(model_file(config.folder)).items()}
    write_atomically(weights, safetensors.torch.save(tensors))
    numbers = None
    if config.held_out:
        clips = clips_kept_out(config.data, config.held_out, config.seed)
        frames = [path for clip in clips for path in clip.frames]
        found = poses_of(read_pose_net(weights), frames, config.height, config.width, pick_device(config.device))
        numbers = pose_numbers(found, truth_of(clips))
        print("\n".join(lines(numbers)))
    record = {"held_out": numbers, "weights_sha256": sha256_of_file(weights), "config": as_plain(config)}
    write_json(config.folder / NUMBERS, record)
    print(f"{weights} and {config.folder / NUMBERS} are written")
