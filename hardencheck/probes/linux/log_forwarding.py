"""Whether the log of logins and of root's doings leaves this host, now.

Reads: the configuration of rsyslog and syslog-ng, systemd-journal-upload's and journald's; running processes;
connections that log programs opened (`ss -tnp`; those to a port that listens here came in); the host's own addresses
and /etc/hosts.
Needs: root.
Facts: forwarders (each with target and transport; over TCP only with a connection that stands); transports of these
(tcp, relp, tls, udp, https, and agent for shippers such as Filebeat, Vector or the Wazuh agent); not_working (what is
configured or runs, and why it does not count); literal_targets (rsyslog's lines that name another host, whatever
comes of them: the guides' letter).
Absent when: never. What may forward but cannot be judged makes forwarders and transports missing when nothing else
forwards.

A target that is this host itself counts for nothing, nor does a forwarder that gets no messages of this host: rsyslog
without imuxsock or imjournal, or with imuxsock alone while journald.conf(5) says ForwardToSyslog=no (RHEL's default;
Debian and SUSE hand over) or MaxLevelSyslog above info. Whether datagrams arrive cannot be seen from here.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import rsyslog, software, syslog_ng, systemd_config
from hardencheck.probes.output import Output, read

#: Log shippers by the names of their processes.
SHIPPERS = {
    "vector": "Vector",
    "fluent-bit": "Fluent Bit",
    "flb-pipeline": "Fluent Bit",
    "td-agent-bit": "Fluent Bit",
    "filebeat": "Filebeat",
    "auditbeat": "Auditbeat",
    "journalbeat": "Journalbeat",
    "elastic-agent": "Elastic Agent",
    "nxlog": "NXLog",
    "wazuh-agentd": "Wazuh agent",
    "ossec-agentd": "OSSEC agent",
    "splunkd": "Splunk forwarder",
    "promtail": "Promtail",
    "alloy": "Grafana Alloy",
    "otelcol": "OpenTelemetry Collector",
    "otelcol-contrib": "OpenTelemetry Collector",
    "amazon-cloudwat": "CloudWatch agent",
    "mdsd": "Azure Monitor agent",
}

SCRIPT = (
    software.FUNCTIONS
    + systemd_config.FUNCTIONS
    + r"""
names='rsyslogd|syslog-ng|vector|fluent-bit|flb-pipeline|td-agent-bit|filebeat|auditbeat|journalbeat|elastic-agent'
names="$names|nxlog|wazuh-agentd|ossec-agentd|splunkd|promtail|alloy|otelcol|otelcol-contrib|amazon-cloudwat|mdsd"
run processes running "$names"
main() {
  for directory in /proc/[0-9]*; do
    name=
    read -r name 2>/dev/null <"$directory/comm"
    [ "$name" != rsyslogd ] || tr '\000' '\n' <"$directory/cmdline" | sed -n -e 's/^-f\(.\)/\1/p' -e '/^-f$/{n;p;}'
  done | sort -u
}
conf=$(main)
run main printf '%s\n' "${conf:-/etc/rsyslog.conf}"
# shellcheck disable=SC2016 # the dollar sign is rsyslog's
included() {
  sed -n -e 's/^[[:space:]]*\$IncludeConfig[[:space:]]*\([^[:space:]#]*\).*/\1/p' \
    -e 's/.*include[[:space:]]*([^#]*file[[:space:]]*=[[:space:]]*"\([^"]*\)".*/\1/p' "$@" 2>/dev/null | sed 's|/$|/*|'
}
# shellcheck disable=SC2046,SC2086 # patterns are expanded here, as rsyslog does
set -- ${conf:-/etc/rsyslog.conf} $(included ${conf:-/etc/rsyslog.conf})
# shellcheck disable=SC2046
set -- "$@" $(included "$@")
list() { for path do [ ! -e "$path" ] || echo "$path"; done | sort -u; }
# shellcheck disable=SC2046
files $(list "$@")
for path in /etc/syslog-ng/syslog-ng.conf /etc/syslog-ng/conf.d/*.conf; do [ ! -f "$path" ] || files "$path"; done
systemd_files journal-upload
systemd_files journald
upload() {
  [ -x /usr/lib/systemd/systemd-journal-upload ] || [ -x /lib/systemd/systemd-journal-upload ] || return 127
  systemctl is-active systemd-journal-upload.service
}
run upload upload
peers() {
  command -v ss >/dev/null || return 127
  { ss -Htln && echo '@established' && ss -Htnp state established; } |
    awk -v names="^($names|systemd-journal)\$" '
      function port(end) { sub(/.*:/, "", end); return end }
      $1 == "@established" { connected = 1; next }
      !connected { listens[port($4)] = 1; next }
      port($3) in listens { next }
      { n = split($0, part, "\""); for (i = 2; i <= n; i += 2) if (part[i] ~ names) print part[i], $4 }' | sort -u
}
run peers peers
own() { ip -o addr show 2>/dev/null | awk '{ sub("/.*", "", $4); print $4 }' | sort -u; }
run own own
run hostname uname -n
files /etc/hosts
"""
)

FACTS: dict[str, JsonSchema] = {
    "forwarders": {"type": "array", "items": {"type": "string"}},
    "transports": {"type": "array", "items": {"type": "string"}},
    "not_working": {"type": "array", "items": {"type": "string"}},
    "literal_targets": {"type": "array", "items": {"type": "string"}},
}

CAP = 20

#: levels of journald.conf(5) that leave out what sshd and sudo write (info, and notice for sudo)
_ABOVE_INFO = {"emerg", "alert", "crit", "err", "warning", "notice", *"012345"}


@dataclass(frozen=True, slots=True)
class _Way:
    """One way out: what it is, how messages travel, and whether it works (None: cannot be told) or why not."""

    name: str
    transport: str
    works: bool | None = True
    why: str = ""
    facilities: frozenset[str] = rsyslog.AUTH


@dataclass(frozen=True, slots=True)
class _Network:
    """What is known of the host's addresses and of the connections of its log programs."""

    own: frozenset[str]
    names: dict[str, str]
    peers: tuple[tuple[str, str, str], ...] | None

    def itself(self, target: str) -> bool:
        """Whether a target is this host."""
        name = target.lower().removesuffix(".")
        address = self.names.get(name, name)
        if name == "localhost" or name.startswith("localhost.") or address in self.own:
            return True
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
        return (mapped or parsed).is_loopback or (mapped or parsed).is_unspecified or str(mapped or parsed) in self.own

    def connected(self, process: str, target: str = "", port: str = "") -> bool | None:
        """Whether a process has a connection to this target and port, or to any other host; None: cannot be told."""
        if self.peers is None:
            return None
        wanted = self.names.get(target.lower(), target)
        literal = re.fullmatch(r"[0-9.]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*", wanted)
        return any(
            name == process
            and not self.itself(address)
            and (not port.isdigit() or there == port)
            and (not literal or _same(address, wanted))
            for name, address, there in self.peers
        )


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the ways on which the log leaves the host."""
    output = read(capture)
    running = software.processes(output.run("processes"))
    if running is None:
        return Observation.not_collected("the running processes could not be listed")
    network = _network(output)
    main = output.run("main").text.strip()
    system = rsyslog.read(output.files, main) if main in output.files else None
    deaf = _deaf(output, system, context.system.family) if system else ""
    ways = list(_rsyslog(system, deaf, network, running))
    if main not in output.files and "rsyslogd" in running:
        ways.append(_Way("rsyslog", "", None, f"runs, but {main or 'its configuration'} could not be read"))
    ways += _syslog_ng(output, network, running)
    ways += _upload(output, network)
    ways += _shippers(network, running)
    facilities = frozenset().union(*(way.facilities for way in ways if way.works))
    short = ", ".join(sorted(rsyslog.AUTH - facilities))
    working = [way for way in ways if way.works]
    if short and working:
        working, lost = [], working
        ways = [way for way in ways if way not in lost]
        ways += [_Way(way.name, way.transport, False, f"does not get the messages of {short}") for way in lost]
    not_working = sorted({f"{way.name}: {way.why}" for way in ways if not way.works})[:CAP]
    facts: dict[str, object] = {
        "forwarders": sorted({way.name for way in working})[:CAP],
        "transports": sorted({way.transport for way in working}),
        "not_working": not_working,
        "literal_targets": sorted(_literal(system))[:CAP],
    }
    unclear = sorted(f"{way.name}: {way.why}" for way in ways if way.works is None)
    idle = f"{main or 'processes'}; does not count: {'; '.join(not_working)}" if not_working else main
    read_from = {"forwarders": (main if working else idle) or "processes", "transports": main or "processes"}
    if unclear and not working:
        why = "; ".join(unclear)[:500]
        facts = {name: fact for name, fact in facts.items() if name not in ("forwarders", "transports")}
        return Observation.of(facts, {}, {"forwarders": why, "transports": why})
    return Observation.of(facts, {name: where for name, where in read_from.items() if where})


def _literal(system: rsyslog.Rsyslog | None) -> set[str]:
    return {f"{one.target}:{one.port} {one.transport} ({one.where})" for one in (system.forwards if system else [])}


def _network(output: Output) -> _Network:
    names: dict[str, str] = {}
    for line in output.files.get("/etc/hosts", "").splitlines():
        words = line.partition("#")[0].split()
        for name in words[1:]:
            names.setdefault(name.lower(), words[0])
    own = frozenset(line.partition("%")[0] for line in output.run("own").lines)
    peers = None
    if not output.run("peers").missing:
        rows = [line.rpartition(" ") for line in output.run("peers").lines]
        ends = [(name, *where.rpartition(":")[::2]) for name, _, where in rows]
        peers = tuple((name, address.strip("[]").partition("%")[0], port) for name, address, port in ends)
    names.setdefault(output.run("hostname").text.strip().lower(), "127.0.1.1")
    return _Network(own, names, peers)


def _same(address: str, wanted: str) -> bool:
    try:
        one, other = ipaddress.ip_address(address), ipaddress.ip_address(wanted)
    except ValueError:
        return False
    return one == other or getattr(one, "ipv4_mapped", None) == other


def _rsyslog(system: rsyslog.Rsyslog | None, deaf: str, network: _Network, running: frozenset[str]) -> Iterator[_Way]:
    if system is None:
        return
    for one in system.forwards:
        name = f"rsyslog to {one.target}:{one.port} by {one.transport} ({one.where})"
        if "rsyslogd" not in running:
            yield _Way(name, one.transport, False, "rsyslogd does not run")
        elif deaf:
            yield _Way(name, one.transport, False, deaf)
        else:
            yield _judge(name, "rsyslogd", one, network)
    if system.unclear and "rsyslogd" in running:
        yield _Way("rsyslog", "", None, system.unclear)


def _deaf(output: Output, system: rsyslog.Rsyslog, family: str) -> str:
    """Return why rsyslog gets no messages of this host, or ""."""
    if not system.inputs:
        return "" if system.unclear else "rsyslog loads neither imuxsock nor imjournal, so it gets no messages"
    journald = systemd_config.of(output, "journald")
    names = ("Storage", "MaxLevelStore") if "imjournal" in system.inputs else ("ForwardToSyslog", "MaxLevelSyslog")
    switch, level = (journald.last("Journal", name) for name in names)
    if switch and switch.value.lower() in ("no", "n", "false", "f", "off", "0", "none"):
        return f"journald hands nothing over: {names[0]}={switch.value} ({switch.where})"
    if level and level.value.lower() in _ABOVE_INFO:
        return f"journald hands no logins over: {names[1]}={level.value} ({level.where})"
    if switch is None and family == "rhel" and names[0] == "ForwardToSyslog":
        return "rsyslog has no imjournal, and journald hands nothing over here without ForwardToSyslog=yes"
    return ""


def _judge(name: str, process: str, one: rsyslog.Forward, network: _Network) -> _Way:
    if one.unreached:
        return _Way(name, one.transport, False, one.unreached)
    if network.itself(one.target):
        return _Way(name, one.transport, False, "is this host itself")
    if not one.facilities:
        return _Way(name, one.transport, False, "its selector leaves out auth and authpriv")
    connected = None if one.transport == "udp" else network.connected(process, one.target, one.port)
    if connected is False:
        return _Way(name, one.transport, False, "no connection stands")
    if one.conditional:
        return _Way(name, one.transport, None, one.filter or "whether logins pass its filter cannot be told")
    if connected is None and one.transport != "udp":
        return _Way(name, one.transport, None, "whether it is connected cannot be told without ss")
    return _Way(name, one.transport, facilities=one.facilities)


def _syslog_ng(output: Output, network: _Network, running: frozenset[str]) -> Iterator[_Way]:
    mine = {path: text for path, text in output.files.items() if path.startswith("/etc/syslog-ng/")}
    found = syslog_ng.forwards(mine)
    for one in found:
        name = f"syslog-ng to {one.target}:{one.port} by {one.transport} ({one.where})"
        if "syslog-ng" in running:
            yield _judge(name, "syslog-ng", one, network)
        else:
            yield _Way(name, one.transport, False, "syslog-ng does not run")
    if "syslog-ng" in running and not found and network.connected("syslog-ng"):
        yield _Way("syslog-ng", "tcp", None, "is connected to another host, but its configuration does not say why")


def _upload(output: Output, network: _Network) -> Iterator[_Way]:
    if output.run("upload").missing:
        return
    setting = systemd_config.of(output, "journal-upload").last("Upload", "URL")
    if setting is None or not setting.value:
        return
    found = re.fullmatch(r"(?:(https?)://)?(\[[^\]]+\]|[^:/]+)(?::(\d+))?/?.*", setting.value)
    scheme, target, port = (found[1] or "https", found[2].strip("[]"), found[3] or "19532") if found else ("", "", "")
    name = f"systemd-journal-upload to {target}:{port} ({setting.where})"
    if output.run("upload").text.strip() != "active":
        yield _Way(name, scheme, False, "does not run")
    else:
        yield _judge(name, "systemd-journal", rsyslog.Forward(target, port, scheme, setting.where), network)


def _shippers(network: _Network, running: frozenset[str]) -> Iterator[_Way]:
    for process in sorted(running & SHIPPERS.keys()):
        if network.connected(process):
            yield _Way(SHIPPERS[process], "agent")
        else:
            # many of them hang up between two deliveries
            yield _Way(SHIPPERS[process], "agent", None, "runs, but has no connection to another host just now")


PROBE = Probe(
    id="linux.log_forwarding",
    title="Whether the log leaves the host",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=512 * 1024,
    asks={software.PROCESSES: ()},
)
