"""Every way in which pictures, files or networks could come in and go out past the desk: cameras, Bluetooth, FireWire,
Thunderbolt, network over USB, phones.

Reads: device nodes and interfaces (/dev/video*, /sys/class/bluetooth, /sys/bus/firewire, /sys/bus/thunderbolt, drivers
of /sys/class/net), `modprobe -D` (kmod; changes nothing) for each driver, all of modprobe.d, modules.dep and
modules.builtin of the running kernel, /proc/modules, /proc/cmdline, modules_disabled, USB root hubs, programs that read
phones (gvfs, KIO, libmtp's).
Needs: nothing (root where modprobe.d is not readable for others).
Facts, each a list of the ways that are open:
  cameras           a camera is there, or a driver of cameras can be loaded (uvcvideo, gspca_main)
  bluetooth         an adapter is there, or the module can be loaded
  firewire          a controller is driven, or both firewire-core and firewire-ohci can be loaded
  thunderbolt       devices are let in without asking (security level none), or the driver can be loaded
  usb_network       an interface is there, or a driver of networks over USB can be loaded: a phone's hotspot
  phone_readers     programs that open a phone's files (MTP, PTP) on a host whose USB takes new devices
  unwritten_lines   of `install bluetooth /bin/false` and `blacklist bluetooth` those that no file of modprobe.d has
Absent when: no module tree for the running kernel although it can load modules, an `install` command that may or may
not load the driver, a configuration file that cannot be read, modprobe that is not kmod's.
Not applicable where the kernel has none of these buses and cannot load modules.

A module that needs one which is replaced by a command that loads nothing cannot be loaded either, so that `videodev`
closes all cameras and `usbnet` most networks; what a softdep line adds may fail. `blacklist` closes nothing by itself:
see linux.usb_storage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import modprobe, module_loading, software, usb_loading
from hardencheck.probes.output import Output, read

#: For each fact the groups of drivers that are open when all of a group's drivers can be loaded.
WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    "cameras": (("uvcvideo",), ("gspca_main",)),
    "bluetooth": (("bluetooth",),),
    "firewire": (("firewire-core", "firewire-ohci"),),
    "thunderbolt": (("thunderbolt",),),
    "usb_network": (("cdc_ether",), ("rndis_host",), ("cdc_ncm",), ("ipheth",)),
}
MODULES = tuple(name for groups in WAYS.values() for group in groups for name in group)
_ON_USB = ("cameras", "usb_network")

SCRIPT = (
    software.FUNCTIONS
    + module_loading.FUNCTIONS
    + usb_loading.FUNCTIONS
    + r"""
nodes() {
  for path in /dev/video[0-9]*; do [ ! -e "$path" ] || printf 'cameras %s\n' "$path"; done
  for path in /sys/class/video4linux/*; do [ ! -e "$path" ] || printf 'cameras %s\n' "$path"; done
  for path in /sys/class/bluetooth/hci*; do [ ! -e "$path" ] || printf 'bluetooth %s\n' "$path"; done
  for path in /sys/bus/firewire/devices/fw*; do [ ! -e "$path" ] || printf 'firewire %s\n' "$path"; done
  for path in /sys/bus/thunderbolt/devices/[0-9]*-[1-9]*; do
    case $path in *:* | *.*) continue ;; esac
    value=
    [ -r "$path/authorized" ] && read -r value <"$path/authorized"
    [ "${value:-0}" = 0 ] || printf 'thunderbolt %s\n' "$path"
  done
  for path in /sys/class/net/*; do
    cd -P "$path/device/driver" 2>/dev/null || continue
    case ${PWD##*/} in
      rndis_host | cdc_ether | cdc_ncm | cdc_mbim | cdc_eem | ipheth | qmi_wwan) printf 'usb_network %s\n' "$path" ;;
    esac
  done
}
security() {
  for path in /sys/bus/thunderbolt/devices/domain*/security; do
    [ -r "$path" ] && read -r value <"$path" && printf '%s\n' "$value"
  done
  return 0
}
readers() {
  for path in /usr/libexec/gvfsd-mtp /usr/lib/gvfs/gvfsd-mtp /usr/libexec/gvfs/gvfsd-mtp /usr/libexec/gvfsd-gphoto2 \
    /usr/lib/gvfs/gvfsd-gphoto2 /usr/libexec/gvfs/gvfsd-gphoto2 /usr/lib/*/qt*/plugins/kf*/kio/mtp.so \
    /usr/lib*/qt*/plugins/kf*/kio/mtp.so /usr/bin/jmtpfs /usr/bin/simple-mtpfs /usr/bin/go-mtpfs /usr/bin/mtp-connect \
    /usr/bin/gphoto2 /usr/bin/ifuse /usr/bin/adb; do
    [ ! -e "$path" ] || printf '%s\n' "$path"
  done
}
run kernel kernel /sys/bus/firewire /sys/bus/thunderbolt /sys/class/bluetooth /sys/class/video4linux
run closed closed_directories
modprobe_files
run nodes nodes
run security security
run readers readers
run loaded cut -d ' ' -f 1 /proc/modules
drivers='uvcvideo|gspca_main|bluetooth|firewire[-_](core|ohci)|thunderbolt|cdc_(ether|ncm)|rndis_host|ipheth'
run compiled-in grep -oE "/($drivers)\.ko" "/lib/modules/$release/modules.builtin"
run tree grep -E "^[^:]*/($drivers)\.ko[^:]*:" "/lib/modules/$release/modules.dep"
tree=$out
case $tree in */*) run kmod modprobe --version ;; esac
ask() {
  # shellcheck disable=SC2254 # a pattern
  case $tree in */$2.ko*) run "modprobe $1" modprobe -D "$1" ;; esac
}
"""
    + "".join(f"ask {name} '{re.sub('[-_]', '[-_]', name)}'\n" for name in MODULES)
    + "usb_bus\n"
)

FACTS: dict[str, JsonSchema] = {
    **{name: {"type": "array", "items": {"type": "string"}} for name in (*WAYS, "phone_readers", "unwritten_lines")},
}

#: Thunderbolt security levels at which a device is not let in by itself, or is no bus master (kernel documentation).
_ASKING = {"user", "secure", "dponly", "usbonly", "nopcie"}


@dataclass(slots=True)
class Host:
    """What decides over every driver alike."""

    output: Output
    seen: set[str]
    config: modprobe.Config
    present: dict[str, str]
    in_tree: dict[str, list[str]]
    missing: dict[str, str] = field(default_factory=dict)


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the ways that are open, kind by kind."""
    del context
    output = read(capture)
    seen = set(output.run("kernel").lines)
    if "/proc/version" not in seen or "/sys/module" not in seen:
        return Observation.not_collected("/proc or /sys is not there: the kernel's state cannot be seen")
    buses = {
        "/sys/bus/usb",
        "/sys/bus/firewire",
        "/sys/bus/thunderbolt",
        "/sys/class/bluetooth",
        "/sys/class/video4linux",
    }
    if not _loads_modules(seen) and not buses & seen:
        return Observation.not_applicable("the kernel has none of these buses and cannot load modules")
    host = Host(output, seen, modprobe.read(module_loading.config_files(output)), _present(output), _in_tree(output))
    facts: dict[str, object] = {}
    for fact in WAYS:
        _judge(host, fact, facts)
    closed_bus = usb_loading.bus_closed(output, seen) or ("/sys/bus/usb" not in seen and "no USB")
    facts["phone_readers"] = [] if closed_bus else output.run("readers").lines
    if closed := module_loading.closed(output):
        host.missing["unwritten_lines"] = f"{closed} cannot be read"
    else:
        facts["unwritten_lines"] = module_loading.unwritten(host.config, "bluetooth")
    where = "modprobe -D, modprobe.d, /sys, /dev"
    return Observation.of(facts, dict.fromkeys(facts, where), host.missing)


def _judge(host: Host, fact: str, facts: dict[str, object]) -> None:
    """Find the open ways of one kind: devices that are there, drivers that are, drivers that could be."""
    ways = [line.partition(" ")[2] for line in host.output.run("nodes").lines if line.startswith(f"{fact} ")]
    levels = host.output.run("security").lines
    guarded = fact == "thunderbolt" and levels and set(levels) <= _ASKING
    unclear = ""
    if not guarded and not (fact in _ON_USB and usb_loading.bus_closed(host.output, host.seen)):
        for group in WAYS[fact]:
            states = [_loadable(host, name) for name in group]
            if all(state.startswith("open: ") for state in states):
                ways.append(", ".join(state.removeprefix("open: ") for state in states))
            elif not any(state == "closed" for state in states):
                unclear = next(state for state in states if not state.startswith("open: "))
    if ways or not unclear:
        facts[fact] = ways
    else:
        host.missing[fact] = unclear


def _loadable(host: Host, module: str) -> str:
    """Return `open: why`, `closed`, or a sentence on why neither is known."""
    name = modprobe.underscores(module)
    if name in host.present:
        return f"open: {module} is in the kernel ({host.present[name]})"
    chain = host.in_tree.get(name, [name])
    if not _loads_modules(host.seen) or any(module_loading.refused_by_kernel(host.output, part) for part in chain):
        return "closed"
    if "/proc/modules" in host.seen and host.output.run("loaded").status != 0:
        return "/proc/modules cannot be read: whether the driver is loaded is not known"
    tree = module_loading.tree(host.seen)
    if f"{tree}/modules.dep" not in host.seen:
        return f"no modules of the running kernel are in {tree}: whether {module} can be loaded is not known"
    if host.output.run("tree").status not in (0, 1):
        return f"{tree}/modules.dep cannot be read: whether there is a module {module} is not known"
    if name not in host.in_tree:
        return "closed"
    version = host.output.run("kmod")
    if version.status != 0 or not version.text.startswith("kmod"):
        if not any(map(host.config.install, chain)) and not module_loading.closed(host.output):
            return f"open: {module} by name, and no install line replaces it"
        return "modprobe is not kmod's: whether it obeys the install lines of modprobe.d is not known"
    return _asked(host, module, chain)


def _asked(host: Host, module: str, chain: list[str]) -> str:
    """Take modprobe's answer on a module and those that it needs; commands of soft dependencies may fail."""
    lines = host.output.run(f"modprobe {module}").lines
    commands = {f"{line.removeprefix('install ').strip()} " for line in lines if line.startswith("install ")}
    replaced = [line for line in map(host.config.install, chain) if line is not None]
    for line in replaced:
        # modprobe shows the command with the module's options behind it
        if not any(command.startswith(f"{line.command} ") for command in commands):
            return f"{module}: {line.where} replaces it or what it needs, but modprobe does not say so"
    if any(line.blocks for line in replaced):
        return "closed"
    if replaced:
        return f"{module}: whether {replaced[0].command[:60]!r} ({replaced[0].where}) loads it is not known"
    loads = [line for line in lines if re.match(rf"insmod \S*/{re.sub('[-_]', '[-_]', module)}\.ko", line)]
    return f"open: {loads[0]}" if loads else f"modprobe -D {module} neither loads it nor names what replaces it"


def _loads_modules(seen: set[str]) -> bool:
    return bool({"/proc/modules", "/proc/sys/kernel/modules_disabled", f"{module_loading.tree(seen)}"} & seen)


def _present(output: Output) -> dict[str, str]:
    """Return the drivers that are in the kernel with where that shows."""
    builtin = {
        modprobe.underscores(line[1:].removesuffix(".ko")): "modules.builtin"
        for line in output.run("compiled-in").lines
    }
    return builtin | dict.fromkeys(output.run("loaded").lines, "/proc/modules")


def _in_tree(output: Output) -> dict[str, list[str]]:
    """Return the drivers in the running kernel's module tree, each with itself and the modules that it needs."""
    tree = {}
    for line in output.run("tree").lines:
        own, _, needed = line.partition(":")
        names = [modprobe.underscores(path.rpartition("/")[2].partition(".ko")[0]) for path in (own, *needed.split())]
        tree[names[0]] = names
    return tree


PROBE = Probe(
    id="linux.capture_devices",
    title="Cameras, radios and buses that carry data past the desk",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    asks={software.PROCESSES: ()},
)
