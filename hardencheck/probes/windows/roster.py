"""HR's roster against the local accounts of a Windows machine: leavers and absent people who can still log on here.

The roster stays on the controller; the host tells of all its accounts alike. A login and an account are one when they
differ in case alone. A day has ended when it is over both in UTC and in the host's own zone. Accounts of a domain or of
Entra ID are closed there and are not seen from here: on a machine that uses only those, all lists are empty.

Reads: `Get-LocalUser`; by how much the clock of the host is ahead of UTC.
Needs: administrator rights, and a roster.
Facts: lists of local accounts: `leavers_enabled`, whose owner's last day is over; `leavers_seen_after_last_day`, who
logged on here after it; `absconders_enabled`, who have been absent for more than `absconder_max_days`.
Absent when: the accounts cannot be read. Not applicable on a domain controller, which has no local accounts.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.model.roster import Person, Standing
from hardencheck.probes.powershell import Section, as_int, read
from hardencheck.probes.windows import accounts
from hardencheck.probes.windows.accounts import Account, elsewhere, listed, local_accounts
from hardencheck.probes.windows.settings import Facts

SCRIPT = (
    accounts.SCRIPT
    + r"""
Item 'zone' { [int](New-TimeSpan -Start ([datetime]::UtcNow) -End (Get-Date)).TotalMinutes }
"""
)

ENABLED, SEEN, ABSENT = "leavers_enabled", "leavers_seen_after_last_day", "absconders_enabled"
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = dict.fromkeys((ENABLED, SEEN, ABSENT), _NAMES)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the local accounts of people who should have none any more."""
    if context.roster is None:
        return Observation.not_collected("no roster was given")
    if nothing := elsewhere(context.system):
        return nothing
    section, facts = read(capture), Facts()
    found = local_accounts(section)
    if isinstance(found, str):
        return Observation.not_collected(found)
    west = _west(section)
    if west is None:
        return Observation.not_collected("the time zone of the host is not known")
    today = (context.now - west).date()
    people = context.roster.by_account
    owned = [(account, people[account.name.lower()]) for account in found if account.name.lower() in people]
    left = [(account, owners) for account, owners in owned if any(each.gone(today) for each in owners)]
    absent = [
        (account, owners) for account, owners in owned if any(_absconded(each, today, context) for each in owners)
    ]
    where = f"Get-LocalUser; local accounts of people on the roster: {len(owned)}"
    facts.put(ENABLED, listed(account.name for account, _ in left if account.open(context.now)), where)
    facts.put(ABSENT, listed(account.name for account, _ in absent if account.open(context.now)), where)
    seen = [said for account, owners in left if (said := _seen(account, owners, today, west))]
    facts.put(SEEN, listed(seen), where)
    return facts.observation()


def _west(section: Section) -> timedelta | None:
    """Return how far the host's clock is behind UTC; nothing when it is ahead. None when it is not known."""
    item = section.item("zone")
    minutes = as_int(item.value)
    if item.ok and (minutes is None or abs(minutes) > 24 * 60):
        raise CaptureUnreadable("the time zone of the host is none")
    return timedelta(minutes=max(0, -minutes)) if minutes is not None else None


def _absconded(person: Person, today: date, context: Context) -> bool:
    active = person.status is Standing.ACTIVE and not person.gone(today)
    absent = person.absent_since
    return active and absent is not None and (today - absent).days > context.values["absconder_max_days"]


def _seen(account: Account, owners: tuple[Person, ...], today: date, west: timedelta) -> str:
    """Say when an account was used after its owner's last day; a login that somebody shares who stays says nothing."""
    last_days = [owner.last_day for owner in owners if owner.last_day is not None]
    if account.logon is None or any(owner.working(today) for owner in owners) or not last_days:
        return ""
    end = datetime.combine(max(last_days), time.max, UTC) + west
    return f"{account.name} (on {account.logon.date()})" if account.logon > end else ""


PROBE = Probe(
    id="windows.roster",
    title="Local accounts of people who should have none",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=30,
    max_bytes=512 * 1024,
    parameters={"absconder_max_days": {"type": "integer"}},
    reads_roster=True,
)
