"""Pre-train on rendered people (Section 4.2 of the paper).

    python -m reid.pretrain                                          data/synthetic -> runs/pretrain
    python -m reid.pretrain --config jobs/demo-pretrain.yaml --data OUT --run RUN
    python -m reid.pretrain --resume                                 continues after a stop

Identity and ranking losses train the appearance network; the pose loss on the exact joints trains the pose network, so
no third-party pose weights are needed.
"""

from alignnet_common.run_record import command_line
from reid.configs.pretrain import PretrainConfig
from reid.data.datasets.synthetic import load_pretraining
from reid.evaluation.evaluator import describe_and_rank, evaluate_networks
from reid.evaluation.retrieval import Metrics, chance_of
from reid.provenance.start import start_pretraining
from reid.training.batches import training_batches
from reid.training.loop import Trainer
from reid.training.objective import AlignNetLoss
from reid.training.run import Run
from reid.training.setup import build_model, build_optimizer, prepare_model

PROG = "python -m reid.pretrain"


def pretrain(config: PretrainConfig, command: str | None = None) -> None:
    """Train on rendered people, evaluate held-out identities, and write RUN/model.safetensors and RUN/result.json.

    command -- for the result. Default: the command line of this process.
    """
    pretrain_run(Run.open(config, command or command_line(PROG)))


def pretrain_run(run: Run[PretrainConfig]) -> None:
    """`pretrain` of a run that is open already."""
    if run.is_closed:
        run.print(f"{run.folder}: finished already, and keeps no checkpoint to continue from")
        return
    config = run.config

    data = load_pretraining(config.data, config.held_out, config.seed, config.ids)
    run.bind(data)  # refuses to resume with other data

    model = build_model(config, data, load_weights=run.is_new and config.init is None)
    provenance = run.provenance or start_pretraining(model, config, data, run.fingerprint)
    model = prepare_model(model, config, run.device, run.group)
    batches = training_batches(config, data, flags=run.flags)
    loss = AlignNetLoss(model, config, group=run.group)

    def validate() -> Metrics:
        return describe_and_rank(model, data, batches.store, config.chunk, run.device)

    optimizer = build_optimizer(model, config)
    trainer = Trainer(model, optimizer, batches, loss, run, validate if config.eval_every else None)
    if trainer.is_finished:
        run.print(f"{run.folder}: finished already, {trainer.state.step} steps")
        return
    run.start(data, provenance, batches, trainer.state.step)
    trainer.fit()

    if run.is_main:
        blocks = {}
        if data.query and not loss.pose_only:
            validation = evaluate_networks({"validation": model}, data, batches.store, config.chunk, run.device)
            blocks = {"chance": chance_of(data), **validation}
        run.finish(trainer.state, data, provenance, blocks)
