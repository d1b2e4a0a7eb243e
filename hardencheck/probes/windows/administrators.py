r"""Who is an administrator of a machine, held against the list that somebody approved.

The group is S-1-5-32-544, whatever it is called. ADSI names all of its members: also those without a name, such as an
account that was deleted from its domain, or a role of Entra ID, for which `Get-LocalGroupMember` fails
(https://github.com/PowerShell/PowerShell/issues/2996) and which WMI leaves out without a word.

Reads: `Get-LocalUser` for the SID of the machine; the members of the group by ADSI: SID, path and class of each.
https://learn.microsoft.com/windows/win32/adsi/adsi-winnt-provider
Needs: administrator rights.
Facts: `unapproved_administrators` are members that `windows_approved_admins` does not name: by SID (* stands for any
characters, as in S-1-5-21-*-512), as DOMAIN\name, or by name alone for a local account. The built-in administrator
cannot leave the group and needs no approval. A group of a domain is one member: who is in it is not looked at.
Absent when: all members that could be read are approved, and one could not be read or more were there than were sent;
or what is left is a SID without a name, which may belong to an approved account whose domain does not answer (to one of
Entra ID where an AzureAD\name is approved). Not applicable on a domain controller, whose administrators are those of
the domain.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hardencheck.errors import CaptureUnreadable
from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import as_list, read
from hardencheck.probes.windows import accounts
from hardencheck.probes.windows.accounts import ADMINISTRATOR, elsewhere, listed, local_accounts
from hardencheck.probes.windows.user_rights import allowed

SCRIPT = (
    accounts.SCRIPT
    + r"""
Item 'members' { Get-HcMembers 'S-1-5-32-544' }
"""
)

FACT = "unapproved_administrators"
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {FACT: _NAMES}
_SID = re.compile(r"S-1-[0-9]{1,15}(-[0-9]{1,10}){1,15}", re.ASCII)
_DOMAIN, _ENTRA = "S-1-5-21-", "S-1-12-1-"


@dataclass(frozen=True, slots=True)
class Member:
    r"""One member of the group: its SID, "" when it could not be read (`fault` says why), and its name.

    The name is DOMAIN\name, "" when it has none.
    """

    sid: str
    name: str
    group: bool
    fault: str

    @property
    def said(self) -> str:
        """Name and SID as a result shows them."""
        return f"{self.name} ({self.sid})" if self.name else self.sid


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the administrators whom nobody approved."""
    if nothing := elsewhere(context.system):
        return nothing
    section = read(capture)
    local, item = local_accounts(section), section.item("members")
    if isinstance(local, str) or not item.ok:
        return Observation.not_collected(local if isinstance(local, str) else item.trouble)
    members, gap = _members(item.value)
    builtin = next(account.sid for account in local if account.rid == ADMINISTRATOR)
    ours = {account.sid for account in local}
    approved = context.values["windows_approved_admins"]
    offenders, doubts = [], [gap] if gap else []
    if builtin not in {member.sid for member in members} and not gap:
        doubts.append("the list lacks the built-in administrator, who cannot leave the group")
    for member in members:
        names = [member.sid, member.name] + ([member.name.rpartition("\\")[2]] if member.sid in ours else [])
        if member.sid == builtin or allowed([name for name in names if name], approved):
            continue
        if why := _doubt(member, approved):
            doubts.append(why)
        else:
            offenders.append(member.said)
    if doubts and not offenders:
        return Observation.not_collected("; ".join(listed(doubts)))
    groups = sum(member.group for member in members)
    inside = f", {groups} of them groups whose members are not looked at" if groups else ""
    return Observation.of({FACT: listed(offenders)}, {FACT: f"S-1-5-32-544; members seen: {len(members)}{inside}"})


def _doubt(member: Member, approved: Sequence[str]) -> str:
    """Say why a member that nothing approves may be approved all the same; "" when it cannot."""
    if not member.sid:
        return f"the SID of {member.name or 'a member'} could not be read ({member.fault or 'without a reason'})"
    if member.name:
        return ""
    if member.sid.startswith(_DOMAIN):
        return f"{member.sid} has no name: it was deleted, or its domain does not answer"
    domains = [pattern.partition("\\")[0] for pattern in approved if "\\" in pattern]
    if member.sid.startswith(_ENTRA) and allowed(["AzureAD"], domains):
        return f"{member.sid} has no name here: it may be one that is approved by its name in Entra ID"
    return ""


def _members(body: Any) -> tuple[list[Member], str]:
    """Return the members of the group, and why there may be more ("" when there are not)."""
    if not isinstance(body, dict) or not isinstance(body.get("count"), int):
        raise CaptureUnreadable("the administrators are not as the script writes them")
    members = [_member(member) for member in as_list(body.get("members"))]
    if body.get("fault") is not None:
        return members, f"the list of members broke off ({body['fault']})"
    if body["count"] != len(members):
        return members, f"{body['count']} members, of which {len(members)} were read"
    return members, ""


def _member(body: Any) -> Member:
    about = body if isinstance(body, dict) else {}
    sid, path, group, fault = (about.get(key) or "" for key in ("sid", "path", "class", "fault"))
    if not all(isinstance(text, str) for text in (sid, path, group, fault)) or not (sid or path or fault):
        raise CaptureUnreadable("a member of the administrators is not as the script writes it")
    # WinNT://DOMAIN/name, WinNT://WORKGROUP/MACHINE/name for a local account, WinNT://SID for what has no name
    words = path.removeprefix("WinNT://").split("/")
    if _SID.fullmatch(words[-1]):
        sid, words = sid or words[-1], []
    if sid and not _SID.fullmatch(sid):
        raise CaptureUnreadable("a member of the administrators has a SID that is none")
    return Member(sid, "\\".join(words[-2:]), group == "Group", fault)


PROBE = Probe(
    id="windows.administrators",
    title="Members of the local group Administrators",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=60,
    max_bytes=512 * 1024,
    parameters={"windows_approved_admins": _NAMES},
)
