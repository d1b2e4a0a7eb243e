"""What people attest, on the screen: what is open first."""

from __future__ import annotations

from collections.abc import Sequence

from hardencheck.model.attestation import Attested
from hardencheck.model.outcome import Outcome
from hardencheck.report.screen import indented


def render(attested: Sequence[Attested] | None) -> str:
    """Return the section about attestations; nothing when no statements were given."""
    if attested is None:
        return ""
    open_ = [each for each in attested if each.outcome is not Outcome.PASS]
    holds = [each for each in attested if each.outcome is Outcome.PASS]
    lines = [f"Attestations: {len(holds)} hold, {len(open_)} not checked"]
    for each in [*open_, *holds]:
        lines += indented(f"{each.outcome.value}: {each.control.id}: {each.control.title}", 2)
        lines += indented(each.message, 9, 2)
    return "\n".join(lines)
