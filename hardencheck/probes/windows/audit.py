r"""Which events Windows writes to the security log: the audit policy that is in force, and what process events hold.

The list that `auditpol` gives is what the system does, whoever set it: old categories, subcategories, a local policy.

Reads: `auditpol /backup` by GUID and number (a file that is deleted at once, because auditpol can write nowhere else);
SCENoApplyLegacyAuditPolicy ("Audit: Force audit policy subcategory settings ..."), which is enabled when it is absent;
ProcessCreationIncludeCmdLine_Enabled, which is off when it is absent.
https://learn.microsoft.com/windows/security/threat-protection/auditing/advanced-security-audit-policy-settings
https://learn.microsoft.com/windows-server/identity/ad-ds/manage/component-updates/command-line-process-auditing
Needs: administrator rights.
Facts:
  unaudited_logons           logons, logoffs, lockouts and checks of credentials that leave no event, and for whom
  unaudited_account_changes  changes of accounts and groups that leave none
  unaudited_policy_changes   changes of audit, authentication and rights, and uses of strong privileges that leave none
  unaudited_system_events    starts, shutdowns, new security programs and breaches of integrity that leave none
  unaudited_processes        starts of programs that leave none
  unaudited_devices          plugged-in devices, and files on removable disks and shares, that leave none
  command_lines_recorded     whether the event of a new process holds its command line
  subcategories_rule         whether subcategories win over the old categories of group policies
  subcategories_written      the value that was written for that; null when there is none
Absent when: auditpol was refused, or its list lacks a subcategory. Which events domain controllers and servers owe
beyond workstations depends on the role.
"""

from __future__ import annotations

from collections.abc import Mapping

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.auditpol import BOTH, FAILURE, SUCCESS, AuditPolicy, read_policy
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
AuditPolicy 'audit'
Registry 'lsa' 'SYSTEM\CurrentControlSet\Control\Lsa' SCENoApplyLegacyAuditPolicy
Registry 'processes' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System\Audit' `
  ProcessCreationIncludeCmdLine_Enabled
"""

_LIST: JsonSchema = {"type": "array", "items": {"type": "string"}}
FACTS: dict[str, JsonSchema] = {
    "unaudited_logons": _LIST,
    "unaudited_account_changes": _LIST,
    "unaudited_policy_changes": _LIST,
    "unaudited_system_events": _LIST,
    "unaudited_processes": _LIST,
    "unaudited_devices": _LIST,
    "command_lines_recorded": {"type": "boolean"},
    "subcategories_rule": {"type": "boolean"},
    "subcategories_written": {"type": ["integer", "null"]},
}

#: What every role owes.
_WANTED: Mapping[str, Mapping[str, int]] = {
    "unaudited_logons": {
        "Credential Validation": BOTH, "Account Lockout": FAILURE, "Group Membership": SUCCESS, "Logoff": SUCCESS,
        "Logon": BOTH, "Special Logon": SUCCESS,
    },
    "unaudited_account_changes": {"Security Group Management": SUCCESS, "User Account Management": BOTH},
    "unaudited_policy_changes": {
        "Audit Policy Change": SUCCESS, "Authentication Policy Change": SUCCESS, "Authorization Policy Change": SUCCESS,
        "Sensitive Privilege Use": BOTH,
    },
    "unaudited_system_events": {
        "Other System Events": BOTH, "Security State Change": SUCCESS, "Security System Extension": SUCCESS,
        "System Integrity": BOTH,
    },
    "unaudited_processes": {"Process Creation": SUCCESS},
    "unaudited_devices": {
        "Plug and Play Events": SUCCESS, "Other Object Access Events": BOTH, "Removable Storage": BOTH,
    },
}  # fmt: skip
#: What some roles owe besides.
_BY_ROLE: Mapping[str, Mapping[str, Mapping[str, int]]] = {
    "workstation": {"unaudited_devices": {"File Share": BOTH}},
    "server": {"unaudited_account_changes": {"Other Account Management Events": SUCCESS}},
    "domain_controller": {
        "unaudited_logons": {"Kerberos Authentication Service": BOTH},
        "unaudited_account_changes": {
            "Other Account Management Events": SUCCESS,
            "Computer Account Management": SUCCESS,
        },
    },
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what is not audited, by kind of event."""
    section, facts = read(capture), Facts()
    policy = read_policy(section.item("audit"))
    for fact in _WANTED:
        facts.add(fact, _offenders(policy, fact, context.system.windows.role))
    lines = decide(
        section, [Place("processes", "ProcessCreationIncludeCmdLine_Enabled")], 0, "command lines are not recorded"
    )
    facts.add("command_lines_recorded", Setting(lines.value == 1, lines.source, lines.why))
    forced = decide(section, [Place("lsa", "SCENoApplyLegacyAuditPolicy")], -1, "subcategories win")
    facts.add("subcategories_rule", Setting(forced.value != 0, forced.source, forced.why))
    written = None if forced.value == -1 else forced.value
    facts.add("subcategories_written", Setting(written, forced.source, forced.why))
    return facts.observation()


def _offenders(policy: AuditPolicy, fact: str, role: str | None) -> Setting:
    more = _BY_ROLE.get(role or "", {}).get(fact, {})
    found = policy.offenders({**_WANTED[fact], **more})
    depends = any(fact in wanted for wanted in _BY_ROLE.values())
    if role is None and depends and found.value == []:
        return Setting(None, why="the role of the host, which decides what it owes, is not known")
    return found


PROBE = Probe(
    id="windows.audit",
    title="Audit policy in force",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    max_bytes=64 * 1024,
    seconds=30,
)
