"""How many domain users' logons are kept for the time without a domain controller, open to guessing on a stolen disk.

Reads: CachedLogonsCount of the Winlogon key, a text; Windows keeps 10 without it.
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/interactive-logon-number-of-previous-logons-to-cache-in-case-domain-controller-is-not-available
Needs: nothing.
Absent when: the registry refuses access, or the value is no text, or the text no number. The question has no meaning
on domain controllers and on machines of no domain.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import as_int, read
from hardencheck.probes.windows.settings import TEXT, Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'winlogon' 'SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon' CachedLogonsCount
"""

FACTS: dict[str, JsonSchema] = {"cached_logons": {"type": "integer"}}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the number of logons that are kept."""
    windows = context.system.windows
    if windows.joined is False:
        return Observation.not_applicable("the machine belongs to no domain")
    if windows.role == "domain_controller":
        return Observation.not_applicable("a domain controller knows the domain's accounts itself")
    if windows.joined is None or windows.role is None:
        return Observation.not_collected("it is not known whether the machine belongs to a domain, and in which role")
    kept = decide(read(capture), [Place("winlogon", "CachedLogonsCount", "local", TEXT)], "10", "10")
    number = as_int(kept.value)
    facts = Facts()
    if not kept.why and (number is None or number < 0):
        kept = Setting(None, why=f"{kept.source}: is no number")
    facts.add("cached_logons", Setting(number, kept.source, kept.why))
    return facts.observation()


PROBE = Probe(
    id="windows.cached_logons",
    title="Logons kept for use without the domain",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
