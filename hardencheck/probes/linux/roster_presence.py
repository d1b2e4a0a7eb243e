"""Whether the people of this host's process unit have their accounts here.

Reads: /etc/passwd, the passwd line of /etc/nsswitch.conf.
Needs: a roster, and the host's process unit in the inventory (`process_unit`).
Facts: `roster_logins_missing` are logins of people at work in this process unit who have no account here.
Absent when: accounts also come from a directory (LDAP, SSSD, NIS). Not applicable when the inventory gives the host no
process unit, or nobody on the roster works in it.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.model.roster import unit_key
from hardencheck.probes.linux.local_accounts import NAMES_SCRIPT, elsewhere, listed, require_accounts
from hardencheck.probes.output import read

FACT = "roster_logins_missing"
SCRIPT = NAMES_SCRIPT
FACTS: dict[str, JsonSchema] = {FACT: {"type": "array", "items": {"type": "string"}}}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield who has no account on a machine of their process unit."""
    if context.roster is None:
        return Observation.not_collected("no roster was given")
    if not context.unit:
        return Observation.not_applicable("the inventory gives this host no process_unit")
    now, unit = context.now.date(), unit_key(context.unit)
    people = [each for each in context.roster.people if unit_key(each.process_unit) == unit and each.working(now)]
    if not people:
        return Observation.not_applicable("nobody on the roster works in this host's process unit")
    output = read(capture)
    here = {name.lower() for name in require_accounts(output)}
    missing = [person.login for person in people if person.account not in here]
    if missing and (directory := elsewhere(output)):
        return Observation.not_collected(directory)
    return Observation.of({FACT: listed(missing)}, {FACT: f"/etc/passwd; people of this process unit: {len(people)}"})


PROBE = Probe(
    id="linux.roster_presence",
    title="Accounts of the people of a process unit",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=1024 * 1024,
    reads_roster=True,
)
