"""The model card, from a result made by hand: what it names, and that nobody's own text is lost."""

import yaml

from reid.reporting.model_card import MARK, model_card, write_model_card

FIGURES = {"rank1": 50.0, "rank5": 75.0, "rank10": 87.5, "rank20": 100.0, "mAP": 61.25, "mINP": 40.0}


def training(name, **fields):
    record = {"name": name, "split": "all persons", "pids": [1, 2, 3], "fingerprint": "0123456789abcdef0123"}
    return record | fields


def record(*trainings, **network):
    return {
        "model_config": {"variant": "align-tap", "appearance": "resnet18", "pose_stages": 3, "pose_width": 0.25}
        | network,
        "classes": 3,
        "parameters": 1234,
        "images": {"height": 128, "width": 64, "chunk": 15},
        "trained_on": list(trainings) or [training("synthetic", generators=["4.3", "3.2"])],
        "steps": 70,
    }


def result(**fields):
    counts = {"ids": 4, "tracklets": 5, "frames": 60}
    return {
        "config": {"identity_weight": 1.0, "optimizer": "adamw", "lr_pose": 0.0},
        "data": {
            "name": "synthetic",
            "split": "4 of 7 persons kept out (seed 0)",
            "protocol": "cam_a to cam_b",
            "counts": {"query": counts, "gallery": counts},
            "notes": ["rendered people, not real ones"],
            "warnings": [],
        },
        "training": {"last_tenth": {"loss": 1.5}},
        "started_from": {"appearance": "none", "pose": "none"},
        "validation": FIGURES,
        "protocol": "step",
        "rules": "the gallery as given",
        "trained_on_tested": 0,
        "notes": [],
        "command": "reid pretrain --data OUT",
        "seed": 7,
        "device": "cpu",
        "versions": {"torch": "2.4"},
        "model": {"file": "model.safetensors", "sha256": "ab" * 32},
    } | fields


def front_matter(card):
    _, block, _ = card.split("---\n", 2)
    return yaml.safe_load(block)


def test_a_card_names_network_data_generator_and_figures():
    card = model_card(result(), record())
    for line in (
        "| variant | align-tap |",
        "| synthetic | all persons | 3 | 4.3, 3.2 | `0123456789abcdef` |",
        "| after this training | 50.0 | 75.0 | 87.5 | 100.0 | 61.2 | 40.0 |",
        "| identities tested | 4 |",
        "| loss, mean of the last tenth of the steps | 1.5 |",
        "- rendered people, not real ones",
        "The network has seen synthetic people only.",
        "reid pretrain --data OUT",
    ):
        assert line in card
    assert front_matter(card)["license"] == "cc-by-4.0"


def test_real_training_data_and_imagenet_weights_leave_the_licence_open():
    real = model_card(result(), record(training("synthetic"), training("MARS")))
    assert front_matter(real)["license"] == "other"
    assert "synthetic people only" not in real and "terms of every data set" in real
    start = {"appearance": "imagenet", "pose": "assets/weights/pose-small.safetensors"}
    assert front_matter(model_card(result(started_from=start), record()))["license"] == "other"


def test_a_network_without_evaluation_says_so():
    plain = result()
    del plain["validation"]
    assert "held out no identities" in model_card(plain, record())
    pose = plain | {"config": {"identity_weight": 0.0, "ranking_weight": 0.0}}
    card = model_card(pose, record())
    assert "# Pose network" in card and "pose.json" in card and "tracklet, frames" not in card


def test_an_earlier_card_is_replaced_and_own_text_is_kept(tmp_path):
    path = tmp_path / "README.md"
    write_model_card(path, result(seed=1), record())
    write_model_card(path, result(seed=2), record())
    assert "| seed | 2 |" in path.read_text() and MARK in path.read_text()
    path.write_text("# My network\n")
    write_model_card(path, result(), record())
    assert path.read_text() == "# My network\n"
