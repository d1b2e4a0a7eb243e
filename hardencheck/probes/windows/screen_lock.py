"""After how long without input Windows locks the screen, for everyone who uses the machine.

Reads: InactivityTimeoutSecs ("Interactive logon: Machine inactivity limit"), which winlogon takes from this one place
whoever set it. 0 and absent mean that it never locks.
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/interactive-logon-machine-inactivity-limit
Needs: nothing.
Absent when: the registry refuses access. Screen savers are settings of each user, whose registry is loaded only while
they are logged on: they are not looked at.
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
"""

FACTS: dict[str, JsonSchema] = {"inactivity_seconds": {"type": ["integer", "null"]}}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the seconds after which the screen is locked; null when it never is."""
    facts = Facts()
    limit = decide(read(capture), [Place("system", "InactivityTimeoutSecs")], 0, "the screen is never locked")
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
