"""What README and docs tell their readers to type is true: blocks run, commands are commands.

A block of the README, the tutorial and the how-to pages that cannot run here says so in its first
line, for readers as for this test; its commands must be those of the real parsers all the same.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from s2nn_hw import cli, datasets
from s2nn_hw.flow import configuration

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
TARGETS = re.search(r"^\.PHONY: (.*)", (ROOT / "Makefile").read_text(), re.MULTILINE)[1].split()
WORKFLOW = DOCS / "how-to" / "verify.yml"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md")), *sorted((DOCS / "how-to").glob("*.md"))]
OTHERS = [ROOT / "examples/README.md", *sorted(DOCS.glob("results/*.md"))]
OTHERS += sorted(DOCS.glob("decisions/*.md"))

#: How a block says that it is not run, and why.
NOT_RUN = re.compile(r"# not run in the tests: \S")
#: What runs a block, each by itself: a reader may begin with any.
INTERPRETERS = {"python": [sys.executable, "-c"], "sh": ["bash", "-euo", "pipefail", "-c"]}
#: Languages that are none of a shell or of Python, and why they may be there.
SHOWN = {"mermaid": "a picture", "yaml": "the workflow", "toml": "an experiment", "": "plain text"}
#: What stands for something else in commands between backticks.
PLACEHOLDERS = {"N": ["1"], "S": ["1"], "F": ["50"], "OPTIONS": []}


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    language: str
    text: str

    @property
    def targets(self) -> list[str]:
        """Of make, which the tests are run by and do not run."""
        return re.findall(r"^make (\w+)", self.text, re.MULTILINE)

    @property
    def runs(self) -> bool:
        shown = NOT_RUN.match(self.text) or self.targets
        return self.language in INTERPRETERS and not shown


def blocks(text: str) -> list[Block]:
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [Block(language, body) for language, body in found]


def commands(script: str) -> list[str]:
    """The command lines of s2nn-hw in a script."""
    lines = script.replace("\\\n", " ").splitlines()
    split = [shlex.split(line, comments=True) for line in lines]
    return [shlex.join(words[1:]) for words in split if words[:1] == ["s2nn-hw"]]


def mentions(text: str) -> list[str]:
    """The command lines of s2nn-hw between backticks, without what stands for something else."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    found = []
    for mention in re.findall(r"`s2nn-hw\s([^`]+)`", prose):
        words = [PLACEHOLDERS.get(word, [word]) for word in shlex.split(mention)]
        found.append(shlex.join(word for some in words for word in some))
    return found


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def needs(text: str) -> None:
    """Skips, by name, what needs what is absent here; where CI is set, it must not be."""
    missing = []
    if "--simulator icarus" in text and shutil.which("iverilog") is None:
        missing.append("iverilog is not installed")
    if "train digits" in text and datasets.find("digits") is None:
        missing.append("digits is not on this machine: s2nn-hw data get digits")
    if missing:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("; ".join(missing))


RUN = [page for page in PAGES if any(block.runs for block in blocks(page.read_text()))]


def test_the_pages_that_teach_have_blocks_that_run():
    taught = {"tutorial", "own-network", "own-board", "design", "ci", "plans", "unrolled"}
    assert taught <= {page.stem for page in RUN}


@pytest.mark.parametrize("page", RUN, ids=name)
def test_blocks_run_one_after_another(page, tmp_path, monkeypatch):
    text = page.read_text()
    run = [block for block in blocks(text) if block.runs]
    needs("\n".join(block.text for block in run))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    for block in run:
        done = subprocess.run(
            [*INTERPRETERS[block.language], block.text],
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block.text}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_a_block_runs_says_why_not_or_is_shown(page):
    for block in blocks(page.read_text()):
        assert block.language in (*INTERPRETERS, *SHOWN), block
        assert block.runs or block.language != "python", f"Python can always run: {block.text}"
        assert set(block.targets) <= set(TARGETS), block.text


@pytest.mark.parametrize("page", [*PAGES, *OTHERS], ids=name)
def test_every_command_is_one(page):
    text = page.read_text()
    for block in blocks(text):
        if block.language == "sh":
            for command in commands(block.text):
                cli.parser().parse_args(shlex.split(command))
    for mention in mentions(text):
        lenient().parse_args(shlex.split(mention))


def test_a_command_that_is_none_is_found():
    with pytest.raises(ValueError, match="unrecognized arguments: --lain"):
        lenient().parse_args(shlex.split(mentions("so: `s2nn-hw emit --lain N`")[0]))
    (only,) = commands("# s2nn-hw emit\nmake s2nn-hw\ns2nn-hw emit a \\\n  -o b  # c\n")
    assert only == "emit a -o b"


def test_the_workflow_is_one_and_its_commands_are_commands():
    workflow = yaml.safe_load(WORKFLOW.read_text())
    assert workflow[True] == ["push", "pull_request"]  # YAML's own reading of `on`
    steps = workflow["jobs"]["verify"]["steps"]
    assert all(("uses" in step) != ("run" in step) for step in steps)
    (command,) = [c for step in steps for c in commands(step.get("run", ""))]
    args = cli.parser().parse_args(shlex.split(command))
    uploaded = steps[-1]["with"]["path"].split()
    assert uploaded == [str(args.junit), str(args.out)]
    assert steps[-1]["if"] == "always()"
    assert args.baseline is not None


def test_the_experiment_that_is_shown_is_one(tmp_path):
    (block,) = [
        b for b in blocks((DOCS / "how-to/experiments.md").read_text()) if b.language == "toml"
    ]
    file = tmp_path / "shown.toml"
    file.write_text(block.text)
    assert configuration.read(file).cases


def lenient() -> argparse.ArgumentParser:
    """The parser of commands that are only mentioned, where what is required may be left out."""
    top = cli.parser()
    parsers: list[argparse.ArgumentParser] = [top]
    while parsers:
        parser = parsers.pop()
        for required in (*parser._actions, *parser._mutually_exclusive_groups):
            required.required = False
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                parsers.extend(action.choices.values())
    return top
