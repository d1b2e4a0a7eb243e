"""The text that stands before every logon at the screen and over Remote Desktop.

Windows shows it when it has a title or a text; LegalNoticeText of the policy goes before that of Winlogon. It is
given in lower case with single blanks, so that a rule can look for words in it.
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/interactive-logon-message-text-for-users-attempting-to-log-on

Reads: LegalNoticeText and LegalNoticeCaption of the keys Policies\\System and Winlogon.
Needs: nothing.
Absent when: the registry refuses access.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, read
from hardencheck.probes.windows.settings import TEXT, Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'policy' 'SOFTWARE\Microsoft\Windows\CurrentVersion\Policies\System' LegalNoticeCaption, LegalNoticeText
Registry 'winlogon' 'SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon' LegalNoticeCaption, LegalNoticeText
"""

FACTS: dict[str, JsonSchema] = {"banner": {"type": "string"}, "banner_title": {"type": "string"}}

#: characters of the text that are kept: enough for what a rule looks for
_MOST = 4000


def parse(capture: Capture, context: Context) -> Observation:
    """Yield title and text of the banner; both are "" when there is none."""
    section = read(capture)
    facts = Facts()
    facts.add("banner", _text(section, "LegalNoticeText"))
    facts.add("banner_title", _text(section, "LegalNoticeCaption"))
    return facts.observation()


def _text(section: Section, name: str) -> Setting:
    source = ""
    for item, by in (("policy", "policy"), ("winlogon", "local")):
        found = decide(section, [Place(item, name, by, (*TEXT, "MultiString"))], "", "no text")
        if found.why:
            return found
        lines = found.value if isinstance(found.value, tuple) else (str(found.value),)
        text = " ".join(" ".join(lines).lower().split())
        if text:
            return Setting(text[:_MOST], found.source)
        source = found.source
    return Setting("", source)


PROBE = Probe(
    id="windows.logon_banner",
    title="Text before a logon",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=32 * 1024,
)
