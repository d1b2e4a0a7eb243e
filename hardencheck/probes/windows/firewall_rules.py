"""What the rules of the Windows firewall open to everybody: the whole machine, or remote administration on Public.

Reads: the rules in the registry (made on the host, by group policy, by device management), and which of them each
profile heeds (see windows.firewall). A rule counts when it is active and lets anybody in, unless another one blocks the
same for everybody. Ports of remote administration are those of SSH, RPC, SMB, Remote Desktop (also where it was moved
to another port) and WinRM; a domain controller must offer RPC and SMB, whatever the profile. Rules that certainly open
nothing of these stay on the host, which says how many they are: those that are switched off, for outgoing traffic, for
store apps, and for all ports of one other program.
https://learn.microsoft.com/openspecs/windows_protocols/ms-gpfas/2efe0b76-7b4a-41ff-9050-1023f8196d16
Needs: nothing on most systems; what is refused is missing.
Absent when: a store cannot be read, or holds a rule whose effect is not known here (for a certain interface, or of a
newer grammar) and that would open what is asked about, unless another rule opens it for certain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe, WindowsSystem
from hardencheck.probes.powershell import Item, Section, read
from hardencheck.probes.windows import firewall_profiles
from hardencheck.probes.windows.firewall_grammar import ANY_PROTOCOL, TCP, UDP, FirewallRule, RuleUnreadable, read_rule
from hardencheck.probes.windows.firewall_profiles import Profile
from hardencheck.probes.windows.settings import Facts, Place, Setting, decide

SCRIPT = (
    firewall_profiles.SCRIPT
    + r"""
$off = '\A(?=.*\|active=false(\||\z))(?!.*\|active=true(\||\z))'
$outgoing = '\A(?=.*\|dir=out(\||\z))(?!.*\|dir=in(\||\z))'
$package = '\A(?!.*\|(apppkgid|pfn)=\s*(\||\z)).*\|(apppkgid=s-1-15-2-[0-9]|pfn=[^|]+_[0-9a-z]{13}(\||\z))'
$other = '\A(?!.*\|lport)(?!.*\|app=.*\|app=)' +
  '.*\|app=[^|]*\\(?!(svchost|sshd|ntoskrnl)\.exe(\||\z))[^\\/|]+\.exe(\||\z)'
$idle = '(?s)' + ($off, $outgoing, $package, $other -join '|')
Registry 'rules local' "$firewall\FirewallRules" '*' -Without $idle
Registry 'rules mdm' "$firewall\Mdm\FirewallRules" '*' -Without $idle
Registry 'rules policy' "$policy\FirewallRules" '*' -Without $idle
Registry 'desktop' 'SYSTEM\CurrentControlSet\Control\Terminal Server\WinStations\RDP-Tcp' 'PortNumber'
Registry 'old desktop' "$policy\StandardProfile\Services\RemoteDesktop" 'Enabled'
Registry 'old files' "$policy\StandardProfile\Services\FileAndPrint" 'Enabled'
Registry 'old administration' "$policy\StandardProfile\RemoteAdminSettings" 'Enabled'
Registry 'old ports' "$policy\StandardProfile\GloballyOpenPorts\List" '*'
"""
)

PARAMETERS: dict[str, JsonSchema] = {
    "windows_public_ports_allowed": {"type": "array", "items": {"type": "string", "pattern": "^tcp/[0-9]+$"}},
}
FACTS: dict[str, JsonSchema] = {
    "open_to_everybody": {"type": "array", "items": {"type": "string"}},
    "public_admin_ports": {"type": "array", "items": {"type": "string"}},
}

_KERNEL = frozenset({"", "system", "ntoskrnl.exe"})
_Answering = tuple[frozenset[str], frozenset[str]]
_DESKTOP: _Answering = (frozenset({"", "svchost.exe"}), frozenset({"", "termservice"}))
_DESKTOP_PORT, _SSH = 3389, 22
#: port -> programs and services that answer there; a rule for another program opens nothing of it
_ADMIN: Mapping[int, _Answering] = {
    _SSH: (frozenset({"", "sshd.exe"}), frozenset({"", "sshd"})),
    135: (frozenset({"", "svchost.exe"}), frozenset({"", "rpcss"})),
    139: (_KERNEL, frozenset({""})),
    445: (_KERNEL, frozenset({""})),
    _DESKTOP_PORT: _DESKTOP,
    5985: (_KERNEL, frozenset({""})),
    5986: (_KERNEL, frozenset({""})),
}
_OF_CONTROLLERS = (135, 139, 445)
_ENDPOINT_MAPPER = "rpc-epmap"
_STORES = ("local", "mdm", "policy")
_SHOWN = 20
_NOT_TOLD = "whether the host belongs to a domain is not known"


@dataclass(frozen=True, slots=True)
class _Stored:
    """One rule with where it is stored and the profiles that heed it."""

    rule: FirewallRule
    where: str
    heeded: frozenset[str]


@dataclass(slots=True)
class _Found:
    """What was found of one fact: what is wrong and where that was read, and what could not be decided."""

    bad: dict[str, str] = field(default_factory=dict)
    unclear: list[str] = field(default_factory=list)

    def tell(self, facts: Facts, name: str, source: str) -> None:
        """Put the fact, or say why it is missing."""
        if self.unclear and not self.bad:
            facts.lack(name, "; ".join(sorted(set(self.unclear))[:5]))
        else:
            sources = sorted(set(self.bad.values()))
            facts.put(name, sorted(self.bad)[:_SHOWN], "; ".join(sources[:_SHOWN]) or source)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the rules that open everything, and the ports of remote administration that are open on Public."""
    section, system = read(capture), context.system.windows
    profiles = firewall_profiles.profiles(section, system)
    other = firewall_profiles.other(section, system)
    whole, ports = _Found(), _Found()
    desktop = _desktop(section)
    admin = {desktop.value: _DESKTOP, **_ADMIN} if desktop.value else _ADMIN
    for profile in profiles:
        closed = firewall_profiles.replaced(firewall_profiles.effective(profile, section), other)
        counts = firewall_profiles.joined_unless_told(profile, system)
        if closed.value is False:
            if counts:
                whole.bad[f"the whole {profile.name} profile"] = f"{profile.name}: {closed.source}"
            else:
                whole.unclear.append(f"{profile.name}: {_NOT_TOLD}")
            if profile.name == "public":
                ports.bad |= {f"tcp/{port}": f"the public profile is open: {closed.source}" for port in admin}
        elif closed.why:
            whole.unclear.append(f"{profile.name}: {closed.why}")
            ports.unclear += [f"{profile.name}: {closed.why}"] if profile.name == "public" else []
    # what another firewall lets in is not written in these rules
    rules, troubles = _rules(section, [] if other.name else profiles)
    whole.unclear += troubles
    ports.unclear += troubles + list(_old_policies(section)) + ([desktop.why] if desktop.why else [])
    _judge(rules, whole, ports, admin, joined=system.joined is True)
    _forgive(ports, system, context.values.get("windows_public_ports_allowed", ()))
    facts = Facts()
    source = f"{len(rules)} active rules for incoming traffic in the registry"
    source += f"; {left} others open nothing of these" if (left := _left_out(section)) else ""
    whole.tell(facts, "open_to_everybody", source)
    ports.tell(facts, "public_admin_ports", source)
    return facts.observation()


def _rules(section: Section, profiles: Sequence[Profile]) -> tuple[list[_Stored], list[str]]:
    """Return the active rules for incoming traffic, and what could not be read."""
    rules: list[_Stored] = []
    troubles: list[str] = []
    heeding = {profile.name for profile in profiles if profile.rules.value is not False}
    by_local = {profile.name for profile in profiles if profile.local.value is not False}
    for store in _STORES:
        key = section.key(f"rules {store}")
        if isinstance(key, Item):
            troubles.append(key.trouble)
            continue
        if not key.exists and store == "local":
            troubles.append(f"HKLM\\{key.path} was not found")
        heeded = frozenset(heeding & by_local if store == "local" else heeding)
        for name, value in sorted(key.values.items()):
            try:
                rule = read_rule(value.data if isinstance(value.data, str) else "")
            except RuleUnreadable as error:
                troubles += [] if _idle(value.data) else [f"rule {name} ({store}): {error}"]
                continue
            if rule.active and rule.inbound and heeded & rule.profiles:
                label = f" ({rule.label})" if rule.label and not rule.label.startswith("@") else ""
                rules.append(_Stored(rule, f"rule {name}{label}, {store} store", heeded & rule.profiles))
    for profile in profiles:
        troubles += [f"{profile.name}: {part.why}" for part in (profile.rules, profile.local) if part.why]
    return rules, troubles


def _idle(text: object) -> bool:
    """Whether a rule that cannot be read certainly lets nothing in."""
    words = f"|{text}|".lower()
    return ("|dir=out|" in words and "|dir=in|" not in words) or (
        "|active=false|" in words and "|active=true|" not in words
    )


def _judge(
    rules: Sequence[_Stored], whole: _Found, ports: _Found, admin: Mapping[int, _Answering], *, joined: bool
) -> None:
    blocks = [one for one in rules if one.rule.action == "block" and one.rule.unlimited and _for_everybody(one.rule)]
    for one in rules:
        if one.rule.action != "allow" or not _for_everybody(one.rule, programs=False):
            continue
        if _opens_all(one.rule) and (open_in := _kept(one, blocks, None)):
            if joined or open_in != {"domain"}:
                _note(whole, one, f"{one.where}: {', '.join(sorted(open_in))}")
            else:
                whole.unclear.append(f"{one.where}: {_NOT_TOLD}")
        for port, answering in admin.items():
            if _opens(one.rule, port, answering) and "public" in _kept(one, blocks, port):
                _note(ports, one, f"tcp/{port}")


def _note(found: _Found, one: _Stored, what: str) -> None:
    if one.rule.uncertain:
        found.unclear.append(f"{one.where}: the effect of {', '.join(sorted(one.rule.uncertain))} is not known")
    else:
        found.bad.setdefault(what, one.where)


def _for_everybody(rule: FirewallRule, *, programs: bool = True) -> bool:
    """Whether a rule is for every sender and user, and, unless told otherwise, for every program."""
    anything = not (rule.program or rule.service) or not programs
    return rule.everybody and not rule.narrowed and anything


def _opens_all(rule: FirewallRule) -> bool:
    every = rule.nearly_every_port and rule.protocol in (ANY_PROTOCOL, TCP, UDP)
    return every and not (rule.program or rule.service)


def _opens(rule: FirewallRule, port: int, answering: _Answering) -> bool:
    programs, services = answering
    program = rule.program.replace("/", "\\").rpartition("\\")[2].lower()
    by_number = rule.covers(port) and (rule.ports is not None or not rule.keywords)
    if not rule.speaks(TCP):
        return False
    if port == _SSH and by_number and rule.ports is not None:
        return True  # there are many programs for SSH, and nothing else has business on its port
    if program not in programs or rule.service.lower() not in services:
        return False
    return by_number or (port == 135 and _ENDPOINT_MAPPER in rule.keywords)


def _desktop(section: Section) -> Setting:
    """Return the port of Remote Desktop; 0 for a number that is none."""
    port = decide(section, [Place("desktop", "PortNumber", "local")], _DESKTOP_PORT, "Remote Desktop was not moved")
    return port if port.why or 0 < port.value < 2**16 else Setting(0)


def _left_out(section: Section) -> int:
    keys = (section.key(f"rules {store}") for store in _STORES)
    return sum(key.left_out for key in keys if not isinstance(key, Item))


def _kept(one: _Stored, blocks: Sequence[_Stored], port: int | None) -> frozenset[str]:
    """Return the profiles in which no rule blocks what this one opens (one port, or everything); blocking wins."""
    left = set(one.heeded)
    for block in blocks:
        same = block.rule.speaks(one.rule.protocol if port is None else TCP)
        reach = block.rule.ports is None and not block.rule.keywords
        if same and (reach or (port is not None and block.rule.ports is not None and block.rule.covers(port))):
            left -= block.heeded
    return frozenset(left)


def _old_policies(section: Section) -> Iterator[str]:
    """Say which policies of Windows XP's time are set, that open ports without being rules."""
    for name in ("old desktop", "old files", "old administration", "old ports"):
        key = section.key(name)
        if isinstance(key, Item):
            yield key.trouble
        elif name == "old ports" and key.values:
            yield f"HKLM\\{key.path} opens ports"
        elif (enabled := key.get("Enabled")) and enabled.data != 0:
            yield f"HKLM\\{key.path}\\Enabled is set"


def _forgive(ports: _Found, system: WindowsSystem, allowed: Sequence[str]) -> None:
    """Leave out the ports that the site allows, and those that a domain controller is there for."""
    for port in _OF_CONTROLLERS if system.role in ("domain_controller", None) else ():
        where = ports.bad.pop(f"tcp/{port}", "")
        if where and system.role is None:
            ports.unclear.append(f"{where}: whether this is a domain controller is not known")
    for name in allowed:
        ports.bad.pop(name, None)


PROBE = Probe(
    id="windows.firewall_rules",
    title="What the rules of the Windows firewall open to everybody",
    platform=Platform.WINDOWS,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=60,
    max_bytes=768 * 1024,
    parameters=PARAMETERS,
)
