"""The page in a browser: all of it is there, it can be used, and its numbers are those of JSON."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from s2nn_hw import cli, flow
from s2nn_hw.ir import InputError
from s2nn_hw.report import html

sync_api = pytest.importorskip("playwright.sync_api")

SECTIONS = [
    *("summary", "advice", "network", "layers", "timeline", "example", "pareto", "waveform"),
]
EVIL = "<img src=x onerror=\"document.title='evil'\">&amp;"
WIDTHS = (360, 1280)
#: What a folder without a core lacks.
OF_BUILD = (
    *("s2nn_core.json", "verify.json", "synth.json", "timeline.json", "example.json"),
    "ports.wavedrom.json",
)
#: Written numbers that no file has: what a figure is called, and its unit.
WORDS = {"energy, arithmetic only, 45 nm"}

Open = Callable[..., Any]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        told = pytest.fail if os.environ.get("CI") else pytest.skip
        told("no Chromium on PATH")
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture
def opened(browser: Any) -> Iterator[Open]:
    """Opens a page; at the end nothing may have been said on its console or asked of a network."""
    said: list[str] = []
    contexts = []

    def open_page(path: Path, width: int = 1280, scheme: str = "light") -> Any:
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, offline=True
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: said.append(request.url) if "http" in request.url else 0)
        page.goto(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert said == []


@pytest.fixture(scope="module")
def whole(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """The page of everything, and what ``--json`` says of it."""
    path = tmp_path_factory.mktemp("whole") / "page.html"
    beside = [shelf / "tried", shelf / "experiment"]
    data = flow.report(shelf / "full", beside=beside, html=path)
    return path, json.loads(json.dumps(data))


@pytest.fixture(scope="module")
def least(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Pages of a core that is known no more of, of plans alone, and of an experiment alone."""
    home = tmp_path_factory.mktemp("least")
    paths = []
    for name in ("core", "tried", "experiment"):
        paths.append(home / f"{name}.html")
        flow.report(shelf / name, html=paths[-1])
    return paths


def at(data: Any, pointer: str) -> Any:
    for key in pointer.split("/")[1:]:
        key = key.replace("~1", "/").replace("~0", "~")
        data = data[int(key)] if isinstance(data, list) else data[key]
    return data


def check_numbers(page: Any, data: Any) -> set[str]:
    """Compare what is written with the data; the paths of all numbers."""
    found = page.eval_on_selector_all(
        "[data-path]", "all => all.map(e => [e.dataset.path, e.dataset.value, e.textContent])"
    )
    for path, exact, text in found:
        value = at(data, path)
        if value is None:
            equal = path.endswith("/ratio") and set(at(data, path[:-6])["values"]) == {0}
            assert (exact, text) == ("", "equal" if equal else "absent"), path
            continue
        assert json.loads(exact) == value, path
        if isinstance(value, str):
            assert text == value
            continue
        number, _, fraction, share = re.match(r"(-?[\d,]+(\.(\d+))?)( %)?", text).groups()
        shown = float(number.replace(",", "")) / (100 if share else 1)
        half = 0.5 * 10 ** -len(fraction or "") / (100 if share else 1)
        assert abs(shown - value) <= half * 1.000001, (path, text, value)
    return {path for path, _, _ in found}


def stray(page: Any) -> list[str]:
    """Texts with a digit that do not say where they come from."""
    texts = page.evaluate(
        """() => {
        const found = [];
        const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
        while (walk.nextNode()) {
            const node = walk.currentNode;
            // Not numbers of results: commands and paths, axes, and numbers of rows.
            const aside = "[data-path], script, code, .quoted, .tick, .index, .plot > svg, title";
            if (!node.parentElement.closest(aside)) found.push(node.textContent.trim());
        }
        return found;
        }"""
    )
    return [text for text in texts if re.search(r"\d", text) and text not in WORDS]


def test_every_number_is_that_of_the_data(opened: Open, whole: tuple[Path, Any]) -> None:
    path, data = whole
    page = opened(path)
    paths = check_numbers(page, data)
    figures = {f"/figures/{name}/value" for name in data["figures"]}
    figures |= {
        f"/layers/{k}/figures/{name}/value"
        for k, layer in enumerate(data["layers"])
        for name in layer["figures"]
        if name != "arithmetic_energy"  # that of the network is shown
    }
    points = {
        f"/groups/{k}/points/{n}/values/{name}"
        for k, group in enumerate(data["groups"])
        for n, point in enumerate(group["points"])
        for name in point["values"]
        if any(other["values"][name] is not None for other in group["points"])
    }
    cycles = {
        f"/timeline/layers/{k}/cycles/{state}" for k in range(4) for state in ("work", "wait")
    }
    scores = {f"/example/scores/{k}" for k in range(3)}
    advice = {
        f"/advice/{k}/figures/{name}/value"
        for k, entry in enumerate(data["advice"])
        for name in entry["figures"]
    }
    assert len(advice) > 8
    notes = {f"/notes/{k}" for k in range(len(data["notes"]))}
    assert notes, "the plan is for another core"
    assert figures | points | cycles | scores | advice | notes <= paths
    # Names of networks and generators are no numbers, and have some.
    labels = {point["label"] for group in data["groups"] for point in group["points"]}
    titles = {group["title"] for group in data["groups"]}
    targets = {data["synthesis"]["board"], data["plan"]["board"]}
    assert set(stray(page)) <= labels | titles | targets


def test_every_section_and_plot_is_there(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0])
    assert page.eval_on_selector_all("main > section", "all => all.map(e => e.id)") == SECTIONS
    for name in SECTIONS:
        assert page.locator(f"#{name} > h2").is_visible()
    assert page.locator("[data-absent]").count() == 0
    assert page.locator("#network .node").count() == 6
    assert page.locator("#network .stream").count() == 6
    assert page.locator("#timeline svg.layer").count() == 4
    frames = page.locator("#timeline svg.frames rect")
    places = frames.evaluate_all(
        "all => all.map(e => ['x', 'y', 'width'].map(a => e[a].baseVal.value))"
    )
    assert places == [[0, 0, 181], [20, 5, 301], [40, 10, 360]]
    assert page.locator("#waveform svg text").count() > 10
    # One a pair of measures: of plan, sweep and bench interval and area, the sweep with accuracy.
    assert page.locator("#pareto figure.plot svg").count() == 1 + 3 + 1 + 6
    points = page.locator("#pareto figure.plot svg").first.locator("[class^=point-]")
    assert points.count() == 3
    images = page.locator("#example img")
    assert images.count() == 4
    widths = images.evaluate_all("all => all.map(e => [e.naturalWidth, e.naturalHeight])")
    assert widths == [[8, 8], [4 * 9 - 1, 8], [4 * 9 - 1, 8], [4 * 5 - 1, 4]]


def test_the_picture_is_of_the_values(opened: Open, whole: tuple[Path, Any]) -> None:
    """Dark where there is a spike, drawn anew by the browser and compared with the file."""
    import base64

    import numpy as np

    path, data = whole
    entry = data["example"]["layers"][0]
    bits = np.unpackbits(np.frombuffer(base64.b64decode(entry["values"]), np.uint8))
    page = opened(path)
    image = page.locator("#example img").nth(1)
    pixels = image.evaluate(
        """e => {
        const canvas = Object.assign(document.createElement("canvas"),
            {width: e.naturalWidth, height: e.naturalHeight});
        const context = canvas.getContext("2d");
        context.drawImage(e, 0, 0);
        return [...context.getImageData(0, 0, canvas.width, canvas.height).data];
        }"""
    )
    shades = np.array(pixels).reshape(8, 35, 4)
    dark = (shades[..., 0] < 100) & (shades[..., 3] > 0)
    for k, channel in enumerate(bits[: 4 * 64].reshape(4, 8, 8)):
        assert (dark[:, 9 * k : 9 * k + 8] == channel).all()
        assert (shades[:, 9 * k : 9 * k + 8, 3] == 255).all()
    assert (shades[:, 8::9, 3] == 0).all()
    assert f"{bits.sum()} of 256 values" in image.get_attribute("alt")


def test_minimal_pages_name_what_is_absent(opened: Open, least: list[Path]) -> None:
    for path, absent in zip(
        least,
        (
            {"verify.json", "synth.json", "timeline.json", "plan.json", "results.json", "netlist"},
            {*OF_BUILD, "results.json"},
            {*OF_BUILD, "bench.json", "plan.json", "trials.csv"},
        ),
        strict=True,
    ):
        page = opened(path)
        sections = SECTIONS if "netlist" in absent else ["summary", "pareto"]
        assert page.eval_on_selector_all("main > section", "all => all.map(e => e.id)") == sections
        links = page.eval_on_selector_all("nav a", "all => all.map(e => e.hash.slice(1))")
        assert links == sections
        found = page.eval_on_selector_all("[data-absent]", "all => all.map(e => e.dataset.absent)")
        assert absent <= set(found)
        for note in page.locator("p.absent, ul.absent > li").all():
            assert "s2nn-hw " in note.inner_text()
        for name in sections:
            assert len(page.locator(f"#{name}").inner_text().split()) > 5
        # Without a core each is named once, in one list.
        if sections != SECTIONS:
            assert len(found) == len(set(found)) == len(absent)
            assert page.locator("ul.absent").count() == 1
            assert page.locator("p.absent").count() == 0


def test_figures_at_the_top_say_of_how_many_frames(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0])
    said = {
        card.locator(".name").inner_text(): card.locator(".soft").inner_text()
        for card in page.locator(".cards li:has(.soft)").all()
    }
    frames = ("accuracy", "mismatches against the golden model", "latency, mean")
    frames += ("interval, mean", "interval over floor")
    assert said == {
        **dict.fromkeys(frames, "over 1,234 frames"),
        "toggles a frame": "over 1,000 frames",
        "inferences a second at that clock": "interval of sample frames",
    }


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_is_wider_than_the_page(
    opened: Open,
    whole: tuple[Path, Any],
    least: list[Path],
    full: Path,
    width: int,
    scheme: str,
) -> None:
    both = full / "both.html"
    flow.report(full, full, html=both)
    for path in (whole[0], *least, both):
        page = opened(path, width, scheme)
        page.eval_on_selector_all("details", "all => all.forEach(e => { e.open = true; })")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.parametrize("width", WIDTHS)
def test_the_waveform_is_as_wide_as_the_page(
    opened: Open, whole: tuple[Path, Any], width: int
) -> None:
    """In full, in strips that are not made smaller."""
    page = opened(whole[0], width)
    assert page.locator("#waveform .scroll").count() == 0
    strips = page.locator("#waveform svg").evaluate_all(
        "all => all.map(e => [e.getBoundingClientRect(), e.viewBox.baseVal.width])"
        ".map(([box, wide]) => [box.right, box.width / wide])"
    )
    assert len(strips) > 2
    assert all(right <= width and scale == 1 for right, scale in strips)
    cycles = page.locator("#waveform svg .name", has_text="cycle")
    assert cycles.count() == len(strips)


def contrast(first: str, second: str) -> float:
    """Of two colours of CSS, as WCAG 2.2 has it."""

    def light(colour: str) -> float:
        parts = [int(n) / 255 for n in re.findall(r"\d+", colour)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_read_easily(opened: Open, whole: tuple[Path, Any], scheme: str) -> None:
    page = opened(whole[0], scheme=scheme)
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    for selector in ("body", "caption", "a", "code", ".good", ".origin", "figcaption"):
        colour = page.locator(selector).first.evaluate("e => getComputedStyle(e).color")
        assert contrast(colour, ground) >= 4.5, selector
    for state in ("work", "held", "wait"):
        colour = page.locator(f"path.{state}").first.evaluate("e => getComputedStyle(e).fill")
        assert contrast(colour, ground) >= 3, state


def test_it_can_be_heard(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0])
    assert page.locator("html").get_attribute("lang") == "en"
    levels = page.eval_on_selector_all(
        "h1, h2, h3", "all => all.filter(e => e.offsetParent).map(e => Number(e.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert page.locator("table:not(:has(caption))").count() == 0
    assert page.locator("th:not([scope])").count() == 0
    assert page.locator("img:not([alt])").count() == 0
    assert page.locator("svg:not([aria-label]):not([aria-hidden])").count() == 0
    # What scrolls is reached by keys, and has a name.
    assert page.locator(".scroll:not([tabindex='0'][aria-label])").count() == 0
    ids = page.eval_on_selector_all("[id]", "all => all.map(e => e.id)")
    assert len(ids) == len(set(ids))


def column(page: Any, table: str, index: int) -> list[str]:
    return page.eval_on_selector_all(
        f"{table} tbody tr",
        "(rows, k) => rows.map(r => (r.cells[k].querySelector('[data-value]') || "
        "{dataset: {value: r.cells[k].textContent}}).dataset.value)",
        index,
    )


def test_tables_are_sorted(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0])
    table = "#layers table"
    heading = page.locator(f"{table} thead th", has_text="toggles").first
    index = heading.evaluate("e => e.cellIndex")
    before = list(map(float, column(page, table, index)))
    assert before == sorted(before)
    heading.locator("button").click()
    heading.locator("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    assert list(map(float, column(page, table, index))) == sorted(before, reverse=True)
    # By keyboard, by names, and with what is absent last in both directions.
    names = page.locator(f"{table} thead th button").first
    names.focus()
    page.keyboard.press("Enter")
    assert column(page, table, 0) == sorted([EVIL, "conv", "pool", "readout"])
    assert page.locator(f"{table} th[aria-sort]").count() == 1
    rates = page.locator(f"{table} thead th", has_text="spike rate")
    index = rates.evaluate("e => e.cellIndex")
    for _ in range(2):
        rates.locator("button").press("Space")
        assert column(page, table, index)[-1] == ""


def test_a_layer_shows_its_numbers(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0])
    shown = "#network .details section:visible"
    assert page.locator(shown).locator("h3").all_inner_texts() == ["conv"]
    nodes = page.locator("a.node")
    nodes.nth(2).hover()
    assert page.locator(shown).locator("h3").all_inner_texts() == ["pool"]
    nodes.nth(3).focus()
    assert page.locator(shown).locator("h3").all_inner_texts() == ["readout"]
    page.keyboard.press("Shift+Tab")
    assert page.locator(shown).locator("h3").all_inner_texts() == ["pool"]
    nodes.nth(1).click()
    assert page.locator(shown).locator("h3").all_inner_texts() == [EVIL]
    assert "toggles" in page.locator(shown).inner_text()


def test_the_timeline_shows_the_bottleneck_and_zooms(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0])
    assert page.locator("#timeline > p strong").inner_text() == EVIL
    track = page.locator("#timeline .track")
    before = track.bounding_box()["width"]
    page.get_by_role("button", name="wider").press("Enter")
    assert track.bounding_box()["width"] == pytest.approx(2 * before)
    page.get_by_role("button", name="narrower").click()
    assert track.bounding_box()["width"] == pytest.approx(before)
    path = page.locator("#timeline svg.layer").first.locator("path.held").get_attribute("d")
    assert path == "M300 8h40v12h-40z"


def test_names_are_text(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0])
    page.wait_for_timeout(100)
    assert page.title() == "core – s2nn-hw report"
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("#layers tbody th", has_text=EVIL).count() == 1
    assert page.locator("#advice strong", has_text=EVIL).count() == 2


def test_it_prints(opened: Open, whole: tuple[Path, Any]) -> None:
    page = opened(whole[0], width=718)  # of A4 between margins of 10 mm
    page.emulate_media(media="print")
    assert page.locator("#network .details section:visible").count() == 4
    assert page.locator("nav").is_hidden()
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.locator("details:not([open])").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 718
    assert page.pdf(format="A4").startswith(b"%PDF")


def test_two_builds_on_a_page(opened: Open, full: Path, tmp_path: Path) -> None:
    other = shutil.copytree(full, tmp_path / "other")
    verified = json.loads((other / "verify.json").read_text())
    verified["toggles_per_frame"] /= 2
    (other / "verify.json").write_text(json.dumps(verified))
    path = tmp_path / "both.html"
    data = json.loads(json.dumps(flow.report(full, other, html=path)))
    page = opened(path)
    paths = check_numbers(page, data)
    assert {f"/figures/{name}/ratio" for name in data["figures"]} <= paths
    row = page.locator("#figures tbody tr", has_text="toggles a frame").first
    assert row.locator("td").all_inner_texts() == ["123,456", "61,728.25", "0.50 ×", "simulated"]
    row = page.locator("#figures tbody tr", has_text="mismatches").first
    assert row.locator("td").all_inner_texts() == ["0", "0", "equal", "simulated"]
    page.locator("#figures th button", has_text="B / A").click()
    assert column(page, "#figures table", 3)[0] == "0.5"


def test_it_is_one_file_written_at_once(
    full: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begin = time.monotonic()
    assert cli.main(["report", str(full), "--html", "--json"]) == 0
    assert time.monotonic() - begin < 10
    said = capsys.readouterr()
    assert json.loads(said.out)["schema"] == 1
    path = full / "report.html"
    text = path.read_text()
    assert f"report.html: {len(text.encode()):,} bytes" in said.err
    assert len(text) < 5_000_000
    assert not re.search(r"(src|href)=[\"'](?!data:|#)", text)
    assert "://" not in text.replace("http://www.w3.org/", "")
    # The same again, byte for byte, and nothing beside it.
    assert cli.main(["report", str(full), "--html"]) == 0
    assert path.read_text() == text
    assert not list(full.glob(".*.new"))
    with pytest.raises(InputError, match="must be a file to write the page to, not a folder"):
        flow.report(full, html=tmp_path)


def test_a_page_that_is_too_large_is_refused(
    full: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(html, "LIMIT", 1000)
    with pytest.raises(InputError, match=r"the page would be [\d,]+ bytes, more than 1,000"):
        flow.report(full, html=tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()
