"""Tests of how kernels are kept: on disk, and where nothing can be written in memory."""

from __future__ import annotations

import pickle

import pytest
from numba.core import caching

from journeykit.kernels.native import jit


def twice(number):
    return number * 2


@pytest.fixture
def told(monkeypatch):
    words = []
    monkeypatch.setattr(jit.LOG, "warning", words.append)
    jit._tell.cache_clear()
    yield words
    jit._tell.cache_clear()


def test_without_a_folder_kernels_are_compiled_in_memory(monkeypatch, told):
    """As in a read-only container without a home: Numba finds no place, and says so by an error."""
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    made = [jit.entry_point(twice), jit.entry_point(twice)]
    assert [kernel(21) for kernel in made] == [42, 42]
    assert len(told) == 1
    assert "NUMBA_CACHE_DIR" in told[0]


def test_with_a_folder_they_are_kept(monkeypatch, tmp_path, told):
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path))
    assert jit.entry_point(twice)(21) == 42
    assert list(tmp_path.rglob("*.nbi"))
    assert not told


def test_what_cannot_be_read_any_more_is_compiled_anew(monkeypatch, tmp_path, told):
    """As after an update in which a module has another name, so that what was kept cannot be read."""
    monkeypatch.setattr(caching.config, "CACHE_DIR", str(tmp_path))
    jit.entry_point(twice)(21)
    (index,) = tmp_path.rglob("*.nbi")
    with index.open("rb") as kept:
        version = pickle.load(kept)
    index.write_bytes(pickle.dumps(version) + b"cno_such_module\nkind\n.")
    assert jit.entry_point(twice)(21) == 42
