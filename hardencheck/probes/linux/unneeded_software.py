"""Software that has no business on these machines: installed, or started, or running.

Reads: the package database for the names of `unneeded_packages`; the links that start units and init scripts, and the
running processes, for the names of `unneeded_services`; /opt, snaps and flatpaks, where software comes without a
package.
Needs: root (processes of others, which container they belong to).
Facts: packages_present ("NAME: where"); services_present ("NAME: runs", "NAME: started at boot by LINK"). A service
that is installed, disabled and does not run is not listed.
Absent when: never. Without an answer of the package database packages_present is missing; so is either fact when the
script was sent other names than those that are to be judged.

With systemd a unit is started at boot when a .wants or .requires directory links to it, whatever `systemctl is-enabled`
calls it: sockets and instances of templates (vncserver@:1) count, the link of a masked unit does not, and an init
script counts only where systemd made a unit of it (systemd-sysv-generator(8) skips those that have a unit). The kernel
cuts names of processes after 15 characters.
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
# shellcheck disable=SC2154 # the baseline's value
run 'asked unneeded_packages' printf '%s\n' "$unneeded_packages"
# shellcheck disable=SC2154 # the baseline's value
run 'asked unneeded_services' printf '%s\n' "$unneeded_services"
set -f
# shellcheck disable=SC2086 # one name a line
set -- $unneeded_packages
set +f
run packages installed "$@"
names=$(printf '%s\n' "$unneeded_services" | tr '\n' '|')-
starts() {
  if [ -d /run/systemd/system ]; then
    set -- /etc/systemd/system/*.wants/* /etc/systemd/system/*.requires/* /run/systemd/generator.late/*.wants/* \
      /usr/lib/systemd/system/*.wants/* /lib/systemd/system/*.wants/*
  else
    set -- /etc/rc[2-5].d/S* /etc/runlevels/default/*
  fi
  for path do
    [ ! -L "$path" ] || echo "$path"
  done | grep -E "/(S[0-9][0-9])?($names)(@[^/]*)?(\.service|\.socket)?\$"
  return 0
}
run starts starts
run masked sh -c 'find /etc/systemd/system /run/systemd/system -maxdepth 1 -lname /dev/null 2>/dev/null | sort'
run processes running "$(printf '%s\n' "$unneeded_services" | cut -c 1-15 | tr '\n' '|')-"
elsewhere() {
  for path in /opt/* /snap/* /var/lib/flatpak/app/* /home/*/.local/share/flatpak/app/*; do
    [ ! -d "$path" ] || echo "$path"
  done
}
run elsewhere elsewhere
"""
)

#: no sign that a shell or grep would take for more than a letter, but the dot
_NAMES: JsonSchema = {"type": "array", "items": {"type": "string", "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$"}}

FACTS: dict[str, JsonSchema] = {
    "packages_present": {"type": "array", "items": {"type": "string"}},
    "services_present": {"type": "array", "items": {"type": "string"}},
}

#: items that are shown at most
CAP = 20


def parse(capture: Capture, context: Context) -> Observation:
    """Yield which of the baseline's names are there."""
    output = read(capture)
    packages: list[str] = context.values["unneeded_packages"]
    services: list[str] = context.values["unneeded_services"]
    running = software.processes(output.run("processes"))
    if running is None:
        return Observation.not_collected("the running processes could not be listed")
    installed = software.packages(output.run("packages"))
    read_from = {
        "packages_present": "dpkg or rpm, /opt, /snap, /var/lib/flatpak/app",
        "services_present": "links in .wants directories, /etc/rc?.d, processes",
    }
    found = _elsewhere(output, {*packages, *services})
    present = [f"{name}: installed" for name in (installed or frozenset()) & set(packages)]
    facts = {
        "packages_present": sorted([*present, *found])[:CAP],
        "services_present": _services(output, services, running)[:CAP],
    }
    missing = {}
    if installed is None and not found:
        missing["packages_present"] = "neither dpkg nor rpm told which packages are installed"
    for fact, parameter in (("packages_present", "unneeded_packages"), ("services_present", "unneeded_services")):
        if others := sorted(set(context.values[parameter]) - output.asked(parameter)):
            missing[fact] = f"the sweep did not look for {others[0]}, which {parameter} names now: sweep again"
    known = facts.keys() - missing.keys()
    return Observation.of({name: facts[name] for name in known}, {name: read_from[name] for name in known}, missing)


def _services(output: Output, names: list[str], running: frozenset[str]) -> list[str]:
    masked = {line.rpartition("/")[2] for line in output.run("masked").lines}
    links: dict[str, str] = {}
    for path in output.run("starts").lines:
        unit = path.rpartition("/")[2]
        if not {unit, re.sub(r"@.*\.", "@.", unit)} & masked:
            script = re.fullmatch(r"S\d\d(.*)", unit)
            name = script[1] if script else unit.removesuffix(".service").removesuffix(".socket").partition("@")[0]
            links.setdefault(name, path)
    found = []
    for name in sorted(names):
        if name[:15] in running:
            found.append(f"{name}: runs")
        elif name in links:
            found.append(f"{name}: started at boot by {links[name]}")
    return found


def _elsewhere(output: Output, names: set[str]) -> list[str]:
    """Return software that came without a package; flatpaks are named like com.anydesk.Anydesk."""
    found = []
    for path in output.run("elsewhere").lines:
        last = path.rpartition("/")[2]
        name = (last.rpartition(".")[2] if "/flatpak/" in path else last).lower()
        if name in names:
            found.append(f"{name}: {path}")
    return found


PROBE = Probe(
    id="linux.unneeded_software",
    title="Software that has no business here",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    seconds=20,
    max_bytes=64 * 1024,
    parameters={"unneeded_packages": _NAMES, "unneeded_services": _NAMES},
    asks={software.PACKAGES: ("$unneeded_packages",), software.PROCESSES: ()},
)
