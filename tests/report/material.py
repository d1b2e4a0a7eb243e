"""A report that every format must survive: all nine outcomes, hosts in trouble, a waiver, and hostile text."""

from __future__ import annotations

from collections import Counter

from hardencheck.model.baseline import Baseline, Remediation, Rule, Tailoring, Value
from hardencheck.model.outcome import HostState, Level, Outcome, Platform, Severity
from hardencheck.model.report import Report, Waived
from hardencheck.model.result import Reason, RuleResult
from hardencheck.model.sweep import HostResult, Sweep

#: what a host may send: escape codes, markup, formulas, control and direction characters, half characters
HOSTILE = (
    "\x1b[31mred\x1b[0m <script>alert(1)</script> ]]> <!-- &amp; &#0; \x00 \x0b \x85 \ud800 \ufffe "
    "\u202egnp.exe\u202c \u200f\ufeff 'single' \"double\" {{ 7 * 7 }} %s \\ \r\nsecond line\ttab \U0001f600"
)
FORMULA = "=cmd|' /C calc'!A0"
LONG = "x<&" * 3400  # 10 kB

LINUX_DESK, LINUX_SERVER = "desk 1 Malmö", "srv-2.example.test"
WINDOWS_DESK, WINDOWS_LOST = "WIN-3 客服", "win-4.example.test"
WAIVED = (LINUX_DESK, "linux-waived")
DIGEST = "0123456789abcdef" * 4


def rule(rule_id: str, platform: Platform, severity: Severity, theme: str) -> Rule:
    """Return a rule with everything that a format can show."""
    return Rule(
        id=rule_id,
        title=f"The rule {rule_id} <holds> & more",
        severity=severity,
        platforms=(platform,),
        theme=theme,
        probe=f"{platform.value}.example",
        expect={"minimum": {"minimum": {"$value": "length"}}},
        values=("length", "names"),
        rationale="Whoever passes by may use it.\nA second <line> & \"quotes\", naïve.",
        references={
            "disa-stig": ("RHEL-09-000001", "UBTU-22-000001"),
            "nist-800-53r5": ("AC-11",),
            "pci-dss-4.0.1": ("8.2.8",),
        },
        remediation=Remediation("Set minlen = 14 & restart <nothing>.", risk="restarts-service"),
        examples={},
        tags=("first-week",),
        since="0.1",
        path=f"{theme}/{rule_id}.yaml",
    )  # fmt: skip


def rules() -> tuple[Rule, ...]:
    """Return one rule for each outcome on each platform, a waived one, and one with a very long name."""
    themes, severities = ("access", "password", "patch"), list(Severity)
    found = [
        rule(f"{platform.value}-{word}", platform, severities[number % 4], themes[number % 3])
        for platform in Platform
        for number, word in enumerate([*(outcome.value for outcome in Outcome), "waived", "hostile"])
    ]
    stem = "linux-a-rule-with-a-name-that-is-longer-than-others-take"
    twins = [rule(f"{stem}-{end}", Platform.LINUX, Severity.HIGH, "access") for end in ("one", "two")]
    return (*found, *twins)


def baseline() -> Baseline:
    """Return the baseline of the report."""
    return Baseline(
        id="site-core",
        title="Baseline of a site <north> & south",
        version="1.2.3",
        values={
            "length": Value("length", "Characters, at least", 14, {"type": "integer"}),
            "names": Value("names", "Accounts that may", ["root", "admin <x>"], {"type": "array"}),
        },
        rules=rules(),
        references={"disa-stig": "DISA STIG", "nist-800-53r5": "NIST 800-53 Rev. 5", "pci-dss-4.0.1": "PCI DSS 4.0.1"},
        tailoring=Tailoring(),
        description="What clients & auditors ask.",
    )  # fmt: skip


def result(about: Rule, outcome: Outcome, message: str) -> RuleResult:
    """Return what a host gave for a rule."""
    asked = outcome not in (Outcome.NOTCHECKED, Outcome.NOTSELECTED)
    reason = Reason("minimum", 8, "at least 14", "/etc/security/pwquality.conf", message)
    return RuleResult(
        about.id, outcome, about.severity, about.theme, message,
        reasons=(reason,) if outcome is Outcome.FAIL else (),
        values={"length": 12, "names": ["root"]} if asked else {},
        evidence=DIGEST if asked else None,
        level=Level.EFFECTIVE,
    )  # fmt: skip


def all_outcomes(platform: Platform) -> tuple[RuleResult, ...]:
    """Return a result of every outcome, and a failure for the waiver."""
    said = {"hostile": HOSTILE, Outcome.FAIL.value: FORMULA, Outcome.ERROR.value: LONG}
    found = []
    for about in baseline().rules:
        if platform in about.platforms:
            word = about.id.removeprefix(f"{platform.value}-")
            outcome = Outcome(word) if word in set(Outcome) else Outcome.FAIL
            found.append(result(about, outcome, said.get(word, f"found 8, wanted at least 14 ({word})")))
    return tuple(found)


def one_outcome(platform: Platform, outcome: Outcome, message: str) -> tuple[RuleResult, ...]:
    """Return the same outcome for every rule of a platform."""
    return tuple(result(about, outcome, message) for about in baseline().rules if platform in about.platforms)


def hosts() -> tuple[HostResult, ...]:
    """Return two Linux and two Windows hosts: whole, partial, hostile, not reached."""
    labels = {"client": "Acme & Søns", "process_unit": "Claims", "site": "北", "owner": FORMULA}
    lost = "no answer on port 5986"
    return (
        HostResult(LINUX_DESK, HostState.REACHED, labels=labels, groups=("desks", "all"),
                   system="Debian GNU/Linux 12", skew=0.4, duration=1.25, manifest=DIGEST,
                   results=all_outcomes(Platform.LINUX)),
        HostResult(LINUX_SERVER, HostState.PARTIAL, "no_privilege", f"sudo refused {HOSTILE}", labels={"site": "north"},
                   system=HOSTILE, skew=-300.0, duration=2.0, manifest=DIGEST,
                   results=one_outcome(Platform.LINUX, Outcome.UNKNOWN, "needs root")),
        HostResult(WINDOWS_DESK, HostState.REACHED, system="Windows 11 Pro 23H2 (10.0.22631.4460)", skew=None,
                   duration=9.5, manifest=DIGEST, results=all_outcomes(Platform.WINDOWS), platform=Platform.WINDOWS),
        HostResult(WINDOWS_LOST, HostState.UNREACHABLE, "no_answer", lost, platform=Platform.WINDOWS,
                   results=one_outcome(Platform.WINDOWS, Outcome.NOTCHECKED, f"host not reached: {lost}")),
    )  # fmt: skip


def report() -> Report:
    """Return the report: four hosts, one of their failures waived."""
    sweep = Sweep("20261122T013000Z-1f00d5", "2026-11-22T01:30:00Z", "2026-11-22T01:31:40Z", "site-core", "1.2.3",
                  DIGEST, DIGEST, settings={"limit": "desks"}, hosts=hosts(), roster_digest=None)  # fmt: skip
    reason = f"Replaced in spring & {HOSTILE}"
    waiver = Waived("W-12", reason, "CHG-4711", "Ana <ana>", "Björn", "2027-03-31", "Locked room")
    return Report(sweep, baseline(), "2026-11-22T06:00:00Z", {WAIVED: waiver})


def counts(of: HostResult) -> Counter[Outcome]:
    """Return how many results of each outcome a host has: what a consumer must find too."""
    return Counter(found.outcome for found in of.results)
