"""Checks as JUnit XML, which CI systems show."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Sequence

from .check import Check

# XML 1.0, production [2] Char: all else cannot be written, escaped or not.
_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(checks: Sequence[Check], *, suite: str, seconds: float | None = None) -> str:
    """The document: one suite, one case a check.

    No check at all is a failure as well, under the name ``checks``: what tested nothing proves
    nothing.
    """
    cases = checks or [Check(name="checks", passed=False, detail="nothing was checked")]
    failures = sum(not check.passed for check in cases)
    attributes = {"name": _clean(suite), "tests": str(len(cases)), "failures": str(failures)}
    attributes |= {"errors": "0", "skipped": "0"}
    if seconds is not None:
        attributes["time"] = f"{seconds:.3f}"
    root = ET.Element("testsuites")
    element = ET.SubElement(root, "testsuite", attributes)
    for check in cases:
        case = ET.SubElement(element, "testcase", classname=_clean(suite), name=_clean(check.name))
        if not check.passed:
            ET.SubElement(case, "failure", message=_clean(check.detail))
        elif check.detail:
            ET.SubElement(case, "system-out").text = _clean(check.detail)
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=False) + "\n"


def _clean(text: str) -> str:
    return _NOT_XML.sub("\N{REPLACEMENT CHARACTER}", text)
