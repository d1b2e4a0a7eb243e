"""Whether the installed release of the operating system still gets security updates from its maker.

Reads: os-release (through `linux.platform`), the status that Ubuntu Pro keeps in /var/lib/ubuntu-advantage/status.json,
the products that SUSE has registered in /etc/products.d.
Needs: nothing.
Facts:
  support_state      full (the maker's ordinary support), lts (long-term, free), paid (bought and attached) or ended
  support_ends       last day of the support that this host has, or had
  support_days_left  days until then; negative when it has passed
Absent when: the release is not in the table `support_dates.json`, which is dated and names its sources: testing and
rolling systems, derivatives and releases that are newer than the table are unknown, not guessed by their relatives.
Minor releases of the RHEL family are not told apart: only the newest one gets updates without a paid extension, and an
older one shows as pending updates.
"""

from __future__ import annotations

import json
from datetime import date
from functools import cache
from importlib import resources
from typing import Any

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, System
from hardencheck.probes.output import Output, read

SCRIPT = r"""
files /var/lib/ubuntu-advantage/status.json
run products ls -1 /etc/products.d
"""

FACTS: dict[str, JsonSchema] = {
    "support_state": {"enum": ["full", "lts", "paid", "ended"], "type": "string"},
    "support_ends": {"type": "string"},
    "support_days_left": {"type": "integer"},
}

_PRO = "/var/lib/ubuntu-advantage/status.json"


@cache
def support_dates() -> dict[str, Any]:
    """Return the reviewed table: distribution -> how versions match, source, and the last day of each phase."""
    table = json.loads(resources.files(__package__).joinpath("support_dates.json").read_text(encoding="utf-8"))
    return dict(table)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the phase of support that the sweep's day falls in."""
    output = read(capture)
    phases, source = _phases(context.system)
    if not phases:
        name = f"{context.system.distribution} {context.system.version}".strip() or "this system (no os-release)"
        reason = f"{name} is not in the table of support dates (as of {support_dates()['reviewed']})"
        return Observation.of({}, {}, dict.fromkeys(FACTS, reason))
    paid, how = _extension(output, context.system)
    today = context.now.date()
    usable = [(phase, date.fromisoformat(day)) for phase, day in phases.items() if phase != "paid" or paid]
    state, ends = next(((phase, day) for phase, day in usable if today <= day), ("ended", usable[-1][1]))
    facts = {"support_state": state, "support_ends": ends.isoformat(), "support_days_left": (ends - today).days}
    where = f"os-release and the table of {support_dates()['reviewed']}: {source}{how}"
    return Observation.of(facts, dict.fromkeys(FACTS, where))


def _phases(system: System) -> tuple[dict[str, str], str]:
    """Find the release's phases, in order; empty when the table does not have it."""
    entry = support_dates()["releases"].get(system.distribution)
    if entry is None:
        return {}, ""
    version = system.version.partition(".")[0] if entry["match"] == "major" else system.version
    return entry["versions"].get(version, {}), entry["source"]


def _extension(output: Output, system: System) -> tuple[bool, str]:
    """Whether a paid extension is attached to this host, and where that was read."""
    if system.distribution == "ubuntu" and _PRO in output.files:
        try:
            status = json.loads(output.files[_PRO])
            services = {service["name"]: service["status"] for service in status["services"]}
            attached = status["attached"] is True and services.get("esm-infra") == "enabled"
        except (ValueError, KeyError, TypeError):
            return False, f"; {_PRO} is not understood"
        return attached, f"; {_PRO}: esm-infra is {'enabled' if attached else 'not enabled'}"
    products = output.run("products").lines
    if system.distribution == "sles" and any("LTSS" in product for product in products):
        return True, "; /etc/products.d: Long Term Service Pack Support"
    return False, ""


PROBE = Probe(
    id="linux.release",
    title="Support of the installed release",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=128 * 1024,
    seconds=10,
)
