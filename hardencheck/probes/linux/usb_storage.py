"""Every way in which a USB mass-storage device could be used, and what stands in its way.

Reads: `modprobe -D` (kmod; changes nothing) for both drivers by name and by the aliases of a memory stick (bulk-only
and UAS), all of modprobe.d, modules.builtin of the running kernel, /proc/modules, /proc/cmdline,
/proc/sys/kernel/modules_disabled, /sys/module, the drivers and root hubs in /sys/bus/usb, udev rules that authorise
devices, whether usbguard runs.
Needs: nothing (root where modprobe.d is not readable for others).
Facts:
  usable_paths      each way in which storage could be used now: driver in the kernel, or loadable by name or by alias
  protections       what closes the ways: `install` lines, module_blacklist=, modules_disabled, root hubs, no driver
  drivers_present   storage drivers that are in the kernel now, loaded or built in
  bound_devices     USB interfaces that such a driver serves now
  blacklisted       drivers named in `blacklist` lines: these hide only a driver's own aliases, and close nothing alone
  usbguard_active   whether usbguard runs; its rules are not judged here, so it is no protection here
  unwritten_lines   of `install usb-storage /bin/false` and `blacklist usb-storage` those that no file of modprobe.d has
Absent when: our reading of modprobe.d and modprobe's own answer differ; an `install` command that may or may not load
the driver; a configuration file that cannot be read; no module tree for the running kernel although it can load
modules (in a container that tree is the host's); no /sys or no /proc.

What libkmod does: the first `install` line in the order of file names wins and is run even for a dependency, so that
one for usb-storage also stops uas and the vendors' ums-* drivers. The kernel compares module_blacklist= with
underscores only. Nothing stops root from `insmod` or `modprobe --ignore-install` but module_blacklist= and
modules_disabled.
"""

from __future__ import annotations

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import modprobe, module_loading, software, usb_loading
from hardencheck.probes.linux.usb_loading import ALIASES, DRIVERS
from hardencheck.probes.output import Output, read

SCRIPT = (
    software.FUNCTIONS
    + module_loading.FUNCTIONS
    + usb_loading.FUNCTIONS
    + r"""
drivers() {
  for path in /sys/bus/usb/drivers/usb-storage /sys/bus/usb/drivers/uas /sys/bus/usb/drivers/ums-*; do
    [ -d "$path" ] || continue
    printf '%s' "${path##*/}"
    for device in "$path"/*:*; do
      [ -e "$device" ] && printf ' %s' "${device##*/}"
    done
    echo
  done
}
run kernel kernel /sys/module/usb_storage /sys/module/uas
run closed closed_directories
modprobe_files
run loaded grep -E '^(usb_storage|uas|ums_[a-z0-9]*) ' /proc/modules
run compiled-in grep -E '/(usb-storage|uas|usbcore)\.ko' "/lib/modules/$release/modules.builtin"
run tree grep -oE '^[^:]*/usb[-_]storage\.ko[^:]*' "/lib/modules/$release/modules.dep"
if [ -e "/lib/modules/$release/modules.dep" ]; then
run kmod modprobe --version
"""
    + "".join(f"run 'modprobe {name}' modprobe -D {name}\n" for name in (*DRIVERS, *ALIASES))
    + r"""
fi
run drivers drivers
usb_bus
"""
)

FACTS: dict[str, JsonSchema] = {
    "usable_paths": {"type": "array", "items": {"type": "string"}},
    "protections": {"type": "array", "items": {"type": "string"}},
    "drivers_present": {"type": "array", "items": {"type": "string"}},
    "bound_devices": {"type": "array", "items": {"type": "string"}},
    "blacklisted": {"type": "array", "items": {"type": "string"}},
    "usbguard_active": {"type": "boolean"},
    "unwritten_lines": {"type": "array", "items": {"type": "string"}},
}


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the open ways and what closes the others."""
    output = read(capture)
    seen = set(output.run("kernel").lines)
    if "/proc/version" not in seen or "/sys/module" not in seen:
        return Observation.not_collected("/proc or /sys is not there: the kernel's state cannot be seen")
    config = modprobe.read(module_loading.config_files(output))
    present, bound = _present(output, seen)
    guarded = usb_loading.guarded(output)
    facts: dict[str, object] = {
        "drivers_present": present,
        "bound_devices": bound,
        "blacklisted": [f"{name} ({where})" for name, where in config.blacklisted if name in ("usb_storage", "uas")],
        "usbguard_active": guarded,
        "unwritten_lines": module_loading.unwritten(config, "usb-storage"),
    }
    read_from = {
        "usable_paths": "modprobe -D, modprobe.d, /proc/modules, /proc/cmdline, /sys/module, /sys/bus/usb",
        "protections": "modprobe -D, modprobe.d, /proc/cmdline, /proc/sys/kernel/modules_disabled, /sys/bus/usb",
        "drivers_present": "/sys/module, /sys/bus/usb/drivers, /proc/modules, modules.builtin",
        "bound_devices": "/sys/bus/usb/drivers",
        "blacklisted": "modprobe.d",
        "usbguard_active": "systemctl is-active usbguard, /proc/*/comm",
        "unwritten_lines": "modprobe.d",
    }
    missing = {}
    if closed := module_loading.closed(output):
        missing["blacklisted"] = missing["unwritten_lines"] = f"{closed} cannot be read"
    ways = _ways(output, seen, config, (present, bound))
    if ways.unclear:
        missing["usable_paths"] = missing["protections"] = ways.unclear
    else:
        facts["usable_paths"], facts["protections"] = ways.usable, ways.protections
    known = {name: value for name, value in facts.items() if name not in missing}
    return Observation.of(known, {name: where for name, where in read_from.items() if name in known}, missing)


def _ways(
    output: Output, seen: set[str], config: modprobe.Config, state: tuple[list[str], list[str]]
) -> usb_loading.Ways:
    """Judge the drivers that are there first, then the ways to load one."""
    present, bound = state
    ways = usb_loading.Ways()
    ways.usable += [f"{interface} is in use by {driver}" for driver, interface in map(str.split, bound)]
    if closing := usb_loading.bus_closed(output, seen):
        ways.protections.append(closing)
        return ways
    if present:
        ways.usable += [f"{driver} is in the kernel" for driver in present]
        return ways
    usb_loading.judge(output, seen, config, ways)
    if closed := module_loading.closed(output):
        ways.unclear = ways.unclear or f"{closed} cannot be read"
    return ways


def _present(output: Output, seen: set[str]) -> tuple[list[str], list[str]]:
    """Return the storage drivers in the kernel with how that shows, and the interfaces they serve."""
    shown: dict[str, str] = {}
    for path in output.run("compiled-in").lines:
        name = modprobe.underscores(path.rpartition("/")[2].partition(".ko")[0])
        if name in ("usb_storage", "uas"):
            shown[name] = "built in: modules.builtin"
    for line in output.run("loaded").lines:
        shown.setdefault(line.split()[0], "loaded: /proc/modules")
    for name in ("usb_storage", "uas"):
        if f"/sys/module/{name}" in seen:
            shown.setdefault(name, "/sys/module")
    bound = []
    for line in output.run("drivers").lines:
        driver, *devices = line.split()
        shown.setdefault(modprobe.underscores(driver), "/sys/bus/usb/drivers")
        bound += [f"{driver} {device}" for device in devices]
    return sorted(f"{name} ({how})" for name, how in shown.items()), sorted(bound)


PROBE = Probe(
    id="linux.usb_storage",
    title="Ways to use USB mass storage",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    asks={software.PROCESSES: ()},
)
