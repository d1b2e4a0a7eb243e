"""Whether a driver of USB mass storage could be loaded, by each way in which one is, and whether USB is closed."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hardencheck.probes.linux import modprobe, module_loading
from hardencheck.probes.output import Output

#: `usb_bus` yields what decides over new devices on USB: root hubs, udev rules that authorise, usbguard.
FUNCTIONS = r"""
hubs() {
  for path in /sys/bus/usb/devices/usb*/authorized_default; do
    [ -e "$path" ] || continue
    value=unreadable
    read -r value <"$path"
    printf '%s %s\n' "$path" "$value"
  done
}
authorizing() {
  set -- /etc/udev/rules.d /run/udev/rules.d /usr/lib/udev/rules.d
  [ -L /lib ] || set -- "$@" /lib/udev/rules.d
  grep -rhs authorized "$@" | sed -e '/^[[:space:]]*#/d' -e 's/ATTR{authorized_default}="0"//g' -e '/authorized/!d'
}
guard() {
  [ -z "$(seen usbguard-daemon)" ] || { echo process; return; }
  # who sees the first process sees them all
  { read -r name </proc/1/comm; } 2>/dev/null || systemctl is-active usbguard 2>/dev/null
}
usb_bus() {
  run hubs hubs
  run nousb cat /sys/module/usbcore/parameters/nousb
  run authorizing authorizing
  run usbguard guard
}
"""

DRIVERS = ("usb-storage", "uas")
#: What the kernel asks for when a memory stick is plugged in: mass storage, SCSI, bulk-only or UAS.
ALIASES = {
    "usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip50in00": "bulk-only stick",
    "usb:v0781p5581d0100dc00dsc00dp00ic08isc06ip62in00": "UAS stick",
}

_INSMOD = re.compile(r"^insmod (\S*/(?:usb-storage|usb_storage)\.ko\S*)")
_LOADS = re.compile(r"(?:^|[\s/;&|])(?:modprobe|insmod)\s")


@dataclass(slots=True)
class Ways:
    """The ways that are open, what closes the others, and why it cannot be told at all."""

    usable: list[str] = field(default_factory=list)
    protections: list[str] = field(default_factory=list)
    unclear: str = ""


def judge(output: Output, seen: set[str], config: modprobe.Config, ways: Ways) -> None:
    """Record how a driver that is not in the kernel could get there."""
    if kernel := module_loading.refused_by_kernel(output, "usb_storage"):
        ways.protections.append(kernel)
        return
    tree = module_loading.tree(seen)
    no_loader = not {"/proc/modules", "/proc/sys/kernel/modules_disabled"} & seen
    if no_loader and tree not in seen:
        # a driver that is built in would have shown in /sys/module or among the bus's drivers
        ways.protections.append("the kernel cannot load modules, and no storage driver is built in")
        return
    if f"{tree}/modules.dep" not in seen:
        ways.unclear = f"no modules of the running kernel are in {tree}: whether the driver can be loaded is not known"
        return
    version = output.run("kmod")
    if version.status == 0 and version.text.startswith("kmod"):
        _ask_kmod(output, config, ways)
    else:
        _read_files(output, config, ways)


def guarded(output: Output) -> bool:
    """Whether usbguard runs."""
    return bool({"active", "process"}.intersection(output.run("usbguard").lines))


def bus_closed(output: Output, seen: set[str]) -> str:
    """Say what keeps even a driver that is there from any new USB device; empty when nothing does."""
    if output.run("nousb").text.strip() in ("Y", "1") and "/sys/bus/usb" not in seen:
        return "the kernel runs without USB (usbcore.nousb)"
    hubs = [line.split() for line in output.run("hubs").lines]
    if hubs and all(hub[-1] == "0" for hub in hubs):
        rules = output.run("authorizing").lines
        if not guarded(output) and not rules:
            return f"authorized_default is 0 on all {len(hubs)} root hubs, and no udev rule authorises devices"
    return ""


def _ask_kmod(output: Output, config: modprobe.Config, ways: Ways) -> None:
    """Take modprobe's answers, and hold them against our own reading of its configuration."""
    commands: set[str] = set()
    for name, title in [*((name, f"{name} by name") for name in DRIVERS), *ALIASES.items()]:
        lines = output.run(f"modprobe {name}").lines
        if loads := next(filter(None, map(_INSMOD.match, lines)), None):
            ways.usable.append(f"{title if name in DRIVERS else title + ' by alias'}: insmod {loads[1]}")
        commands.update(line.removeprefix("install ").strip() for line in lines if line.startswith("install "))
    by_name = any(way.startswith("usb-storage by name") for way in ways.usable)
    line = config.install("usb_storage")
    if line is None:
        _without_install(output, by_name, ways)
    elif by_name or not any(f"{command} ".startswith(f"{line.command} ") for command in commands):
        # modprobe shows the command with the module's options behind it
        ways.unclear = f"{line.where} replaces usb-storage, but modprobe does not say so"
    elif line.blocks:
        ways.protections.append(f"install usb-storage {line.command} ({line.where})")
    elif _LOADS.search(line.command):
        ways.usable.append(f"usb-storage by the install line of {line.where}: {line.command}")
    elif not ways.usable:
        ways.unclear = f"{line.where}: whether {line.command!r} loads the driver is not known"


def _without_install(output: Output, by_name: bool, ways: Ways) -> None:
    """No line replaces the driver: modprobe loads it by name, or there is no such module."""
    if output.run("tree").status == 1:
        ways.protections.append("the running kernel has no module usb-storage")
    elif not by_name and not ways.usable:  # one open way settles it
        answer = output.run("modprobe usb-storage").text.strip()[:80]
        ways.unclear = f"modprobe -D usb-storage neither loads the driver nor names what replaces it: {answer!r}"


def _read_files(output: Output, config: modprobe.Config, ways: Ways) -> None:
    """Without kmod (busybox): the module tree, and our own reading of modprobe.d where it leaves the way open."""
    line, tree = config.install("usb_storage"), output.run("tree")
    if tree.status == 1:
        ways.protections.append("the running kernel has no module usb-storage")
    elif tree.status == 0 and line is None:
        ways.usable.append(f"usb-storage by name: {tree.text.strip()}, and no install line replaces it")
    else:
        ways.unclear = "modprobe is not kmod's: whether it obeys the install lines of modprobe.d is not known"
