"""The ruleset that the kernel holds, and the interfaces and addresses of the host: what to run, and how to load it."""

from __future__ import annotations

import ipaddress

from hardencheck.probes.linux import iptables, listeners, nftables
from hardencheck.probes.linux.firewall_view import guest
from hardencheck.probes.linux.packet_filter import Ruleset
from hardencheck.probes.linux.packets import Network
from hardencheck.probes.output import Output

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
files /proc/net/ip_tables_names /proc/net/ip6_tables_names /proc/net/if_inet6 /proc/net/ip_vs
run ip_legacy legacy ip
run ip6_legacy legacy ip6
if command -v ss >/dev/null; then run ss sockets; else run kernel_sockets kernel_sockets; fi
run proc ls -d /proc/net/dev
run addresses own
run interfaces ls /sys/class/net
# shellcheck disable=SC2016 # the dollar signs are awk's
run uplinks awk '$2 == "00000000" && $8 == "00000000" { print $1 }' /proc/net/route
run disable_ipv6 grep -H . /proc/sys/net/ipv6/conf/*/disable_ipv6
"""


def ruleset(output: Output, *, privileged: bool) -> Ruleset:
    """Load every listing; what could not be listed is named in the ruleset's `unseen`."""
    loaded = Ruleset()
    listing = output.run("nft")
    if listing.status == 0:
        text = listing.text.removeprefix("terse")
        flags = output.runs["table_flags"].lines if "table_flags" in output.runs else []
        foreign = nftables.load(text, loaded, flags, terse=text != listing.text)
        if foreign:
            saved = Ruleset()
            _iptables(output, saved)
            nftables.replaced(loaded, foreign, saved)
    elif not privileged:
        loaded.unseen.append("listing the loaded rules needs root")
    elif listing.missing:
        _iptables(output, loaded)
        if output.run("nf_tables").text.strip() != "none":
            loaded.unseen.append("nft is not installed, so what nf_tables holds cannot be listed")
    else:
        loaded.unseen.append(f"nft list ruleset failed (status {listing.status})")
    for family, name in ((4, "ip"), (6, "ip6")):
        _legacy(output, loaded, family, name)
    return loaded


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


def addresses(output: Output) -> dict[str, list[Network]]:
    """Return the host's addresses per interface, also of interfaces without any."""
    where = listeners.addresses(output.run("addresses").lines)
    if output.run("interfaces").status == 0:
        for name in output.run("interfaces").text.split():
            if name != "bonding_masters":
                where.setdefault(name, [])
    return where


def outside(output: Output, where: dict[str, list[Network]]) -> list[str]:
    """Return the interfaces that lead outside: all but those for guests; one with the default route leads there too."""
    uplinks = set(output.run("uplinks").lines) if "uplinks" in output.runs else set()
    return sorted(name for name in where if not guest(name) or name in uplinks)


def ipv6_off(output: Output, where: dict[str, list[Network]]) -> bool:
    """Whether no interface speaks IPv6: the kernel lacks it, or it is disabled everywhere and no address is left."""
    path = "/proc/net/if_inet6"
    if path in output.absent:
        return output.run("proc").status == 0 and output.run("disable_ipv6").status != 0
    if path not in output.files or any(line.split()[-1] != "lo" for line in output.files[path].splitlines()):
        return False
    lines = [line.rpartition(":") for line in output.run("disable_ipv6").lines]
    switches = {path.split("/")[-2]: value for path, _, value in lines}
    return bool(switches) and all(switches.get(name) == "1" for name in {*where, *switches, "all"} - {"lo"})


def subnets(output: Output) -> dict[str, list[Network]]:
    """Return the networks that each interface is in, by its addresses' prefixes."""
    found: dict[str, list[Network]] = {}
    for line in output.run("addresses").lines:
        words = line.split()
        if len(words) > 3 and words[2] in ("inet", "inet6"):
            found.setdefault(words[1].partition("@")[0], []).append(ipaddress.ip_network(words[3], strict=False))
    return found
