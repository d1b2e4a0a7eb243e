r"""How people reach the desktop over the network (RDP): what is asked of them before it, and how it is protected.

For each setting the group policy goes before the listener's own value. Network Level Authentication counts only with a
security layer that can carry it: RDP's own layer (0) cannot. What a session sends is protected by TLS when the layer
demands it (2), or when Network Level Authentication does, which runs inside TLS; otherwise by RDP's own encryption,
of which only the level 3 and above has 128 bits both ways.
https://learn.microsoft.com/windows/win32/termserv/win32-tsgeneralsetting
https://learn.microsoft.com/windows/client-management/mdm/policy-csp-remotedesktopservices

Reads: the policy key Terminal Services, Terminal Server\fDenyTSConnections and the listener WinStations\RDP-Tcp. Time
limits of single users, and other listeners than RDP-Tcp (a second one, those of other products), are not looked at.
Needs: nothing.
Absent when: the registry refuses access. Without Remote Desktop the question has no meaning.
"""

from __future__ import annotations

from collections.abc import Sequence

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.powershell import Item, Section, read
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = r"""
Registry 'policy' 'SOFTWARE\Policies\Microsoft\Windows NT\Terminal Services' fDenyTSConnections, UserAuthentication, `
  SecurityLayer, MinEncryptionLevel, fEncryptRPCTraffic, fPromptForPassword, MaxIdleTime, MaxDisconnectionTime
Registry 'server' 'SYSTEM\CurrentControlSet\Control\Terminal Server' fDenyTSConnections
Registry 'listener' 'SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp' UserAuthentication, `
  SecurityLayer, MinEncryptionLevel, fPromptForPassword, MaxIdleTime, MaxDisconnectionTime, fInheritMaxIdleTime, `
  fInheritMaxDisconnectionTime
"""

_MINUTES: JsonSchema = {"type": ["integer", "null"]}
FACTS: dict[str, JsonSchema] = {
    "login_before_session": {"type": "boolean"},
    "protection": {"enum": ["tls", "rdp high", "rdp low"]},
    "encryption_level": {"type": "integer"},
    "rpc_encrypted": {"type": "boolean"},
    "password_prompted": {"type": "boolean"},
    "idle_minutes": _MINUTES,
    "disconnected_minutes": _MINUTES,
}

_UNSAID = "neither the policy nor the listener says so"
#: MinEncryptionLevel: low, client compatible, high, FIPS
_LEVELS = (1, 2, 3, 4)
_HIGH = 3
#: SecurityLayer: RDP's own, negotiated, TLS
_LAYERS = (0, 1, 2)
_NEGOTIATED, _TLS = 1, 2


def parse(capture: Capture, context: Context) -> Observation:
    """Yield how Remote Desktop is protected, where it is allowed at all."""
    section = read(capture)
    denied = decide(
        section,
        [Place("policy", "fDenyTSConnections"), Place("server", "fDenyTSConnections", "local")],
        None,
        "nothing says whether Remote Desktop is allowed",
    )
    if denied.why:
        return Observation.not_collected(denied.why)
    if denied.value != 0:
        return Observation.not_applicable(f"Remote Desktop is off ({denied.source})")
    facts = Facts()
    required, layer = _setting(section, "UserAuthentication"), _named(_setting(section, "SecurityLayer"), _LAYERS)
    level = _named(_setting(section, "MinEncryptionLevel"), _LEVELS)
    facts.add("login_before_session", _login(required, layer))
    facts.add("protection", _protection(required, layer, level))
    facts.add("encryption_level", level)
    rpc = decide(section, [Place("policy", "fEncryptRPCTraffic")], 0, "unencrypted requests are taken, too")
    facts.add("rpc_encrypted", Setting(rpc.value == 1, rpc.source, rpc.why))
    prompted = _listener(section, "fPromptForPassword", 0, "a saved password is taken")
    facts.add("password_prompted", Setting(prompted.value == 1, prompted.source, prompted.why))
    facts.add("idle_minutes", _minutes(section, "MaxIdleTime"))
    facts.add("disconnected_minutes", _minutes(section, "MaxDisconnectionTime"))
    return facts.observation()


def _setting(section: Section, name: str) -> Setting:
    return decide(section, [Place("policy", name), Place("listener", name, "local")], None, f"{name}: {_UNSAID}")


def _named(setting: Setting, numbers: Sequence[int]) -> Setting:
    if setting.why or setting.value in numbers:
        return setting
    return Setting(None, why=f"{setting.source}: {setting.value} is none of the numbers that Microsoft names")


def _listener(section: Section, name: str, default: int, about: str) -> Setting:
    """Return a setting that has a default; without the key of the listener that has another name it is unknown."""
    setting = _setting(section, name)
    key = section.key("listener")
    if not setting.why or isinstance(key, Item) or key.get(name) is not None:
        return setting
    if not key.exists:
        return Setting(None, why=f"HKLM\\{key.path} is absent: the listener has another name")
    return decide(section, [Place("policy", name)], default, about)


def _login(required: Setting, layer: Setting) -> Setting:
    if required.why or required.value != 1:
        return Setting(False, required.source, required.why)
    if layer.why:
        return layer
    return Setting(layer.value > 0, required.source if layer.value > 0 else f"{layer.source}: it cannot carry it")


def _protection(required: Setting, layer: Setting, level: Setting) -> Setting:
    if layer.why:
        return layer
    if layer.value == _TLS:
        return Setting("tls", layer.source)
    if required.why:
        return required
    if layer.value == _NEGOTIATED and required.value == 1:
        return Setting("tls", required.source)
    if level.why:
        return level
    return Setting("rdp high" if level.value >= _HIGH else "rdp low", level.source)


def _minutes(section: Section, name: str) -> Setting:
    """Return a time limit that holds for everyone in whole minutes, rounded up; null when there is none."""
    policy = decide(section, [Place("policy", name)], -1)
    if policy.why:
        return policy
    if policy.value != -1:
        return _limit(policy)
    inherit = _listener(section, f"fInherit{name}", 1, "each user's own settings decide")
    if inherit.why or inherit.value != 0:
        return Setting(None, f"{inherit.source.partition(',')[0]}: each user's own settings decide", inherit.why)
    own = _listener(section, name, 0, "no limit")
    return own if own.why else _limit(own)


def _limit(setting: Setting) -> Setting:
    return Setting(-(-setting.value // 60_000) or None, setting.source)


PROBE = Probe(
    id="windows.remote_desktop",
    title="Remote Desktop",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=16 * 1024,
)
