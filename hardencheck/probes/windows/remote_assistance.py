r"""Whether somebody may be asked, or may offer, to see and take over this screen by Remote Assistance.

Reads: fAllowToGetHelp (asked for) and fAllowUnsolicited (offered) of the policy key Terminal Services;
fAllowToGetHelp below Control\Remote Assistance, which the system settings write; whether the program
(System32\msra.exe) is there: servers have it as a feature only.
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-remoteassistance
Needs: nothing.
Absent when: the registry refuses access, or no place says whether help may be asked for. Not applicable where nothing
is set and the program is not there. Quick Assist, TeamViewer and their like are programs of their own: they are not
looked at.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'policy' 'SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services' fAllowToGetHelp, fAllowUnsolicited
Registry 'local' 'SYSTEM\CurrentControlSet\Control\Remote Assistance' fAllowToGetHelp
Item 'program' {
  $folder = 'System32'
  if ($env:PROCESSOR_ARCHITEW6432) { $folder = 'Sysnative' }
  if (-not (Test-Path -LiteralPath "$env:SystemRoot\$folder")) { throw 'no folder of the system' }
  Test-Path -LiteralPath "$env:SystemRoot\$folder\msra.exe"
}
"""

FACTS: dict[str, JsonSchema] = {"help_asked_for": {"type": "boolean"}, "help_offered": {"type": "boolean"}}
_UNSET = "neither a policy nor the system settings say"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield whether help may be asked for and whether it may be offered."""
    section, facts = read(capture), Facts()
    places = [Place("policy", "fAllowToGetHelp"), Place("local", "fAllowToGetHelp", "local")]
    asked = decide(section, places, None, _UNSET)
    offered = decide(section, [Place("policy", "fAllowUnsolicited")], 0, "no help is offered")
    if asked.why == _UNSET and offered.value == 0 and section.item("program").value is False:
        return Observation.not_applicable("Remote Assistance is not installed (there is no System32\\msra.exe)")
    facts.add("help_asked_for", Setting(asked.value != 0, asked.source, asked.why))
    facts.add("help_offered", Setting(offered.value != 0, offered.source, offered.why))
    return facts.observation()


PROBE = Probe(
    id="windows.remote_assistance",
    title="Remote Assistance",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
