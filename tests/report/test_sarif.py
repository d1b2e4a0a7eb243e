"""Microsoft's Multitool and the schema accept our SARIF, and only failures are results."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hardencheck.model.outcome import HostState, Outcome
from hardencheck.report.sarif import render
from tests.consumers.sarif import complaints, schema
from tests.report import changing, material

REPORT = material.report()
#: hardencheck has no page of its own on the web that the file could point to
NO_HOME_PAGE = "SARIF2005"


@pytest.fixture
def written() -> Any:
    return json.loads(render(REPORT))


def ids(folder: Path, body: Any) -> set[str]:
    file = folder / "report.sarif"
    file.write_text(body if isinstance(body, str) else json.dumps(body), encoding="utf-8")
    return {found["ruleId"] for found in complaints(file)}


def of(*outcomes: Outcome) -> Counter[tuple[str, str]]:
    return Counter(
        (host.host, result.rule_id)
        for host in REPORT.sweep.hosts
        for result in host.results
        if result.outcome in outcomes
    )


def places(run: Any, found: list[Any]) -> Counter[tuple[str, str]]:
    """Where results and notifications say that they belong, with the rule that their index points to."""
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    return Counter(
        (
            each["locations"][0]["logicalLocations"][0]["name"],
            rules[each["ruleIndex"] if "ruleIndex" in each else each["associatedRule"]["index"]],
        )
        for each in found
    )


def test_multitool_and_the_schema_accept_it(tmp_path: Path, written: Any) -> None:
    schema().validate(written)
    assert ids(tmp_path, render(REPORT)) <= {NO_HOME_PAGE}


def test_results_are_the_failures_and_notifications_what_nobody_could_tell(written: Any) -> None:
    (run,) = written["runs"]
    notes = run["invocations"][0]["toolExecutionNotifications"]
    untold = [note for note in notes if "associatedRule" in note]
    assert places(run, run["results"]) == of(Outcome.FAIL)
    assert places(run, untold) == of(Outcome.ERROR, Outcome.UNKNOWN, Outcome.NOTCHECKED)
    assert run["properties"]["outcomes"] == {
        outcome.value: sum(material.counts(host)[outcome] for host in REPORT.sweep.hosts) for outcome in Outcome
    }


def test_hosts_that_were_not_reached_whole_are_told_and_the_run_was_no_success(written: Any) -> None:
    (invocation,) = written["runs"][0]["invocations"]
    told = {
        note["properties"]["host"]: note["properties"]["state"]
        for note in invocation["toolExecutionNotifications"]
        if note["descriptor"]["id"] == "host-not-reached-whole"
    }
    assert told == {h.host: h.state.value for h in REPORT.sweep.hosts if h.state is not HostState.REACHED}
    assert invocation["executionSuccessful"] is False


def test_a_run_is_a_success_when_everything_was_told() -> None:
    host = replace(REPORT.sweep.hosts[0], results=material.all_outcomes(REPORT.sweep.hosts[0].platform)[:1])
    told = replace(host, results=tuple(replace(result, outcome=Outcome.FAIL) for result in host.results))
    whole = json.loads(render(replace(REPORT, sweep=replace(REPORT.sweep, hosts=(told,)))))
    assert whole["runs"][0]["invocations"][0]["executionSuccessful"] is True
    cut_off = json.loads(render(replace(REPORT, sweep=replace(REPORT.sweep, hosts=(told,), finished=None))))
    assert cut_off["runs"][0]["invocations"][0]["executionSuccessful"] is False


def test_a_waived_failure_is_suppressed_and_no_other_is(written: Any) -> None:
    (run,) = written["runs"]
    accepted = [found for found in run["results"] if found["suppressions"]]
    assert places(run, accepted) == Counter([material.WAIVED])
    assert "waiver W-12" in accepted[0]["suppressions"][0]["justification"]


def test_the_same_finding_keeps_its_name_in_the_next_sweep(written: Any) -> None:
    later = json.loads(render(replace(REPORT, sweep=replace(REPORT.sweep, id="20261123T013000Z-000000"))))
    names = [[found["partialFingerprints"] for found in body["runs"][0]["results"]] for body in (written, later)]
    assert names[0] == names[1]
    assert len({found["primaryLocationLineHash"] for found in names[0]}) == len(names[0])


COMPARED = changing.report()


def test_multitool_and_the_schema_accept_a_run_that_was_compared(tmp_path: Path) -> None:
    text = render(COMPARED)
    schema().validate(json.loads(text))
    assert ids(tmp_path, text) <= {NO_HOME_PAGE}
    broken = text.replace('"baselineState":"new"', '"baselineState":"brand new"', 1)
    assert not schema().is_valid(json.loads(broken))


def test_each_failure_says_whether_it_is_new() -> None:
    (run,) = json.loads(render(COMPARED))["runs"]
    assert places(run, run["results"]) == of(Outcome.FAIL), "what is gone is no result"
    states = {next(iter(places(run, [found]))): found.get("baselineState") for found in run["results"]}
    expected: dict[tuple[str, str], str | None] = dict.fromkeys(of(Outcome.FAIL), "unchanged")
    expected |= {key: "new" for key in expected if key[0] in changing.comparison().new}
    expected |= {(material.LINUX_DESK, "linux-fail"): "new", material.WAIVED: "updated", changing.LAPSED: None}
    assert states == expected
    assert set(expected.values()) == {"new", "updated", "unchanged", None}


def test_runs_name_each_other_and_one_that_was_not_compared_says_nothing(written: Any) -> None:
    (run,), (alone,) = json.loads(render(COMPARED))["runs"], written["runs"]
    before = replace(REPORT, sweep=replace(REPORT.sweep, id=changing.BEFORE))
    (earlier,) = json.loads(render(before))["runs"]
    assert run["baselineGuid"] == earlier["automationDetails"]["guid"] != run["automationDetails"]["guid"]
    assert "baselineGuid" not in alone
    assert not any("baselineState" in found for found in alone["results"])


def test_what_failed_before_and_does_not_now_is_told_apart_from_the_results() -> None:
    properties = json.loads(render(COMPARED))["runs"][0]["properties"]
    assert {(each["host"], each["rule"]): each["outcome"] for each in properties["absent"]} == {
        (material.LINUX_DESK, "linux-pass"): "pass",
        (material.LINUX_SERVER, "linux-fail"): "unknown",
        changing.GONE: None,
    }
    assert [(each["id"], each["state"]) for each in properties["waivers"]] == [
        (each.waiver.id, each.state.value) for each in changing.standings()
    ]


def test_a_message_holds_neither_place_holders_nor_links() -> None:
    host = REPORT.sweep.hosts[0]
    failing = next(result for result in host.results if result.outcome is Outcome.FAIL)
    sly = replace(failing, message="see [the fix](https://evil.example) {0}")
    sweep = replace(REPORT.sweep, hosts=(replace(host, results=(sly,)),))
    (found,) = json.loads(render(replace(REPORT, sweep=sweep)))["runs"][0]["results"]
    assert found["message"]["text"].endswith("see [the fix] (https://evil.example) {{0}}")


def test_a_wrong_word_is_refused_by_the_schema_and_a_wrong_index_by_multitool(tmp_path: Path, written: Any) -> None:
    found = written["runs"][0]["results"][0]
    found["ruleIndex"] = len(written["runs"][0]["tool"]["driver"]["rules"])
    assert "SARIF1009" in ids(tmp_path, written)
    found["level"] = "severe"
    assert not schema().is_valid(written)
