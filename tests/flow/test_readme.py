"""The README's Python runs as it stands."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


def test_there_are_examples():
    assert len(BLOCKS) == 3


def test_the_python_of_the_readme_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    names: dict[str, object] = {}
    for block in BLOCKS:  # as a reader would: one after another
        exec(compile(block, "README.md", "exec"), names)
    assert (tmp_path / "own.s2nn").is_file()
