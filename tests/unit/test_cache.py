"""Our folder in the user's cache: where it is, and what is told where it cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from s2nn_hw import cache, datasets
from s2nn_hw.ir import InputError


@pytest.mark.parametrize("value", [None, "", "relative", "./relative"])
def test_a_relative_path_is_ignored(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """As the XDG Base Directory Specification wants it."""
    if value is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", value)
    monkeypatch.setenv("HOME", "/home/u")
    assert cache.folder() == Path("/home/u/.cache/s2nn-hw")


def test_an_absolute_path_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "a" / "b"))
    assert cache.writable() == tmp_path / "a" / "b" / "s2nn-hw"
    assert list(cache.folder().iterdir()) == []
    assert datasets.places.cache_folder("mnist") == cache.folder() / "data" / "mnist"


@pytest.mark.parametrize("place", ["file", "/proc/nocache"])
def test_a_folder_that_cannot_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / place))
    with pytest.raises(InputError, match=f"{place}/s2nn-hw: the cache folder cannot be written: "):
        cache.writable()
