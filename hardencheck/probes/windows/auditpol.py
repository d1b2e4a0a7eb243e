r"""The lines of `auditpol /backup`: which subcategories of auditing are on, by GUID and number.

    HOST,System,Logon,{0CCE9215-69AE-11D9-BED3-505054503030},Success and Failure,,3
    HOST,S-1-5-21-...-1104,Logon,{0CCE9215-...},Exclude failure,...,8

Names and words are translated, GUID and last number are not. The number of a system's row is 0 (none), 1 (success),
2 (failure), 3 (both) or 4 (none, as policies write it); a person's row has bits, of which 2 and 8 take successes and
failures of that person out of the audit. https://learn.microsoft.com/openspecs/windows_protocols/ms-gpac
Only rows of the system with a known number count; what is not there is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hardencheck.probes.powershell import Item, as_int, as_list
from hardencheck.probes.windows.settings import Setting

SUCCESS, FAILURE, BOTH = 1, 2, 3
SOURCE = "auditpol /backup"
#: Offenders that are named in one fact.
LIMIT = 20

_ROW = re.compile(
    r"^[^,]*,([^,]*),.*,\{(0cce92[0-9a-f]{2})-69ae-11d9-bed3-505054503030\},[^{}]*,([0-9]{1,2})\s*$",
    re.IGNORECASE,
)
_PERSON = re.compile(r"^\{?(S-1-[0-9-]+)\}?$", re.IGNORECASE)
_EXCLUDED = {SUCCESS: 0x02, FAILURE: 0x08}
_WORDS = {SUCCESS: "successes are", FAILURE: "failures are"}
_NAMES = {
    0x10: "Security State Change", 0x11: "Security System Extension", 0x12: "System Integrity",
    0x14: "Other System Events", 0x15: "Logon", 0x16: "Logoff", 0x17: "Account Lockout", 0x1B: "Special Logon",
    0x24: "File Share", 0x27: "Other Object Access Events", 0x28: "Sensitive Privilege Use", 0x2B: "Process Creation",
    0x2F: "Audit Policy Change", 0x30: "Authentication Policy Change", 0x31: "Authorization Policy Change",
    0x35: "User Account Management", 0x36: "Computer Account Management", 0x37: "Security Group Management",
    0x3A: "Other Account Management Events", 0x3B: "Directory Service Access", 0x3C: "Directory Service Changes",
    0x3F: "Credential Validation", 0x42: "Kerberos Authentication Service", 0x45: "Removable Storage",
    0x48: "Plug and Play Events", 0x49: "Group Membership",
}  # fmt: skip
_NUMBERS = {name: number for number, name in _NAMES.items()}


@dataclass(frozen=True, slots=True)
class AuditPolicy:
    """What is audited: bits by subcategory; what is taken out for single people; or why it is not known (`why`)."""

    settings: Mapping[str, int] = field(default_factory=dict)
    exclusions: tuple[tuple[str, str, int], ...] = ()
    why: str = ""

    def offenders(self, wanted: Mapping[str, int]) -> Setting:
        """Return what is wanted and not audited; unknown when a subcategory is not told and no other offends."""
        if self.why:
            return Setting(None, why=self.why)
        found, absent = [], []
        for name, bits in wanted.items():
            if name not in self.settings:
                absent.append(name)
                continue
            found += [f"{name}: {_WORDS[bit]} not audited" for bit in _bits(bits) if not self.settings[name] & bit]
        for person, name, excluded in self.exclusions:
            bits = wanted.get(name, 0)
            found += [
                f"{name}: {_WORDS[bit]} not audited for {person}" for bit in _bits(bits) if excluded & _EXCLUDED[bit]
            ]
        if found:
            return Setting(found[:LIMIT], SOURCE)
        if absent:
            return Setting(None, why=f"{SOURCE} does not tell about {', '.join(absent)}")
        return Setting([], SOURCE)


def read_policy(item: Item) -> AuditPolicy:
    """Return the policy that an item of `AuditPolicy` holds."""
    if not item.ok:
        return AuditPolicy(why=item.trouble)
    body = item.value if isinstance(item.value, dict) else {}
    status, lines = as_int(body.get("status")), as_list(body.get("lines"))
    if status != 0:
        return AuditPolicy(why=f"auditpol ended with status {status}")
    policy = _policy(str(line) for line in lines)
    return policy if policy.settings or policy.why else AuditPolicy(why="auditpol printed no subcategory")


def _policy(lines: Iterable[str]) -> AuditPolicy:
    settings: dict[str, int] = {}
    exclusions = []
    for line in lines:
        row = _ROW.match(line)
        name = _NAMES.get(int(row[2][-2:], 16)) if row else None
        if row is None or name is None:
            continue
        number = int(row[3])
        if person := _PERSON.match(row[1].strip()):
            exclusions.append((person[1], name, number))
        elif number > 4 or settings.get(name, number % 4) != number % 4:
            return AuditPolicy(why=f"{SOURCE}: two settings or a strange one for {name}")
        else:
            settings[name] = number % 4
    return AuditPolicy(settings, tuple(exclusions))


def _bits(bits: int) -> list[int]:
    return [bit for bit in (SUCCESS, FAILURE) if bits & bit]
