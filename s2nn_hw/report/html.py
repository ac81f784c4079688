"""The data of a report as one HTML file that needs nothing else."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

import jinja2
from markupsafe import Markup

from s2nn_hw.ir import InputError

from . import example, names, timeline, wave
from .figure import spoken
from .known import pointer
from .page import Page
from .pair import Pair
from .points import MEASURES
from .scatter import scatter
from .schematic import HEIGHT, WIDTH, schematic

#: Bytes; a browser on a telephone takes no more with pleasure.
LIMIT = 5_000_000

#: The sections of a page, id → heading.
SECTIONS = {
    "summary": "Summary",
    "advice": "What to change",
    "network": "Network",
    "layers": "Layers",
    "timeline": "Timeline",
    "example": "Example",
    "pareto": "Pareto plots",
    "waveform": "Waveform",
}

#: Figure at the top → where it stands over how many frames it is.
_OVER = {
    **dict.fromkeys(
        ("accuracy", "mismatches", "latency_mean", "interval", "interval_over_floor"), "/frames"
    ),
    "toggles_per_frame": "/toggle_frames",
}

#: Those of a page without a core.
_WITHOUT = ("summary", "pareto")

#: What the columns of the table of layers are: figure or field, and its unit.
COLUMNS = {
    "synapses": "",
    "weight_bits": "",
    "spike_rate": "share",
    "events": "",
    "floor": "",
    "work": "",
    "utilisation": "share",
    "memory_bits": "",
    "occupied_bits": "",
    "buffer_bits": "",
    "lut": "",
    "ff": "",
    "bram": "",
    "toggles_per_frame": "",
    "netlist_toggles": "",
}

#: Figure, field or column of a layer → what it is called.
_OF_LAYER = {**names.FIELDS, **names.LAYER, "work": "cycles at work"}


class Numbers:
    """Numbers of the data as elements that say where they stand in it.

    An element has the JSON pointer (RFC 6901) as ``data-path`` and the exact value as
    ``data-value``; so a test finds every number of the page in ``report --json``.
    """

    def __init__(self, data: Mapping[str, Any]) -> None:
        # As JSON has it: what is shown is what a program reads.
        self.data: Any = json.loads(json.dumps(data, allow_nan=False))

    def at(self, path: str) -> Any:
        """The value there; None where there is none on the way."""
        value = self.data
        for key in path.split("/")[1:]:
            if isinstance(value, list):
                value = value[int(key)]
            elif value is not None:
                value = value.get(key.replace("~1", "/").replace("~0", "~"))
        return value

    def __call__(
        self, path: str, unit: str = "", *, tag: str = "span", shown: str | None = None
    ) -> Markup:
        """The element; ``shown``: words in the place of the value."""
        value = self.at(path)
        if shown is None:
            shown = value if isinstance(value, str) else spoken(value, unit)
        exact = "" if value is None else json.dumps(value, ensure_ascii=False)
        kind = "none" if value is None else "number"
        return Markup('<{0} class="{1}" data-path="{2}" data-value="{3}">{4}</{0}>').format(
            tag, kind, path, exact, shown
        )


def page(found: Page) -> str:
    """The page of a folder."""
    data = found.as_dict()
    numbers = Numbers(data)
    parts: dict[str, Any] = {
        "page": numbers.data,
        "groups": found.groups,
        "advice": found.build.advice if found.build else (),
        "sections": SECTIONS if found.build else {name: SECTIONS[name] for name in _WITHOUT},
        "schematic": schematic(found.build.layers) if found.build else None,
        "box": (WIDTH, HEIGHT),
        "absent": {entry.file: entry for entry in found.absent},
        "columns": COLUMNS,
        "over": {name: path for name, path in _OVER.items() if numbers.at(path) is not None},
        "work": {},
    }
    if found.timeline:
        layers = found.timeline["layers"]
        parts["work"] = {layer["name"]: k for k, layer in enumerate(layers)}
        parts["bottleneck"] = timeline.bottleneck(found.timeline)
        parts["ticks"] = timeline.ticks(found.timeline["cycles"])
    if found.example:
        parts["pictures"] = [
            example.picture(entry, found.folder)
            for entry in ({"name": "input", **found.example["input"]}, *found.example["layers"])
        ]
    if found.ports:
        parts["strips"] = wave.strips(found.ports)
        parts["wave_title"] = wave.title(found.ports)
    return _render("page.html", numbers, **parts)


def pair(found: Pair) -> str:
    """The page of two builds side by side."""
    numbers = Numbers(found.as_dict())
    return _render("pair.html", numbers, pair=numbers.data, found=found)


def _render(template: str, numbers: Numbers, **parts: Any) -> str:
    text = _environment().get_template(template).render(number=numbers, **parts)
    if len(text.encode()) > LIMIT:
        raise InputError(f"the page would be {len(text.encode()):,} bytes, more than {LIMIT:,}")
    return text


def _command(text: str) -> Markup:
    """A command line that breaks between its words, and within one only where it has no room."""
    words = (Markup("<span>{}</span>").format(word) for word in text.split(" "))
    return Markup("<code>{}</code>").format(Markup(" ").join(words))


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("s2nn_hw.report", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["command"] = _command
    environment.globals |= {
        "labels": names.BUILD,
        "layer_labels": _OF_LAYER,
        "measures": MEASURES,
        "states": timeline.STATES,
        "paths": timeline.paths,
        "row_height": timeline.HEIGHT,
        "cycle": wave.CYCLE,
        "lane_height": wave.HEIGHT,
        "scatter": lambda group, x, y: Markup(scatter(group, x, y)),
        "pointer": pointer,
    }
    return environment
