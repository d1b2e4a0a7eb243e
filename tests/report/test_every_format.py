"""What holds for every format: the same bytes again, nothing raw from a host, and hosts that nobody has asked yet."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import replace

import pytest

from hardencheck.model.outcome import HostState
from hardencheck.model.report import Report
from hardencheck.report import formats
from tests.report import changing, material


def written(name: str, report: Report) -> dict[str, str]:
    return dict(formats.files(name, report))


REPORTS = pytest.mark.parametrize("report", [material.report, changing.report], ids=["alone", "compared"])


@REPORTS
@pytest.mark.parametrize("name", formats.names())
def test_the_same_report_has_the_same_bytes(name: str, report: Callable[[], Report]) -> None:
    first, second = written(name, report()), written(name, report())
    assert {file: text.encode() for file, text in first.items()} == {f: text.encode() for f, text in second.items()}


@REPORTS
@pytest.mark.parametrize("name", formats.names())
def test_no_control_or_direction_character_of_a_host_is_left(name: str, report: Callable[[], Report]) -> None:
    for text in written(name, report()).values():
        raw = {char for char in text if unicodedata.category(char) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}
        assert raw <= {"\n", "\r", "\t"}


@pytest.mark.parametrize("name", formats.names())
def test_a_sweep_that_was_cut_off_before_a_host_names_the_host(name: str) -> None:
    report = material.report()
    pending = replace(report.sweep.hosts[0], host="desk-99", state=HostState.PENDING, results=(), manifest=None)
    cut_off = replace(report, sweep=replace(report.sweep, hosts=(pending,), finished=None), waived={})
    assert any("desk-99" in text for text in written(name, cut_off).values())


@pytest.mark.parametrize("name", formats.names())
def test_a_sweep_without_hosts_can_be_written(name: str) -> None:
    report = material.report()
    written(name, replace(report, sweep=replace(report.sweep, hosts=(), finished=None), waived={}))
