"""Which local accounts are left over: nobody has used them for long, or they belong to a vendor and never end.

An account counts when somebody can log in with it: a usable password or an SSH key, a shell that lets people in, and
PAM does not refuse it (see local_accounts). The last sign of life is the newest of its logins and the last change of
its password, which an account that is made gets. What lies in the future is no sign of life.

Reads: /etc/passwd, /etc/shadow (no hash leaves the host), the account's authorized_keys (counted), lastlog, wtmp, and
what sshd logged.
Needs: root.
Facts: `stale_accounts` are accounts without a sign of life for more than `stale_account_max_days`; root and the
`service_accounts` are left out. `vendor_accounts_without_expiry` are accounts of vendors that never expire, or later
than `vendor_expiry_max_days` from now: those whose name, or the name of a group of theirs with a % before it, is like
one of `vendor_account_patterns`, and those of vendors on the roster if there is one.
Absent when: an account without a sign of life may have been used without a trace. Accounts of a directory (LDAP, SSSD)
are not in these files, so a vendor of the roster who may have one there cannot be judged.
"""

from __future__ import annotations

from datetime import date, timedelta
from fnmatch import fnmatchcase

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import last_logins
from hardencheck.probes.linux.group_file import SCRIPT as GROUPS
from hardencheck.probes.linux.group_file import memberships
from hardencheck.probes.linux.last_logins import Logins, logins
from hardencheck.probes.linux.local_accounts import Account, accounts, elsewhere, listed
from hardencheck.probes.output import read

SCRIPT = "answer users\n" + GROUPS

_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
_DAYS: JsonSchema = {"type": "integer"}
STALE, VENDORS = "stale_accounts", "vendor_accounts_without_expiry"
FACTS: dict[str, JsonSchema] = {STALE: _NAMES, VENDORS: _NAMES}
EPOCH = date(1970, 1, 1)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the accounts that nobody uses and those of vendors that have no end."""
    output = read(capture)
    found, today = accounts(output), (context.now.date() - EPOCH).days
    open_now = [account for account in found if account.name != "root" and account.open(today)]
    last = logins(output, context.now)
    stale, doubtful = _stale(open_now, last, context)
    groups = memberships(output)
    vendors = [account for account in found if _is_vendor(account, groups.get(account.name, set()), context)]
    endless = [said for account in vendors if (said := _endless(account, context))]
    facts = {STALE: listed(stale), VENDORS: listed(endless)}
    missing = {}
    if doubtful and not stale:
        del facts[STALE]
        missing[STALE] = f"{', '.join(listed(doubtful))}: {last.problem or 'the last login lies in the future'}"
    if not endless and (directory := elsewhere(output)) and _absent_vendors(found, context):
        del facts[VENDORS]
        missing[VENDORS] = directory
    read_from = {
        STALE: f"{', '.join([*last.sources, 'field 3 of /etc/shadow'])}",
        VENDORS: f"/etc/shadow, field 8; accounts of vendors: {len(vendors)}",
    }
    return Observation.of(facts, {name: where for name, where in read_from.items() if name in facts}, missing)


def _stale(open_now: list[Account], last: Logins, context: Context) -> tuple[list[str], list[str]]:
    """Return the accounts that are stale, and those of which that cannot be told."""
    stale, doubtful = [], []
    limit = context.values["stale_account_max_days"]
    latest = context.now.timestamp() + 86400
    for account in open_now:
        if account.name in context.values["service_accounts"]:
            continue
        seen = [*last.times.get(account.name, [])]
        seen += [account.changed * 86400] if account.changed else []
        past = [moment for moment in seen if moment <= latest]
        days = (context.now.date() - EPOCH).days - max(past, default=0) // 86400
        if past and days <= limit:
            continue
        if last.problem or len(past) < len(seen) or not past:
            doubtful.append(account.name)
        else:
            stale.append(f"{account.name} ({days} days)")
    return stale, doubtful


def _is_vendor(account: Account, groups: set[str], context: Context) -> bool:
    names = [account.name.lower(), *(f"%{group.lower()}" for group in groups)]
    patterns = [pattern.lower() for pattern in context.values["vendor_account_patterns"]]
    people = context.roster.by_account.get(account.name.lower(), ()) if context.roster else ()
    like = any(fnmatchcase(name, pattern) for name in names for pattern in patterns)
    return like or any(person.vendor for person in people)


def _absent_vendors(found: list[Account], context: Context) -> bool:
    """Whether a vendor of the roster has no account in the files."""
    here = {account.name.lower() for account in found}
    people = context.roster.people if context.roster else ()
    return any(person.vendor and person.account not in here for person in people)


def _endless(account: Account, context: Context) -> str:
    """Say why this vendor's account has no end that is near enough; nothing when it has, or nobody can use it."""
    today = (context.now.date() - EPOCH).days
    if account.refused(today) or not (account.openable or account.login_shell):
        return ""
    if account.expires is None:
        return f"{account.name} (never expires)"
    if account.expires > today + context.values["vendor_expiry_max_days"]:
        return f"{account.name} (expires {day(account.expires)})"
    return ""


def day(number: int) -> str:
    """Return a day since 1970 as a date; a number that is no date as it is."""
    try:
        return (EPOCH + timedelta(days=number)).isoformat()
    except OverflowError:
        return f"on day {number}"


PROBE = Probe(
    id="linux.account_activity",
    title="Accounts that are left over",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    max_bytes=1024 * 1024,
    parameters={
        "service_accounts": _NAMES,
        "stale_account_max_days": _DAYS,
        "vendor_account_patterns": _NAMES,
        "vendor_expiry_max_days": _DAYS,
    },
    asks=last_logins.ASKS,
)
