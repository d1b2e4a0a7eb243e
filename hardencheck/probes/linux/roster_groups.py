"""Who has moved to another process unit and is still in a group of the old one.

A group belongs to a process unit that has its name (`Claims UK` is `claims-uk` and `claims_uk`), or that the value
`unit_groups` gives it to as `UNIT=GROUP`. A group that the distribution brings along (number 100 and below, such as
`voice` for sound cards) has its name by accident and needs such a value. Units are those of the roster, of
`unit_groups` and of the host. Only people at work are judged: leavers are a matter of their accounts.

Reads: /etc/passwd, /etc/group, the passwd and group lines of /etc/nsswitch.conf.
Needs: a roster.
Facts: `movers_in_old_groups` names login and group.
Absent when: groups or accounts also come from a directory (LDAP, SSSD, NIS) and the files show nobody. Not applicable
when no group of this host belongs to a process unit.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.model.roster import Roster, unit_key
from hardencheck.probes.linux.group_file import SCRIPT as GROUPS
from hardencheck.probes.linux.group_file import groups, numbers
from hardencheck.probes.linux.local_accounts import NAMES_SCRIPT, elsewhere, listed, require_accounts
from hardencheck.probes.output import read

FACT = "movers_in_old_groups"
SCRIPT = NAMES_SCRIPT + GROUPS
#: Debian keeps numbers up to 99 for groups of its own and gives 100 to `users`, as RHEL and SUSE do.
_DISTRIBUTION = 100
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {FACT: _NAMES}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield who is in a group of a process unit that they no longer work in."""
    if context.roster is None:
        return Observation.not_collected("no roster was given")
    output = read(capture)
    require_accounts(output)
    found, roster = groups(output), context.roster
    units = _units_of_groups(numbers(output), context, roster)
    directory = elsewhere(output) or elsewhere(output, "group").replace("accounts", "groups")
    if not units:
        if directory:
            return Observation.not_collected(directory)
        return Observation.not_applicable("no group of this host belongs to a process unit of the roster")
    now = context.now.date()
    movers = []
    for group, belongs in units.items():
        for member in found[group]:
            people = [person for person in roster.by_account.get(member.lower(), ()) if person.working(now)]
            if any(person.process_unit for person in people) and not belongs & {
                unit_key(person.process_unit) for person in people
            }:
                movers.append(f"{member} (group {group})")
    where = f"/etc/group: {', '.join(listed(list(units)))}"
    if directory and not movers:
        return Observation.not_collected(directory)
    return Observation.of({FACT: listed(movers)}, {FACT: where})


def _units_of_groups(names: dict[str, int], context: Context, roster: Roster) -> dict[str, set[str]]:
    """Return the units that each group belongs to; groups without one are left out."""
    pairs = [pair.rpartition("=") for pair in context.values["unit_groups"]]
    units = {unit_key(person.process_unit) for person in roster.people} | {unit_key(unit) for unit, _, _ in pairs}
    units |= {unit_key(context.unit)}
    found: dict[str, set[str]] = {}
    for name in sorted(names):
        belongs = {unit_key(name)} & (units - {""}) if names[name] > _DISTRIBUTION else set()
        belongs |= {unit_key(unit) for unit, _, group in pairs if group == name}
        if belongs:
            found[name] = belongs
    return found


PROBE = Probe(
    id="linux.roster_groups",
    title="Groups of process units",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=1024 * 1024,
    parameters={"unit_groups": _NAMES},
    reads_roster=True,
)
