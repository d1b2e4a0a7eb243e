"""Whether the Wazuh or OSSEC agent on this host talks to its manager.

Reads: processes, the agent's state file, how many keys client.keys holds, the host's clock, the package database.
Needs: root (/var/ossec is closed to others).
Facts: product (wazuh or ossec); running; enrolled (client.keys holds a key; the key itself is not read); status (the
agent's word: connected, pending, disconnected); last_answer_minutes (since the manager last answered, by the host's own
clock; null when it never did).
Absent when: no such agent is installed, and the package database says so too: not_applicable; a manager is no agent.
A state file that is not there while the agent runs (agent.state_interval=0) makes status and last_answer_minutes
missing.
"""

from __future__ import annotations

from datetime import datetime

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import software
from hardencheck.probes.output import Output, read

SCRIPT = (
    software.FUNCTIONS
    + r"""
run processes running 'wazuh-agentd|ossec-agentd'
run packages installed wazuh-agent ossec-hids-agent
programs() {
  for path in /var/ossec/bin/wazuh-agentd /var/ossec/bin/ossec-agentd; do [ ! -e "$path" ] || echo "$path"; done
}
run programs programs
state() {
  for path in /var/ossec/var/run/wazuh-agentd.state /var/ossec/var/run/ossec-agentd.state; do
    [ ! -f "$path" ] || { sed -n -e '/^status=/p' -e '/^last_ack=/p' "$path"; return; }
  done
}
run state state
keys() {
  [ ! -d /var/ossec/etc ] || [ -x /var/ossec/etc ] || return
  [ -f /var/ossec/etc/client.keys ] || { echo 0; return; }
  awk '/^[0-9]+ [^!# ]/ && NF >= 4 { n++ } END { print n + 0 }' /var/ossec/etc/client.keys
}
run keys keys
[ ! -d /var/ossec ] || run clock date '+%Y-%m-%d %H:%M:%S'
"""
)

FACTS: dict[str, JsonSchema] = {
    "product": {"type": "string"},
    "running": {"type": "boolean"},
    "enrolled": {"type": "boolean"},
    "status": {"type": "string"},
    "last_answer_minutes": {"type": ["integer", "null"]},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the agent's connection."""
    output = read(capture)
    running = software.processes(output.run("processes"))
    if running is None:
        return Observation.not_collected("the running processes could not be listed")
    installed = software.packages(output.run("packages"))
    programs = output.run("programs").text
    if not running and not programs.strip() and not (installed or frozenset()) & {"wazuh-agent", "ossec-hids-agent"}:
        if installed is None:
            return Observation.not_collected("neither dpkg nor rpm told which packages are installed")
        return Observation.not_applicable("no Wazuh or OSSEC agent is installed")
    ossec = "ossec-agentd" in running or ("wazuh-agent" not in (installed or frozenset()) and "wazuh" not in programs)
    facts: dict[str, object] = {"product": "ossec" if ossec else "wazuh", "running": bool(running)}
    missing: dict[str, str] = {}
    keys = output.run("keys").text.strip()
    if keys.isdigit() and not output.run("keys").status:
        facts["enrolled"] = int(keys) > 0
    else:
        missing["enrolled"] = "client.keys could not be read"
    values = agent_state(output)
    if not values and running:
        missing |= dict.fromkeys(("status", "last_answer_minutes"), "the agent writes no state file")
    else:
        facts["status"] = values.get("status", "")
        facts["last_answer_minutes"] = minutes_since(
            values.get("last_ack", ""), output.runs["clock"].text.strip() if "clock" in output.runs else ""
        )
    read_from = {
        "status": "/var/ossec/var/run, state file",
        "last_answer_minutes": "/var/ossec/var/run, state file: last_ack",
        "enrolled": "/var/ossec/etc/client.keys",
    }
    return Observation.of(facts, {name: text for name, text in read_from.items() if name in facts}, missing)


def agent_state(output: Output) -> dict[str, str]:
    """Return the lines of the agent's state file: `status='connected'`."""
    pairs = (line.split("=", 1) for line in output.run("state").lines if "=" in line)
    return {key: value.strip("'\"") for key, value in pairs}


def minutes_since(stamp: str, clock: str) -> int | None:
    """Return the minutes between two local times of a host; a second ahead is now, None when one is no time."""
    try:
        seconds = (datetime.fromisoformat(clock) - datetime.fromisoformat(stamp)).total_seconds()
    except ValueError:
        return None
    return 0 if -60 < seconds < 0 else int(seconds // 60)


PROBE = Probe(
    id="linux.security_agent",
    title="Connection of the security agent to its manager",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=32 * 1024,
    asks={software.PACKAGES: ("wazuh-agent", "ossec-hids-agent"), software.PROCESSES: ()},
)
