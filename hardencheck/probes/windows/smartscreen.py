"""Whether Windows checks downloaded programs by their reputation before they start, and lets nobody go on regardless.

A group policy goes before what device management asks for, unless device management was told to win (MDMWinsOverGP).
`warned of` lets the user start a program all the same, and so does Windows 10 and 11 without a setting, where the user
may also turn the check off: that is `not enforced`.
https://learn.microsoft.com/windows/security/operating-system-security/virus-and-threat-protection/microsoft-defender-smartscreen/available-settings

Reads: EnableSmartScreen and ShellSmartScreenLevel of the policy key System; EnableSmartScreenInShell and
PreventOverrideForFilesInShell of PolicyManager, MDMWinsOverGP of its ControlPolicyConflict.
Needs: nothing.
Absent when: the registry refuses access, or the level is one that Microsoft does not name. The question has no
meaning on Server Core, where nobody starts what they downloaded.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, read
from hardencheck.probes.windows.settings import CONFLICT, TEXT, Facts, Place, Setting, decide

SCRIPT = (
    r"""
Registry 'policy' 'SOFTWARE\Policies\Microsoft\Windows\System' EnableSmartScreen, ShellSmartScreenLevel
Registry 'mdm' 'SOFTWARE\Microsoft\PolicyManager\current\device\SmartScreen' EnableSmartScreenInShell, `
  PreventOverrideForFilesInShell
"""
    + CONFLICT
)

FACTS: dict[str, JsonSchema] = {"unknown_programs": {"enum": ["blocked", "warned of", "not enforced", "not checked"]}}

_LEVELS = {"block": "blocked", "warn": "warned of"}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what happens when somebody starts a program of no reputation."""
    core = context.system.windows.core
    if core:
        return Observation.not_applicable("Server Core has no desktop on which programs are downloaded")
    section = read(capture)
    if core is None:
        return Observation.not_collected("it is not known whether this is a Server Core")
    facts = Facts()
    facts.add("unknown_programs", _unknown_programs(section))
    return facts.observation()


def _unknown_programs(section: Section) -> Setting:
    asked = decide(section, [Place("mdm", "EnableSmartScreenInShell", "mdm")], -1)
    if asked.why:
        return asked
    wins = decide(section, [Place("conflict", "MDMWinsOverGP", "mdm")], 0)
    if asked.value != -1 and (wins.why or wins.value == 1):
        return wins if wins.why else _mdm(section)
    return _policy(section)


def _policy(section: Section) -> Setting:
    on = decide(section, [Place("policy", "EnableSmartScreen")], -1)
    if on.why or on.value == 0:
        return Setting("not checked", on.source, on.why)
    if on.value == -1:
        return _mdm(section)
    level = decide(section, [Place("policy", "ShellSmartScreenLevel", "policy", TEXT)], "Warn", "the user may go on")
    if level.why:
        return level
    what = _LEVELS.get(str(level.value).casefold())
    if what is None:
        return Setting(None, why=f"{level.source}: the level is neither Block nor Warn")
    return Setting(what, level.source)


def _mdm(section: Section) -> Setting:
    on = decide(section, [Place("mdm", "EnableSmartScreenInShell", "mdm")], -1, "each user decides")
    if on.why or on.value == 0:
        return Setting("not checked", on.source, on.why)
    if on.value == -1:
        return Setting("not enforced", on.source)
    override = decide(section, [Place("mdm", "PreventOverrideForFilesInShell", "mdm")], 0, "the user may go on")
    return Setting("blocked" if override.value == 1 else "warned of", override.source, override.why)


PROBE = Probe(
    id="windows.smartscreen",
    title="Check of downloaded programs",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
