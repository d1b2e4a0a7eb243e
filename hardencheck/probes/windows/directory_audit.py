r"""Which uses and changes of the directory a domain controller writes to its security log.

Reads: `auditpol /backup` by GUID and number, as windows.audit does.
https://learn.microsoft.com/windows/security/threat-protection/auditing/audit-directory-service-changes
Needs: administrator rights.
Facts:
  unaudited_directory  uses and changes of directory objects that leave no event, and for whom
Absent when: auditpol was refused, its list lacks a subcategory, or the role of the host is not known. On a host that
is no domain controller there is no directory to watch. Which objects are watched is said by their own audit entries
(SACL): those are not looked at.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.auditpol import BOTH, SUCCESS, read_policy
from hardencheck.probes.windows.settings import Facts

SCRIPT = r"""
AuditPolicy 'audit'
"""

FACTS: dict[str, JsonSchema] = {"unaudited_directory": {"type": "array", "items": {"type": "string"}}}

_WANTED = {"Directory Service Access": BOTH, "Directory Service Changes": SUCCESS}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what of the directory is not audited."""
    role = context.system.windows.role
    if role in ("workstation", "server"):
        return Observation.not_applicable(f"the host is a {role}, no domain controller (ProductType)")
    section, facts = read(capture), Facts()
    if role is None:
        return Observation.not_collected("whether the host is a domain controller is not known")
    facts.add("unaudited_directory", read_policy(section.item("audit")).offenders(_WANTED))
    return facts.observation()


PROBE = Probe(
    id="windows.directory_audit",
    title="Audit of the directory",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    max_bytes=64 * 1024,
    seconds=30,
)
