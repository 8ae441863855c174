"""Fine-tune on a re-identification data set, and evaluate the network before and after (Section 4 of the paper).

    python -m reid.finetune --dataset prid                           data/prid2011 -> runs/finetune-prid
    python -m reid.finetune --dataset market --root FOLDER --init none --appearance-weights none
    python -m reid.finetune --config jobs/demo-finetune.yaml --root OUT --init RUN --run RUN2

Three results: `untrained`, the network as built (ImageNet or random weights); `initial`, with the weights that training
starts from; `finetuned`.
"""

from dataclasses import replace

from alignnet_common.run_record import command_line
from reid.configs.finetune import FinetuneConfig
from reid.configs.groups.model import SMALL_POSE_STAGES, SMALL_POSE_WEIGHTS, SMALL_POSE_WIDTH
from reid.data import load_data, load_rendered
from reid.evaluation.evaluator import evaluate_networks
from reid.evaluation.retrieval import Metrics, chance_of
from reid.provenance.start import initial_model, start_finetuning
from reid.runtime.distributed import torchrun_group
from reid.training.batches import training_batches
from reid.training.loop import Trainer
from reid.training.objective import AlignNetLoss
from reid.training.run import Run
from reid.training.setup import build_model, build_optimizer, prepare_model

PROG = "python -m reid.finetune"

SHIPPED_POSE = f"--pose-stages {SMALL_POSE_STAGES} --pose-width {SMALL_POSE_WIDTH}"
"""Options of the shipped pose network."""


def finetune(config: FinetuneConfig, command: str | None = None) -> None:
    """Fine-tune a network, evaluate it before and after, and write RUN/model.safetensors and RUN/result.json.

    command -- for the result. Default: the command line of this process.
    """
    run = Run.open(config, command or command_line(PROG))
    if run.is_closed:
        run.print(f"{run.folder}: finished already, and keeps no checkpoint to continue from")
        return
    config = run.config

    data = load_data(config, config.seed)
    chance = chance_of(data)
    rendered = load_rendered(config.rendered, config.seed)  # None without --rendered
    run.bind(data, rendered)  # refuses to resume with other data

    model = build_model(config, data, load_weights=run.is_new)
    provenance = run.provenance or start_finetuning(model, config, data, run.fingerprint, run.rendered_training)
    batches = training_batches(config, data, rendered, run.flags, run.group)
    run.print(f"starts from {provenance.start['text']}")
    model = prepare_model(model, config, run.device, run.group)

    loss = AlignNetLoss(model, config, group=run.group)
    trainer = Trainer(model, build_optimizer(model, config), batches, loss, run)
    if trainer.is_finished:
        run.print(f"{run.folder}: finished already, {trainer.state.step} steps")
        return
    run.start(data, provenance, batches, trainer.state.step)

    def before_training() -> dict[str, Metrics]:
        is_built = provenance.start["file"] is None  # no other weights than those that the network is built with
        built = model if is_built else prepare_model(build_model(config, data), config, run.device)
        return evaluate_networks({"untrained": built, "initial": model}, data, batches.store, config.chunk, run.device)

    before = run.once("before", before_training)
    trainer.fit()

    if run.is_main and before is not None:
        after = evaluate_networks({"finetuned": model}, data, batches.store, config.chunk, run.device)
        run.finish(trainer.state, data, provenance, {"chance": chance, **before, **after})


def finetune_command(config: FinetuneConfig) -> None:
    """`finetune`; the shipped pose network is used where no pre-trained network is."""
    options = with_shipped_pose(config)
    if options.pose_weights == SMALL_POSE_WEIGHTS != config.pose_weights:
        reason = "not pre-trained: the pose network is the shipped one"
        torchrun_group().print(f"note: {reason} ({SHIPPED_POSE}); --pose-weights none starts from random weights")
    finetune(options)


def with_shipped_pose(config: FinetuneConfig) -> FinetuneConfig:
    """The options with the shipped pose network, its stages and its width, if the network is not pre-trained and no
    option of the pose network is given. --pose-weights none becomes no weights."""
    if config.pose_weights is not None:
        return replace(config, pose_weights=None) if str(config.pose_weights) == "none" else config
    given = (config.pose_stages, config.pose_width)
    shipped = (SMALL_POSE_STAGES, SMALL_POSE_WIDTH)
    if config.variant == "baseline" or given not in ((6, 1.0), shipped) or initial_model(config.init) is not None:
        return config
    return replace(config, pose_weights=SMALL_POSE_WEIGHTS, pose_stages=SMALL_POSE_STAGES, pose_width=SMALL_POSE_WIDTH)
