"""From steps to runs of playbooks: what may cut access is last and apart, hosts that need the same run together."""

from __future__ import annotations

from hardencheck.model.plan import Step, Touches
from hardencheck.remediate.jobs import groups, phases, touched


def step(host: str, rule: str, book: str = "a/book.yml", risk: str = "safe", **values: object) -> Step:
    return Step(host, rule, book, risk, values, "it failed")


def test_what_may_cut_access_comes_last_and_apart() -> None:
    steps = [step("h1", "cuts", "ssh/sshd.yml", "may-cut-access"), step("h1", "calm"), step("h2", "calm")]
    assert phases(steps) == [steps[1:], steps[:1]]
    assert phases(steps[1:]) == [steps[1:]]
    assert phases(steps[:1]) == [steps[:1]]
    assert phases([]) == []


def test_a_playbook_is_not_run_in_halves_on_one_host() -> None:
    steps = [
        step("h1", "banner", "ssh/sshd.yml", "restarts-service"),
        step("h1", "keys", "ssh/sshd.yml", "may-cut-access"),
        step("h2", "banner", "ssh/sshd.yml", "restarts-service"),
    ]
    assert phases(steps) == [steps[2:], steps[:2]]


def test_hosts_that_need_the_same_rules_of_a_playbook_are_one_run() -> None:
    found = groups([step("h1", "r2", n=1), step("h1", "r1", n=1), step("h2", "r1", n=2), step("h2", "r2", n=2)])
    assert [(each.rules, each.hosts) for each in found] == [(("r1", "r2"), ("h1", "h2"))]
    assert found[0].values == {"h1": {"n": 1}, "h2": {"n": 2}}
    apart = groups([step("h1", "r1"), step("h2", "r1"), step("h2", "r2")])
    assert [(each.rules, each.hosts) for each in apart] == [(("r1",), ("h1",)), (("r1", "r2"), ("h2",))]


def test_the_least_risky_playbook_goes_first() -> None:
    steps = [
        step("h1", "r1", "a/last.yml", "may-cut-access"),
        step("h1", "r2", "b/third.yml", "reboot"),
        step("h1", "r3", "c/second.yml", "restarts-service"),
        step("h1", "r4", "c/second.yml"),
        step("h1", "r5", "d/first.yml"),
    ]
    assert [each.playbook for each in groups(steps)] == ["d/first.yml", "c/second.yml", "b/third.yml", "a/last.yml"]


def test_what_several_playbooks_touch_is_joined() -> None:
    touches = {
        "a/book.yml": Touches(files=("/etc/a", "/etc/both"), packages=True, irreversible="packages stay"),
        "b/book.yml": Touches(files=("/etc/both", "/etc/b"), services=("b.service",), irreversible="packages stay"),
        "c/book.yml": Touches(files=("/etc/c",), accounts=True),
    }
    found = touched([step("h", "r1"), step("h", "r2", "b/book.yml")], touches)
    assert found.files == ("/etc/a", "/etc/both", "/etc/b")
    assert (found.services, found.packages, found.accounts) == (("b.service",), True, False)
    assert found.irreversible == "packages stay"
