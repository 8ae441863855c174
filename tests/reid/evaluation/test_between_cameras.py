import torch
from torch.nn import functional as F

from reid.evaluation import between_cameras
from reid.evaluation.between_cameras import DIRECTIONS, FEWEST_PAIRS, directions_of, mutual_nearest
from reid.models.part_pooling import shortened

SIZE, NUISANCES = 96, 5


def pictures(persons, seed):
    """Descriptors (N, D) of persons by one camera: who it is, and how it stands, along the first `NUISANCES` axes."""
    rng = torch.Generator().manual_seed(seed)
    who = torch.randn(1000, SIZE, generator=torch.Generator().manual_seed(0))[persons]
    how = torch.zeros(len(persons), SIZE)
    how[:, :NUISANCES] = 4 * torch.randn(len(persons), NUISANCES, generator=rng)
    return who + how + 0.5 * torch.randn(len(persons), SIZE, generator=rng)


def rank1(queries, gallery):
    similarity = F.normalize(queries, dim=1) @ F.normalize(gallery, dim=1).T
    return float((similarity.argmax(1) == torch.arange(len(queries))).float().mean())


def test_what_differs_within_persons_is_shortened_and_others_are_found():
    measured = {camera: pictures(range(400), seed) for seed, camera in enumerate("ab", 1)}
    directions = directions_of(measured)
    others = [pictures(range(400, 800), seed) for seed in (3, 4)]
    before, after = rank1(*others), rank1(*(shortened(rows, directions) for rows in others))
    assert before < 0.7 and after > before + 0.2
    # Nothing else is lost: axes without nuisances keep most of their lengths.
    kept = shortened(torch.eye(SIZE), directions).diagonal()
    assert kept[:NUISANCES].max() < 0.5 and kept[NUISANCES:].mean() > 0.7


def test_deviations_of_the_pairs_are_equal_along_the_directions():
    rows = {camera: pictures(range(300), seed) for seed, camera in enumerate("ab", 1)}
    directions = directions_of(rows)
    squares = directions.square().sum(1)
    assert len(directions) == min(DIRECTIONS, SIZE // 4) and float(squares.min()) >= 0 and float(squares.max()) < 1
    products = directions @ directions.T
    assert float((products - torch.diag(squares)).abs().max()) < 1e-4
    one, other = (F.normalize(each, dim=1) for each in rows.values())
    scores, pairs = mutual_nearest(one, other)
    chosen = pairs[scores.argsort(descending=True, stable=True)[: len(scores) // 2]]
    found = torch.linalg.svdvals(shortened(one[chosen[:, 0]] - other[chosen[:, 1]], directions))[: len(directions)]
    assert float(found.max() / found.min()) < 1.001


def test_without_enough_pairs_there_are_no_directions():
    few = FEWEST_PAIRS
    assert directions_of({}) is None
    assert directions_of({"a": pictures(range(400), 1)}) is None
    assert directions_of({"a": pictures(range(few), 1), "b": pictures(range(few), 2)}) is None


def test_the_order_of_the_cameras_does_not_matter():
    rows = {camera: pictures(range(300), seed) for seed, camera in enumerate("abc", 1)}
    first, second = directions_of(rows), directions_of(dict(reversed(rows.items())))
    some = pictures(range(10), 9)
    assert torch.allclose(shortened(some, first), shortened(some, second), atol=1e-4)


def test_descriptors_of_few_numbers_are_not_shortened_to_nothing():
    for size in (2, 3, 8):
        rows = {camera: pictures(range(400), seed)[:, -size:] for seed, camera in enumerate("ab", 1)}
        directions = directions_of(rows)
        assert directions.shape == (max(1, size // 4), size) and bool(directions.isfinite().all())
        assert float(shortened(pictures(range(400), 3)[:, -size:], directions).norm(dim=1).min()) > 0


def test_equal_images_have_no_direction_to_shorten():
    rows = pictures(range(300), 1)
    assert directions_of({"a": rows, "b": rows.clone()}) is None
    changed = rows.clone()
    changed[:, 0] += torch.randn(300, generator=torch.Generator().manual_seed(2))
    directions = directions_of({"a": rows, "b": changed})  # of fewer dimensions than the pairs could tell
    assert bool(directions.isfinite().all()) and float(directions.square().sum(1).max()) <= 1 + 1e-6


def test_of_more_cameras_than_images_each_gives_one(monkeypatch):
    monkeypatch.setattr(between_cameras, "MOST_IMAGES", 10)
    rows = {str(number): pictures(range(20), number) for number in range(24)}
    directions = directions_of(rows)  # the same person of each pair of cameras
    assert directions.shape[1] == SIZE
