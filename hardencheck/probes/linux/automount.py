"""Whether a medium that is put in is mounted without anybody deciding so.

Reads: the sessions of the display managers, dconf's profile and compiled databases (GNOME, Cinnamon, MATE),
/etc/xdg/kded_device_automounterrc (KDE Plasma), whether udisks2 is there, the automount process and autofs.service with
/etc/auto.master, /etc/auto.master.d and the maps (devices alone: maps may hold passwords), udev rules that mount,
programs that mount in /etc/xdg/autostart.
Needs: root, to tell the host's processes from those of containers.
Facts:
  automounting     what mounts a medium by itself: a desktop's setting, a line of an autofs map, a udev rule
  changeable       desktop settings with which users may switch that on for themselves
  autofs_on        whether autofs runs or starts at boot
Absent when: a session is on offer whose automounter is not known here, a database or map that cannot be read, a map
that is a program or comes from the network.
Not applicable where there is neither a graphical session, nor autofs, nor a udev rule that mounts.

Desktops mount through udisks2: without it, or while it is masked and does not run, their settings have no effect.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import dconf, desktop, software
from hardencheck.probes.output import Output, read

AUTOMOUNTERRC = "/etc/xdg/kded_device_automounterrc"

SCRIPT = (
    software.FUNCTIONS
    + desktop.FUNCTIONS
    + dconf.FUNCTIONS
    + rf"""
places() {{
  for path in /usr/libexec/udisks2/udisksd /usr/lib/udisks2/udisksd /usr/sbin/automount; do
    [ ! -e "$path" ] || printf '%s\n' "$path"
  done
}}
udev_mounts() {{
  programs='systemd-mount|/mount[" ]|usbmount|udisksctl|pmount'
  set -- /etc/udev/rules.d /run/udev/rules.d /usr/lib/udev/rules.d
  [ -L /lib ] || set -- "$@" /lib/udev/rules.d
  grep -rHsE "^[^#]*($programs|(RUN|SYSTEMD_(USER_)?WANTS)[^,]*=.*[^u]mount)" "$@" |
    grep -vE 'SYSTEMD_WANTS[^,]*="sys-[a-z-]*[.]mount"'
  return 0
}}
desktop
dconf_state
run places places
run packages installed autofs
run running running 'automount|udisksd'
set -- /etc/systemd/system/udisks2.service /run/systemd/system/udisks2.service # where a masked unit is linked
if [ -L "$1" ] || [ -e "$1" ] || [ -L "$2" ] || [ -e "$2" ]; then
  run udisks systemctl is-enabled udisks2.service
fi
run autofs systemctl is-enabled autofs.service
run udev udev_mounts
maps() {{
  sed -nE 's/^[[:space:]]*[^#[:space:]+][^[:space:]]*[[:space:]]*(file:)?(\/[^[:space:]]*).*/\2/p' \
    /etc/auto.master /etc/auto.master.d/*.autofs 2>/dev/null
}}
if [ -e /usr/sbin/automount ]; then
  set -- /etc/auto.master
  for path in /etc/auto.master.d/*.autofs $(maps); do
    if [ -e "$path" ] && [ ! -x "$path" ]; then set -- "$@" "$path"; fi
  done
  for path do
    # shellcheck disable=SC2016 # the dollar signs are awk's
    case $path in
      /etc/auto.master*) run "master $path" awk '!/^[ \t]*(#|$)/ {{ print $1, $2 }}' "$path" ;;
      *) run "map $path" awk '!/^[ \t]*#/ && match($0, /(^|[ \t]):(\/dev\/|(PART)?(UUID|LABEL)=)[^ \t]*/) {{
        print FNR " " substr($0, RSTART, RLENGTH) }}' "$path" ;;
    esac
  done
fi
run autostart grep -lsE '^Exec=.*(udiskie|devmon|volman|usermount)' /etc/xdg/autostart/*.desktop
files {AUTOMOUNTERRC}
"""
)

FACTS: dict[str, JsonSchema] = {
    "automounting": {"type": "array", "items": {"type": "string"}},
    "changeable": {"type": "array", "items": {"type": "string"}},
    "autofs_on": {"type": "boolean"},
}

_KEYS = {
    kind: tuple(f"/org/{kind}/desktop/media-handling/{key}" for key in ("automount", "automount-open"))
    for kind in ("gnome", "cinnamon", "mate")
}
#: Maps that come with autofs and mount from the network only.
_NETWORK = ("-hosts", "-null", "/etc/auto.net", "/etc/auto.smb")


@dataclass(slots=True)
class Found:
    """Offenders, and why there may be others."""

    automounting: list[str] = field(default_factory=list)
    changeable: list[str] = field(default_factory=list)
    unclear: str = ""


def parse(capture: Capture, context: Context) -> Observation:
    """Yield what mounts by itself and what users may switch on."""
    del context
    output = read(capture)
    sessions, places = desktop.read(output), output.run("places").lines
    udev = [line for line in output.run("udev").lines if line]
    packages = software.packages(output.run("packages"))
    has_autofs = "/usr/sbin/automount" in places or "autofs" in (packages or ())
    if not sessions and not has_autofs and not udev:
        if packages is None:
            return Observation.not_collected("whether autofs is installed is not known: no package database answered")
        return Observation.not_applicable("no graphical session, no autofs and no udev rule that mounts")
    started = [f"{path} starts a program that mounts" for path in output.run("autostart").lines]
    found = Found([f"udev rule {line[:120]}" for line in udev] + (started if sessions else []))
    processes = software.processes(output.run("running"))
    if sessions:
        _desktops(output, sessions, processes, found)
    autofs_on: bool | None = False
    if has_autofs:
        enabled = output.run("autofs").text.strip() in ("enabled", "enabled-runtime", "generated", "static")
        autofs_on = None if processes is None else "automount" in processes or enabled
        if autofs_on is not False:
            _maps(output, found)
    return _observation(found, autofs_on)


def _observation(found: Found, autofs_on: bool | None) -> Observation:
    facts: dict[str, object] = {}
    missing: dict[str, str] = {}
    for name, values in (("automounting", found.automounting), ("changeable", found.changeable)):
        if values or not found.unclear:
            facts[name] = values[:20]
        else:
            missing[name] = found.unclear
    if autofs_on is None:
        missing["autofs_on"] = "/proc does not show the host's processes"
    else:
        facts["autofs_on"] = autofs_on
    read_from = dict.fromkeys(facts, "dconf databases, autofs maps, udev rules") | {
        "autofs_on": "/proc/*/comm, systemctl is-enabled autofs.service"
    }
    return Observation.of(facts, {name: read_from[name] for name in facts}, missing)


def _desktops(output: Output, sessions: desktop.Desktop, processes: frozenset[str] | None, found: Found) -> None:
    """Judge the desktops' settings, unless nothing could carry them out."""
    if not any(path.endswith("udisksd") for path in output.run("places").lines):
        return
    masked = "udisks" in output.runs and output.run("udisks").text.strip() == "masked"
    if masked and processes is not None and "udisksd" not in processes:
        return
    if not sessions.sessions:
        found.unclear = f"{sessions.managers[0]} is there, but no session that it could offer"
    settings = dconf.read(output)
    for kind in sessions.kinds:
        if kind == "plasma":
            _plasma(output, found)
        elif kind not in _KEYS:
            found.unclear = f"session {kind}: what mounts media there is not known here"
        elif settings.unclear:
            found.unclear = settings.unclear
        else:
            for key in _KEYS[kind]:
                _key(settings, kind, key, found)


def _key(settings: dconf.Settings, kind: str, key: str, found: Found) -> None:
    """Both keys are true unless they are set."""
    value, where = settings.value(key)
    if value is None or value.type != "b":
        found.automounting.append(f"{kind}: {key} is not set, its default is true ({where})")
    elif value.content:
        found.automounting.append(f"{kind}: {key}=true ({where})")
    if not settings.locked(key):
        found.changeable.append(f"{kind}: {key} is not locked ({settings.profile or 'no dconf profile'})")
    found.automounting += settings.not_in_force(key)


def _plasma(output: Output, found: Found) -> None:
    """KDE mounts by itself once AutomountEnabled is true; the default is false."""
    if AUTOMOUNTERRC in output.unreadable | output.special:
        found.unclear = f"{AUTOMOUNTERRC} cannot be read"
        return
    entries = desktop.kconfig(output.files.get(AUTOMOUNTERRC, ""), "General")
    value, fixed = entries.get("AutomountEnabled", ("false", "" in entries))
    if value.lower() not in ("false", "no", "off", "0"):
        found.automounting.append(f"plasma: AutomountEnabled={value} ({AUTOMOUNTERRC})")
    if not fixed:
        found.changeable.append(f"plasma: AutomountEnabled is not marked [$i] ({AUTOMOUNTERRC})")


def _maps(output: Output, found: Found) -> None:
    """Name the lines of autofs maps that mount a device of this machine, and maps that cannot be read."""
    masters = [run for label, run in output.runs.items() if label.startswith("master ")]
    maps = {label.removeprefix("map "): run for label, run in output.runs.items() if label.startswith("map ")}
    if not masters or any(run.status for run in masters):
        found.unclear = "/etc/auto.master cannot be read"
    for line in (line for run in masters for line in run.lines):
        point, _, name = line.partition(" ")
        path = name.removeprefix("file:")
        if not point.startswith("+") and path not in _NETWORK and (path not in maps or maps[path].status):
            found.unclear = f"autofs map {name[:60]} of {point[:60]} is not a file that can be read"
    for path, run in sorted(maps.items()):
        for number, _, device in (line.partition(" ") for line in run.lines):
            found.automounting.append(f"autofs: {device.strip()[1:]} ({path}:{number})")


PROBE = Probe(
    id="linux.automount",
    title="Automatic mounting of media",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    needs_root=True,
    asks={software.PACKAGES: ("autofs",), software.PROCESSES: ()},
)
