"""The documentation's site: built without a warning, complete, and fetching nothing."""

from __future__ import annotations

import argparse
import dataclasses
import html
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from s2nn_hw import cli, flow, ir, manifest

ROOT = Path(__file__).parents[2]
#: Tags that make a browser fetch something.
FETCHED = re.compile(r'<(?:script|img|iframe|source)\b[^>]*?\bsrc="([^"]+)"|<link\b([^>]*)>')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("site")
    config = ROOT / "docs" / "site" / "mkdocs.yml"
    command = ["mkdocs", "build", "--quiet", "--strict", "-f", str(config), "-d", str(out)]
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=os.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return out


def words(site: Path, page: str) -> str:
    """The text of a page's article, as a reader sees it."""
    article = re.search(r"<article.*</article>", (site / page).read_text(), re.DOTALL)
    assert article is not None
    return " ".join(html.unescape(re.sub(r"<[^>]*>", "", article[0])).split())


def pages(site: Path) -> Iterator[Path]:
    found = sorted(site.rglob("*.html"))
    assert len(found) > 60
    return iter(found)


def test_every_verb_and_option_is_there_with_its_help(site: Path) -> None:
    text = words(site, "reference/commands.html")

    def walk(parser: argparse.ArgumentParser) -> int:
        seen = 0
        for action in parser._actions:
            if isinstance(action, argparse._SubParsersAction):
                for below in action.choices.values():
                    assert f"{below.prog}¶" in text.replace(" ¶", "¶"), below.prog
                    seen += walk(below)
            elif not isinstance(action, argparse._HelpAction | argparse._VersionAction):
                said = " ".join((action.help or "").split()).split("(default")[0].split("%")[0]
                assert said.strip() in text, (parser.prog, action.dest)
                assert all(option in text for option in action.option_strings)
                seen += 1
        return seen

    assert walk(cli.parser()) > 100


@pytest.mark.parametrize(
    ("page", "classes"),
    [
        ("network", (ir.Network, ir.Layer, ir.Dense, ir.Conv2d, ir.Pool, ir.FrameFormat)),
        ("manifest", (manifest.Manifest, manifest.InputPort, manifest.LayerEntry, manifest.Probe)),
        ("json", (flow.VerifyResult, flow.SynthResult, flow.PlanResult, flow.ExperimentResult)),
    ],
)
def test_every_field_is_there_with_the_contract(site: Path, page: str, classes: tuple) -> None:
    text = words(site, f"reference/{page}.html")
    for thing in classes:
        assert thing.__doc__ is not None
        doc = thing.__doc__.replace("``", "")
        names = [field.name for field in dataclasses.fields(thing)]
        contract = re.split(rf"\n\n    (?:Parameters\n|(?:{'|'.join(names)})[,:] )", doc)[0]
        assert " ".join(contract.split()) in text, thing
        for field in dataclasses.fields(thing):
            assert f"{field.name} {field.type}" in text, (thing, field.name)
        said = re.findall(rf"^    ({'|'.join(names)}): (.+)$", doc, re.MULTILINE)
        assert said or thing in (manifest.InputPort, manifest.Probe)
        for name, meaning in said:  # in the field's own row
            row = rf"{name} [^¶]{{1,120}}? {re.escape(' '.join(meaning.split()))}"
            assert re.search(row, text), (thing, name, meaning)


def test_what_is_in_docs_is_in_the_site(site: Path) -> None:
    docs = ROOT / "docs"
    for path in sorted(docs.rglob("*.md")):
        assert (site / path.relative_to(docs)).with_suffix(".html").is_file(), path
    assert (site / "how-to/verify.yml").read_text() == (docs / "how-to/verify.yml").read_text()
    assert "actions/checkout" in words(site, "how-to/ci.html")
    assert not list(site.rglob("*.py"))
    assert not (site / "site").exists()


def test_no_page_fetches_anything_from_elsewhere(site: Path) -> None:
    for page in pages(site):
        for source, link in FETCHED.findall(page.read_text()):
            if link and not re.search(r'rel="?(?:stylesheet|icon|preload|preconnect)', link):
                continue
            where = source or re.search(r'href="?([^"\s>]+)', link)[1]
            parts = urlsplit(html.unescape(where))
            assert not parts.scheme, f"{page}: {where}"
            assert not parts.netloc, f"{page}: {where}"
            path = unquote(parts.path)  # of the page that tells what is not found from the root
            base = site if path.startswith("/") else page.parent
            assert (base / path.lstrip("/")).is_file(), f"{page}: {where}"
    for style in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(?:https?:)?//", style.read_text()), style


def test_no_page_makes_the_theme_fetch_what_draws_diagrams(site: Path) -> None:
    assert not any('class="mermaid"' in page.read_text() for page in pages(site))
