"""How the site's reference reads docstrings and parsers."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from types import ModuleType

import markdown
import pytest


@dataclass
class Under:
    """With a heading.

    Semantics: a sum.

    Parameters
    ----------
    one, two: numbers,
        of a kind: whole.
    three: another.

    Raises nothing.
    """

    one: int
    two: int
    three: int


@dataclass
class Bare:
    """Without one.

    note: of no field.

    one: a number.
    """

    one: int


def test_parameters_are_told_from_text(reference: ModuleType) -> None:
    text, found = reference.docstring(Under)
    assert text == "With a heading.\n\nSemantics: a sum.\n\nRaises nothing."
    assert found == dict.fromkeys(("one", "two"), "numbers, of a kind: whole.") | {
        "three": "another."
    }
    assert reference.docstring(Bare) == (
        "Without one.\n\nnote: of no field.",
        {"one": "a number."},
    )


@pytest.mark.parametrize(
    "text",
    ["(n, *shape) and (n, *other)", "<top>.json | [0, b), see [b](c)", "2**3 and 2**4 of s_axis_x"],
)
def test_text_stays_what_it_was(reference: ModuleType, text: str) -> None:
    shown = markdown.markdown(reference.prose(text))
    assert (
        shown == f"<p>{text.replace('<', '&lt;').replace('>', '&gt;').replace('|', '&#124;')}</p>"
    )


def test_code_is_left_alone(reference: ModuleType) -> None:
    assert reference.prose("``a*b|c`` * `d*e`") == "``a*b|c`` \\* `d*e`"


def test_commands_have_actions_groups_and_helps(reference: ModuleType) -> None:
    top = argparse.ArgumentParser(prog="tool", description="What it does.")
    verbs = top.add_subparsers()
    verb = verbs.add_parser("do", description="Does *it*.")
    verb.add_argument("what")
    group = verb.add_argument_group("more")
    group.add_argument("--times", type=int, default=3, help="how often (default: %(default)s, 5%%)")
    verb.add_subparsers().add_parser("it")
    text = reference.commands(top)
    assert "# Commands\n\nWhat it does." in text
    assert "## tool do\n\nDoes \\*it\\*.\n\n```text\ntool do [-h] [--times TIMES] what" in text
    assert "| more |  |\n| --- | --- |\n| `--times TIMES` | how often (default: 3, 5%) |" in text
    assert "### tool do what it\n" in text
    assert "--help" not in text
