r"""Whether Windows PowerShell writes down the scripts that it runs and the sessions that people have with it.

Reads: EnableScriptBlockLogging, EnableTranscripting and OutputDirectory below
SOFTWARE\Policies\Microsoft\Windows\PowerShell, for the whole machine (device management writes there too); whether the
log of Windows PowerShell's events is on: the events 4104 go there, and nowhere else. Without a policy only scripts that
look suspicious are recorded, which counts as no.
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_logging
https://learn.microsoft.com/powershell/module/microsoft.powershell.core/about/about_group_policy_settings
Needs: nothing.
Facts:
  script_blocks_recorded  whether every script block that Windows PowerShell runs becomes an event
  sessions_transcribed    whether every session is written to a file
Absent when: the registry or the event log service refuses. PowerShell 7, which is installed apart, has policies and a
log of its own: it is not looked at, nor are policies of single users. Whether people may change the transcripts is not
looked at either; the place is named beside the fact.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, as_bool, read
from hardencheck.probes.windows.settings import TEXT, Facts, Place, Setting, decide

SCRIPT = r"""
$policy = 'SOFTWARE\Policies\Microsoft\Windows\PowerShell'
Registry 'blocks' "$policy\ScriptBlockLogging" EnableScriptBlockLogging
Registry 'sessions' "$policy\Transcription" EnableTranscripting, OutputDirectory
Item 'log' { [bool](Get-WinEvent -ListLog 'Microsoft-Windows-PowerShell/Operational').IsEnabled }
"""

FACTS: dict[str, JsonSchema] = {
    "script_blocks_recorded": {"type": "boolean"},
    "sessions_transcribed": {"type": "boolean"},
}


def parse(capture: Capture, _context: Context) -> Observation:
    """Yield what Windows PowerShell records."""
    section, facts = read(capture), Facts()
    facts.add("script_blocks_recorded", _blocks(section))
    sessions = decide(section, [Place("sessions", "EnableTranscripting")], 0, "sessions are not transcribed")
    source = sessions.source
    if sessions.value == 1:
        folder = decide(section, [Place("sessions", "OutputDirectory", kinds=TEXT)], "")
        source += f"; written to {str(folder.value or '').strip()[:200] or 'the documents of each user'}"
    facts.add("sessions_transcribed", Setting(sessions.value == 1, source, sessions.why))
    return facts.observation()


def _blocks(section: Section) -> Setting:
    blocks = decide(section, [Place("blocks", "EnableScriptBlockLogging")], 0, "only suspicious scripts are recorded")
    if blocks.why or blocks.value != 1:
        return Setting(False, blocks.source, blocks.why)
    item = section.item("log")
    on = as_bool(item.value)
    if on is None:
        return Setting(None, why=item.trouble if not item.ok else "whether the log of PowerShell is on was not said")
    source = blocks.source if on else f"{blocks.source}, but the log Microsoft-Windows-PowerShell/Operational is off"
    return Setting(on, source)


PROBE = Probe(
    id="windows.powershell_logging",
    title="What Windows PowerShell records",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=8 * 1024,
)
