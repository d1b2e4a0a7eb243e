"""Whether the installed release of the operating system still gets security updates from its maker.

Reads: os-release (through `linux.platform`), the status that Ubuntu Pro keeps in /var/lib/ubuntu-advantage/status.json,
the products that SUSE has registered in /etc/products.d.
Needs: nothing.
Facts:
  support_state           full (the maker's), lts (long-term, free), paid (bought and attached) or ended
  support_ends            last day of the support that this host has, or had
  support_days_left       days until then; negative when it has passed
  support_table_age_days  days since the table of support dates was reviewed
Absent when: the release is neither in the table `support_dates.json`, which is dated and names its sources, nor in the
site's value `support_dates`: testing and rolling systems, derivatives and releases that are newer than the table are
unknown, not guessed by their relatives.
Minor releases of the RHEL family are not told apart: only the newest one gets updates without a paid extension, and an
older one shows as pending updates.
"""

from __future__ import annotations

import json

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, System
from hardencheck.probes.output import Output, read
from hardencheck.probes.support_table import SITE_SCHEMA, support_table

SCRIPT = r"""
files /var/lib/ubuntu-advantage/status.json
run products ls -1 /etc/products.d
"""

FACTS: dict[str, JsonSchema] = {
    "support_state": {"enum": ["full", "lts", "paid", "ended"], "type": "string"},
    "support_ends": {"type": "string"},
    "support_days_left": {"type": "integer"},
    "support_table_age_days": {"type": "integer"},
}

_PRO = "/var/lib/ubuntu-advantage/status.json"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the phase of support that the sweep's day falls in."""
    output, table = read(capture), support_table()
    age = {"support_table_age_days": table.age_days(context.now)}
    reviewed = f"the table of {table.reviewed}"
    system = context.system
    try:
        support = table.support(system.distribution, system.version, context.values.get("support_dates", ()))
    except ValueError as error:
        return _unknown(age, str(error), reviewed)
    if support is None:
        name = f"{system.distribution} {system.version}".strip() or "this system (no os-release)"
        reason = (
            f"{name} is not in the table of support dates (as of {table.reviewed}), nor in the site's support_dates"
        )
        return _unknown(age, reason, reviewed)
    paid, how = _extension(output, system)
    today = context.now.date()
    usable = [(phase, day) for phase, day in support.phases.items() if phase != "paid" or paid]
    if not usable:
        return _unknown(age, f"only a paid phase is known, and it is not attached{how}", reviewed)
    state, ends = next(((phase, day) for phase, day in usable if today <= day), ("ended", usable[-1][1]))
    facts = {"support_state": state, "support_ends": ends.isoformat(), "support_days_left": (ends - today).days, **age}
    return Observation.of(facts, dict.fromkeys(FACTS, f"os-release and {reviewed}: {support.source}{how}"))


def _unknown(age: dict[str, int], reason: str, reviewed: str) -> Observation:
    missing = dict.fromkeys((name for name in FACTS if name not in age), reason)
    return Observation.of(age, dict.fromkeys(age, reviewed), missing)


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
    seconds=20,
    parameters={"support_dates": SITE_SCHEMA},
)
