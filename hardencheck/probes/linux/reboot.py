"""Whether updates that are installed wait for a restart of the host, and since when.

Reads: /run/reboot-required (Debian, Ubuntu), /run/reboot-needed and /boot/do_purge_kernels (SUSE) with their times; the
kernels as `linux.kernel` does, with the time when each was installed; with RPM the time when packages were installed
that only a restart puts to use (those of `needs-restarting -r`); libraries that processes still use though their files
were replaced, from /proc/*/maps.
Needs: nothing; root to see all processes' libraries.
Facts:
  reboot_pending_days   days since the oldest of these asked for a restart; null when none does
  reboot_reasons        what asks for it
  replaced_libraries    libraries whose old version runs on: a restart of their services is enough (for information)
Absent when: nothing on the host could ask for a restart (no hook that writes the flag), and the running kernel cannot
be compared with the installed ones; a time lies in the future.
Not applicable in a container in which nothing asks for a restart: its kernel belongs to the host.

needs-restarting itself compares installation times with the time at which the host booted, and so it errs where the
clock was wrong at boot. Here the boot is as long ago as the kernel says that it runs (/proc/uptime).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import kernel
from hardencheck.probes.linux.update_facts import stamps
from hardencheck.probes.output import Output, Run, read

SCRIPT = (
    kernel.SCRIPT
    + r"""
flags() {
  for path in /run/reboot-required /run/reboot-needed /boot/do_purge_kernels; do
    [ ! -e "$path" ] || stat -c "$1 %n" "$path"
  done
}
hooks() {
  for path in /usr/share/update-notifier/notify-reboot-required /etc/kernel/postinst.d/*; do
    [ ! -x "$path" ] || printf '%s\n' "$path"
  done
}
restarts() {
  read -r up _ </proc/uptime
  boot=$(($(date +%s) - ${up%%.*}))
  rpm -q --qf '%{INSTALLTIME} %{NAME}\n' glibc systemd dbus dbus-broker dbus-daemon linux-firmware microcode_ctl |
    awk -v boot="$boot" '/^[0-9]+ / && $1 > boot'
}
replaced() {
  cat /proc/[0-9]*/maps 2>/dev/null |
    awk '/\/lib.*\.so[^\/]* \(deleted\)$/ && !($6 in seen) { seen[$6]; if (++count <= 100) print $6 }'
}
run flags flags %Y
run born flags %W
run hooks hooks
if [ -s /var/lib/dpkg/status ]; then
  run kernel-times stat -c '%Y %n' /var/lib/dpkg/info/linux-image-[0-9]*.list \
    /var/lib/dpkg/info/linux-image-unsigned-*.list /var/lib/dpkg/info/*-kernel-[0-9]*.list 2>/dev/null
else
  run kernel-times rpm -qa --qf '%{INSTALLTIME} %{NAME} %{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' 'kernel*'
  run restarts restarts
fi
run replaced replaced
"""
)

FACTS: dict[str, JsonSchema] = {
    "reboot_pending_days": {"type": ["integer", "null"]},
    "reboot_reasons": {"type": "array", "items": {"type": "string"}},
    "replaced_libraries": {"type": "array", "items": {"type": "string"}},
}

_LIMIT = 20
_HOOKS = ("notify-reboot-required", "unattended-upgrades", "update-notifier", "reboot-notifier")
_PACKAGES = "/run/reboot-required.pkgs"


@dataclass(frozen=True, slots=True)
class _Reason:
    """What asks for a restart, and since when (seconds since 1970; None when that is not known)."""

    text: str
    since: int | None


def parse(capture: Capture, context: Context) -> Observation:
    """Yield how long a restart has been waiting, from flags, kernels and packages."""
    output = read(capture)
    container = context.system.container
    reasons = list(_flags(output))
    compared, doubt = False, "nothing on this host would ask for a restart"
    if container is None:
        _, newer, doubt = kernel.compare(output)
        compared = newer is not None
        reasons += [_Reason(f"kernel {name} is not running", _installed(output, name)) for name in newer or []]
        if "restarts" in output.runs:
            reasons += [_Reason(f"{name} was updated", since) for name, since in _times(output.run("restarts"))]
    elif not reasons:
        return Observation.not_applicable(f"a container ({container}) has no kernel of its own, and nothing asks")
    libraries = sorted(set(output.run("replaced").lines))[:_LIMIT]
    facts: dict[str, object] = {
        "reboot_reasons": sorted(reason.text for reason in reasons)[:_LIMIT],
        "replaced_libraries": libraries,
    }
    where = "/run/reboot-required, /run/reboot-needed, kernels, times of installation"
    read_from = {"reboot_reasons": where, "replaced_libraries": "/proc/*/maps", "reboot_pending_days": where}
    missing = {}
    ages = [(context.now.timestamp() - (reason.since or 0)) / 86400 for reason in reasons if reason.since]
    if reasons and (len(ages) < len(reasons) or min(ages) < -1):
        missing["reboot_pending_days"] = "since when a restart is waiting cannot be told: " + reasons[0].text
    elif reasons:
        facts["reboot_pending_days"] = max(0, int(max(ages)))
    elif compared or _hooked(output):
        facts["reboot_pending_days"] = None
    else:
        missing["reboot_pending_days"] = f"no flag asks for a restart, but no hook would set one, and {doubt}"
    return Observation.of(facts, {name: text for name, text in read_from.items() if name in facts}, missing)


def _flags(output: Output) -> Iterator[_Reason]:
    """Yield the flags that are set; Debian's names the packages that set it.

    Whoever sets a flag again moves its modification time: where the file system tells when the file was made, that is
    when the waiting began.
    """
    born = stamps(output.run("born"))
    packages = sorted(set(output.files.get(_PACKAGES, "").split()))
    for path, since in stamps(output.run("flags")).items():
        names = f" by {', '.join(packages[:_LIMIT])}" if packages and path == "/run/reboot-required" else ""
        yield _Reason(f"{path} was set{names}", min(since, born.get(path) or since))


def _hooked(output: Output) -> bool:
    """Whether a hook is there that sets Debian's flag when a kernel is installed."""
    return any(line.rpartition("/")[2] in _HOOKS for line in output.run("hooks").lines)


def _times(run: Run) -> Iterator[tuple[str, int]]:
    """Read `SECONDS NAME` lines."""
    for line in run.lines:
        seconds, _, name = line.partition(" ")
        if seconds.isdigit() and name:
            yield name, int(seconds)


def _installed(output: Output, name: str) -> int | None:
    """Return when a kernel was installed: `RELEASE (VERSION)` out of dpkg's lists, `NAME VERSION` out of RPM's."""
    release = name.partition(" (")[0]
    for thing, seconds in _times(output.run("kernel-times")):
        file = thing.rpartition("/")[2].removesuffix(".list")
        if thing == name or file.removesuffix("-signed").endswith((f"-{release}", f"-{release}-unsigned")):
            return seconds
    return None


PROBE = Probe(
    id="linux.reboot",
    title="Restart that updates wait for",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=128 * 1024,
)
