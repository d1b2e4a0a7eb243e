"""After how long without input Windows locks the screen, for everyone who uses the machine.

Reads: InactivityTimeoutSecs ("Interactive logon: Machine inactivity limit"), which winlogon takes from this one place
whoever set it. 0 and absent mean that it never locks, unless device management asks for a lock in its other way
(DeviceLock\\MaxInactivityTimeDeviceLock, in minutes): what that comes to depends on more than can be read here.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-devicelock
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/interactive-logon-machine-inactivity-limit
Needs: nothing.
Absent when: the registry refuses access, or only DeviceLock of device management is set. Screen savers are settings of
each user, whose registry is loaded only while they are logged on: they are not looked at.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'system' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' InactivityTimeoutSecs
Registry 'mdm' 'SOFTWARE\Microsoft\PolicyManager\current\device\DeviceLock' MaxInactivityTimeDeviceLock
"""

FACTS: dict[str, JsonSchema] = {"inactivity_seconds": {"type": ["integer", "null"]}}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the seconds after which the screen is locked; null when it never is."""
    section, facts = read(capture), Facts()
    limit = decide(section, [Place("system", "InactivityTimeoutSecs")], 0, "the screen is never locked")
    if not limit.why and not limit.value:
        asked = decide(section, [Place("mdm", "MaxInactivityTimeDeviceLock", "mdm")], 0)
        wish = f"{asked.source} asks for a lock after {asked.value} minutes, and nobody can say whether it is enforced"
        if asked.why or asked.value:
            limit = Setting(None, why=asked.why or wish)
    facts.add("inactivity_seconds", Setting(limit.value or None, limit.source, limit.why))
    return facts.observation()


PROBE = Probe(
    id="windows.screen_lock",
    title="Lock of an unattended screen",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
