"""Who has the user rights that decide over a machine: to come in from elsewhere, or to be the system itself.

Rights are given to SIDs, which no translation changes; a name in their place is a local or a deleted account.

Reads: [Privilege Rights] of `secedit /export`, which shows what holds, whoever set it; a right that is not listed there
is nobody's. https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/user-rights-assignment
Needs: administrator rights.
Facts: `guests_denied_network` and `guests_denied_remote_desktop` tell whether the group Guests (S-1-5-32-546), or
Everyone, is among those who are refused. `remote_desktop_others` may log on by Remote Desktop besides Administrators,
Remote Desktop Users (not on a domain controller, where that is every user of the domain whom somebody put there) and
those of `windows_remote_logon_allowed`, and are not refused again; who is in a group is not looked at.
`system_right_holders` may act as the operating system or create tokens, which is as good as any account;
`debug_right_others` may open every process, besides Administrators.
Absent when: secedit fails or writes no whole export. `remote_desktop_others`, when the role of the machine decides and
is not known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from fnmatch import fnmatchcase

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.accounts import listed
from hardencheck.probes.windows.security_policy import RIGHTS, Export, exported
from hardencheck.probes.windows.settings import Facts

SCRIPT = r"""
SecurityPolicy 'policy' 'Privilege Rights', 'Version'
"""

EVERYONE, SYSTEM = "S-1-1-0", "S-1-5-18"
ADMINISTRATORS, GUESTS, REMOTE_DESKTOP_USERS = "S-1-5-32-544", "S-1-5-32-546", "S-1-5-32-555"
_DENIED_NETWORK, _DENIED_REMOTE = "SeDenyNetworkLogonRight", "SeDenyRemoteInteractiveLogonRight"
_KNOWN = {
    EVERYONE: "Everyone", "S-1-5-4": "Interactive", "S-1-5-7": "Anonymous", "S-1-5-11": "Authenticated Users",
    "S-1-5-19": "Local Service", "S-1-5-20": "Network Service", "S-1-5-113": "Local account",
    "S-1-5-114": "Local account that is an administrator", ADMINISTRATORS: "Administrators", "S-1-5-32-545": "Users",
    GUESTS: "Guests", "S-1-5-32-547": "Power Users", "S-1-5-32-551": "Backup Operators",
    REMOTE_DESKTOP_USERS: "Remote Desktop Users",
}  # fmt: skip
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "guests_denied_network": {"type": "boolean"},
    "guests_denied_remote_desktop": {"type": "boolean"},
    "remote_desktop_others": _NAMES,
    "system_right_holders": _NAMES,
    "debug_right_others": _NAMES,
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield who has the rights that decide over a machine."""
    export, facts = exported(read(capture), "policy", RIGHTS), Facts()
    if export.why:
        return Observation.not_collected(export.why)
    for fact, right in (("guests_denied_network", _DENIED_NETWORK), ("guests_denied_remote_desktop", _DENIED_REMOTE)):
        refused = {GUESTS, EVERYONE} & set(export.holders(right))
        facts.put(fact, bool(refused), source(export, right))
    _remote_desktop(export, facts, context)
    system = ("SeTcbPrivilege", "SeCreateTokenPrivilege")
    holders = [f"{right}: {named(who)}" for right in system for who in export.holders(right) if who != SYSTEM]
    facts.put("system_right_holders", listed(holders), "; ".join(source(export, right) for right in system))
    others = [named(who) for who in export.holders("SeDebugPrivilege") if who not in (ADMINISTRATORS, SYSTEM)]
    facts.put("debug_right_others", listed(others), source(export, "SeDebugPrivilege"))
    return facts.observation()


def source(export: Export, right: str) -> str:
    """Say where a right was read, and whose it is."""
    return f"secedit /export, [{RIGHTS}] {right}: {', '.join(listed(map(named, export.holders(right)))) or 'nobody'}"


def named(who: str) -> str:
    """Put the English name beside a SID that is the same everywhere."""
    return f"{who} ({_KNOWN[who]})" if who in _KNOWN else who


def allowed(names: Sequence[str], patterns: Sequence[str]) -> bool:
    """Tell whether one of an account's names, its SID among them, is like one of these; * stands for any characters."""
    likes = [re.sub(r"[\[?]", r"[\g<0>]", pattern.lower()) for pattern in patterns]
    return any(fnmatchcase(name.lower(), like) for name in names for like in likes)


def _remote_desktop(export: Export, facts: Facts, context: Context) -> None:
    fact, right, role = "remote_desktop_others", "SeRemoteInteractiveLogonRight", context.system.windows.role
    approved = context.values["windows_remote_logon_allowed"]
    denied = set(export.holders(_DENIED_REMOTE))
    granted = () if EVERYONE in denied else export.holders(right)
    others = [who for who in granted if who not in {ADMINISTRATORS, *denied} and not allowed([who], approved)]
    if REMOTE_DESKTOP_USERS in others and role != "domain_controller":
        others.remove(REMOTE_DESKTOP_USERS)
        if role is None and not others:
            facts.lack(fact, "Remote Desktop Users may log on, and it is not known whether this is a domain controller")
            return
    facts.put(fact, listed(map(named, others)), "; ".join(source(export, each) for each in (right, _DENIED_REMOTE)))


PROBE = Probe(
    id="windows.user_rights",
    title="User rights that decide over the machine",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=45,
    max_bytes=64 * 1024,
    parameters={"windows_remote_logon_allowed": _NAMES},
)
