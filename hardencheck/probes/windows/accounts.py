"""The local accounts of a machine, as its security accounts manager has them.

`Get-LocalUser` asks it directly and nobody else, unlike Win32_UserAccount, which without a filter lists the domain.
Times of logon are this machine's own. Accounts of a domain or of Entra ID are not among them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.observation import Observation
from hardencheck.model.probe import System
from hardencheck.probes.powershell import Section, as_list

SCRIPT = r"""
List 'users' {
  Get-LocalUser | Sort-Object { [string]$_.SID } | ForEach-Object {
    @{
      sid = [string]$_.SID; name = [string]$_.Name; enabled = [bool]$_.Enabled; source = [int]$_.PrincipalSource
      logon = Get-HcTime $_.LastLogon; password = Get-HcTime $_.PasswordLastSet; expires = Get-HcTime $_.AccountExpires
    }
  }
}
"""
#: RIDs that every machine has: the built-in administrator and the guest, whatever they are called.
ADMINISTRATOR, GUEST = 500, 501
#: PrincipalSource of an account that stands for a Microsoft account, whose logons are not all noted here.
MICROSOFT_ACCOUNT = 4
_SID = re.compile(r"(S-1-5-21-[0-9]{1,10}-[0-9]{1,10}-[0-9]{1,10})-([0-9]{1,10})", re.ASCII)
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Account:
    """One local account: RID, name, state, and when it was last used, changed its password, or ends (UTC)."""

    sid: str
    rid: int
    name: str
    enabled: bool
    source: int
    logon: datetime | None
    password_set: datetime | None
    expires: datetime | None

    def open(self, now: datetime) -> bool:
        """Tell whether Windows lets its owner log on."""
        return self.enabled and (self.expires is None or self.expires > now)


def local_accounts(section: Section) -> list[Account] | str:
    """Return the local accounts, or why they are not known.

    Raises CaptureUnreadable on a list that Get-LocalUser does not write.
    """
    item = section.item("users")
    if not item.ok:
        return item.trouble
    found = [_account(body) for body in as_list(item.value)]
    return lacking({account.sid for account in found}) or found


def lacking(sids: set[str]) -> str:
    """Say why a list of local accounts cannot be whole: no machine is without its two built-in ones; else ""."""
    machine = {sid.rpartition("-")[0] for sid in sids}
    if len(machine) == 1 and {f"{prefix}-{rid}" for prefix in machine for rid in (ADMINISTRATOR, GUEST)} <= sids:
        return ""
    return "the list of local accounts lacks the built-in ones"


def elsewhere(system: System) -> Observation | None:
    """Return what a probe of local accounts observes where there are none, or may be none; None where there are."""
    if system.windows.role == "domain_controller":
        return Observation.not_applicable("a domain controller has no local accounts")
    if system.windows.role is None:
        return Observation.not_collected(
            "it is not known whether this is a domain controller, which has no local accounts"
        )
    return None


def listed(offenders: Iterable[str]) -> list[str]:
    """Return the first offenders, sorted, and how many more there are."""
    ordered = sorted(offenders)
    more = [f"and {len(ordered) - _SHOWN} more"] if len(ordered) > _SHOWN else []
    return ordered[:_SHOWN] + more


def sid_of(body: Any) -> str:
    """Return the SID of one account of a list; raises CaptureUnreadable when it has none of a machine's own."""
    sid = body.get("sid") if isinstance(body, dict) else None
    if not isinstance(sid, str) or not _SID.fullmatch(sid):
        raise CaptureUnreadable("a local account has no SID")
    return sid


def _account(body: Any) -> Account:
    sid = sid_of(body)
    name, enabled, source = body.get("name"), body.get("enabled"), body.get("source")
    if not isinstance(name, str) or not name or not isinstance(enabled, bool) or not isinstance(source, int):
        raise CaptureUnreadable("a local account is not as Get-LocalUser writes it")
    times = [_time(body.get(key)) for key in ("logon", "password", "expires")]
    return Account(sid, int(sid.rpartition("-")[2]), name, enabled, source, *times)


def _time(text: Any) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except (TypeError, ValueError):
        raise CaptureUnreadable("a time of a local account is none") from None
