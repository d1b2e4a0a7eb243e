r"""What Windows Remote Management accepts and sends: passwords in clear text, unencrypted messages, stored accounts.

What WinRM itself says (the drive WSMan:) goes before the registry: that is what holds. Where it does not answer, the
group policy decides, then the service's own key (WSMAN), then the defaults: neither side takes unencrypted messages,
the service no Basic. Microsoft's pages differ on what the client may use without a setting: that is unknown then.
https://learn.microsoft.com/windows/win32/winrm/installation-and-configuration-for-windows-remote-management

Reads: WSMan:\localhost\Service and \Client, the policy keys WinRM\Service and WinRM\Client, and
SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN. hardencheck's own login needs none of what the rules forbid.
Needs: administrator rights for WSMan:.
Absent when: the registry refuses access, too.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Section, as_bool, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Item 'live' {
  @{
    service_basic = [string](Get-Item -Path 'WSMan:\localhost\Service\Auth\Basic').Value
    service_unencrypted = [string](Get-Item -Path 'WSMan:\localhost\Service\AllowUnencrypted').Value
    client_basic = [string](Get-Item -Path 'WSMan:\localhost\Client\Auth\Basic').Value
    client_digest = [string](Get-Item -Path 'WSMan:\localhost\Client\Auth\Digest').Value
    client_unencrypted = [string](Get-Item -Path 'WSMan:\localhost\Client\AllowUnencrypted').Value
  }
}
Registry 'service_policy' 'SOFTWARE\Policies\Microsoft\Windows\WinRM\Service' AllowBasic, AllowUnencryptedTraffic, `
  DisableRunAs
Registry 'client_policy' 'SOFTWARE\Policies\Microsoft\Windows\WinRM\Client' AllowBasic, AllowDigest, `
  AllowUnencryptedTraffic
Registry 'service' 'SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Service' auth_basic, allow_unencrypted
Registry 'client' 'SOFTWARE\Microsoft\Windows\CurrentVersion\WSMAN\Client' auth_basic, auth_digest, allow_unencrypted
"""

FACTS: dict[str, JsonSchema] = {
    "service_basic": {"type": "boolean"},
    "service_unencrypted": {"type": "boolean"},
    "accounts_stored": {"type": "boolean"},
    "client_basic": {"type": "boolean"},
    "client_digest": {"type": "boolean"},
    "client_unencrypted": {"type": "boolean"},
}

#: fact, side, value of the policy, value of WinRM's own key, default (None where nobody can tell)
_SETTINGS = (
    ("service_basic", "service", "AllowBasic", "auth_basic", 0),
    ("service_unencrypted", "service", "AllowUnencryptedTraffic", "allow_unencrypted", 0),
    ("client_basic", "client", "AllowBasic", "auth_basic", None),
    ("client_digest", "client", "AllowDigest", "auth_digest", None),
    ("client_unencrypted", "client", "AllowUnencryptedTraffic", "allow_unencrypted", 0),
)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what WinRM allows in either direction."""
    section = read(capture)
    facts = Facts()
    for fact, side, policy, own, default in _SETTINGS:
        places = [Place(f"{side}_policy", policy), Place(side, own, "local")]
        about = "refused" if default == 0 else "WinRM does not say, and Microsoft's pages differ on the default"
        written = decide(section, places, default, about)
        facts.add(fact, _holds(section, fact, Setting(written.value != 0, written.source, written.why)))
    stored = decide(section, [Place("service_policy", "DisableRunAs")], 0, "plug-ins may store accounts")
    facts.add("accounts_stored", Setting(stored.value != 1, stored.source, stored.why))
    return facts.observation()


def _holds(section: Section, fact: str, written: Setting) -> Setting:
    """Return what WinRM says itself; the registry's word where it says nothing, or just the same."""
    live = section.item("live")
    value = as_bool(live.value.get(fact)) if live.ok and isinstance(live.value, dict) else None
    if value is None or (not written.why and written.value == value):
        return written
    return Setting(value, "WSMan:\\localhost, WinRM's own word")


PROBE = Probe(
    id="windows.winrm",
    title="Windows Remote Management",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=30,
    max_bytes=16 * 1024,
)
