"""Whether the running kernel is the newest one that is installed.

Reads: /proc/sys/kernel (as `uname` does), /proc/version_signature (Ubuntu), the kernel packages of dpkg, or with RPM
the package that owns the running kernel's image and all installed versions of it; /run/reboot-required.pkgs.
Needs: nothing.
Facts:
  running_kernel      release and build of the kernel that runs
  newer_kernels       installed kernels of the same flavour that are newer than the one that runs
  reboot_requested_by packages that asked for a reboot (only Debian and Ubuntu keep such a list; empty proves nothing)
Absent when: the kernel came from no package; its build cannot be told although Debian rebuilds kernels under the same
name; no package database. Not applicable in a container: the kernel belongs to the host.

Flavours (amd64, cloud-amd64, rt, generic, lowlatency, aws) are never compared with each other, neither are
meta-packages, debug symbols, packages of which only the configuration is left, rescue images and files in /boot. Live
patches are not looked at: a live-patched kernel still shows as older than the installed one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from hardencheck.model.capture import Capture
from hardencheck.model.observation import Observation
from hardencheck.model.outcome import Platform
from hardencheck.model.probe import Context, JsonSchema, Probe
from hardencheck.probes.linux import debian_version, rpm_version
from hardencheck.probes.output import Output, read

SCRIPT = r"""
# what uname -r and uname -v print, without starting a program
first() { read -r text <"$1" && printf '%s\n' "$text"; }
run release first /proc/sys/kernel/osrelease
run build first /proc/sys/kernel/version
files /proc/version_signature /run/reboot-required.pkgs
if [ -s /var/lib/dpkg/status ]; then
  # shellcheck disable=SC2016 # the names are for the tool, not for the shell
  run dpkg dpkg-query -W -f '${db:Status-Abbrev}|${Package}|${Version}\n' \
    'linux-image-*' 'pve-kernel-*' 'proxmox-kernel-*'
elif command -v rpm >/dev/null; then
  release=$(first /proc/sys/kernel/osrelease)
  image=/lib/modules/$release/vmlinuz
  [ -e "$image" ] || image=/boot/vmlinuz-$release
  owner=$(rpm -qf --qf '%{NAME}\n' "$image" 2>/dev/null) || owner=
  run owner rpm -qf --qf '%{NAME}|%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' "$image"
  # shellcheck disable=SC2086 # more than one owner is more than one word
  [ -z "$owner" ] || run installed rpm -q --qf '%{NAME}|%{EPOCHNUM}:%{VERSION}-%{RELEASE}\n' $owner
fi
"""

FACTS: dict[str, JsonSchema] = {
    "running_kernel": {"type": "string"},
    "newer_kernels": {"type": "array", "items": {"type": "string"}},
    "reboot_requested_by": {"type": "array", "items": {"type": "string"}},
}

_IMAGE = re.compile(r"(?:linux-image|pve-kernel|proxmox-kernel)-(?:unsigned-)?(\d.*?)(?:-(?:un)?signed)?\Z")
_FLAVOUR = re.compile(r"\d[\w.+~]*(?:-\d[\w.+~]*)*(?:-rc\d+)?-([a-z][\w.-]*)\Z")
_DEBIAN_BUILD = re.compile(r"Debian (\S+)")
_UBUNTU_BUILD = re.compile(r"Ubuntu (\d\S*?)-([a-z][\w-]*) ")


@dataclass(frozen=True, slots=True)
class Kernel:
    """An installed kernel: its release as `uname -r` would say it, and its package's version."""

    release: str
    version: str

    @property
    def flavour(self) -> str:
        """The part of the release after the version: `amd64`, `cloud-amd64`, `generic`; empty when there is none."""
        found = _FLAVOUR.match(self.release)
        return found[1] if found else ""

    def __str__(self) -> str:
        return f"{self.release} ({self.version})"


def parse(capture: Capture, context: Context) -> Observation:
    """Yield the installed kernels that are newer than the running one."""
    if context.system.container is not None:
        return Observation.not_applicable(f"a container ({context.system.container}) has no kernel of its own")
    output = read(capture)
    release = output.run("release").text.strip()
    packages = "/run/reboot-required.pkgs"
    facts: dict[str, object] = {"reboot_requested_by": sorted(set(output.files.get(packages, "").split()))}
    read_from = {"reboot_requested_by": packages}
    running, newer, reason = compare(output)
    source = "uname, dpkg-query -W" if "dpkg" in output.runs else "uname, rpm -q"
    missing = {}
    if release:
        facts["running_kernel"], read_from["running_kernel"] = running, "uname"
    else:
        missing["running_kernel"] = reason
    if newer is None:
        missing["newer_kernels"] = reason
    else:
        facts["newer_kernels"], read_from["newer_kernels"] = newer, source
    return Observation.of(facts, read_from, missing)


def compare(output: Output) -> tuple[str, list[str] | None, str]:
    """Return the running kernel, the installed ones that are newer (None: cannot be told) and why not."""
    release = output.run("release").text.strip()
    if output.run("release").status != 0 or not release:
        return release, None, "/proc did not tell the kernel's release"
    if "dpkg" in output.runs:
        return _debian(output, release)
    if "owner" in output.runs:
        return release, *_rpm(output, release)
    return release, None, "neither dpkg nor rpm knows the installed kernels"


def installed_images(lines: Iterable[str]) -> list[Kernel]:
    """Read `STATUS|PACKAGE|VERSION` lines: kernels that are unpacked, without meta-packages and debug symbols."""
    kernels = []
    for line in lines:
        status, _, rest = line.partition("|")
        package, _, version = rest.partition("|")
        image = _IMAGE.match(package)
        if status[1:2] in ("", "n", "c") or image is None or package.endswith(("-dbg", "-dbgsym")):
            continue
        kernel = Kernel(image[1], version)
        if kernel.flavour:
            kernels.append(kernel)
    return kernels


def _debian(output: Output, release: str) -> tuple[str, list[str] | None, str]:
    """Compare by package version; returns the running kernel, the newer ones (None: unknown) and the reason."""
    images = installed_images(output.run("dpkg").lines)
    running = Kernel(release, "")
    mine = [image for image in images if image.release == release]
    same = [image for image in images if image.flavour == running.flavour]
    build = _build(output, release)
    if not mine and (not running.flavour or not same):
        return release, None, f"the running kernel {release} belongs to no installed package"
    if not build:
        return release, None, f"which build of {release} runs cannot be told from uname -v"
    newer = [image for image in same if debian_version.compare(image.version, build) > 0]
    if not mine and not newer:
        return release, None, f"the running kernel {release} belongs to no installed package"
    return f"{release} ({build})", sorted(map(str, newer)), ""


def _build(output: Output, release: str) -> str:
    """Return the version of the package that the running kernel was built as; empty when it does not say."""
    signature = _UBUNTU_BUILD.match(output.files.get("/proc/version_signature", ""))
    if signature and release.endswith(f"-{signature[2]}"):
        return signature[1]
    found = _DEBIAN_BUILD.search(output.run("build").text)
    return found[1] if found else ""


def _rpm(output: Output, release: str) -> tuple[list[str] | None, str]:
    """Compare all versions of the package that owns the running kernel; None when no single package does."""
    owner = output.run("owner")
    owners = [line.split("|") for line in owner.lines if line.count("|") == 1]
    if owner.status != 0 or len({name for name, _ in owners}) != 1 or "installed" not in output.runs:
        return None, f"the running kernel {release} belongs to no package, or to more than one"
    installed = [line.split("|") for line in output.run("installed").lines if line.count("|") == 1]
    if output.run("installed").status != 0 or not installed:
        return None, "rpm did not list the installed kernels"
    mine = max((version for _, version in owners), key=rpm_version.key)
    newer = [f"{name} {version}" for name, version in installed if rpm_version.compare(version, mine) > 0]
    return sorted(set(newer)), ""


PROBE = Probe(
    id="linux.kernel",
    title="Running and installed kernels",
    platform=Platform.LINUX,
    script=SCRIPT,
    facts=FACTS,
    parse=parse,
    max_bytes=64 * 1024,
)
