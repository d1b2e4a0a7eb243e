"""Whether a network sensor (Suricata, Snort, Zeek) sees traffic: on which interfaces, with which rules.

Reads: command lines and packet sockets of the sensors, /sys/class/net, Suricata's and Snort's configuration and rule
files, Suricata's stats.log, Zeek's conn.log, the package database.
Needs: root.
Facts: product (the one that runs, else the first that is installed); running; interfaces (those that its packet sockets
are bound to, or nfqueue); interfaces_down (those that are not there or not up); rules (active lines in the files that
its configuration names; null for Zeek, which has none); packets_seen (Suricata's counter of packets rises; Snort: its
interfaces have received any; Zeek: connections are logged); last_report_minutes (age of stats.log or conn.log; null for
Snort, which writes on alerts only).
Absent when: no such sensor is installed or runs, and the package database says so too: not_applicable.

packet(7): a sniffer holds an AF_PACKET socket, which /proc/PID/net/packet shows with its interface, whatever the
configuration says. A sensor that takes packets past the kernel (DPDK, netmap) or lives in a network namespace of its
own leaves interfaces missing. A file that is read again (`-r`) or a test (`-T`) is no look at the network.
"""

from __future__ import annotations

import re

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import software
from hardencheck.probes.output import Output, read

SCRIPT = (
    software.FUNCTIONS
    + r"""
run packages installed suricata snort snort3 zeek
sniffers() {
  own=$(readlink /proc/self/ns/net)
  for directory in /proc/[0-9]*; do
    name=
    read -r name 2>/dev/null <"$directory/comm"
    case $name in Suricata-Main | suricata | snort | snort3 | zeek) ;; *) continue ;; esac
    printf '@process %s %s\n' "$name" "$(tr '\000\012' '  ' <"$directory/cmdline")"
    [ "$(readlink "$directory/ns/net")" = "$own" ] || echo '@elsewhere'
    # shellcheck disable=SC2012 # the names are numbers
    sockets=" $(ls -l "$directory/fd" 2>/dev/null | sed -n 's/.*socket:\[\([0-9]*\)\]$/\1/p' | tr '\n' ' ')"
    awk -v sockets="$sockets" 'NR > 1 && index(sockets, " " $9 " ") { print "@index " $5 }' "$directory/net/packet"
    [ ! -s "$directory/net/netfilter/nfnetlink_queue" ] || echo '@queue'
  done
}
run sniffers sniffers
links() {
  for link in /sys/class/net/*; do
    read -r index <"$link/ifindex" && read -r state <"$link/operstate" && read -r got <"$link/statistics/rx_packets" &&
      { [ "$got" = 0 ] || got=some; echo "$index ${link##*/} $state $got"; }
  done 2>/dev/null
  return 0
}
run links links
conf=
exclusive=
for directory in /proc/[0-9]*; do
  name=
  read -r name 2>/dev/null <"$directory/comm"
  case $name in Suricata-Main | suricata | snort | snort3) ;; *) continue ;; esac
  conf=$(tr '\000' '\n' <"$directory/cmdline" | sed -n '/^-c$/{n;p;}')
  exclusive=$(tr '\000' '\n' <"$directory/cmdline" | sed -n -e '/^-S$/{n;p;}' -e '/^-R$/{n;p;}')
  break
done
count() {
  [ "$#" -gt 0 ] || { echo 0; return; }
  cat "$@" 2>/dev/null | grep -c -E '^[[:space:]]*(alert|drop|reject(src|dst|both)?|pass|block)[[:space:]]'
  return 0
}
suricata_rules() {
  [ -z "$exclusive" ] || { count "$exclusive"; return; }
  yaml=${conf:-/etc/suricata/suricata.yaml}
  [ -f "$yaml" ] || return 1
  # shellcheck disable=SC2046 # paths of rule files hold no spaces
  count $(awk '
    /^default-rule-path:/ { base = $2 }
    /^rule-files:/ { inside = 1; next }
    inside && /^[[:space:]]*-/ { file[++n] = $2; next }
    inside && /^[^[:space:]#]/ { inside = 0 }
    END {
      gsub(/["\047]/, "", base)
      for (i = 1; i <= n; i++) { gsub(/["\047]/, "", file[i]); print (file[i] ~ /^\// ? "" : base "/") file[i] }
    }' "$yaml")
}
snort_rules() {
  [ -z "$exclusive" ] || { count "$exclusive"; return; }
  file=${conf:-/etc/snort/snort.conf}
  case $file in *.conf) [ -f "$file" ] || return 1 ;; *) return 1 ;; esac
  # shellcheck disable=SC2046
  count $(awk '
    $1 == "var" || $1 == "ipvar" { value["$" $2] = $3 }
    $1 == "include" && $2 ~ /\.rules$/ {
      path = $2; word = path; sub(/\/.*/, "", word)
      if (word in value) path = value[word] substr(path, length(word) + 1)
      print path
    }' "$file" | sed "s|^\([^/]\)|${file%/*}/\1|")
}
run suricata_rules suricata_rules
run snort_rules snort_rules
age() {
  command -v stat >/dev/null || return 127
  for path do [ ! -s "$path" ] || echo "$((($(date +%s) - $(stat -L -c %Y "$path")) / 60)) $path"; done
}
run age age /var/log/suricata/stats.log /opt/zeek/logs/current/conn.log /usr/local/zeek/logs/current/conn.log \
  /var/log/zeek/current/conn.log
counted() {
  [ -f /var/log/suricata/stats.log ] || return 1
  tail -c 131072 /var/log/suricata/stats.log | awk -F'|' '
    $1 ~ /^(capture\.kernel_packets|decoder\.pkts)[ ]*$/ && $2 ~ /Total/ {
      gsub(/ /, "", $1); if (!($1 in first)) first[$1] = $3 + 0; seen[$1]++; last[$1] = $3 + 0
    }
    END {
      for (name in last) {
        word = last[name] > 0 ? "some" : "none"
        if (seen[name] > 1) word = last[name] > first[name] ? "rises" : "stands"
        print name, word
      }
    }' | sort
}
run counted counted
"""
)

FACTS: dict[str, JsonSchema] = {
    "product": {"type": "string"},
    "running": {"type": "boolean"},
    "interfaces": {"type": "array", "items": {"type": "string"}},
    "interfaces_down": {"type": "array", "items": {"type": "string"}},
    "rules": {"type": ["integer", "null"]},
    "packets_seen": {"type": "boolean"},
    "last_report_minutes": {"type": ["integer", "null"]},
}

_NAMES = {"Suricata-Main": "suricata", "suricata": "suricata", "snort": "snort", "snort3": "snort", "zeek": "zeek"}
_OFFLINE = re.compile(r"\s(-r|-T|--pcap-file)(\s|=|$)")


def parse(capture: Capture, context: Context) -> Observation:
    """Yield how much the sensor sees."""
    output = read(capture)
    installed = software.packages(output.run("packages"))
    words = [line.split(" ", 2) for line in output.run("sniffers").lines if line.startswith("@process ")]
    live = [word for word in words if not (len(word) > 2 and _OFFLINE.search(f" {word[2]} "))]
    names = sorted({_NAMES.get(word[1], word[1]) for word in live})
    known = sorted({_NAMES.get(name, name) for name in installed or frozenset()} & set(_NAMES.values()))
    if not names and not known:
        if installed is None:
            return Observation.not_collected("neither dpkg nor rpm told which packages are installed")
        return Observation.not_applicable("no network sensor (Suricata, Snort, Zeek) is installed")
    product = (names or known)[0]
    facts: dict[str, object] = {"product": product, "running": bool(names)}
    missing: dict[str, str] = {}
    _interfaces(output, bool(names), facts, missing)
    _rules(output, product, facts, missing)
    _traffic(output, product, facts, missing)
    read_from = {
        "running": "; ".join(" ".join(word[1:])[:200] for word in words) or "processes",
        "interfaces": "/proc/PID/net/packet",
        "interfaces_down": "/sys/class/net",
        "last_report_minutes": ", ".join(output.run("age").lines),
        "packets_seen": "; ".join(output.run("counted").lines),
    }
    return Observation.of(facts, {name: text for name, text in read_from.items() if text and name in facts}, missing)


def _interfaces(output: Output, runs: bool, facts: dict[str, object], missing: dict[str, str]) -> None:
    lines = output.run("sniffers").lines
    links = {words[0]: words for line in output.run("links").lines if len(words := line.split()) == 4}
    bound = sorted({line.split()[1] for line in lines if re.fullmatch(r"@index \d+", line)})
    if "@elsewhere" in lines:
        missing |= dict.fromkeys(("interfaces", "interfaces_down"), "the sensor has network interfaces of its own")
        return
    if runs and not bound and "@queue" not in lines:
        why = "the sensor runs without a packet socket: how it gets packets cannot be told"
        missing |= dict.fromkeys(("interfaces", "interfaces_down"), why)
        return
    # index 0 is a socket that listens on every interface
    facts["interfaces"] = [links[one][1] if one in links else "any" if one == "0" else f"index {one}" for one in bound]
    facts["interfaces"] = sorted([*facts["interfaces"], *(["nfqueue"] if "@queue" in lines else [])])  # type: ignore[misc]
    facts["interfaces_down"] = sorted(
        f"{links[one][1]}: {links[one][2]}" if one in links else f"index {one}: not there"
        for one in bound
        if one != "0" and (one not in links or links[one][2] not in ("up", "unknown"))
    )


def _rules(output: Output, product: str, facts: dict[str, object], missing: dict[str, str]) -> None:
    if product == "zeek":
        facts["rules"] = None
        return
    run = output.run(f"{product}_rules")
    if run.status or not run.text.strip().isdigit():
        missing["rules"] = f"which rule files {product} reads could not be told"
    else:
        facts["rules"] = int(run.text)


def _traffic(output: Output, product: str, facts: dict[str, object], missing: dict[str, str]) -> None:
    ages = {path: int(age) for age, path in (line.split(" ", 1) for line in output.run("age").lines)}
    mine = [age for path, age in ages.items() if f"/{product}/" in path]
    facts["last_report_minutes"] = min(mine, default=None)
    if product == "snort":
        links = {words[1]: words[3] for line in output.run("links").lines if len(words := line.split()) == 4}
        listening = facts.get("interfaces")
        if isinstance(listening, list):
            got = [links.get(name) == "some" or name in ("any", "nfqueue") for name in listening]
            facts["packets_seen"] = bool(got) and all(got)
        else:
            missing["packets_seen"] = missing["interfaces"]
    elif product == "zeek":
        facts["packets_seen"] = bool(mine)
    elif output.run("counted").status or not output.run("counted").text.strip():
        missing["packets_seen"] = "/var/log/suricata/stats.log has no counters of packets"
        missing["last_report_minutes"] = missing["packets_seen"]
        del facts["last_report_minutes"]
    else:
        counts = dict(line.split(" ", 1) for line in output.run("counted").lines)
        facts["packets_seen"] = any(word in ("rises", "some") for word in counts.values())


PROBE = Probe(
    id="linux.network_sensor",
    title="Traffic that a network sensor sees",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=64 * 1024,
    asks={software.PACKAGES: ("suricata", "snort", "snort3", "zeek")},
)
