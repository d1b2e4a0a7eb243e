r"""How Windows keeps and shows passwords: old protocols, copies in memory, and a password stored for automatic logons.

LmCompatibilityLevel 5 sends and takes NTLM version 2 only; without it Windows acts as at 3: it sends version 2, and
still takes the older ones where it knows them (11 24H2 and Server 2025 have no version 1 any more). `lsa_protection` is
`running` when Windows noted at its last start that LSASS started as a protected process (event 12 of Wininit). A
setting alone tells nothing until then: RunAsPPL holds from the next start, and where the firmware locked it, or Windows
turned it on by itself, LSASS is protected whatever it says. RunAsPPLBoot, which recent Windows writes when it starts,
is no proof (guides set it by hand); but while it is not 0, nothing is called off.
https://learn.microsoft.com/windows/security/threat-protection/security-policy-settings/network-security-lan-manager-authentication-level
https://learn.microsoft.com/windows-server/security/credentials-protection-and-management/configuring-additional-lsa-protection

Reads: the keys Lsa, Lsa\MSV1_0 and SecurityProviders\WDigest, the policy RunAsPPL (which 11 22H2 brought), of Winlogon
AutoAdminLogon and whether a value DefaultPassword is there (never what is in it), and the system event log.
Needs: nothing for the registry; the event log may need administrator rights.
Absent when: the registry refuses access; lsa_protection also when it is set but the log does not show that it runs.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, as_int, read
from hardencheck.probes.windows.settings import NUMBER, TEXT, Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'lsa' 'SYSTEM\CurrentControlSet\Control\Lsa' LmCompatibilityLevel, NoLMHash, RunAsPPL, RunAsPPLBoot
Registry 'lsa_policy' 'SOFTWARE\Policies\Microsoft\Windows\System' RunAsPPL
Registry 'msv' 'SYSTEM\CurrentControlSet\Control\Lsa\MSV1_0' NtlmMinClientSec, NtlmMinServerSec
Registry 'wdigest' 'SYSTEM\CurrentControlSet\Control\SecurityProviders\WDigest' UseLogonCredential
Registry 'winlogon' 'SOFTWARE\Microsoft\Windows NT\CurrentVersion\Winlogon' AutoAdminLogon, NAMES
Item 'protected' {
  $os = Get-CimInstance -ClassName Win32_OperatingSystem -Property LastBootUpTime
  $since = $os.LastBootUpTime.AddMinutes(-2)
  $wanted = @{ LogName = 'System'; ProviderName = 'Microsoft-Windows-Wininit'; Id = 12; StartTime = $since }
  $events = @()
  try {
    $events = @(Get-WinEvent -FilterHashtable $wanted -MaxEvents 1)
  } catch {
    if (-not $_.FullyQualifiedErrorId.StartsWith('NoMatchingEventsFound', 'Ordinal')) { throw }
  }
  $oldest = @(Get-WinEvent -LogName System -Oldest -MaxEvents 1)
  @{ seen = $events.Count; complete = ($oldest.Count -eq 1 -and $oldest[0].TimeCreated -lt $since) }
}
"""

FACTS: dict[str, JsonSchema] = {
    "lm_compatibility": {"type": "integer"},
    "lm_hashes_kept": {"type": "boolean"},
    "ntlm_client_protected": {"type": "boolean"},
    "ntlm_server_protected": {"type": "boolean"},
    "wdigest_keeps_passwords": {"type": "boolean"},
    "lsa_protection": {"enum": ["running", "off"]},
    "automatic_logon": {"type": "boolean"},
    "password_stored": {"type": "boolean"},
}

#: session security with NTLM version 2 and 128 bits
_NTLM_SESSION = 0x20080000
_NTLM_DEFAULT = 0x20000000
#: the first build in which WDigest keeps no passwords unless it is told to: 8.1 and Server 2012 R2
_WDIGEST_OFF = 9600


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what is done with passwords."""
    section = read(capture)
    facts = Facts()
    level = decide(section, [Place("lsa", "LmCompatibilityLevel", "local")], 3, "version 2 is sent, older are taken")
    facts.add("lm_compatibility", level)
    hashes = decide(section, [Place("lsa", "NoLMHash", "local")], 1, "no LM hashes are kept")
    facts.add("lm_hashes_kept", Setting(hashes.value == 0, hashes.source, hashes.why))
    for fact, name in (("ntlm_client_protected", "NtlmMinClientSec"), ("ntlm_server_protected", "NtlmMinServerSec")):
        demands = decide(section, [Place("msv", name, "local")], _NTLM_DEFAULT, "128 bits, but any version of NTLM")
        strong = not demands.why and demands.value & _NTLM_SESSION == _NTLM_SESSION
        facts.add(fact, Setting(strong, demands.source, demands.why))
    facts.add("wdigest_keeps_passwords", _wdigest(section, context.system.windows.build))
    facts.add("lsa_protection", _lsa_protection(section))
    _automatic_logon(section, facts)
    return facts.observation()


def _wdigest(section: Section, build: int | None) -> Setting:
    default = None if build is None else int(build < _WDIGEST_OFF)
    about = "the build is not known" if default is None else "off" if default == 0 else "on before 8.1 and 2012 R2"
    keeps = decide(section, [Place("wdigest", "UseLogonCredential", "local")], default, about)
    return Setting(keeps.value != 0, keeps.source, keeps.why)


def _lsa_protection(section: Section) -> Setting:
    log = section.item("protected")
    noted = log.value if log.ok and isinstance(log.value, dict) else {}
    seen = as_int(noted.get("seen"))
    if seen:
        return Setting("running", "System log, Wininit event 12 since the last start")
    places = [Place("lsa_policy", "RunAsPPL"), Place("lsa", "RunAsPPL", "local")]
    wished = decide(section, places, 0, "LSASS is not protected")
    if wished.why:
        return wished
    if seen is None:
        return Setting(None, why=log.trouble if not log.ok else "the system log could not be read")
    if wished.value:
        return Setting(None, why=f"{wished.source}, but the system log does not show that it runs; restart due?")
    if noted.get("complete") is not True:
        return Setting(None, why="RunAsPPL is not set, but the system log does not reach back to the last start")
    begun = decide(section, [Place("lsa", "RunAsPPLBoot", "local")], 0)
    if begun.why or begun.value:
        why = "the system log does not show that LSASS runs protected, but RunAsPPLBoot is not 0"
        return Setting(None, why=begun.why or why)
    return Setting("off", wished.source)


def _automatic_logon(section: Section, facts: Facts) -> None:
    place = Place("winlogon", "AutoAdminLogon", "local", TEXT + NUMBER)
    logon = decide(section, [place], "0", "nobody is logged on by itself")
    facts.add("automatic_logon", Setting(str(logon.value).strip() not in ("0", ""), logon.source, logon.why))
    key = section.key("winlogon")
    if isinstance(key, Item) or key.names is None:
        facts.lack("password_stored", key.trouble if isinstance(key, Item) else "the names of the values are not known")
        return
    stored = "defaultpassword" in {name.lower() for name in key.names}
    facts.put("password_stored", stored, f"HKLM\\{key.path}, has {'a' if stored else 'no'} value DefaultPassword")


PROBE = Probe(
    id="windows.credentials",
    title="What Windows does with passwords",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=45,
    max_bytes=32 * 1024,
)
