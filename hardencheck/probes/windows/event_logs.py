r"""How much the logs Application, Security and System hold, and whether they go on when they are full.

Reads: the policies below SOFTWARE\Policies\Microsoft\Windows\EventLog (MaxSize in kilobytes, Retention and
AutoBackupLogFiles as texts), which win; else what the event log service says of each log: its size in bytes, whether it
is on, and its mode (0 overwrites the oldest events, 1 archives the full log, 2 stops). Modes are numbers, not words.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-admx-eventlog
https://learn.microsoft.com/dotnet/api/system.diagnostics.eventing.reader.eventlogmode
Needs: administrator rights, for the log Security.
Facts:
  application_log_kb  kilobytes that the log Application may hold
  security_log_kb     the same of Security
  system_log_kb       the same of System
  stopping_logs       logs that are off, or that keep no new event once they are full
Absent when: the service refused, or a policy holds something that is neither yes nor no.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, as_bool, as_int, read
from hardencheck.probes.windows.settings import NUMBER, TEXT, Facts, Place, Setting, decide

SCRIPT = r"""
$policy = 'SOFTWARE\Policies\Microsoft\Windows\EventLog'
foreach ($log in 'Application', 'Security', 'System') {
  Registry "policy $log" "$policy\$log" MaxSize, Retention, AutoBackupLogFiles
  Item "log $log" {
    $about = Get-WinEvent -ListLog $log
    @{ bytes = [long]$about.MaximumSizeInBytes; mode = [int]$about.LogMode; on = [bool]$about.IsEnabled }
  }
}
"""

FACTS: dict[str, JsonSchema] = {
    "application_log_kb": {"type": "integer"},
    "security_log_kb": {"type": "integer"},
    "system_log_kb": {"type": "integer"},
    "stopping_logs": {"type": "array", "items": {"type": "string"}},
}

_LOGS = ("Application", "Security", "System")
_STOPS = 2


def parse(capture: Capture, _context: Context) -> Observation:
    """Yield the sizes of the logs, and which of them stop."""
    section, facts = read(capture), Facts()
    ends = []
    for log in _LOGS:
        facts.add(f"{log.lower()}_log_kb", _size(section, log))
        ends.append(_end(section, log))
    found = [end.value for end in ends if end.value]
    unknown = [end.why for end in ends if end.why]
    if found or not unknown:
        facts.put("stopping_logs", found, "the policies of the event log service, and Get-WinEvent -ListLog")
    else:
        facts.lack("stopping_logs", unknown[0])
    return facts.observation()


def _size(section: Section, log: str) -> Setting:
    policy = decide(section, [Place(f"policy {log}", "MaxSize")], -1)
    if policy.why or policy.value != -1:
        return policy
    size = _about(section, log).get("bytes")
    if size is None or size < 0:
        return Setting(None, why=_trouble(section, log))
    return Setting(size // 1024, f"the log {log}, set on the host or by default")


def _end(section: Section, log: str) -> Setting:
    """Say how a log stops; "" when it goes on."""
    item, about = section.item(f"log {log}"), _about(section, log)
    on = as_bool(item.value.get("on")) if item.ok and isinstance(item.value, dict) else None
    if on is False:
        return Setting(f"{log}: switched off")
    if on is None:
        return Setting(None, why=_trouble(section, log))
    keeps, archives = _switch(section, log, "Retention"), _switch(section, log, "AutoBackupLogFiles")
    if keeps.why or (keeps.value and archives.why):
        return Setting(None, why=keeps.why or archives.why)
    if keeps.value is not None:
        stops = keeps.value and not archives.value
        return Setting(f"{log}: stops when it is full ({keeps.source})" if stops else "")
    mode = about.get("mode")
    if mode not in (0, 1, _STOPS):
        return Setting(None, why=_trouble(section, log))
    return Setting(f"{log}: stops when it is full (its own mode)" if mode == _STOPS else "")


def _switch(section: Section, log: str, name: str) -> Setting:
    """Return a policy that is written as a text: True, False, or None when it is not set."""
    setting = decide(section, [Place(f"policy {log}", name, kinds=TEXT + NUMBER)], "")
    if setting.why or setting.value == "":
        return Setting(None, setting.source, setting.why)
    switch = {"1": True, "0": False}.get(str(setting.value).strip())
    why = "" if switch is not None else f"{name} of the log {log} is {str(setting.value)[:20]!r}, neither 1 nor 0"
    return Setting(switch, setting.source, why)


def _about(section: Section, log: str) -> dict[str, int | None]:
    item = section.item(f"log {log}")
    value = item.value if item.ok and isinstance(item.value, dict) else {}
    return {name: as_int(value.get(name)) for name in ("bytes", "mode")}


def _trouble(section: Section, log: str) -> str:
    item = section.item(f"log {log}")
    return item.trouble if not item.ok else f"the event log service said nothing usable about the log {log}"


PROBE = Probe(
    id="windows.event_logs",
    title="Size and end of the event logs",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    max_bytes=16 * 1024,
)
