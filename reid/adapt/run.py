"""Adapt a network to one's own cameras, on tracklets without labels.

    python -m reid.adapt --root TRACKLETS --init small --run runs/adapted
    python -m reid.adapt --run runs/adapted --root TRACKLETS --resume      continues after a stop

A round describes all tracklets with batch norm statistics of each camera, makes the descriptors comparable between
cameras, clusters them by Jaccard distances of k-reciprocal neighbours, and trains the network against camera proxies
(Wang et al., AAAI 2021). The network of the round with the highest score is kept; the score needs no labels.
"""

import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import torch

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file, write_json
from alignnet_common.options import save_config
from alignnet_common.run_record import command_line, now, run_record
from reid.adapt.beside import Beside, read_beside
from reid.adapt.clustering.agreement import Choose, choose_clusters
from reid.adapt.clustering.apart import seen_together
from reid.adapt.clustering.camera_names import NamesOfCameras, look_of, names_of_cameras
from reid.adapt.final_network import write_network
from reid.adapt.log import RoundLog
from reid.adapt.page import write_page
from reid.adapt.rounds import Adaptation, Material
from reid.adapt.state import AdaptState, averaged_weights, read_state, restore
from reid.adapt.unlabelled import Unlabelled, read_unlabelled
from reid.configs.adapt import AdaptConfig
from reid.configs.finetune import FinetuneConfig
from reid.data.loading.frame_store import FrameStore
from reid.models.alignnet import AlignNet
from reid.models.checkpoint import load_model, trained_size
from reid.provenance.seen_people import trainings_of
from reid.runtime.device import device_name, pick_device
from reid.runtime.run_dir import CONFIG, RESULT, check_run_folder
from reid.runtime.weights_source import find_weights
from reid.training.pose_cache import check_maps_fit, frozen_maps
from reid.training.setup import build_optimizer, prepare_model

PROG = "python -m reid.adapt"

FOR_NAMES_OF_CAMERAS = 1
"""Purpose of the generator that draws names of cameras in random order."""

MOST_LOOKED_AT = 5000
"""Tracklets whose brightness and colour are compared with the names of their cameras, at most."""


def adapt(config: AdaptConfig, command: str | None = None, choose: Choose = choose_clusters) -> None:
    """Adapt a network, and write RUN/model.safetensors, cameras.safetensors, result.json and index.html.

    Args:
        config: the options.
        command: for the result. Default: the command line of this process.
        choose: finds the clusters of a round.

    Raises UserError on tracklets, weights or options that do not fit, and where the first clusters teach nothing.
    """
    assert config.root is not None
    started, clock, command = now(), time.perf_counter(), command or command_line(PROG)
    check_run_folder(config.run, config.resume)
    device, options = pick_device(config.device), config.as_kept()
    data = read_unlabelled(config.root)
    path = find_weights(config.init)
    beside = read_beside(config.rendered, len(data.cameras), config.frames, config.seed)
    facts = {"tracklets": data.fingerprint, "weights": sha256_of_file(path), "rendered people": beside.fingerprint}
    saved = read_state(config.run, options, facts) if config.resume else None
    if saved is not None and saved["ended"] and (config.run / RESULT).is_file():
        print(f"{config.run}: finished already, {len(saved['rows'])} rounds described")
        return
    model, known = load_model(path)
    sizes = trained_size(known)
    training = training_options(options, model, sizes)
    model = prepare_model(without_classifier(model), training, device)
    state = AdaptState(model, averaged_weights(model, config.average), build_optimizer(model, training))
    material = material_of(data, beside, model, training, config, device)
    if saved is not None:
        restore(state, saved, material.camera_of, config.run, device)
    print(in_words(data, material, path.name, device_name(device)))
    config.run.mkdir(parents=True, exist_ok=True)
    save_config(options, config.run / CONFIG)
    metadata = metadata_of_run(data, beside, known, sizes | {"height": training.height, "width": training.width})
    with RoundLog(config.run, options, data, facts, metadata, state.step) as log:
        Adaptation(state, material, options, training, sizes["chunk"], device, choose).run(log)
    kept = summary(state.rows)
    steps = {"steps": kept["kept_round"] * config.steps}
    network = write_network(config.run, data, material.store, metadata | steps, device)
    result: dict[str, Any] = {
        "data": record_of(data, material),
        "started_from": {"text": str(path), "file": str(path), "sha256": facts["weights"]},
        **kept,
        **network,
        "seed": config.seed,
        **run_record(command, options, device_name(device), started, time.perf_counter() - clock),
    }
    write_page(config.run, data, result, state.before, state.after)
    write_json(config.run / RESULT, result)  # the last file: with it, the run is finished
    print(closing_words(result, config.run))


def training_options(config: AdaptConfig, model: AlignNet, sizes: dict[str, int]) -> FinetuneConfig:
    """The options as those of a training. Raises UserError where the input size does not fit the network."""
    try:
        return config.training(model.config, sizes)
    except ValueError as misfit:
        raise UserError(f"--height, --width: {misfit}") from misfit


def without_classifier(model: AlignNet) -> AlignNet:
    """The network without its classifier, and with descriptors of length 1, which the losses compare."""
    model.classifier, model.classes = None, 0
    model.config = replace(model.config, unit_length=True)
    return model


def material_of(
    data: Unlabelled,
    beside: Beside,
    model: AlignNet,
    training: FinetuneConfig,
    config: AdaptConfig,
    device: torch.device,
) -> Material:
    """The frames, decoded once if they fit in memory, and their pose maps by the frozen pose network."""
    tracklets = data.tracklets + beside.tracklets
    frames = (frame for tracklet in tracklets for frame in tracklet.frames)
    if model.pose is not None:
        check_maps_fit(tracklets, training)
    store = FrameStore(frames, training.height, training.width, config.cache_gib, config.cache)
    maps = None if model.pose is None else frozen_maps(model.eval(), tracklets, store, training, device)
    names = checked_names(data, store, np.random.default_rng([config.seed, FOR_NAMES_OF_CAMERAS]))
    return Material(data, beside, seen_together(data.camera_of, data.times), store, maps, names)


def checked_names(data: Unlabelled, store: FrameStore, rng: np.random.Generator) -> NamesOfCameras:
    """What the names of the cameras explain, by the middle frame of at most MOST_LOOKED_AT tracklets."""
    count = len(data.tracklets)
    chosen = np.linspace(0, count - 1, min(count, MOST_LOOKED_AT)).round().astype(int)
    middle = [data.tracklets[number].frames[len(data.tracklets[number].frames) // 2] for number in chosen]
    looks = np.stack([look_of(store.read([path])[0][0]) for path in middle])
    return names_of_cameras(looks, data.camera_of[chosen], rng)


def metadata_of_run(
    data: Unlabelled, beside: Beside, known: Mapping[str, Any], sizes: Mapping[str, int]
) -> dict[str, Any]:
    """What the model files keep beside the network: size of its input and of a chunk, and its trainings."""
    first = sorted({sha256_of_file(tracklet.frames[0])[:16] for tracklet in data.tracklets})
    record = {
        "name": f"unlabelled tracklets of {data.root.name}",
        "fingerprint": data.fingerprint,
        "split": "",
        "pids": [],
        "frames": first,
        "unlabelled": True,
    }
    rendered = [] if beside.training is None else [beside.training]
    return {"images": dict(sizes), "trained_on": [*map(dict, trainings_of(known)), *rendered, record]}


def record_of(data: Unlabelled, material: Material) -> dict[str, Any]:
    """The data of a run as plain values."""
    numbers = dict.fromkeys(data.cameras, 0)
    for name, _ in data.names:
        numbers[name] += 1
    return {
        "root": str(data.root),
        "fingerprint": data.fingerprint,
        "tracklets": len(data.tracklets),
        "frames": sum(len(tracklet.frames) for tracklet in data.tracklets),
        "cameras": numbers,
        "pairs_seen_together": material.apart.nnz // 2,
        "camera_names": asdict(material.camera_names),
        "rendered": material.beside.record(),
    }


def in_words(data: Unlabelled, material: Material, weights: str, device: str) -> str:
    """What is adapted to what, as two lines, and a note where the names of cameras seem wrong."""
    record = record_of(data, material)
    times = f"; {record['pairs_seen_together']} pairs are seen together" if material.apart.nnz else ""
    cameras = ", ".join(f"{name} ({count})" for name, count in record["cameras"].items())
    beside = record["rendered"]
    note = "" if material.camera_names.note is None else f"\nnote: {material.camera_names.note}"
    people = f"\nrendered people beside them: {beside['persons']} of {beside['name']}" if beside else ""
    return (
        f"adapts {weights} on {device} to {record['tracklets']} tracklets, {record['frames']} frames{times}\n"
        f"cameras: {cameras}{people}{note}"
    )


def summary(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """The rounds, and which one is kept: the one with the highest score, of equal scores the last."""
    if not rows:
        raise UserError("the run has no round")
    best = max(rows, key=lambda row: (row["score"], row["round"]))
    return {"rounds": rows, "kept_round": best["round"], "score": best["score"], "score_before": rows[0]["score"]}


def closing_words(result: Mapping[str, Any], folder: Any) -> str:
    """The outcome in two lines."""
    kept = result["kept_round"]
    line = f"round {kept} is kept: score {result['score']:.3f}, {result['score_before']:.3f} before the adaptation"
    if kept == 0:
        line = f"note: no round has a higher score than the network before ({result['score']:.3f}): it is kept"
    return f"{line}\n{folder}/model.safetensors, cameras.safetensors, clusters.csv, result.json, index.html are written"
