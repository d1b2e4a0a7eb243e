"""What the rules deny that the next start of the system loads: the services that load rules, and what they would load.

Each service that starts with the system yields the ruleset of its own files. With several, and where one of them may
wipe what the other loaded (`flush ruleset`, the same tables, firewalld's Conflicts=), each of them alone must deny.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hardencheck.probes.linux import firewalld
from hardencheck.probes.linux.boot_rules import LOADERS, Loaded, NotUnderstood
from hardencheck.probes.linux.firewall_view import PROTOCOLS, Found, Verdict, View
from hardencheck.probes.linux.packet_filter import Ruleset, shown
from hardencheck.probes.linux.packets import ALL_PORTS, FREE
from hardencheck.probes.output import Output

SCRIPT = r"""
newline='
'
listed=$(systemctl list-unit-files --no-legend --no-pager systemd-journald.service nftables.service firewalld.service \
  ufw.service iptables.service ip6tables.service netfilter-persistent.service SuSEfirewall2.service \
  SuSEfirewall2_init.service shorewall.service shorewall6.service ferm.service firehol.service csf.service apf.service \
  arno-iptables-firewall.service iptables-persistent.service 2>/dev/null)
run boot_units printf '%s\n' "$listed"
enabled=' '
IFS=$newline
for line in $listed; do
  state=${line#*.service}
  state=${state#"${state%%[! ]*}"}
  case $line/$state in
    systemd-*) ;;
    */enabled | */'enabled '*) enabled="$enabled${line%%.service*} " ;;
  esac
done
unset IFS
set --
for unit in $enabled; do
  for folder in /etc /run /usr/local/lib /usr/lib /lib; do
    [ -L "$folder" ] && continue
    folder=$folder/systemd/system/$unit.service
    for path in "$folder" "$folder".d/*.conf; do
      if [ -f "$path" ]; then set -- "$@" "$path"; fi
    done
  done
done
loads() { sed -n 's/^ExecStart=.* -f *\(\/[^ ;]*\).*/\1/p' "$@" 2>/dev/null | sort -u; }
included() { sed -n 's/^[[:blank:]]*include[[:blank:]]*"\([^"]*\)".*/\1/p' "$@" 2>/dev/null | sort -u; }
case $enabled in *' nftables '*)
  main=$(loads "$@")
  # shellcheck disable=SC2086
  patterns=$(included $main)
  run nft_includes printf '%s\n' "$patterns"
  for pattern in $main $patterns; do
    case $pattern in /*) ;; *) pattern=/etc/$pattern ;; esac
    # shellcheck disable=SC2086
    for path in $pattern; do set -- "$@" "$path"; done
  done ;;
esac
case $enabled in *' netfilter-persistent '*)
  run persistent_plugins ls /usr/share/netfilter-persistent/plugins.d
  set -- "$@" /etc/default/netfilter-persistent /etc/iptables/rules.v4 /etc/iptables/rules.v6 ;;
esac
case $enabled in *' iptables '*) set -- "$@" /etc/sysconfig/iptables ;; esac
case $enabled in *' ip6tables '*) set -- "$@" /etc/sysconfig/ip6tables ;; esac
case $enabled in *' ufw '*)
  set -- "$@" /etc/ufw/ufw.conf /etc/default/ufw
  for path in before before6 user user6 after after6; do set -- "$@" "/etc/ufw/$path.rules"; done
  for path in /etc/ufw/before.init /etc/ufw/after.init; do
    if [ -x "$path" ]; then run ufw_script echo "$path"; fi
  done ;;
esac
case $enabled in *' firewalld '*)
  zones=
  for path in /etc/firewalld/zones/*.xml /usr/lib/firewalld/zones/*.xml /etc/firewalld/policies/*.xml \
    /usr/lib/firewalld/policies/*.xml; do
    if [ -f "$path" ]; then zones="$zones $path"; fi
  done
  # shellcheck disable=SC2086
  set -- "$@" /etc/firewalld/firewalld.conf /etc/firewalld/direct.xml $zones
  services() {
    cat "$@" 2>/dev/null | sed -n 's/.*<\(service name\|include service\)="\([A-Za-z0-9._-]*\)".*/\2/p' | sort -u
  }
  # shellcheck disable=SC2086
  names=$(services $zones)
  more=$(
    for name in $names; do services "/etc/firewalld/services/$name.xml" "/usr/lib/firewalld/services/$name.xml"; done
  )
  for name in $names $more; do
    for path in /etc /usr/lib; do
      path=$path/firewalld/services/$name.xml
      if [ -f "$path" ]; then set -- "$@" "$path"; fi
    done
  done
  connections() {
    sed -n -e 's/^zone=//p' -e 's/^ZONE=//p' /etc/NetworkManager/system-connections/* \
      /etc/sysconfig/network-scripts/ifcfg-* /etc/sysconfig/network/ifcfg-* 2>/dev/null | tr -d "\"'" | sort -u
  }
  run zones_of_connections connections ;;
esac
large() { find -L "$@" -maxdepth 0 -type f -size +255k 2>/dev/null; }
big=
if [ "$#" -gt 0 ]; then big=$(large "$@"); fi
given=$#
for path do
  case $newline$big$newline in *"$newline$path$newline"*) ;; *) set -- "$@" "$path" ;; esac
done
shift "$given"
run boot_skipped printf '%s' "$big"
if [ "$#" -gt 0 ]; then files "$@"; fi
others() {
  words='iptables|ip6tables|nftables|(^|[/ ])nft |firewall|[/ ]ufw |/usr/sbin/ferm|shorewall'
  set --
  for path in /etc/systemd/system/*.wants/*.service /etc/systemd/system/*.requires/*.service \
    /usr/lib/systemd/system/*.wants/*.service; do
    case ${path##*/} in
      nftables.* | firewalld.* | ufw.* | iptables.* | ip6tables.* | netfilter-persistent.*) ;;
      *) if [ -f "$path" ]; then set -- "$@" "$path"; fi ;;
    esac
  done
  for path in /etc/systemd/system/*.service.d/*.conf; do
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  started=
  if [ "$#" -gt 0 ]; then
    grep -lsE "^ExecStart[A-Za-z]*=.*($words)" "$@"
    started=$(
      sed -n 's/^ExecStart[A-Za-z]*=.*\(\/\(etc\|opt\|root\|srv\|home\|usr\/local\)\/[^ ;"]*\).*/\1/p' "$@" |
        sort -u
    )
  fi
  set --
  for path in $started /etc/rc.local /etc/rc.d/rc.local /etc/network/if-pre-up.d/* /etc/network/if-up.d/* \
    /etc/NetworkManager/dispatcher.d/* /etc/NetworkManager/dispatcher.d/pre-up.d/* /etc/networkd-dispatcher/*/*; do
    if [ -f "$path" ] && [ -x "$path" ]; then set -- "$@" "$path"; fi
  done
  for path in /etc/network/interfaces /etc/network/interfaces.d/*; do
    if [ -f "$path" ]; then set -- "$@" "$path"; fi
  done
  if [ "$#" -gt 0 ]; then grep -lsE "$words" "$@"; fi
  grep -lsE "^@reboot.*($words)" /etc/crontab /etc/cron.d/* /var/spool/cron/crontabs/root /var/spool/cron/root
  return 0
}
run boot_others others
kept_off() {
  grep -hsE '^[[:blank:]]*-?net[./]ipv6[./]conf[./]all[./]disable_ipv6[[:blank:]]*=' /etc/sysctl.conf \
    /etc/sysctl.d/*.conf /run/sysctl.d/*.conf /usr/local/lib/sysctl.d/*.conf /usr/lib/sysctl.d/*.conf |
    tr -d '[:blank:]' | sort -u
}
run ipv6_kept_off kept_off
results() { systemctl show -p Id -p Result "$@" 2>/dev/null; }
set --
for unit in $enabled; do set -- "$@" "$unit.service"; done
if [ "$#" -gt 0 ]; then run boot_results results "$@"; fi
"""

_NAMES = ("boot_ipv4_inbound", "boot_ipv6_inbound", "boot_opened_ports")
#: states of a unit file that has no part in the start of the system
_OFF = {"disabled", "masked", "masked-runtime", "enabled-runtime", "linked-runtime", "bad", "transient"}


@dataclass(frozen=True, slots=True)
class _Start:
    """The rulesets of which one is in force after the start, and the services that load them."""

    rulesets: list[Ruleset]
    source: str


def after_restart(found: Found, view: View, output: Output, off: set[int], *, privileged: bool) -> None:
    """Yield enabled_firewall_units, deny_is_stated, and what holds after the next start of the system."""
    states = _states(output)
    if states is None:
        reason = "systemctl does not tell which services start with the system"
        found.missing.update(dict.fromkeys((*_NAMES, "enabled_firewall_units", "deny_is_stated"), reason))
        return
    enabled = sorted(name for name, state in states.items() if state == "enabled")
    found.facts["enabled_firewall_units"] = enabled
    try:
        _stated(found, view, output, (enabled, off))
    except NotUnderstood as error:
        found.missing["deny_is_stated"] = f"cannot decide what is configured: {error}"
    if not privileged:
        found.missing.update(dict.fromkeys(_NAMES, "reading all that loads rules needs root"))
        return
    try:
        start = _start(output, states, enabled)
    except NotUnderstood as error:
        found.missing.update(dict.fromkeys(_NAMES, f"cannot decide what the next start loads: {error}"))
        return
    views = [view.on(ruleset) for ruleset in start.rulesets]
    then = off if _stays_off(output) else set[int]()
    for family in (4, 6):
        name = f"boot_ipv{family}_inbound"
        verdicts = [one.verdict(family) for one in views]
        answers = {verdict.answer for verdict in verdicts}
        if family in then:
            found.facts[name] = "off"
        elif None in answers:
            found.missing[name] = "; ".join(one.because for one in verdicts if one.answer is None)
        else:
            found.facts[name] = answers.pop() if len(answers) == 1 else "depends"
            comes = "IPv6 is off now, and no sysctl file keeps it off: " if family in off else ""
            found.read_from[name] = f"{comes}{start.source}: {_because(verdicts)}"
    _opened(found, view, views, (off, then))
    if found.facts.get("boot_opened_ports"):
        found.read_from["boot_opened_ports"] += f" ({start.source})"


def _stays_off(output: Output) -> bool:
    """Return whether IPv6, which is off now, stays so: the kernel lacks it, or sysctl files turn it off."""
    lines = output.runs["ipv6_kept_off"].lines if "ipv6_kept_off" in output.runs else []
    return "/proc/net/if_inet6" in output.absent or ({line.rpartition("=")[2] for line in lines} == {"1"})


def _states(output: Output) -> dict[str, str] | None:
    lines = [line.split() for line in output.run("boot_units").lines]
    found = {words[0].removesuffix(".service"): words[1] for words in lines if len(words) > 1}
    return (
        {name: state for name, state in found.items() if name != "systemd-journald"}
        if "systemd-journald" in found
        else None
    )


def _because(verdicts: list[Verdict]) -> str:
    return "; ".join(dict.fromkeys(one.because for one in verdicts))


def _start(output: Output, states: Mapping[str, str], enabled: list[str]) -> _Start:
    """Return what the enabled services load; raises NotUnderstood."""
    for name, state in sorted(states.items()):
        if state not in ("enabled", *_OFF):
            raise NotUnderstood(f"{name}.service is {state}")
    if output.run("boot_others").lines:
        raise NotUnderstood(f"{', '.join(output.run('boot_others').lines[:3])} may change the rules too")
    if skipped := output.run("boot_skipped").lines:
        raise NotUnderstood(f"{skipped[0]} is too large to be read")
    loaded = {}
    for name in enabled:
        if name not in LOADERS:
            raise NotUnderstood(f"{name} loads rules, and its files are not read")
        _failed(output, name)
        loaded[name] = LOADERS[name](output)
    if not loaded:
        named = ", ".join(f"{name} is {state}" for name, state in sorted(states.items()))
        return _Start(
            [Ruleset()], f"no service that loads rules starts with the system ({named or 'none is installed'})"
        )
    source = ", ".join(one.source for one in loaded.values())
    return _Start(_outcomes(list(loaded.values())), source)


def _failed(output: Output, name: str) -> None:
    results = output.runs["boot_results"].lines if "boot_results" in output.runs else []
    ids = [line.removeprefix("Id=") for line in results if line.startswith("Id=")]
    values = [line.removeprefix("Result=") for line in results if line.startswith("Result=")]
    result = dict(zip(ids, values, strict=False)).get(f"{name}.service", "success")
    if result != "success":
        raise NotUnderstood(f"{name}.service failed when it last started ({result})")


def _outcomes(loaded: list[Loaded]) -> list[Ruleset]:
    """Return the rulesets that may result: all together, or each alone where one may wipe or displace another."""
    tables = [{table for table, _ in one.ruleset.chains} for one in loaded]
    apart = all(not first & second for number, first in enumerate(tables) for second in tables[number + 1 :])
    if len(loaded) == 1 or (apart and not any(one.wipes for one in loaded)):
        together = Ruleset()
        for one in loaded:
            together.chains.update(one.ruleset.chains)
            together.sets_marks |= one.ruleset.sets_marks
            together.stops_tracking |= one.ruleset.stops_tracking
            together.early += one.ruleset.early
        return [together]
    return [one.ruleset for one in loaded]


def _opened(found: Found, view: View, views: list[View], off: tuple[set[int], set[int]]) -> None:
    """Yield boot_opened_ports: what is open to anybody after the start, and is not now."""
    unsure = [text for one in (view, *views) for text in one.unsure()]
    opened, families = [], set()
    for protocol in PROTOCOLS:
        more = 0
        for family in {4, 6} - off[1]:
            flows = [one.outer(family, protocol) for one in views]
            doubts = [text for flow in flows for tags in flow if not tags.origins for text in sorted(tags.doubts)]
            unsure += [f"cannot decide: {text}" for text in doubts]
            now = 0 if family in off[0] else view.free(family, protocol)
            for flow in flows:
                wider = flow.get(FREE, 0) & ALL_PORTS & ~now
                families |= {family} if wider else set()
                more |= wider
        opened += shown(protocol, {FREE: more}) if more else []
    if unsure:
        found.missing["boot_opened_ports"] = "; ".join(dict.fromkeys(unsure))
    else:
        found.facts["boot_opened_ports"] = opened[:100]
        found.read_from["boot_opened_ports"] = "closed now, open after a restart over " + " and ".join(
            f"IPv{family}" for family in sorted(families)
        )
        if not opened:
            found.read_from["boot_opened_ports"] = "no port is open after a restart that is closed now"


def _stated(found: Found, view: View, output: Output, known: tuple[list[str], set[int]]) -> None:
    """Yield deny_is_stated: by the zones of firewalld, by ufw, or by the policies of the loaded chains."""
    enabled, off = known
    if "firewalld" in enabled:
        targets = firewalld.targets(output.files, output.run("zones_of_connections").lines)
        found.facts["deny_is_stated"] = bool(targets) and set(targets.values()) == {"DROP"}
        text = ", ".join(f"{name} {target}" for name, target in sorted(targets.items()))
        found.read_from["deny_is_stated"] = f"target of firewalld's zones: {text}"
        return
    if view.ruleset.unseen:
        found.missing["deny_is_stated"] = "; ".join(view.ruleset.unseen)
        return
    policies = {
        family: [chain for chain in view.ruleset.hooked("input", family) if chain.base and not chain.base.accepts]
        for family in {4, 6} - off
    }
    found.facts["deny_is_stated"] = all(policies.values())
    said = sorted({f"{chain.table} {chain.name}: policy drop" for chains in policies.values() for chain in chains})
    found.read_from["deny_is_stated"] = "; ".join(said) or "no chain at the input hook has policy drop"
