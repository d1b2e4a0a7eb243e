"""A report as large as it is asked: many hosts and rules, some hosts not reached, waivers on some failures."""

from __future__ import annotations

from hardencheck.model.baseline import Baseline, Rule
from hardencheck.model.outcome import HostState, Outcome, Platform, Severity
from hardencheck.model.report import Report, Waived
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult, Sweep
from tests.report.material import baseline as small
from tests.report.material import rule

_CYCLE = (*[Outcome.PASS] * 11, *[Outcome.FAIL] * 4, *[Outcome.NOTAPPLICABLE] * 3, Outcome.UNKNOWN, Outcome.ERROR)
_THEMES = ("access", "firewall", "patch", "usb", "logging")
WAIVER = Waived("W-0007", "scanner of the mail room", "CHG-4711", "ana.reyes", "ciso", "2027-01-31", "it is watched")


def floor(hosts: int = 100, rules: int = 180) -> Report:
    """Return a report of which every tenth host is unreachable, and every fiftieth failure is waived."""
    made = tuple(
        rule(f"linux-rule-{n:03d}", Platform.LINUX, list(Severity)[n % 4], _THEMES[n % len(_THEMES)])
        for n in range(rules)
    )
    baseline = Baseline("floor", "A whole floor", "1.0.0", small().values, made, small().references)
    members = tuple(_member(number, made) for number in range(hosts))
    failing = [(host.host, r.rule_id) for host in members for r in host.results if r.outcome is Outcome.FAIL]
    return report_of(members, baseline, dict.fromkeys(failing[::50], WAIVER))


def report_of(
    hosts: tuple[HostResult, ...], baseline: Baseline, waived: dict[tuple[str, str], Waived] | None = None
) -> Report:
    """Return a report over these hosts."""
    sweep = Sweep("20261122T013000Z-1f00d5", "2026-11-22T01:30:00Z", "2026-11-22T01:41:07Z", baseline.id,
                  baseline.version, "5f" * 32, "c0" * 32, hosts=hosts)  # fmt: skip
    return Report(sweep, baseline, "2026-11-22T02:00:00Z", waived or {})


def _member(number: int, rules: tuple[Rule, ...]) -> HostResult:
    name = f"desk-{number:04d}.floor.example.com"
    labels = {"client": f"Client {number % 5}", "process_unit": f"Unit {number % 4}", "site": "Manila"}
    if number % 10 == 9:
        lost = "no answer on port 22 within 10 s"
        unseen = tuple(
            RuleResult(each.id, Outcome.NOTCHECKED, each.severity, each.theme, f"host not reached: {lost}")
            for each in rules
        )
        return HostResult(name, HostState.UNREACHABLE, "no_answer", lost, labels, results=unseen)
    return HostResult(name, HostState.REACHED, labels=labels, system="Debian GNU/Linux 12", skew=0.1, duration=4.0,
                      manifest=f"{number:064x}", results=tuple(_result(number, *pair) for pair in enumerate(rules))
                      )  # fmt: skip


def _result(number: int, position: int, rule: Rule) -> RuleResult:
    outcome, found = _CYCLE[(number * 7 + position * 3) % len(_CYCLE)], (number + position) % 17
    place = f"/etc/floor.d/{rule.id}.conf:{found + 1}"
    sentence = f"days: found {found}, expected at most 3 (read from {place})"
    told = outcome in (Outcome.PASS, Outcome.FAIL)
    reasons = (Reason("days", found, "at most 3", place, sentence),) if told else ()
    message = sentence if reasons else f"days is not known: answer {found} was cut off"
    return RuleResult(
        rule.id, outcome, rule.severity, rule.theme, message, reasons, {}, f"{number:032x}{position:032x}"
    )
