"""What decides whether the kernel can get a module: shell functions for scripts, and what reads them."""

from __future__ import annotations

import re

from hardencheck.probes.linux import modprobe
from hardencheck.probes.output import Output

#: Functions for a probe's script.
#:   kernel PATH...       run it as `run kernel kernel`: which of the paths on modules are there, and of those given
#:   closed_directories   run it as `run closed closed_directories`: parts of modprobe.d that cannot be listed
#:   modprobe_files       the command line, modules_disabled and all of modprobe.d as files
FUNCTIONS = r"""
unset MODPROBE_OPTIONS
release=$(uname -r)
kernel() {
  for path in /proc/version /proc/modules /proc/sys/kernel/modules_disabled /sys/module /sys/bus /sys/bus/usb \
    "/lib/modules/$release" "/lib/modules/$release/modules.dep" "$@"; do
    if [ -e "$path" ]; then printf '%s\n' "$path"; fi
  done
}
closed_directories() {
  for path in /etc/modprobe.d /run/modprobe.d /usr/local/lib/modprobe.d /usr/lib/modprobe.d /lib/modprobe.d; do
    [ -d "$path" ] || continue
    [ -r "$path" ] && [ -x "$path" ] || printf '%s\n' "$path"
  done
}
modprobe_files() {
  set --
  for path in /etc/modprobe.d/*.conf /run/modprobe.d/*.conf /usr/local/lib/modprobe.d/*.conf \
    /usr/lib/modprobe.d/*.conf /lib/modprobe.d/*.conf /etc/modprobe.d/*.alias; do
    if [ -e "$path" ] || [ -L "$path" ]; then set -- "$@" "$path"; fi
  done
  files /proc/cmdline /proc/sys/kernel/modules_disabled "$@"
}
"""

_CMDLINE = re.compile(r'(?:^|\s)module[_-]blacklist="?([^\s"]*)')


def tree(seen: set[str]) -> str:
    """Return the directory of the running kernel's modules from the paths that `kernel` found."""
    release = next((path.split("/")[3] for path in sorted(seen) if path.startswith("/lib/modules/")), "?")
    return f"/lib/modules/{release}"


def refused_by_kernel(output: Output, module: str) -> str:
    """Say what makes the kernel itself refuse a module, whoever asks; empty when nothing does."""
    if output.files.get("/proc/sys/kernel/modules_disabled", "").strip() == "1":
        return "kernel.modules_disabled is 1: no module can be loaded until the next boot"
    arguments = re.split(r"\s--(?:\s|\Z)", output.files.get("/proc/cmdline", ""))[0]  # the others are init's
    named = _CMDLINE.findall(arguments)
    if named and module in named[-1].split(","):
        return f"module_blacklist={module} on the kernel's command line"
    return ""


def config_files(output: Output) -> dict[str, str]:
    """Return modprobe.d with its masks: a name that leads to /dev/null or nowhere counts as an empty file."""
    files = {path: body for path, body in output.files.items() if "/modprobe.d/" in path}
    masks = {path for path in output.special | output.dangling if "/modprobe.d/" in path}
    return {**files, **dict.fromkeys(masks, "")}


def closed(output: Output) -> str:
    """Name a part of modprobe.d that could not be read; empty when all of it could."""
    parts = [*output.run("closed").lines, *sorted(path for path in output.unreadable if "/modprobe.d/" in path)]
    return parts[0] if parts else ""


def unwritten(config: modprobe.Config, module: str) -> list[str]:
    """Return those of the two lines that guides ask for by their words, and that libkmod does not read anywhere."""
    name = modprobe.underscores(module)
    wanted = []
    if not any(line.pattern == name and re.match(r"/(?:usr/)?bin/false\b", line.command) for line in config.installs):
        wanted.append(f"install {module} /bin/false")
    if not any(pattern == name for pattern, _ in config.blacklisted):
        wanted.append(f"blacklist {module}")
    return wanted
