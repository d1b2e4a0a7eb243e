"""What the loaded firewall lets in, and which listening sockets that exposes.

Reads: `nft list ruleset`; iptables-save of the legacy tables where the kernel has some
(/proc/net/ip_tables_names, ip6_tables_names), of nf_tables where nft cannot show what iptables loaded or is missing;
`ss -lntup` or /proc/net/{tcp,tcp6,udp,udp6}; `ip -o addr`, /sys/class/net, /proc/net/if_inet6 and disable_ipv6;
`systemctl is-enabled` of the usual firewall services.
Needs: root for the ruleset. Nothing is loaded or registered: legacy tables are listed only where they exist.
Facts: ipv4_inbound and ipv6_inbound say what becomes of a new TCP or UDP connection from outside to a port that nobody
opened: `denied`, `open` (more than half of all ports can be reached from anywhere by some interface) or `off` (no
interface speaks IPv6). ipv4_open_ports and ipv6_open_ports are the exceptions (`tcp/22 from 10.0.0.0/8`).
reachable_listeners are sockets and ports handed on to containers (published_ports) that some packet from outside can
reach, as `tcp/22`; listener_details says who listens where. Bridges to the host's own guests are not outside.
enabled_firewall_units start with the system.
Absent when: never. Expressions that cannot be decided make the facts that depend on them missing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import iptables, listeners, nftables
from hardencheck.probes.linux.listeners import Listener
from hardencheck.probes.linux.packet_filter import Admitted, Flow, Ruleset, admitted, merged, shown, translations
from hardencheck.probes.linux.packets import FREE, Network, Packet, ranges
from hardencheck.probes.output import Output, read

SCRIPT = r"""
names() { cat "/proc/net/$1_tables_names" 2>/dev/null; }
listed() {
  text=$("$@") || return
  printf '%s\n' "$text" | sed -e '/^#.*incompatible/b' -e '/^#/d' -e 's/ \[[0-9]*:[0-9]*\]$//'
}
legacy() {
  [ -n "$(names "$1")" ] || { echo none; return 0; }
  if command -v "$1tables-legacy-save" >/dev/null; then listed "$1tables-legacy-save"
  else case $("$1tables" -V 2>&1) in
    *nf_tables*) return 127 ;;
    *) listed "$1tables-save" ;;
  esac
  fi
}
modern() {
  if command -v "$1tables-nft-save" >/dev/null; then listed "$1tables-nft-save"
  else case $("$1tables" -V 2>&1) in
    *nf_tables*) listed "$1tables-save" ;;
    *) return 127 ;;
  esac
  fi
}
flags() {
  text=$(nft -s -t list ruleset) || return
  printf '%s\n' "$text" | sed -n -e '/^table /p' -e '/^.flags /p'
}
support() {
  builtin=/lib/modules/$(uname -r)/modules.builtin
  if grep -q '^nf_tables ' /proc/modules; then echo loaded
  elif [ -r /proc/modules ] && [ -r "$builtin" ] && ! grep -q '/nf_tables\.ko' "$builtin"; then echo none
  else echo unknown
  fi
}
sockets() {
  text=$(ss -lntup) || return
  printf '%s\n' "$text" |
    sed -e 's/,pid=[0-9]*//g' -e 's/,fd=[0-9]*//g' \
      -e 's/^\([a-z]\{1,\}\) *\([A-Z]*\) *[0-9]* *[0-9]* *\([^ ]*\) *[^ ]* *\(.*\)$/\1 \2 \3 \4/' -e 's/ *$//' | sort -u
}
kernel_sockets() {
  cd /proc/net || return
  text=$(
    for table in tcp tcp6 udp udp6; do
      case $table in *6) [ -e "$table" ] || continue ;; esac
      case $table in tcp*) state=0A ;; *) state=07 ;; esac
      awk -v table="$table" -v state="$state" '$4 == state { print table, $2 }' "$table" || exit 1
    done
  ) || return
  printf '%s\n' "$text" | sort -u
}
own() { text=$(ip -o addr show) && printf '%s\n' "$text" | sed 's/\\.*//'; }
units() {
  command -v systemctl >/dev/null || return 127
  for unit in nftables firewalld ufw iptables ip6tables netfilter-persistent SuSEfirewall2; do
    printf '%s %s\n' "$unit" "$(systemctl is-enabled "$unit.service" 2>/dev/null)"
  done
}
rules=$(nft -s -j list ruleset)
status=$?
if [ "$status" = 0 ] && [ "${#rules}" -gt 600000 ]; then
  rules=terse$(nft -s -t -j list ruleset)
  status=$?
fi
[ "$status" = 0 ] || rules=
given() { printf '%s' "$rules"; return "$status"; }
run nft given
case $rules in
  '') run nf_tables support; run ip_nft modern ip; run ip6_nft modern ip6 ;;
  *'"xt"'*) run ip_nft modern ip; run ip6_nft modern ip6 ;;
esac
case $rules in *'"flags"'*) run table_flags flags ;; esac
files /proc/net/ip_tables_names /proc/net/ip6_tables_names /proc/net/if_inet6
run ip_legacy legacy ip
run ip6_legacy legacy ip6
if command -v ss >/dev/null; then run ss sockets; else run kernel_sockets kernel_sockets; fi
run proc ls -d /proc/net/dev
run addresses own
run interfaces ls /sys/class/net
run disable_ipv6 grep -H . /proc/sys/net/ipv6/conf/*/disable_ipv6
run units units
"""

FACTS: dict[str, JsonSchema] = {
    "ipv4_inbound": {"type": "string", "enum": ["denied", "open"]},
    "ipv6_inbound": {"type": "string", "enum": ["denied", "open", "off"]},
    "ipv4_open_ports": {"type": "array", "items": {"type": "string"}},
    "ipv6_open_ports": {"type": "array", "items": {"type": "string"}},
    "reachable_listeners": {"type": "array", "items": {"type": "string"}},
    "listener_details": {"type": "array", "items": {"type": "string"}},
    "published_ports": {"type": "array", "items": {"type": "string"}},
    "enabled_firewall_units": {"type": "array", "items": {"type": "string"}},
}

#: a firewall that lets more than this many ports in from anywhere denies nothing by default
HALF = 32768
#: interfaces that the host makes for its own guests
_GUESTS = re.compile(
    r"lo|docker\d+|docker_gwbridge|br-[0-9a-f]{12}|virbr\d+|(veth|vnet|cali|lxc|cni|podman|flannel|lxdbr|incusbr)\S*"
)
_PROTOCOLS = ("tcp", "udp")
_SHOWN = 100


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what the kernel's ruleset lets in, walked with a packet from outside (hooks prerouting and input)."""
    output = read(capture)
    ruleset = _ruleset(output, privileged=context.system.privileged)
    where = _addresses(output)
    outside = sorted(name for name in where if not _GUESTS.fullmatch(name))
    own = tuple(address for name, found in where.items() if name != "lo" for address in found)
    view = _View(ruleset, outside, own)
    found = _Found({}, {}, {})
    ipv6_off = _ipv6_off(output, where)
    for family in (4, 6):
        _inbound(found, view, family, off=family == 6 and ipv6_off)
    _listeners(found, view, output, (4,) if ipv6_off else (4, 6))
    if output.run("units").status == 0:
        lines = [line.split() for line in output.run("units").lines]
        found.facts["enabled_firewall_units"] = [words[0] for words in lines if words[1:] == ["enabled"]]
    else:
        found.missing["enabled_firewall_units"] = "systemctl is not installed"
    return Observation.of(found.facts, found.read_from, found.missing)


@dataclass(frozen=True, slots=True)
class _Found:
    facts: dict[str, object]
    read_from: dict[str, str]
    missing: dict[str, str]


class _View:
    """The ruleset as seen from each outside interface; "" stands for an interface that is not there yet."""

    def __init__(self, ruleset: Ruleset, outside: list[str], own: tuple[Network, ...]) -> None:
        self.ruleset = ruleset
        self.outside = outside
        self.own = own
        self._seen: dict[Packet, Admitted] = {}

    def packet(self, family: int, protocol: str, interface: str) -> Packet:
        return Packet(family, protocol, interface, self.own)

    def by(self, family: int, protocol: str, interface: str) -> Admitted:
        packet = self.packet(family, protocol, interface)
        if packet not in self._seen:
            self._seen[packet] = admitted(self.ruleset, packet)
        return self._seen[packet]

    def outer(self, family: int, protocol: str) -> Flow:
        """Return which ports outsiders can knock at, by any interface that is there."""
        return merged(self.by(family, protocol, name).outer for name in self.outside or [""])

    def flow(self, family: int, protocol: str, interface: str = "") -> Flow:
        """Return what comes in by one interface, or by any that is there."""
        names = [interface] if interface else self.outside or [""]
        return merged(self.by(family, protocol, name).flow for name in names)


def _ruleset(output: Output, *, privileged: bool) -> Ruleset:
    """Load every listing; what could not be listed is named in `unseen`."""
    ruleset = Ruleset()
    listing = output.run("nft")
    if listing.status == 0:
        text = listing.text.removeprefix("terse")
        flags = output.runs["table_flags"].lines if "table_flags" in output.runs else []
        foreign = nftables.load(text, ruleset, flags, terse=text != listing.text)
        if foreign:
            saved = Ruleset()
            _iptables(output, saved)
            nftables.replaced(ruleset, foreign, saved)
    elif not privileged:
        ruleset.unseen.append("listing the loaded rules needs root")
    elif listing.missing:
        _iptables(output, ruleset)
        if output.run("nf_tables").text.strip() != "none":
            ruleset.unseen.append("nft is not installed, so what nf_tables holds cannot be listed")
    else:
        ruleset.unseen.append(f"nft list ruleset failed (status {listing.status})")
    for family, name in ((4, "ip"), (6, "ip6")):
        _legacy(output, ruleset, family, name)
    return ruleset


def _iptables(output: Output, ruleset: Ruleset) -> None:
    for family, name in ((4, "ip"), (6, "ip6")):
        listing = output.run(f"{name}_nft")
        if listing.status == 0:
            skipped = iptables.load(listing.text, family, ruleset)
            ruleset.unseen += [f"{name}tables cannot list table {table}" for table in skipped]


def _legacy(output: Output, ruleset: Ruleset, family: int, name: str) -> None:
    path, listing = f"/proc/net/{name}_tables_names", output.run(f"{name}_legacy")
    if path in output.absent and output.run("proc").status == 0:
        return
    if path not in output.files:
        ruleset.unseen.append(f"{path} could not be read")
    elif output.files[path].strip() and (listing.status != 0 or not listing.text.strip()):
        ruleset.unseen.append(f"{name}tables-legacy-save could not list the legacy tables")
    elif output.files[path].strip() and listing.text.strip() != "none":
        iptables.load(listing.text, family, ruleset, "legacy ")


def _addresses(output: Output) -> dict[str, list[Network]]:
    where = listeners.addresses(output.run("addresses").lines)
    if output.run("interfaces").status == 0:
        for name in output.run("interfaces").text.split():
            if name != "bonding_masters":
                where.setdefault(name, [])
    return where


def _ipv6_off(output: Output, where: dict[str, list[Network]]) -> bool:
    """Whether no interface speaks IPv6: the kernel lacks it, or it is disabled everywhere and no address is left."""
    path = "/proc/net/if_inet6"
    if path in output.absent:
        return output.run("proc").status == 0 and output.run("disable_ipv6").status != 0
    if path not in output.files or any(line.split()[-1] != "lo" for line in output.files[path].splitlines()):
        return False
    lines = [line.rpartition(":") for line in output.run("disable_ipv6").lines]
    switches = {path.split("/")[-2]: value for path, _, value in lines}
    return bool(switches) and all(switches.get(name) == "1" for name in {*where, *switches, "all"} - {"lo"})


def _inbound(found: _Found, view: _View, family: int, *, off: bool) -> None:
    name, ports = f"ipv{family}_inbound", f"ipv{family}_open_ports"
    if off:
        found.facts.update({name: "off", ports: []})
        found.read_from[name] = "/proc/net/if_inet6, net.ipv6.conf.*.disable_ipv6"
        return
    wide, doubts = _wide(view, family)
    unsure = _unsure(view.ruleset)
    if not wide and not doubts:
        found.facts[name] = "denied"
        hooked = [f"{chain.table} {chain.name}" for chain in view.ruleset.hooked("input", family)]
        found.read_from[name] = "loaded chains at the input hook: " + ", ".join(hooked)
    elif unsure or not wide:
        found.missing[name] = "; ".join(unsure or doubts)
    else:
        found.facts[name] = "open"
        found.read_from[name] = "the loaded ruleset: " + "; ".join(wide[:3])
    if unsure:
        found.missing[ports] = "; ".join(unsure)
    else:
        found.facts[ports] = [
            item for protocol in _PROTOCOLS for item in shown(protocol, view.outer(family, protocol))
        ][:_SHOWN]


def _wide(view: _View, family: int) -> tuple[list[str], list[str]]:
    """Return what lets more than half of all ports in from anywhere, and the doubts that may do so."""
    wide, doubts = [], []
    for interface in (*view.outside, ""):
        for protocol in _PROTOCOLS:
            seen = view.by(family, protocol, interface)
            if seen.flow.get(FREE, 0).bit_count() > HALF:
                wide += [grant.text for grant in seen.grants if grant.tags == FREE and grant.ports.bit_count() > 1024]
                wide += [] if wide else ["no chain is loaded at the input hook"]
                continue
            certain = merged({FREE: ports} for tags, ports in seen.flow.items() if not tags.origins)
            if certain.get(FREE, 0).bit_count() > HALF:
                doubts += [f"cannot decide: {text}" for tags in seen.flow for text in sorted(tags.doubts)]
    return list(dict.fromkeys(wide)), list(dict.fromkeys(doubts))


def _listeners(found: _Found, view: _View, output: Output, families: tuple[int, ...]) -> None:
    names = ("reachable_listeners", "listener_details", "published_ports")
    if "ss" in output.runs and output.run("ss").status == 0:
        sockets, source = listeners.from_ss(output.run("ss").lines), "ss -lntup"
    elif "kernel_sockets" in output.runs and output.run("kernel_sockets").status == 0:
        sockets, source = listeners.from_kernel(output.run("kernel_sockets").lines), "/proc/net/{tcp,tcp6,udp,udp6}"
    else:
        found.missing.update(dict.fromkeys(names, "neither ss nor /proc/net shows the listening sockets"))
        return
    sockets = [socket for socket in sockets if socket.outside and not _guest(socket.interface)]
    if view.ruleset.unseen:
        found.missing.update(dict.fromkeys(names, "; ".join(view.ruleset.unseen)))
        return
    doubts, reached = [], []
    for socket in sockets:
        admits, why = _reaches(view, socket, families)
        reached += [socket] if admits else []
        doubts += why
    doubts += _unsure(view.ruleset) if reached else []
    published = _published(view, families)
    found.facts["published_ports"] = published
    if doubts:
        found.missing.update(dict.fromkeys(names[:2], "; ".join(dict.fromkeys(doubts))))
        return
    items = {socket.item for socket in reached} | {item.split()[0] for item in published}
    found.facts["reachable_listeners"] = sorted(items, key=_order)
    found.facts["listener_details"] = [str(socket) for socket in reached]
    shown_here = [*map(str, reached), *(f"{item} (handed on)" for item in published)]
    found.read_from["reachable_listeners"] = "; ".join([source, *shown_here])


def _unsure(ruleset: Ruleset) -> list[str]:
    """Return what may close ports beyond the chains that were walked."""
    return [*ruleset.unseen, *(f"{chain} drops packets at ingress" for chain in ruleset.early)]


def _guest(interface: str) -> bool:
    return bool(interface) and _GUESTS.fullmatch(interface) is not None


def _reaches(view: _View, socket: Listener, families: tuple[int, ...]) -> tuple[bool, list[str]]:
    """Return whether some packet from outside reaches a socket, else the doubts that leave it open."""
    doubts: list[str] = []
    for family in set(socket.families) & set(families):
        for tags, ports in view.flow(family, socket.protocol, socket.interface).items():
            if ports >> socket.port & 1:
                if not tags.doubts:
                    return True, []
                doubts += [f"cannot decide for {socket.item}: {text}" for text in sorted(tags.doubts)]
    return False, doubts


def _published(view: _View, families: tuple[int, ...]) -> list[str]:
    """Return the ports that address translation hands on to another address."""
    found = set()
    for family in families:
        for protocol in _PROTOCOLS:
            for interface in view.outside or [""]:
                for one in translations(view.ruleset, view.packet(family, protocol, interface)):
                    for first, last in ranges(one.ports) if one.target else ():
                        name = str(first) if first == last else f"{first}-{last}"
                        to_port = ranges(one.to_ports)[0][0]
                        suffix = f":{to_port}" if one.to_ports.bit_count() == 1 else ""
                        found.add(f"{protocol}/{name} to {one.target}{suffix}")
    return sorted(found, key=_order)


def _order(item: str) -> tuple[str, int]:
    protocol, _, rest = item.partition("/")
    return protocol, int(re.split(r"[- ]", rest)[0])


PROBE = Probe(
    id="linux.firewall",
    title="Loaded firewall rules and the listening sockets that they expose",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    seconds=20,
    max_bytes=1024 * 1024,
)
