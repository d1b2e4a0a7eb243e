"""promtool accepts our metrics and alert rules, a parser counts what we count, and the alerts fire when they should."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from hardencheck.model.change import Cause
from hardencheck.model.outcome import HostState, Outcome, Severity
from hardencheck.model.report import Report
from hardencheck.model.waiver import WaiverState
from hardencheck.report.prometheus import render
from tests.consumers import promtool
from tests.report import changing, material

REPORT = material.report()
ALERTS = Path(__file__).parents[2] / "docs/prometheus-alerts.yml"
ANSWERED = (HostState.REACHED, HostState.PARTIAL)


def samples(text: str) -> Iterator[Sample]:
    for family in text_string_to_metric_families(text):
        yield from family.samples


def named(text: str, name: str) -> list[Sample]:
    return [sample for sample in samples(text) if sample.name == f"hardencheck_{name}"]


def outcomes(text: str) -> Counter[tuple[str, str, str]]:
    """How many results by host, outcome and severity; a 0 counts nothing."""
    found: Counter[tuple[str, str, str]] = Counter()
    for sample in named(text, "rule_results"):
        found[sample.labels["host"], sample.labels["result"], sample.labels["severity"]] += int(sample.value)
    return +found


def ours() -> Counter[tuple[str, str, str]]:
    return Counter(
        (host.host, result.outcome.value, result.severity.value)
        for host in REPORT.sweep.hosts
        for result in host.results
    )


def test_promtool_accepts_the_metrics() -> None:
    checked = promtool.run("check", "metrics", given=render(REPORT))
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")


def test_promtool_accepts_the_metrics_of_a_report_that_was_compared() -> None:
    text = render(changing.report())
    checked = promtool.run("check", "metrics", given=text)
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert outcomes(text) == ours()


def test_changes_are_counted_by_cause_and_kind_and_waivers_by_state() -> None:
    text = render(changing.report())
    found = {(s.labels["cause"], s.labels["kind"]): int(s.value) for s in named(text, "changes")}
    assert {key: number for key, number in found.items() if number} == {
        ("host", "new_failure"): 1, ("probe", "new_failure"): 1, ("host", "fixed"): 1, ("rule", "other"): 2,
        ("waiver", "waived"): 1, ("privilege", "lost"): 2, ("coverage", "lost"): 1,
    }  # fmt: skip
    assert {cause for cause, _ in found} == {cause.value for cause in Cause}
    assert {s.labels["state"]: s.value for s in named(text, "waivers")} == {state.value: 1 for state in WaiverState}


def test_what_was_not_compared_has_no_number() -> None:
    assert not {"hardencheck_changes", "hardencheck_waivers"} & {sample.name for sample in samples(render(REPORT))}
    nothing = replace(changing.report(), changes=replace(changing.comparison(), changes=()), waivers=())
    assert {sample.value for sample in named(render(nothing), "changes")} == {0}
    assert {sample.value for sample in named(render(nothing), "waivers")} == {0}


def test_the_counts_are_ours_and_no_series_is_there_twice() -> None:
    text = render(REPORT)
    assert outcomes(text) == ours()
    # promtool takes the same series twice, a Prometheus server then refuses the whole file
    series = [(sample.name, *sorted(sample.labels.items())) for sample in samples(text)]
    assert len(set(series)) == len(series)


def test_only_the_waived_failure_is_marked() -> None:
    marked = [sample for sample in named(render(REPORT), "rule_results") if sample.labels["waived"] == "yes"]
    assert [(s.labels["host"], s.labels["result"], s.value) for s in marked] == [(material.WAIVED[0], "fail", 1)]


def test_hosts_and_times_are_ours() -> None:
    text = render(REPORT)
    states = {host.host: host.state for host in REPORT.sweep.hosts}
    reachable = {sample.labels["host"]: sample.value for sample in named(text, "host_reachable")}
    complete = {sample.labels["host"]: sample.value for sample in named(text, "host_complete")}
    assert reachable == {host: float(state in ANSWERED) for host, state in states.items()}
    assert complete == {host: float(state is HostState.REACHED) for host, state in states.items()}
    (ended,), (lasted,) = named(text, "last_sweep_timestamp_seconds"), named(text, "sweep_duration_seconds")
    assert (ended.value, lasted.value) == (datetime(2026, 11, 22, 1, 31, 40, tzinfo=UTC).timestamp(), 100)


def test_no_failure_is_a_zero_where_somebody_looked_and_nothing_where_nobody_did() -> None:
    zeros = {
        sample.labels["host"]
        for sample in named(render(REPORT), "rule_results")
        if sample.labels["result"] == "fail" and sample.labels["waived"] == "no"
    }
    assert zeros == {host.host for host in REPORT.sweep.hosts if host.state in ANSWERED}


def test_a_wrong_type_is_refused_and_a_changed_number_is_noticed() -> None:
    text = render(REPORT)
    checked = promtool.run("check", "metrics", given=text.replace("rule_results gauge", "rule_results counter"))
    assert checked.returncode == 3
    assert promtool.run("check", "metrics", given=text.replace('host="', "host=", 1)).returncode == 1
    first = next(
        line for line in text.splitlines() if line.startswith("hardencheck_rule_results") and line.endswith(" 1")
    )
    assert outcomes(text.replace(first, first[:-1] + "2")) != ours()


def unfinished() -> Report:
    return replace(REPORT, sweep=replace(REPORT.sweep, finished=None))


def settled() -> Report:
    """One host, reached whole, whose only failure of high severity is waived."""
    host = REPORT.sweep.hosts[0]
    results = tuple(result for result in host.results if result.outcome in (Outcome.PASS, Outcome.NOTAPPLICABLE))
    waived = next(result for result in host.results if result.rule_id == material.WAIVED[1])
    high = replace(waived, severity=Severity.HIGH)
    return replace(REPORT, sweep=replace(REPORT.sweep, hosts=(replace(host, results=(*results, high)),)))


def fired(report: Report, alerts: dict[str, set[tuple[str, int]]], folder: Path) -> bool:
    """Whether promtool sees these alerts fire, and no others, half an hour after the metrics were first seen.

    `alerts` has for each alert its hosts, with the number that the summary tells; an alert without a host has ("", 0).
    """
    text = render(report)
    series = [
        {"series": line.rsplit(" ", 1)[0], "values": f"{line.rsplit(' ', 1)[1]}x60"}
        for line in text.splitlines()
        if not line.startswith("#")
    ]
    wanted = [
        {
            "eval_time": "30m",
            "alertname": name,
            "exp_alerts": [expected(name, *one) for one in sorted(alerts.get(name, ()))],
        }
        for name in SUMMARIES
    ]
    test = {"interval": "1m", "input_series": series, "alert_rule_test": wanted}
    document = {"rule_files": [str(ALERTS)], "evaluation_interval": "1m", "tests": [test]}
    file = folder / "alerts.json"
    file.write_text(json.dumps(document))
    return promtool.run("test", "rules", file).returncode == 0


SUMMARIES = {
    "HardencheckSweepOverdue": ("warning", "No sweep has ended in the last 26 hours"),
    "HardencheckHostNotSeenWhole": ("warning", "{host} did not answer the last sweep, or not everything"),
    "HardencheckHighSeverityFailure": (
        "critical", "{host} fails {number} rules of high severity that nobody has waived",
    ),
    "HardencheckCouldNotTell": ("info", "{host} answered, but {number} rules could not be told"),
}  # fmt: skip
DESCRIPTIONS = {
    "HardencheckSweepOverdue":
        "What is known of the hosts is out of date. Look at the job that runs `hardencheck sweep`.",
    "HardencheckHostNotSeenWhole":
        "Nobody knows whether it meets the baseline. `hardencheck report` says why it could not be asked.",
    "HardencheckHighSeverityFailure": "`hardencheck host show {host}` names them.",
    "HardencheckCouldNotTell": "`hardencheck host show {host}` says what is missing.",
}  # fmt: skip


def expected(name: str, host: str, number: int) -> dict[str, Any]:
    severity, summary = SUMMARIES[name]
    said = {"summary": summary, "description": DESCRIPTIONS[name]}
    return {
        "exp_labels": {"severity": severity, **({"host": host} if host else {})},
        "exp_annotations": {key: text.format(host=host, number=number) for key, text in said.items()},
    }


def due() -> dict[str, set[tuple[str, int]]]:
    """The alerts that our own report calls for."""
    high: set[tuple[str, int]] = set()
    untold: set[tuple[str, int]] = set()
    for host in REPORT.sweep.hosts:
        failing = [
            result for result in host.results
            if result.outcome is Outcome.FAIL and result.severity is Severity.HIGH
            and (host.host, result.rule_id) not in REPORT.waived
        ]  # fmt: skip
        open_questions = [result for result in host.results if result.outcome.incomplete]
        high |= {(host.host, len(failing))} if failing else set()
        untold |= {(host.host, len(open_questions))} if open_questions and host.state is HostState.REACHED else set()
    lost = {(host.host, 0) for host in REPORT.sweep.hosts if host.state is not HostState.REACHED}
    return {
        "HardencheckHostNotSeenWhole": lost,
        "HardencheckHighSeverityFailure": high,
        "HardencheckCouldNotTell": untold,
    }


def test_promtool_accepts_the_alert_rules_and_refuses_a_broken_one(tmp_path: Path) -> None:
    assert promtool.run("check", "rules", ALERTS).returncode == 0
    broken = tmp_path / "broken.yml"
    broken.write_text(ALERTS.read_text().replace("sum by (host) (", "sum by (host) ((", 1))
    assert promtool.run("check", "rules", broken).returncode == 1


def test_the_alerts_are_those_that_the_report_calls_for(tmp_path: Path) -> None:
    assert all(due().values())
    assert fired(REPORT, due(), tmp_path)
    assert fired(changing.report(), due(), tmp_path)
    assert not fired(REPORT, {**due(), "HardencheckCouldNotTell": set()}, tmp_path)


def test_a_sweep_that_never_ended_is_overdue(tmp_path: Path) -> None:
    assert fired(unfinished(), {**due(), "HardencheckSweepOverdue": {("", 0)}}, tmp_path)


def test_a_site_that_is_in_order_raises_no_alert(tmp_path: Path) -> None:
    assert fired(settled(), {}, tmp_path)


@pytest.mark.parametrize(("hours", "fires"), [(25, False), (27, True)])
def test_a_sweep_is_overdue_after_26_hours(hours: int, fires: bool, tmp_path: Path) -> None:
    alerts = [expected("HardencheckSweepOverdue", "", 0)] if fires else []
    document = {
        "rule_files": [str(ALERTS)],
        "tests": [{
            "interval": "5m",
            "input_series": [{"series": "hardencheck_last_sweep_timestamp_seconds", "values": "0x400"}],
            "alert_rule_test": [
                {"eval_time": f"{hours}h", "alertname": "HardencheckSweepOverdue", "exp_alerts": alerts}
            ],
        }],
    }  # fmt: skip
    file = tmp_path / "alerts.json"
    file.write_text(json.dumps(document))
    tested = promtool.run("test", "rules", file)
    assert tested.returncode == 0, tested.stdout
