"""Whether a domain controller runs the print spooler, through which others make it log in to them.

Reads: the service Spooler: whether it is started, and Start of its key (4 is disabled).
https://learn.microsoft.com/defender-for-identity/security-assessment-print-spooler
Needs: administrator rights: services that an account may not see are left out of the list without a word.
Absent when: the service's state or key cannot be read, or it is not seen without administrator rights. The question
has no meaning where the machine is no domain controller: people print there.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, as_bool, read
from hardencheck.probes.windows.settings import Facts, Place, decide

SCRIPT = r"""
Item 'spooler' {
  $spooler = Get-CimInstance -ClassName Win32_Service -Filter "Name = 'Spooler'"
  if ($null -ne $spooler) { [bool]$spooler.Started }
}
Registry 'key' 'SYSTEM\CurrentControlSet\Services\Spooler' Start
"""

FACTS: dict[str, JsonSchema] = {"spooler": {"enum": ["running", "startable", "disabled", "not installed"]}}

_DISABLED = 4


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the state of the print spooler on a domain controller."""
    role = context.system.windows.role
    if role in ("workstation", "server"):
        return Observation.not_applicable("the machine is no domain controller")
    section = read(capture)
    started, key = section.item("spooler"), section.key("key")
    running = as_bool(started.value) if started.ok else None
    if role is None:
        return Observation.not_collected("it is not known whether the machine is a domain controller")
    facts = Facts()
    if running:
        facts.put("spooler", "running", "Win32_Service: Spooler is started")
        return facts.observation()
    if isinstance(key, Item) or not started.ok:
        return Observation.not_collected(key.trouble if isinstance(key, Item) else started.trouble)
    if running is None and (started.value is not None or context.system.windows.admin is not True):
        return Observation.not_collected("Win32_Service does not tell whether Spooler is started")
    if not key.exists:
        facts.put("spooler", "not installed", f"HKLM\\{key.path} is absent, and no such service is started")
        return facts.observation()
    start = decide(section, [Place("key", "Start", "local")], None, f"HKLM\\{key.path} has no Start")
    if start.why:
        return Observation.not_collected(start.why)
    facts.put("spooler", "disabled" if start.value == _DISABLED else "startable", start.source)
    return facts.observation()


PROBE = Probe(
    id="windows.print_spooler",
    title="Print spooler of a domain controller",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
