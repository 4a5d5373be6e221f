"""Tests of how kernels are kept: on disk, and where nothing can be written in memory."""

from __future__ import annotations

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
