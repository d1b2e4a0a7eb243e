"""Whether one time service runs, and whether it keeps the clock right.

Reads: processes; chronyc's tracking report, `ntpq -c rv`, `ntpctl -s status`, or for systemd-timesyncd timedatectl and
the time of its last success; the links that start the service; chrony's sources.
Needs: root (chronyd's socket, processes of others).
Facts: time_services (all that run: chronyd, systemd-timesyncd, ntpd, openntpd); synchronised; reference (what the clock
follows, "" when nothing); reference_age_hours (since the clock was last compared with it, null when never or not told);
offset_ms (how far the clock is off, null when the service does not say: timesyncd and openntpd); started_at_boot;
literal_offenders (chrony's servers without a maxpoll of 16 or less, or another service than chrony: the guides).
Absent when: in a container: not_applicable, its clock is its host's. A time service that cannot be judged (PTP) makes
all but time_services missing.

chronyc(1): the leap status stays Normal long after the last answer, so the reference's age counts too; with
`local stratum` the clock follows itself (7F7F0101) and still says Normal. `NTPSynchronized` of timedatectl(1) is a flag
of the kernel, which chronyd sets only with rtcsync: it decides for timesyncd alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import software
from hardencheck.probes.output import Output, read

#: Ages are told in hours and offsets in milliseconds, so that a host's answer is mostly the same from day to day.
SCRIPT = (
    software.FUNCTIONS
    + r"""
run processes running 'chronyd|systemd-timesyn|ntpd|ntp4|ptp4l|phc2sys|sfptpd'
now=$(date +%s)
chrony() {
  command -v chronyc >/dev/null || return 127
  chronyc -c -n tracking | awk -F, -v now="$now" '
    NF < 14 { print; exit }
    {
      age = -1
      if ($4 > 0) age = int((now - $4) / 3600)
      if ($5 < 0) $5 = -$5
      print "refid=" $1 " name=" $2 " stratum=" $3 " age=" age " offset=" int($5 * 1000) " leap=" $14
    }'
}
ntp() {
  command -v ntpq >/dev/null || return 127
  ntpq -n -c 'rv 0 leap,stratum,refid,reftime,offset' 2>&1 | awk 'BEGIN { RS = "[,\n]" } NF { print $1 }'
}
openntp() {
  command -v ntpctl >/dev/null || return 127
  ntpctl -s status
}
timesync() {
  command -v timedatectl >/dev/null || return 127
  timedatectl show -p NTPSynchronized
  last=$(stat -c %Y /run/systemd/timesync/synchronized 2>/dev/null) && echo "age=$(((now - last) / 3600))"
  [ ! -d /run/systemd/timesync ] || [ -n "$last" ] || echo 'age=never'
}
run chrony chrony
run ntp ntp
run openntp openntp
[ -z "$(running systemd-timesyn)" ] || run timesync timesync
! command -v ntpq >/dev/null || run hours echo "$((now / 3600))"
starts() {
  for name in chrony chronyd ntp ntpd ntpsec openntpd systemd-timesyncd; do
    # a masked unit stays linked, and is not started
    for path in /etc/systemd/system/"$name.service" /run/systemd/system/"$name.service"; do
      [ ! -L "$path" ] || [ "$(readlink -f "$path")" != /dev/null ] || continue 2
    done
    for path in /etc/systemd/system/*.wants/"$name.service" /usr/lib/systemd/system/*.wants/"$name.service" \
      /etc/rc[2-5].d/S??"$name" /etc/runlevels/*/"$name"; do
      [ ! -L "$path" ] || echo "$path"
    done
  done
}
[ ! -d /run/systemd/system ] || run systemd echo systemd
run starts starts
sources() {
  set --
  for path in /etc/chrony.conf /etc/chrony/chrony.conf /etc/chrony/conf.d/*.conf \
    /etc/chrony/sources.d/*.sources /etc/chrony.d/*.conf; do
    [ ! -f "$path" ] || set -- "$@" "$path"
  done
  [ "$#" -eq 0 ] || awk 'tolower($1) ~ /^(server|pool|peer)$/ { print FILENAME ":" FNR ":" $0 }' "$@"
}
run sources sources
"""
)

FACTS: dict[str, JsonSchema] = {
    "time_services": {"type": "array", "items": {"type": "string"}},
    "synchronised": {"type": "boolean"},
    "reference": {"type": "string"},
    "reference_age_hours": {"type": ["integer", "null"]},
    "offset_ms": {"type": ["integer", "null"]},
    "started_at_boot": {"type": "boolean"},
    "literal_offenders": {"type": "array", "items": {"type": "string"}},
}

_CHRONY = re.compile(
    r"refid=(?P<refid>[0-9A-F]+) name=(?P<name>.*) stratum=(?P<stratum>\d+) age=(?P<age>-?\d+)"
    r" offset=(?P<offset>\d+) leap=(?P<leap>.*)"
)
#: seconds between the beginnings of NTP's and of Unix's time
_NTP_EPOCH = 2208988800
_UNITS = {
    "chronyd": ("chrony", "chronyd"),
    "ntpd": ("ntp", "ntpd", "ntpsec"),
    "openntpd": ("openntpd",),
    "systemd-timesyncd": ("systemd-timesyncd",),
}


@dataclass(frozen=True, slots=True)
class _State:
    """What one service says of the clock."""

    synchronised: bool = False
    reference: str = ""
    age: int | None = None
    offset: int | None = None


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the state of the clock as the one service that runs tells it."""
    output = read(capture)
    if context.system.container:
        return Observation.not_applicable(f"the clock is that of this container's host ({context.system.container})")
    running = software.processes(output.run("processes"))
    if running is None:
        return Observation.not_collected("the running processes could not be listed")
    services = sorted(
        {"systemd-timesyn": "systemd-timesyncd", "ntp4": "ntpd"}.get(name, name)
        for name in running & {"chronyd", "ntpd", "ntp4", "systemd-timesyn"}
    )
    if "ntpd" in services and not output.run("openntp").missing:
        services = sorted("openntpd" if name == "ntpd" else name for name in services)
    others = sorted(running & {"ptp4l", "phc2sys", "sfptpd"})
    facts: dict[str, object] = {"time_services": services + others}
    told = [name for name in FACTS if name != "time_services"]
    if others:
        return Observation.of(facts, {}, dict.fromkeys(told, f"how well {', '.join(others)} works cannot be told"))
    states = {name: _state(output, name) for name in services}
    unclear = sorted(name for name, state in states.items() if state is None)
    if unclear:
        return Observation.of(facts, {}, dict.fromkeys(told, f"{unclear[0]} runs, but did not tell the clock's state"))
    known = [state for state in states.values() if state]
    state = known[0] if len(known) == 1 else _State(bool(known) and all(one.synchronised for one in known))
    facts |= {
        "synchronised": state.synchronised,
        "reference": state.reference,
        "reference_age_hours": state.age,
        "offset_ms": state.offset,
        "started_at_boot": bool(services) and _started(output, services),
        "literal_offenders": _literal(output, services),
    }
    read_from = dict.fromkeys(told, f"{services[0]} tells so" if len(known) == 1 else "processes")
    links = ", ".join(output.run("starts").lines[:4]) or "no link starts a time service"
    read_from["started_at_boot"] = links if services else "no time service runs"
    return Observation.of(facts, read_from)


def _state(output: Output, service: str) -> _State | None:
    """Return what a service says; None when it did not answer."""
    if service == "chronyd":
        return _chrony(output)
    if service == "systemd-timesyncd":
        return _timesync(output)
    if service == "openntpd":
        text = output.run("openntp").text
        return _State("clock synced" in text, text.strip()) if "clock" in text else None
    return _ntp(output)


def _chrony(output: Output) -> _State | None:
    found = _CHRONY.match(output.run("chrony").text)
    if found is None:
        return None
    age, refid = int(found["age"]), found["refid"]
    # 00000000: no source; 7F7F....: `local`, its own clock
    follows = not refid.startswith("7F7F") and refid.strip("0") != "" and 0 < int(found["stratum"]) < 16
    normal = found["leap"].strip() in ("Normal", "Insert second", "Delete second")
    reference = f"{found['name'] or refid}, stratum {found['stratum']}"
    return _State(
        follows and normal and age >= 0, reference if follows else "", age if age >= 0 else None, int(found["offset"])
    )


def _ntp(output: Output) -> _State | None:
    """Read ntpq's variables; reftime counts seconds since 1900 in hexadecimal."""
    values = dict(line.split("=", 1) for line in output.run("ntp").lines if "=" in line)
    leap, stratum, refid = values.get("leap", ""), values.get("stratum", ""), values.get("refid", "")
    if not leap or not stratum.isdigit():
        return None
    own = refid.strip(".").startswith(("LOCAL", "LOCL", "INIT", "STEP", "XFAC", "127.127.1.")) or not refid
    age = offset = None
    if re.match(r"0x[0-9a-f]{8}|[0-9a-f]{8}", values.get("reftime", "")):
        then = int(values["reftime"].removeprefix("0x")[:8], 16) - _NTP_EPOCH
        hours = output.runs["hours"].text.strip() if "hours" in output.runs else ""
        age = int(hours) - then // 3600 if hours.isdigit() and then > 0 else None
    if re.fullmatch(r"[+-]?\d+(\.\d+)?", values.get("offset", "")):
        offset = int(abs(float(values["offset"])))
    good = leap in ("00", "01", "10", "0", "1", "2") and not own and 0 < int(stratum) < 16
    return _State(good, "" if own else f"{refid}, stratum {stratum}", age, offset)


def _timesync(output: Output) -> _State | None:
    values = dict(line.split("=", 1) for line in output.run("timesync").lines if "=" in line)
    if values.get("NTPSynchronized") not in ("yes", "no"):
        return None
    age = values.get("age", "")
    # the kernel's flag outlives the service that set it by hours; timesyncd itself notes each success (since 239)
    good = values["NTPSynchronized"] == "yes" and age != "never"
    return _State(good, "systemd-timesyncd" if good else "", int(age) if age.lstrip("-").isdigit() else None)


def _started(output: Output, services: list[str]) -> bool:
    names = {unit for service in services for unit in _UNITS.get(service, (service,))}
    systemd = "systemd" in output.runs
    for path in output.run("starts").lines:
        last = path.rpartition("/")[2]
        # below systemd an init script starts only what has no unit of its own
        name = last.removesuffix(".service") if last.endswith(".service") or not systemd else ""
        if (re.sub(r"^S\d\d", "", name)) in names:
            return True
    return False


def _literal(output: Output, services: list[str]) -> list[str]:
    if services != ["chronyd"]:
        return ["chronyd is not the one time service that runs"]
    offenders = []
    lines = output.run("sources").lines
    for line in lines:
        found = re.search(r"\bmaxpoll\s+(-?\d+)", line)
        if found is None or int(found[1]) > 16:
            offenders.append(line[:200])
    return offenders[:20] if lines else ["no server, pool or peer in chrony's files"]


PROBE = Probe(
    id="linux.clock",
    title="Time services and the clock",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=32 * 1024,
    asks={software.PROCESSES: ()},
)
