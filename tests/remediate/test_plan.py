"""A plan holds what failed, is not waived and has a playbook; what a playbook says of itself is read strictly."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hardencheck.baselines.playbooks import playbooks_of
from hardencheck.errors import RemediationError
from hardencheck.evidence.keys import Signer
from hardencheck.model.baseline import Baseline, Tailoring, TailoringScope
from hardencheck.model.outcome import HostState, Outcome, Platform
from hardencheck.model.plan import Plan, Touches
from hardencheck.model.sweep import HostResult, Sweep
from hardencheck.pipeline.planning import from_bytes, to_bytes
from hardencheck.remediate.plan import Frame, make
from hardencheck.report.plan import render
from tests.cli.stored import KNOWN, PRIVILEGED, result
from tests.remediate.books import BOOK, WORDS, baseline, folder

FRAME = Frame("plan-1", "2026-11-22T10:00:00Z", "2026-11-25T10:00:00Z")
KEY = Signer(Ed25519PrivateKey.generate())


def sweep(by: Baseline, *hosts: HostResult) -> Sweep:
    return Sweep("s1", "2026-11-22T09:00:00Z", "2026-11-22T09:01:00Z", by.id, by.version, "b" * 64, "c" * 64, {}, hosts)


def host(by: Baseline, name: str, **outcomes: Outcome) -> HostResult:
    results = tuple(result(by, rule.replace("_", "-"), outcome, "suse") for rule, outcome in outcomes.items())
    return HostResult(name, HostState.REACHED, groups=("all", "kiosks"), results=results)


def planned(tmp_path: Path) -> Plan:
    scope = TailoringScope({"known_distributions": ["debian"]})
    by = replace(baseline(), tailoring=Tailoring(hosts={"desk2": scope}))
    known, privileged = KNOWN.replace("-", "_"), PRIVILEGED.replace("-", "_")
    found = sweep(
        by,
        host(by, "desk1", **{known: Outcome.FAIL, privileged: Outcome.FAIL}),
        host(by, "desk2", **{known: Outcome.FAIL, privileged: Outcome.PASS}),
        host(by, "desk3", **{known: Outcome.FAIL}),
        host(by, "desk4", **{known: Outcome.UNKNOWN}),
        HostResult("desk5", HostState.UNREACHABLE, results=(result(by, KNOWN, Outcome.NOTCHECKED, None),)),
    )
    return make(FRAME, found, by, playbooks_of(by, folder(tmp_path)), {("desk3", KNOWN)})


def test_exactly_the_failures_that_nobody_waived_are_planned_for(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    assert [(step.host, step.rule_id, step.playbook) for step in plan.steps] == [
        ("desk1", KNOWN, BOOK),
        ("desk2", KNOWN, BOOK),
    ]
    assert [(each.host, each.rule_id) for each in plan.manual] == [("desk1", PRIVILEGED)]
    assert plan.manual[0].text
    assert plan.hosts == ("desk1", "desk2")


def test_a_step_has_the_values_that_the_rule_is_judged_by_on_that_host(tmp_path: Path) -> None:
    one, other = planned(tmp_path).steps
    assert one.values == {"known_distributions": ["debian", "ubuntu"]}
    assert other.values == {"known_distributions": ["debian"]}


def test_what_a_playbook_cannot_do_without_a_value_is_left_to_people_who_can_set_it(tmp_path: Path) -> None:
    text = WORDS.replace(
        "    hardencheck_touches:", "    hardencheck_needs: [known_distributions]\n    hardencheck_touches:"
    )
    books = folder(tmp_path, text)
    by = replace(baseline(), tailoring=Tailoring(hosts={"desk2": TailoringScope({"known_distributions": []})}))
    rule = KNOWN.replace("-", "_")
    found = sweep(by, host(by, "desk1", **{rule: Outcome.FAIL}), host(by, "desk2", **{rule: Outcome.FAIL}))
    plan = make(FRAME, found, by, playbooks_of(by, books))
    assert [step.host for step in plan.steps] == ["desk1"]
    assert [(each.host, each.text) for each in plan.manual] == [
        ("desk2", f"Set known_distributions in the site's tailoring: {BOOK} can do nothing without.")
    ]


def test_it_says_what_is_changed_what_cannot_be_undone_and_what_is_left_to_people(tmp_path: Path) -> None:
    text = render(planned(tmp_path))
    assert "2 failures on 2 hosts to be put right, 1 left to people; the plan ends on 2026-11-25T10:00:00Z" in text
    assert "may change /etc/os-release, installs packages" in text
    assert "cannot be undone: packages that are upgraded stay upgraded" in text
    assert 'desk2: known_distributions = ["debian"]' in text
    assert text.index("Left to people") < text.index(PRIVILEGED)


def test_a_plan_comes_back_as_it_was_signed(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    data = to_bytes(plan, KEY)
    assert json.loads(data)["plan"]["steps"][0]["host"] == "desk1"
    assert from_bytes(data, [KEY.verifier], "2026-11-25T09:59:59Z") == plan


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"desk2"', '"desk9"', "changed after it was signed"),
        ('"risk": "reboot"', '"risk": "safe"', "changed after it was signed"),
        ('"debian"', '"suse"', "changed after it was signed"),
        ('"expires": "2026-11-25', '"expires": "2036-11-25', "changed after it was signed"),
        ('"sig": "', '"sig": "AAAA', "changed after it was signed"),
        ('"keyid": "', '"keyid": "0', "is not trusted here"),
        ('"plan": {', '"plan": {"id": "x", ', "it is no plan"),
        ("{", "[", "it is no plan"),
    ],
)
def test_a_plan_that_was_changed_is_refused(tmp_path: Path, old: str, new: str, said: str) -> None:
    data = to_bytes(planned(tmp_path), KEY).decode()
    assert old in data
    with pytest.raises(RemediationError, match=said):
        from_bytes(data.replace(old, new, 1).encode(), [KEY.verifier], FRAME.created)


def test_a_plan_ends(tmp_path: Path) -> None:
    with pytest.raises(RemediationError, match="ended on 2026-11-25T10:00:00Z"):
        from_bytes(to_bytes(planned(tmp_path), KEY), [KEY.verifier], FRAME.expires)


def test_a_windows_host_is_changed_only_where_its_guard_could_put_it_back(tmp_path: Path) -> None:
    by = baseline()
    found = HostResult(
        "desk6", HostState.REACHED, platform=Platform.WINDOWS, results=(result(by, KNOWN, Outcome.FAIL, "suse"),)
    )
    books = playbooks_of(by, folder(tmp_path))
    plan = make(FRAME, sweep(by, found), by, books)
    assert plan.steps == ()
    assert [each.text for each in plan.manual] == [
        f"ansible-playbook runs {BOOK}; hardencheck apply could not put it back (files)"
    ]
    kept = replace(books.named[BOOK], touches=Touches(registry=(r"HKLM:\SOFTWARE\Policies\A",)))
    plan = make(FRAME, sweep(by, found), by, replace(books, named={BOOK: kept}))
    assert [(step.host, step.rule_id) for step in plan.steps] == [("desk6", KNOWN)]
