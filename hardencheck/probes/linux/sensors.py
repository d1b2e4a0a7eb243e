"""Host, network and endpoint sensors, and what shows that each one works.

Sources: suricata(8) (stats.log every few seconds), Wazuh's agentd state file, `falconctl -g` and `mdatp health`
as their vendors document them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from hardencheck.probes.linux import software
from hardencheck.probes.output import Output

PACKAGES = (
    "suricata",
    "snort",
    "zeek",
    "wazuh-agent",
    "ossec-hids-agent",
    "falco",
    "osquery",
    "falcon-sensor",
    "mdatp",
)

#: bans after failed logins; no intrusion detection by itself
GUARDS = ("fail2ban-server", "crowdsec", "sshguard")

#: The items that this module reads; the script also needs software.FUNCTIONS.
SCRIPT = r"""
fresh() {
  minutes=$1
  shift
  for path do
    [ ! -f "$path" ] || set -- "$@" "$path"
    shift
  done
  [ "$#" -eq 0 ] || find "$@" -prune -type f -size +0 -mmin "$minutes" 2>/dev/null | sort
}
agents() {
  for state in /var/ossec/var/run/wazuh-agentd.state /var/ossec/var/run/ossec-agentd.state; do
    [ ! -f "$state" ] || sed -n -e "s/^status=/status=/p" -e "s/^last_ack=/last_ack=/p" "$state"
  done
}
falcon() {
  [ -x /opt/CrowdStrike/falconctl ] || return 127
  /opt/CrowdStrike/falconctl -g --aid --rfm-state | sed 's/aid="[0-9a-f]\{32\}"/aid="(set)"/'
}
defender() {
  command -v mdatp >/dev/null || return 127
  mdatp health --output json
}
active() {
  conf=/etc/suricata/suricata.yaml base=
  [ ! -f "$conf" ] || base=$(sed -n 's/^default-rule-path:[[:space:]]*//p' "$conf" | tr -d "\"'")
  base=${base:-/var/lib/suricata/rules}
  [ ! -d "$base" ] || grep -l -s -E '^[[:space:]]*(alert|drop|reject(src|dst|both)?|pass)[[:space:]]' "$base"/*.rules
  return 0
}
names='suricata|Suricata-Main|snort|snort3|zeek|wazuh-agentd|ossec-agentd|falco|osqueryd|falcon-sensor|falcon-sensor-b'
others='s1-agent|sentinelone-age|elastic-endpoin|auditbeat|xagt|cbagentd|sophos*|mfetpd|ds_agent|pmd|cybereason-sens|bdsecd|kesl|esets_daemon|oaeventd'
others="$others|tetragon|tracee"
links() {
  for link in /sys/class/net/*; do
    state=
    { read -r state <"$link/operstate"; } 2>/dev/null
    echo "${link##*/} $state"
  done
}
run sensors running "$names|$others|fail2ban-server|crowdsec|sshguard"
run contained seen 'Suricata-Main|zeek|falco'
run fresh fresh -15 /var/log/suricata/stats.log /var/log/suricata/eve.json /opt/zeek/logs/current/*.log \
  /usr/local/zeek/logs/current/*.log
run fresh_today fresh -1440 /var/log/osquery/osqueryd.results.log
run rules active
run agents agents
run zone date +%z
[ ! -d /var/ossec ] || run clock date '+%Y-%m-%d %H:%M:%S'
run falcon falcon
run mdatp defender
[ -z "$(seen 'snort|snort3')" ] || run snort sh -c 'ps -C snort,snort3 -o args= 2>/dev/null'
run links links
"""

_UNJUDGED = {
    "s1-agent": "SentinelOne",
    "sentinelone-age": "SentinelOne",
    "elastic-endpoin": "Elastic Defend",
    "auditbeat": "Auditbeat",
    "xagt": "Trellix",
    "mfetpd": "Trellix",
    "cbagentd": "Carbon Black",
    "ds_agent": "Deep Security",
    "pmd": "Cortex XDR",
    "cybereason-sens": "Cybereason",
    "bdsecd": "Bitdefender",
    "kesl": "Kaspersky",
    "esets_daemon": "ESET",
    "oaeventd": "ESET",
    "tetragon": "Tetragon",
    "tracee": "Tracee",
}
_INTERFACE = re.compile(r"\s-i\s*(\S+)")


@dataclass(frozen=True, slots=True)
class Sensor:
    """One product, its class, whether it works (None: cannot be told), and why."""

    product: str
    kind: str
    healthy: bool | None
    why: str

    def __str__(self) -> str:
        return f"{self.product} ({self.kind}): {self.why}"


def products(output: Output, running: frozenset[str], installed: frozenset[str], now: datetime) -> list[Sensor]:
    """Return the sensors that run or are installed."""
    seen = software.processes(output.run("contained")) or frozenset()
    found: list[Sensor] = []
    builders: tuple[Callable[[], Sensor | None], ...] = (
        lambda: _suricata(output, running | seen, installed),
        lambda: _snort(output, running, installed),
        lambda: _zeek(output, running | seen, installed),
        lambda: _osquery(output, running, installed),
        lambda: _falco(running | seen, installed),
        lambda: _agent(output, running, installed, now),
        lambda: _falcon(output, running, installed),
        lambda: _defender(output),
    )
    found += [one for build in builders if (one := build())]
    names = sorted({_UNJUDGED[name] for name in running & set(_UNJUDGED)})
    found += [Sensor(name, "endpoint", None, "runs, but its health cannot be told") for name in names]
    if any(name.startswith("sophos") for name in running):
        found.append(Sensor("Sophos", "endpoint", None, "runs, but its health cannot be told"))
    return found


def _suricata(output: Output, running: frozenset[str], installed: frozenset[str]) -> Sensor | None:
    runs = bool(running & {"Suricata-Main", "suricata"})
    if not runs and "suricata" not in installed:
        return None
    problems = [] if runs else ["does not run"]
    problems += [] if output.run("rules").text.strip() else ["no rules"]
    problems += [] if "/suricata/" in output.run("fresh").text else ["nothing logged for 15 minutes"]
    return Sensor("suricata", "network", not problems, "; ".join(problems) or "runs with rules and logs")


def _snort(output: Output, running: frozenset[str], installed: frozenset[str]) -> Sensor | None:
    runs = bool(running & {"snort", "snort3"})
    if not runs:
        return Sensor("snort", "network", False, "does not run") if "snort" in installed else None
    up = {words[0] for line in output.run("links").lines if (words := line.split())[1:] in (["up"], ["unknown"])}
    listens = set(_INTERFACE.findall(output.run("snort").text))
    if not listens:
        return Sensor("snort", "network", None, "runs, but its interface cannot be told")
    down = sorted(listens - up)
    return Sensor("snort", "network", not down, f"interface {', '.join(down)} is not up" if down else "runs")


def _zeek(output: Output, running: frozenset[str], installed: frozenset[str]) -> Sensor | None:
    if "zeek" not in running:
        return Sensor("zeek", "network", False, "does not run") if "zeek" in installed else None
    logs = "/zeek/" in output.run("fresh").text
    return Sensor("zeek", "network", logs, "runs and logs" if logs else "nothing logged for 15 minutes")


def _osquery(output: Output, running: frozenset[str], installed: frozenset[str]) -> Sensor | None:
    if "osqueryd" not in running:
        return Sensor("osquery", "host", False, "does not run") if "osquery" in installed else None
    logs = bool(output.run("fresh_today").text.strip())
    return Sensor("osquery", "host", logs, "runs and logs results" if logs else "no results for a day")


def _falco(running: frozenset[str], installed: frozenset[str]) -> Sensor | None:
    if "falco" in running:
        return Sensor("falco", "host", True, "runs")
    return Sensor("falco", "host", False, "does not run") if "falco" in installed else None


def _agent(output: Output, running: frozenset[str], installed: frozenset[str], now: datetime) -> Sensor | None:
    """Judge a Wazuh or OSSEC agent by its connection: the manager does the detecting."""
    runs = running & {"wazuh-agentd", "ossec-agentd"}
    name = "ossec" if "ossec-agentd" in running or "ossec-hids-agent" in installed else "wazuh"
    if not runs:
        known = installed & {"wazuh-agent", "ossec-hids-agent"}
        return Sensor(name, "host", False, "does not run") if known else None
    state = dict(line.split("=", 1) for line in output.run("agents").lines if "=" in line)
    values = {key: value.strip("'\"") for key, value in state.items()}
    if values.get("status") != "connected":
        return Sensor(name, "host", False, f"is {values.get('status') or 'in no known state'}, not connected")
    try:
        silent = _silence(output, values.get("last_ack", ""), now)
    except ValueError:
        return Sensor(name, "host", False, "is connected, but its manager never answered")
    if silent < timedelta(minutes=-1):
        return Sensor(name, "host", False, "its manager's last answer lies in the future")
    if silent > timedelta(minutes=10):
        return Sensor(name, "host", False, "its manager has not answered for more than 10 minutes")
    return Sensor(name, "host", True, "is connected to its manager")


def _silence(output: Output, last_ack: str, now: datetime) -> timedelta:
    """Return the time since the manager's answer by the host's own clock: a sweep may have begun long before."""
    if "clock" in output.runs:
        return datetime.fromisoformat(output.run("clock").text.strip()) - datetime.fromisoformat(last_ack)
    stamp = f"{last_ack} {output.run('zone').text.strip()}"
    return max(timedelta(0), now - datetime.strptime(stamp, "%Y-%m-%d %H:%M:%S %z"))


def _falcon(output: Output, running: frozenset[str], installed: frozenset[str]) -> Sensor | None:
    run = output.run("falcon")
    runs = bool(running & {"falcon-sensor", "falcon-sensor-b"})
    if run.missing and not runs and "falcon-sensor" not in installed:
        return None
    if not runs:
        return Sensor("CrowdStrike Falcon", "endpoint", False, "does not run")
    if 'aid="(set)"' in run.text and "rfm-state=false" in run.text:
        return Sensor("CrowdStrike Falcon", "endpoint", True, "has an agent id, full functionality")
    return Sensor("CrowdStrike Falcon", "endpoint", False, "has no agent id, or reduced functionality")


def _defender(output: Output) -> Sensor | None:
    run = output.run("mdatp")
    if run.missing:
        return None
    try:
        health = json.loads(run.text)
        values = {key: value.get("value") if isinstance(value, dict) else value for key, value in health.items()}
    except (ValueError, AttributeError):
        return Sensor("Microsoft Defender", "endpoint", None, "mdatp health cannot be read")
    active = values.get("healthy") is True and values.get("realTimeProtectionEnabled") is True
    passive = values.get("passiveModeEnabled") is True
    why = "healthy, real-time protection is on" if active else "not healthy, or real-time protection is off"
    return Sensor("Microsoft Defender", "endpoint", active and not passive, "is in passive mode" if passive else why)
