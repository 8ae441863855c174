"""python -m reid.report: the page and result.json."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from alignnet_common.errors import UserError
from alignnet_common.files import sha256_of_file
from reid.report import ReportConfig, report


def block(rank1: float) -> dict:
    cmc = list(np.linspace(rank1, 100, 20))
    return {"rank1": rank1, "rank5": cmc[4], "rank10": cmc[9], "rank20": cmc[19], "mAP": rank1 / 2, "cmc": cmc}


def write_run(folder, blocks: dict, steps: int) -> None:
    folder.mkdir(parents=True)
    counts = {"ids": 7, "tracklets": 14, "frames": 140}
    config = {"variant": "align-tap", "appearance": "resnet18", "stride": 16, "pose_stages": 2, "pose_width": 0.25}
    result = {
        "data": {
            "name": "people <of> nowhere",
            "fingerprint": "ab" * 32,
            "split": "random 0",
            "division": "cd" * 32,
            "protocol": "a against b",
            "counts": {"train": counts, "query": counts, "gallery": counts},
        },
        "training": {"steps": steps, "seconds": 7.0},
        "config": config,
        "started_from": {"text": "another run", "sha256": "12" * 32},
        "model": {"sha256": "12" * 32},
        "seed": 0,
        "device": "cpu",
        "seconds": 12.0,
        "versions": {"python": "3.11"},
        **blocks,
    }
    (folder / "result.json").write_text(json.dumps(result))
    rows = [{"step": s + 1, "loss": 3.0, "identity": 2.0 / (s + 1), "ranking": 0.5} for s in range(steps)]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def runs(tmp_path) -> ReportConfig:
    blocks = {"chance": block(5.0), "untrained": block(10.0), "initial": block(40.0), "finetuned": block(65.0)}
    write_run(tmp_path / "pretrain", {}, steps=9)
    write_run(tmp_path / "finetune", blocks, steps=6)
    sheets = tmp_path / "sheets" / "people"
    sheets.mkdir(parents=True)
    Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(sheets / "people.png")
    return ReportConfig(tmp_path / "pretrain", tmp_path / "finetune", tmp_path / "sheets", tmp_path / "out")


class Seen(HTMLParser):
    """Collects the tags and the text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text = ""

    def handle_starttag(self, tag, attrs) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag) -> None:
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_data(self, data) -> None:
        self.text += data


def test_the_page_is_self_contained_and_has_all_figures(runs):
    report(runs)
    page = Seen()
    source = (runs.out / "report.html").read_text()
    page.feed(source)
    assert not page.open, "an element is not closed"
    assert page.tags.count("svg") == 2 and page.tags.count("img") == 1
    for rank1 in ("5.0 %", "10.0 %", "40.0 %", "65.0 %"):
        assert rank1 in page.text
    assert "people <of> nowhere" in page.text, "names are escaped, not swallowed"
    fetched = re.findall(r"(?:src|href|url)\s*[=(]\s*[\"']?(https?:[^\"')\s]+)", source)
    assert not fetched, "the page needs nothing from elsewhere"


def test_the_json_has_the_four_stages_and_the_sizes(runs):
    report(runs)
    result = json.loads((runs.out / "result.json").read_text())
    assert [result[stage]["rank1"] for stage in ("chance", "untrained", "pretrained", "finetuned")] == [5, 10, 40, 65]
    assert result["sizes"]["pretrain_steps"] == 9 and result["sizes"]["query"]["ids"] == 7


def test_each_stage_has_the_field_s_name(runs):
    report(runs)
    page = (runs.out / "report.html").read_text()
    names = (
        "chance level",
        "untrained (random or ImageNet initialization)",
        "pre-trained on synthetic data, no fine-tuning (direct transfer)",
        "fine-tuned",
    )
    for name in names:
        assert f"<span>rank-1, {name}</span>" in page and f"<td>{name}</td>" in page
    path = runs.finetune / "result.json"
    result = json.loads(path.read_text())
    result["config"]["appearance_weights"] = "none"
    path.write_text(json.dumps(result))
    report(runs)
    assert "untrained (random initialization)" in (runs.out / "report.html").read_text()


def test_without_the_run_s_files_one_note_stands_for_galleries_and_attention(runs, capsys):
    report(runs)  # these runs have neither options nor a model
    text = f"Ranked galleries, part attention and frame weights are left out: no such file of options: {runs.finetune}"
    assert f"note: {text}" in capsys.readouterr().out
    page = (runs.out / "report.html").read_text()
    assert text in page and 'id="network"' in page and 'id="galleries"' not in page
    assert page.count("<img") == 1, "the image grid stays"
    report(replace(runs, galleries=False))
    assert "left out (--no-galleries)." in (runs.out / "report.html").read_text()


def test_every_link_of_the_page_leads_to_a_section_that_takes_the_focus(runs):
    report(runs)
    page = (runs.out / "report.html").read_text()
    links = re.findall(r'<a href="#(\w+)"', page)
    assert links == ["results", "curves", "network", "grids", "provenance"]
    for name in links:
        assert f'<section id="{name}" tabindex="-1"' in page


def test_equal_runs_give_equal_pages(runs):
    report(runs)
    first = (runs.out / "report.html").read_bytes()
    report(runs)
    assert (runs.out / "report.html").read_bytes() == first


def test_an_unfinished_run_is_one_line_and_writes_nothing(runs):
    (runs.finetune / "result.json").unlink()
    with pytest.raises(UserError, match="not finished") as mistake:
        report(runs)
    assert "\n" not in str(mistake.value) and not runs.out.exists()


def test_a_pretraining_run_is_no_finetuning_run(runs):
    with pytest.raises(UserError, match="has no chance"):
        report(ReportConfig(runs.pretrain, runs.pretrain, None, runs.out))
    assert not runs.out.exists()


def test_a_run_may_have_started_from_a_checkpoint_of_the_other(runs):
    (runs.pretrain / "best.pt").write_bytes(b"weights")
    start = {
        "text": "best",
        "file": str(runs.pretrain / "best.pt"),
        "sha256": sha256_of_file(runs.pretrain / "best.pt"),
    }
    path = runs.finetune / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"started_from": start}))
    report(runs)
    (runs.pretrain / "best.pt").write_bytes(b"others")
    with pytest.raises(UserError, match="did not start from what"):
        report(runs)


def test_runs_that_do_not_belong_together_are_one_line(runs):
    path = runs.pretrain / "result.json"
    whole = path.read_text()
    path.write_text(json.dumps(json.loads(whole) | {"model": {"sha256": "34" * 32}}))
    with pytest.raises(UserError, match="--pretrain") as fault:
        report(runs)
    assert str(fault.value).startswith(f"{runs.finetune} did not start from what {runs.pretrain} holds")
    assert "\n" not in str(fault.value)
    path.write_text(whole)
    (runs.pretrain / "metrics.jsonl").write_text(json.dumps({"step": 1, "loss": 0.5, "pose": 0.5}) + "\n")
    with pytest.raises(UserError, match="no identity loss"):
        report(runs)
    assert not runs.out.exists()


def test_the_page_reports_test_identities_seen_in_training(runs):
    report(runs)
    assert "tested on 7 other identities." in (runs.out / "report.html").read_text()
    path = runs.finetune / "result.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"trained_on_tested": 3}))
    report(runs)
    page = (runs.out / "report.html").read_text()
    assert "3 of the test identities were in the training data: the results are not valid." in page


def test_other_layouts_than_two_cameras_and_networks_without_pose_are_described_as_they_are(runs):
    report(runs)
    page = (runs.out / "report.html").read_text()
    assert "14 queries of 7 test identities; the gallery has 14 tracklets." in page
    assert "align-tap with resnet18 and 2 pose stages, pre-trained" in page
    path = runs.finetune / "result.json"
    result = json.loads(path.read_text())
    for half in ("query", "gallery"):
        result["data"]["counts"][half]["tracklets"] = 7
    result["config"]["variant"] = "baseline"
    path.write_text(json.dumps(result))
    report(runs)
    page = (runs.out / "report.html").read_text()
    assert "7 queries, one tracklet per test identity from one camera; the gallery is the 7 tracklets of" in page
    assert "baseline with resnet18, pre-trained" in page


def evaluated(path, rank1: float, division: str, adapted: int) -> None:
    """A result of reid evaluate --camera-norm."""
    split = {"adapted_to_tested": adapted}
    result = {**block(rank1), "data": {"division": division}, "per_split": [split], "camera_norm": {"images": {}}}
    path.write_text(json.dumps(result))


def test_camera_statistics_and_an_adapted_network_are_two_more_rows(runs, tmp_path):
    norm, adapted = tmp_path / "norm.json", tmp_path / "adapted.json"
    evaluated(norm, 48.0, "cd" * 32, 0)
    evaluated(adapted, 59.0, "cd" * 32, 7)
    report(replace(runs, camera_norm=norm, adapted=adapted, galleries=False))
    page = (runs.out / "report.html").read_text()
    assert page.index("40.0 %") < page.index("48.0 %") < page.index("59.0 %") < page.index("65.0 %")
    assert "The adaptation saw the tracklets of 7 of 7 test identities, without labels" in page
    assert json.loads((runs.out / "result.json").read_text())["adapted"]["rank1"] == 59.0


def test_results_of_another_test_are_refused(runs, tmp_path):
    other = tmp_path / "other.json"
    evaluated(other, 59.0, "ef" * 32, 0)
    with pytest.raises(UserError, match=r"--adapted .*other.json: is not of the test of"):
        report(replace(runs, adapted=other, galleries=False))
    with pytest.raises(UserError, match=r"no .*missing\.json"):
        report(replace(runs, camera_norm=tmp_path / "missing.json", galleries=False))
