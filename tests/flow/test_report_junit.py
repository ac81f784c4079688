"""JUnit XML: one case a check, and any text survives."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from s2nn_hw.report import Check, junit


def test_one_case_a_check() -> None:
    checks = [
        Check(name="spikes hidden1", passed=True, detail="200 frames"),
        Check(name="scores", passed=False, detail="frame 3: 1 < 2 & more"),
        Check(name="interval", passed=True),
    ]
    root = ET.fromstring(junit(checks, suite="s2nn-hw verify", seconds=1.25))
    assert root.tag == "testsuites"
    (suite,) = root
    assert suite.attrib == {
        "name": "s2nn-hw verify",
        "tests": "3",
        "failures": "1",
        "errors": "0",
        "skipped": "0",
        "time": "1.250",
    }
    assert [case.get("name") for case in suite] == ["spikes hidden1", "scores", "interval"]
    failures = suite.findall("testcase/failure")
    assert [failure.get("message") for failure in failures] == ["frame 3: 1 < 2 & more"]


def test_no_check_is_a_failure() -> None:
    (suite,) = ET.fromstring(junit([], suite="s"))
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


@given(st.text(), st.text(), st.booleans())
def test_any_text_gives_a_document(name: str, detail: str, passed: bool) -> None:
    (suite,) = ET.fromstring(junit([Check(name=name, passed=passed, detail=detail)], suite=name))
    assert len(suite) == 1
    assert (suite.find("testcase/failure") is None) == passed
