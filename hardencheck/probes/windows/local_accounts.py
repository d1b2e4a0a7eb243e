"""Which local accounts nobody uses, keep one password for ever, or need none.

An account counts when Windows lets its owner log on: it is enabled and has not expired. The last sign of life is the
newer of its last logon on this machine and the last change of its password, which an account that is made gets; so an
account whose password LAPS changes is never without one.

Reads: `Get-LocalUser`; the class Win32_UserAccount, local accounts alone, for the two flags of the password.
https://learn.microsoft.com/powershell/module/microsoft.powershell.localaccounts/get-localuser
https://learn.microsoft.com/windows/win32/cimwin32prov/win32-useraccount
Needs: administrator rights.
Facts: `stale_accounts` are accounts without a sign of life for more than `stale_account_max_days`; the built-in
administrator and guest and the `service_accounts` are left out. `accounts_without_expiry` have a password that never
expires, whatever the policy says; the `service_accounts` are left out. `accounts_without_password_required` may have an
empty password, whatever the policy says.
Absent when: the role of the machine is not known; a list cannot be read, or lacks an account that every machine has.
`stale_accounts`, when the only ones are Microsoft accounts, whose logons are not all noted, or accounts without any
sign of life: an account that must change its password at the first logon has none, be it made today or years ago. Not
applicable on a domain controller, which has no local accounts.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, as_list, read
from hardencheck.probes.windows import accounts
from hardencheck.probes.windows.accounts import MICROSOFT_ACCOUNT, Account, elsewhere, lacking, listed, local_accounts
from hardencheck.probes.windows.settings import Facts

SCRIPT = (
    accounts.SCRIPT
    + r"""
List 'flags' {
  Get-CimInstance -Namespace 'root/cimv2' -ClassName Win32_UserAccount -Filter 'LocalAccount = TRUE' `
    -Property SID, PasswordExpires, PasswordRequired -OperationTimeoutSec 25 | Sort-Object SID | ForEach-Object {
      @{ sid = [string]$_.SID; expires = $_.PasswordExpires; required = $_.PasswordRequired }
    }
}
"""
)

STALE, EXPIRY, REQUIRED = "stale_accounts", "accounts_without_expiry", "accounts_without_password_required"
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = dict.fromkeys((STALE, EXPIRY, REQUIRED), _NAMES)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the local accounts that nobody uses, and those whose password never changes or need not be there."""
    if nothing := elsewhere(context.system):
        return nothing
    section, facts = read(capture), Facts()
    found = local_accounts(section)
    if isinstance(found, str):
        return Observation.not_collected(found)
    services = {name.lower() for name in context.values["service_accounts"]}
    usable = [account for account in found if account.open(context.now)]
    people = [account for account in usable if account.name.lower() not in services]
    _stale([each for each in people if each.rid not in (accounts.ADMINISTRATOR, accounts.GUEST)], context, facts)
    flags = _flags(section)
    for fact, flag, among in ((EXPIRY, "expires", people), (REQUIRED, "required", usable)):
        if isinstance(flags, str):
            facts.lack(fact, flags)
            continue
        offenders = [account.name for account in among if flags.get(account.sid, {}).get(flag) is False]
        unseen = [account.name for account in among if account.sid not in flags]
        if unseen and not offenders:
            facts.lack(fact, f"Win32_UserAccount does not show {', '.join(listed(unseen))}")
        else:
            facts.put(fact, listed(offenders), f"Win32_UserAccount; enabled local accounts: {len(usable)}")
    return facts.observation()


def _stale(people: list[Account], context: Context, facts: Facts) -> None:
    stale, doubtful = [], []
    for account in people:
        signs = [moment for moment in (account.logon, account.password_set) if moment]
        past = [moment for moment in signs if moment <= context.now + timedelta(days=1)]
        days = (context.now - max(past)).days if past else None
        if days is not None and days <= context.values["stale_account_max_days"]:
            continue
        if account.source == MICROSOFT_ACCOUNT:
            doubtful.append(f"{account.name}: logons of a Microsoft account are not all noted")
        elif signs and not past:
            doubtful.append(f"{account.name}: its last sign of life lies in the future")
        elif not signs:
            doubtful.append(f"{account.name}: it never logged on, and Windows does not note when it was made")
        else:
            ago = f"{days} days" if account.logon else f"never logged on, password set {days} days ago"
            stale.append(f"{account.name} ({ago})")
    if doubtful and not stale:
        facts.lack(STALE, "; ".join(listed(doubtful)))
    else:
        facts.put(STALE, listed(stale), f"Get-LocalUser; enabled local accounts looked at: {len(people)}")


def _flags(section: Section) -> dict[str, dict[str, Any]] | str:
    """Return the flags of each local account by SID, or why they are not known."""
    item = section.item("flags")
    if not item.ok:
        return item.trouble
    flags = {accounts.sid_of(body): body for body in as_list(item.value)}
    if any(not isinstance(body.get(flag), bool) for body in flags.values() for flag in ("expires", "required")):
        raise CaptureUnreadable("a local account is not as Win32_UserAccount shows it")
    return lacking(set(flags)) or flags


PROBE = Probe(
    id="windows.local_accounts",
    title="Local accounts and their passwords",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=60,
    max_bytes=512 * 1024,
    parameters={"stale_account_max_days": {"type": "integer"}, "service_accounts": _NAMES},
)
