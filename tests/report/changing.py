"""A report that was compared with the sweep before, and has waivers in every state: every format must say both."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from hardencheck.model.attestation import Attestation, Attested, ManualControl
from hardencheck.model.change import Cause, Change, Comparison, Kind
from hardencheck.model.outcome import Outcome
from hardencheck.model.report import Report, Standing, Waived
from hardencheck.model.waiver import WaiverState
from tests.report import material
from tests.report.material import HOSTILE, LINUX_DESK, LINUX_SERVER, WAIVED, WINDOWS_DESK, WINDOWS_LOST

BEFORE = "20261121T013000Z-0ddba1"
#: (host, rule) of a failure that a waiver covered until it expired, and of one that fails with another value
LAPSED, SUSPENDED = (LINUX_DESK, "linux-hostile"), (WINDOWS_DESK, "windows-fail")
#: fails as before, with another value: no change that a report speaks of
SAME = (LINUX_DESK, "linux-a-rule-with-a-name-that-is-longer-than-others-take-one")
#: failed, and the baseline no longer has the rule
GONE = (LINUX_DESK, "linux-gone")
#: (host, rule) -> what it was, and why it is not any more
CHANGED = {
    (LINUX_DESK, "linux-fail"): (Outcome.PASS, (Cause.HOST, Cause.PROBE)),
    (LINUX_DESK, "linux-pass"): (Outcome.FAIL, (Cause.HOST,)),
    (LINUX_DESK, "linux-notapplicable"): (None, (Cause.RULE,)),
    WAIVED: (Outcome.FAIL, (Cause.WAIVER,)),
    (LINUX_SERVER, "linux-fail"): (Outcome.FAIL, (Cause.PRIVILEGE,)),
    (LINUX_SERVER, "linux-error"): (Outcome.PASS, (Cause.PRIVILEGE,)),
    (WINDOWS_LOST, "windows-pass"): (Outcome.PASS, (Cause.COVERAGE,)),
}


def comparison() -> Comparison:
    """Return what became of the report's results; one of its hosts is new, and of one failure nothing can be said."""
    results = {(host.host, result.rule_id): result for host in material.hosts() for result in host.results}
    found = [
        Change(
            host=key[0],
            rule_id=key[1],
            severity=results[key].severity,
            before=before,
            after=results[key].outcome,
            waived_before=False,
            waived_after=key == WAIVED,
            causes=causes,
            was="" if before is None else f"it was {before.value} {HOSTILE}",
            now=results[key].message,
        )
        for key, (before, causes) in {**CHANGED, SAME: (Outcome.FAIL, (Cause.HOST,))}.items()
    ]
    gone = replace(found[1], rule_id=GONE[1], after=None, causes=(Cause.RULE,), now="")
    urgent = list(Kind)
    ordered = sorted([*found, gone], key=lambda each: (urgent.index(each.kind), each.rule_id, each.host))
    return Comparison(
        before=BEFORE,
        after=material.report().sweep.id,
        baseline_before="site-core 1.2.2",
        baseline_after="site-core 1.2.3",
        gone=("desk-9",),
        new=(WINDOWS_DESK,),
        changes=tuple(ordered),
        unasked=frozenset({LAPSED}),
    )


def waiver(number: int, expires: str) -> Waived:
    """Return a waiver whose reason is hostile."""
    return Waived(f"W-{number}", f"reason {number} {HOSTILE}", f"CHG-{number}", "Ana <ana>", "Björn", expires)


def standings() -> tuple[Standing, ...]:
    """Return how waivers stand: one in every state."""
    covering, desk, every = material.report().waived[WAIVED], (LINUX_DESK,), "group desks"
    return (
        Standing(covering, WAIVED[1], f"host {LINUX_DESK}", WaiverState.IN_FORCE, covers=desk),
        Standing(waiver(1, "2026-11-21"), LAPSED[1], every, WaiverState.EXPIRED, lapsed=desk),
        Standing(waiver(2, "2027-01-31"), SUSPENDED[1], every, WaiverState.SUSPENDED, suspended=(WINDOWS_DESK,)),
        Standing(waiver(3, "2026-12-01"), WAIVED[1], "client Acme", WaiverState.EXPIRING, covers=desk),
        Standing(waiver(4, "2027-02-01"), "linux-pass", every, WaiverState.IDLE),
        Standing(waiver(5, "2027-03-01"), "linux-gone", every, WaiverState.NOT_BEGUN),
    )


def attested() -> tuple[Attested, ...]:
    """Return one thing that somebody attests, one whose statement expired, and one that nobody attests."""
    controls = [
        ManualControl(f"{word}-drilled", f"The {word} was <drilled>", f"minutes of the {word}", 365)
        for word in ("plan", "alarm", "restore")
    ]
    said = Attestation(controls[0].id, f"Ana {HOSTILE}", date(2026, 3, 1), "minutes.pdf", material.DIGEST)
    return (
        Attested(controls[0], said, date(2027, 3, 1), Outcome.PASS),
        Attested(controls[1], replace(said, control=controls[1].id), date(2026, 5, 1), Outcome.NOTCHECKED),
        Attested(controls[2], None, None, Outcome.NOTCHECKED),
    )


def report() -> Report:
    """Return the report of `material`, compared with the sweep before."""
    return replace(material.report(), waivers=standings(), changes=comparison(), attested=attested())
