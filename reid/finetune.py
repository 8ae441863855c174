"""Fine-tune on a re-identification data set, and evaluate the network before and after (Section 4 of the paper).

    python -m reid.finetune --dataset prid                           data/prid2011 -> runs/finetune-prid
    python -m reid.finetune --dataset market --root FOLDER --init none --appearance-weights none
    python -m reid.finetune --config jobs/demo-finetune.yaml --root OUT --init RUN --run RUN2

Three results: `untrained`, the network as built (ImageNet or random weights); `initial`, with the weights that training
starts from; `finetuned`.
"""

from alignnet_common.cli import run_command
from reid.configs.finetune import FinetuneConfig
from reid.data import load_data, load_rendered
from reid.data.tracklets.types import ReidData
from reid.evaluation.evaluator import describe_and_rank
from reid.evaluation.retrieval import Block, chance_of
from reid.provenance.start import start_finetuning
from reid.training.batches import training_batches
from reid.training.loop import Trainer
from reid.training.objective import AlignNetLoss
from reid.training.run import Run
from reid.training.setup import build_model, build_optimizer, prepare_model

PROG = "python -m reid.finetune"


def finetune(config: FinetuneConfig) -> None:
    """Fine-tune a network, evaluate it before and after, and write RUN/model.pt and RUN/result.json."""
    run = Run.open(config, PROG)
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

    before = run.once("before", lambda: evaluate_start(trainer, data, is_built=provenance.start["file"] is None))
    trainer.fit()

    if run.is_main and before is not None:
        after = describe_and_rank(model, data, batches.store, config.chunk, run.device)
        run.finish(trainer.state, data, provenance, {"chance": chance, **before, "finetuned": after})


def evaluate_start(trainer: Trainer, data: ReidData, is_built: bool) -> dict[str, Block]:
    """Metrics before training: `untrained`, of the network as built, and `initial`, of the trainer's network.

    is_built -- whether the trainer's network is the network as built, with no other initial weights.
    """
    run, model, store = trainer.run, trainer.state.model, trainer.batches.store
    untrained = model if is_built else prepare_model(build_model(run.config, model.classes), run.config, run.device)
    blocks = {"untrained": describe_and_rank(untrained, data, store, run.config.chunk, run.device)}
    blocks["initial"] = (
        blocks["untrained"] if is_built else describe_and_rank(model, data, store, run.config.chunk, run.device)
    )
    return blocks


if __name__ == "__main__":
    run_command(finetune, FinetuneConfig, PROG)
