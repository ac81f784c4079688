"""What the site has beside the pages in docs/: those that the code writes; a hook of MkDocs.

Commands come from the parsers, the network, the manifest and JSON from the docstrings and fields
of their classes, so that no second text of them can be wrong.  Results and decisions are listed as
they lie in their folders.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import inspect
import operator
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import FunctionType
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from s2nn_hw import cli, flow, ir, manifest
from s2nn_hw.flow import gates, outcome, prediction
from s2nn_hw.ir import coding
from s2nn_hw.report import BuildReport, Check, Figure, LayerReport, advice, page, pair, points
from s2nn_hw.report import names as called
from s2nn_hw.report.contents import Content, Signal, frames

#: Head of the page of results.
_JSON = """# What verbs give as JSON

What `--json` prints, and what the functions of `s2nn_hw.flow` return. `report` gives a Page, of
two builds a Pair. What is not known is null, never 0. A Count is a whole number from 0, a
Positive one from 1, a Whole one of any sign.
"""

#: What a report consists of.
REPORTED = (
    *(
        page.Page,
        BuildReport,
        LayerReport,
        Figure,
        advice.Advice,
        points.Group,
        points.Point,
        page.Absent,
    ),
    *(pair.Pair, pair.Row, pair.LayerPair),
)

#: Of files that a report hands on as they are.
HANDED = (
    *(frames.Timeline, frames.TimelineFrame, frames.Worked, frames.Cycles),
    *(frames.Example, frames.Values, frames.LayerValues),
    *(frames.Waveform, Signal, frames.Said),
)

#: Columns of a usage line, as a phone shows with little scrolling.
_USAGE_WIDTH = 80

#: Above the text of a diagram.
_DIAGRAM = "A diagram, as text of Mermaid, which GitHub and many editors draw"

#: A section of a docstring, and a parameter in it.
_SECTION = re.compile(r"\AParameters\n-+\n")
_PARAMETER = re.compile(r"^(\w+(?:, \w+)*): ", re.MULTILINE)

#: What Markdown would take for its own.
_SPECIAL = {"*": "\\*", "[": "\\[", "<": "&lt;", "|": "&#124;"}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Add results and decisions to the navigation."""
    assert config.nav is not None
    docs = Path(config.docs_dir)
    for title, folder in (("Results", "results"), ("Decisions", "decisions")):
        pages = [str(path.relative_to(docs)) for path in sorted((docs / folder).glob("*.md"))]
        config.nav.append({title: ["examples.md", *pages] if folder == "results" else pages})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages that are made here."""
    examples = Path(config.docs_dir).parent / "examples" / "README.md"
    for name, text in {
        "reference/commands.md": commands(cli.parser()),
        "reference/network.md": network(),
        "reference/manifest.md": described_manifest(),
        "reference/json.md": results(),
        "examples.md": examples.read_text(),
    }.items():
        files.append(File.generated(config, name, content=text))
    return files


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Call diagrams what they are: what draws them would be fetched from elsewhere."""
    return markdown.replace("```mermaid\n", f'```text title="{_DIAGRAM}"\n')


def commands(top: argparse.ArgumentParser) -> str:
    """Every verb with its usage and options."""
    notes = inspect.cleandoc(cli.__doc__ or "").partition("\n\n")[2]
    lines = ["# Commands", "", prose(top.description or ""), "", prose(notes), ""]
    for parser in _parsers(top):
        if parser is top:
            continue
        depth = len(parser.prog.split())
        lines += [f"{'#' * depth} {parser.prog}", "", prose(parser.description or ""), ""]
        formatter = argparse.HelpFormatter(parser.prog, width=_USAGE_WIDTH)
        exclusive = parser._mutually_exclusive_groups
        formatter.add_usage(parser.usage, parser._actions, exclusive, prefix="")
        lines += ["```text", formatter.format_help().strip(), "```", ""]
        for group in parser._action_groups:
            rows = [
                (f"`{formatter._format_action_invocation(action)}`", prose(_help(action, parser)))
                for action in group._group_actions
                if not isinstance(action, argparse._HelpAction | argparse._SubParsersAction)
            ]
            lines += _table((group.title or "", ""), rows)
    return "\n".join(lines)


def network() -> str:
    """What an integer network is and computes."""
    classes = (ir.Network, ir.FrameFormat, ir.Layer, ir.Dense, ir.Conv2d, ir.Window, ir.Pool)
    text = _module("Network semantics", ir)
    functions = (ir.from_arrays, ir.load, ir.save, coding.drawn)
    return "\n".join([*text, *_each(classes), *_each(functions)])


def described_manifest() -> str:
    """The fields of ``<top>.json``."""
    classes = [value for value in vars(manifest).values() if _is_record(value)]
    own = [value for value in classes if value.__module__ == manifest.__name__]
    first = sorted(own, key=lambda value: value is not manifest.Manifest)
    version = f"This is version {manifest.VERSION}."
    return "\n".join([*_module("The manifest", manifest), version, "", *_each(first)])


def results() -> str:
    """The fields of what verbs give as JSON."""
    names = [name for name in flow.__all__ if name.endswith("Result")]
    within = (outcome.LayerResult, gates.NetlistResult, Check, prediction.Prediction)
    verbs = [getattr(flow, name) for name in names]
    figures = [
        *_named("figures of a BuildReport", called.BUILD),
        *_named("figures of a LayerReport", called.LAYER),
        *_named("what is compared of two layers beside their figures", called.FIELDS),
    ]
    parts = (*_each(verbs), *_each(within), *_each(REPORTED), *figures, *_each(HANDED))
    return "\n".join([_JSON, *parts])


def _named(title: str, names: Mapping[str, str]) -> list[str]:
    """A section of names and what they are for people."""
    rows = [(f"`{name}`", prose(text)) for name, text in names.items()]
    return [f"## {title[0].upper()}{title[1:]}", "", *_table(("name", "meaning"), rows)]


def _parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """The parser and those of its verbs and actions, in their order."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _parsers(below)


def _help(action: argparse.Action, parser: argparse.ArgumentParser) -> str:
    """Its help as the command prints it."""
    return (action.help or "") % {**vars(action), "prog": parser.prog}


def _module(title: str, module: Any) -> list[str]:
    """The head of a page, of a module's docstring."""
    return [f"# {title}", "", prose(inspect.cleandoc(module.__doc__)), ""]


def _each(things: Iterable[Any]) -> Iterator[str]:
    """A section for every class or function: its contract, fields and members."""
    for thing in things:
        body, parameters = docstring(thing)
        if _is_record(thing):
            inherited = [docstring(base)[1] for base in thing.__mro__[:0:-1] if _is_record(base)]
            parameters = functools.reduce(operator.or_, [*inherited, parameters])
        yield from (f"## {thing.__name__}", "")
        if isinstance(thing, FunctionType):
            signature = str(inspect.signature(thing)).replace("'", "")
            yield from ("```python", f"{thing.__name__}{signature}", "```", "")
        yield from (prose(body), "")
        if _is_record(thing):
            yield from _table(("field", "type", "default", "meaning"), _fields(thing, parameters))
            yield from _table(("member", "meaning"), _members(thing))
        else:
            rows = [(f"`{name}`", prose(text)) for name, text in parameters.items()]
            yield from _table(("parameter", "meaning"), rows)


def docstring(thing: Any) -> tuple[str, dict[str, str]]:
    """A docstring's text, and what it says of each parameter or field.

    The paragraph of these has the heading Parameters, or begins with a field of the dataclass.
    """
    fields = {name for name, _, _ in _declared(thing)} if _is_record(thing) else set()
    text: list[str] = []
    found: dict[str, str] = {}
    for paragraph in inspect.cleandoc(thing.__doc__ or "").split("\n\n"):
        body = _SECTION.sub("", paragraph)
        first = _PARAMETER.match(body)
        if body == paragraph and (first is None or not fields & set(first[1].split(", "))):
            text.append(paragraph)
            continue
        _, *pieces = _PARAMETER.split(body)
        for names, meaning in zip(pieces[::2], pieces[1::2], strict=True):
            found.update(dict.fromkeys(names.split(", "), " ".join(meaning.split())))
    return "\n\n".join(text), found


def _is_record(thing: Any) -> bool:
    """Whether it is a class of fields, not an object of one."""
    return isinstance(thing, type) and (
        dataclasses.is_dataclass(thing) or issubclass(thing, Content)
    )


def _declared(thing: Any) -> Iterator[tuple[str, str, str]]:
    """Name, type and default of every field, the last empty where there is none."""
    if issubclass(thing, Content):
        kinds = {name: kind for base in thing.__mro__ for name, kind in _annotated(base)}
        for name, told in thing.model_fields.items():
            none = told.is_required()
            default = "" if none else repr(told.get_default(call_default_factory=True))
            yield told.alias or name, kinds[name], default
        return
    for field in dataclasses.fields(thing):
        default = "" if field.default is dataclasses.MISSING else repr(field.default)
        if field.default_factory is not dataclasses.MISSING:
            default = repr(field.default_factory())
        yield field.name, str(field.type), default


def _annotated(base: type) -> Iterator[tuple[str, str]]:
    """Fields of a class of contents, and their types without what checks them."""
    for name, kind in inspect.get_annotations(base).items():
        yield name, re.sub(r"Annotated\[(.+?), (?:Field|Strict)\([^()]*\)\]", r"\1", str(kind))


def _fields(thing: Any, meanings: dict[str, str]) -> Sequence[tuple[str, ...]]:
    """A row for every field of a dataclass or of what a file must hold."""
    return [
        (f"`{name}`", f"`{kind}`", f"`{default}`" if default else "", prose(meanings.get(name, "")))
        for name, kind, default in _declared(thing)
    ]


def _members(thing: Any) -> Sequence[tuple[str, ...]]:
    """A row for every property and method that has a docstring."""
    rows = []
    for name, member in vars(thing).items():
        plain = member.__func__ if isinstance(member, classmethod) else member
        if name.startswith("_") or not isinstance(plain, property | FunctionType):
            continue
        if plain.__doc__:
            call = "" if isinstance(plain, property) else "()"
            rows.append((f"`{name}{call}`", prose(docstring(plain)[0])))
    return rows


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Markdown's table, nothing where there are no rows."""
    if not rows:
        return []
    cells = [heads, ("---",) * len(heads), *rows]
    return [*(f"| {' | '.join(' '.join(cell.split()) for cell in row)} |" for row in cells), ""]


def prose(text: str) -> str:
    """Text of the code as Markdown: only what stands between backticks is code."""
    parts = re.split(r"(``.+?``|`.+?`)", text, flags=re.DOTALL)
    special = str.maketrans(_SPECIAL)
    return "".join(part if k % 2 else part.translate(special) for k, part in enumerate(parts))
