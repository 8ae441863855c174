"""Direct transfer by attribute: groups of persons, the file of annotations, and errors of one line."""

import json

import numpy as np
import pytest
from scipy.io import savemat

from alignnet_common.errors import UserError
from benchmarks.transfer.attributes import (
    ATTRIBUTES,
    COLOURS,
    FIELDS,
    AttributesConfig,
    by_attribute,
    first_of_each_camera,
    read_attributes,
)
from reid.metrics.labels import Labels

PERSONS = (2, 7, 11)


@pytest.fixture
def annotations(tmp_path):
    """Three identities: the second one is female, the third one wears green."""
    half = {FIELDS.get(name, name): np.ones(3, np.uint8) for name in ATTRIBUTES}
    half |= {part + colour: np.ones(3, np.uint8) for part, colours in COLOURS.items() for colour in colours}
    half["gender"] = np.array([1, 2, 1], np.uint8)
    half["upgreen"] = np.array([1, 1, 2], np.uint8)
    half["image_index"] = np.array([f"{pid:04d}" for pid in PERSONS], object)
    savemat(tmp_path / "market_attribute.mat", {"market_attribute": {"train": half}})
    return tmp_path / "market_attribute.mat"


def write_features(path, persons, cameras, features):
    facts = {"model_sha256": "a" * 64, "normalized": False, "height": 128, "width": 64, "flip_test": False}
    np.savez(path, features=features.astype(np.float32), persons=persons, cameras=cameras, **facts)


def test_persons_are_grouped_by_the_words_of_the_annotations(annotations):
    found = {
        (name, value): persons.tolist() for name, value, persons in read_attributes(annotations, np.array([2, 7, 11]))
    }
    assert found["gender", "male"] == [2, 11] and found["gender", "female"] == [7]
    assert found["upper body", "green"] == [11] and found["lower body", "green"] == []
    assert found["sleeves", "long"] == [2, 7, 11] and found["lower body", "dress"] == [2, 7, 11]


def test_queries_are_the_first_image_of_each_identity_and_camera():
    labels = Labels(np.array([2, 2, 2, 7, 7]), np.array([1, 1, 2, 1, 1]))
    assert first_of_each_camera(labels).tolist() == [0, 2, 3]


def test_ranks_are_those_of_the_group(annotations, tmp_path, capsys):
    """Person 7 is nearest to person 11 by one camera and to person 2 by the other; the others are found."""
    persons, cameras = np.repeat(PERSONS, 2), np.tile([1, 2], 3)
    features = np.array([[0, 0], [0, 0.1], [9, 8.8], [0, 0.3], [9, 9.1], [9, 9]])
    write_features(tmp_path / "F.npz", persons, cameras, features)
    by_attribute(AttributesConfig(tmp_path / "F.npz", annotations, tmp_path / "out.json"))
    rows = {(row["attribute"], row["value"]): row for row in json.loads((tmp_path / "out.json").read_text())["rows"]}
    assert rows["gender", "female"]["rank1"] == 0 and rows["gender", "female"]["queries"] == 2
    assert rows["gender", "male"]["rank1"] == rows["upper body", "green"]["rank1"] == 100
    assert rows["all", ""]["rank1"] == pytest.approx(66.67) and rows["all", ""]["persons"] == 3
    assert ("hat", "yes") not in rows
    assert "| gender | female | 1 | 2 | 0.0 |" in capsys.readouterr().out


def test_mistakes_are_one_line(annotations, tmp_path):
    with pytest.raises(UserError, match="no attributes of person 5"):
        read_attributes(annotations, np.array([2, 5]))
    (tmp_path / "text.mat").write_text("hello")
    savemat(tmp_path / "other.mat", {"market_attribute": {"test": 1}})
    for name, said in (("text.mat", "readable"), ("other.mat", "not the table"), ("absent.mat", "no absent.mat")):
        with pytest.raises(UserError, match=said):
            read_attributes(tmp_path / name, np.array([2]))
    facts = {"model_sha256": "a", "normalized": False, "height": 1, "width": 1, "flip_test": False}
    np.savez(tmp_path / "F.npz", features=np.zeros((2, 3), np.float32), **facts)
    with pytest.raises(UserError, match="no persons and cameras"):
        by_attribute(AttributesConfig(tmp_path / "F.npz", annotations, tmp_path / "out.json"))
